//! Reading a control body field by field, so that every refusal names the field at fault and a field that nobody
//! asked for is refused instead of silently ignored.

use crate::error::{Code, Problem};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Longest control body in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// The members of a JSON object that have not been taken yet.
#[derive(Debug)]
pub struct Fields {
    members: Map<String, Value>,
    path: String,
}

impl Fields {
    /// Reads a body; an empty one stands for an object without members.
    ///
    /// # Errors
    /// `invalid_json` with line and column, or `invalid_request` where it is not an object.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self { members: Map::new(), path: String::new() });
        }
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            Problem::new(
                Code::InvalidJson,
                format!("The body is not valid JSON: {error}. Send one JSON object."),
            )
        })?;
        Self::of(value, String::new())
    }

    fn of(value: Value, path: String) -> Result<Self, Problem> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            _ if path.is_empty() => {
                Err(Problem::new(Code::InvalidRequest, "The body must be a JSON object."))
            }
            _ => Err(wrong(&path, "it must be an object")),
        }
    }

    fn full(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Takes a field that may be missing or null.
    ///
    /// # Errors
    /// `invalid_request` with the field's name.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                serde_json::from_value(value).map(Some).map_err(|e| wrong(&self.full(name), &e.to_string()))
            }
        }
    }

    /// Takes a field that must be there.
    ///
    /// # Errors
    /// `invalid_request` with the field's name.
    pub fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Problem> {
        self.optional(name)?.ok_or_else(|| wrong(&self.full(name), "it is missing"))
    }

    /// Takes an object inside this one.
    ///
    /// # Errors
    /// `invalid_request` where it is not an object.
    pub fn nested(&mut self, name: &str) -> Result<Option<Fields>, Problem> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => Self::of(value, self.full(name)).map(Some),
        }
    }

    /// Whether a field is there, be it null.
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// `invalid_request` naming a field that was not taken.
    pub fn finish(self) -> Result<(), Problem> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(wrong(&self.full(name), "there is no such field here")),
        }
    }
}

/// `invalid_request` for one field.
pub fn wrong(field: &str, why: &str) -> Problem {
    Problem::new(Code::InvalidRequest, format!("`{field}` cannot be used: {why}.")).param(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_its_field() {
        let mut fields = Fields::parse(br#"{"a":1,"o":{"b":true},"x":0}"#).unwrap();
        assert_eq!(fields.required::<u32>("a").unwrap(), 1);
        let mut inner = fields.nested("o").unwrap().unwrap();
        assert_eq!(inner.optional::<u32>("b").unwrap_err().param.as_deref(), Some("o.b"));
        assert_eq!(inner.required::<u32>("c").unwrap_err().param.as_deref(), Some("o.c"));
        assert_eq!(fields.finish().unwrap_err().param.as_deref(), Some("x"));
    }

    #[test]
    fn bodies_that_are_no_objects_are_refused_and_an_empty_one_is_empty() {
        assert_eq!(Fields::parse(b"{").unwrap_err().code, Code::InvalidJson);
        assert_eq!(Fields::parse(b"[]").unwrap_err().code, Code::InvalidRequest);
        assert_eq!(Fields::parse(&[0xff, 0xfe]).unwrap_err().code, Code::InvalidJson);
        assert!(Fields::parse(b" \n").unwrap().finish().is_ok());
    }
}
