//! Reading a control body field by field, so that every refusal names the field at fault, and a field that nobody
//! asked for, or that stands twice, is refused instead of silently ignored. No refusal repeats a value: it may be a
//! secret that stands in the wrong place.

use crate::error::{Code, Problem};
use crate::json::{JsonError, Members};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest control body in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// The members of a JSON object that have not been taken yet.
#[derive(Debug)]
pub struct Fields {
    /// Values as they stand in the body.
    members: BTreeMap<String, Vec<u8>>,
    path: String,
}

impl Fields {
    /// Reads a body; an empty one stands for an object without members.
    ///
    /// # Errors
    /// `invalid_json` with line and column, or `invalid_request` where it is not an object.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        match Members::parse(body) {
            Err(JsonError::Empty) => Ok(Self { members: BTreeMap::new(), path: String::new() }),
            Err(JsonError::NotAnObject) => {
                Err(Problem::new(Code::InvalidRequest, "The body must be a JSON object."))
            }
            Err(error) => Err(error.into()),
            Ok(members) => Self::of(&members, body, String::new()),
        }
    }

    fn of(members: &Members, text: &[u8], path: String) -> Result<Self, Problem> {
        let mut fields = Self { members: BTreeMap::new(), path };
        for (name, value) in members.entries(text) {
            if fields.members.contains_key(&name) {
                return Err(JsonError::Repeated(fields.full(&name)).into());
            }
            fields.members.insert(name, value.raw().to_vec());
        }
        Ok(fields)
    }

    fn full(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        self.members.remove(name).filter(|value| value != b"null")
    }

    /// Takes a field that may be missing or null.
    ///
    /// # Errors
    /// `invalid_request` with the field's name.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let value = serde_json::from_slice(&text).unwrap_or(Value::Null);
        let is_list = value.is_array();
        let read = serde_json::from_value(value).map(Some);
        read.map_err(|error| wrong(&self.full(name), &why(&error.to_string(), is_list)))
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
        let Some(text) = self.take(name) else { return Ok(None) };
        let path = self.full(name);
        match Members::parse(&text) {
            Ok(members) => Self::of(&members, &text, path).map(Some),
            Err(_) => Err(wrong(&path, "it must be an object")),
        }
    }

    /// Takes a number; `must` says what it must be, edges included, where it is none or cannot be kept.
    ///
    /// # Errors
    /// `invalid_request` naming the field.
    pub fn number<T: DeserializeOwned>(&mut self, name: &str, must: &str) -> Result<Option<T>, Problem> {
        let path = self.full(name);
        self.optional(name).map_err(|_| wrong(&path, must))
    }

    /// Takes all that is left, whatever its names.
    ///
    /// # Errors
    /// `invalid_request` naming a field of another type.
    pub fn rest<T: DeserializeOwned>(mut self) -> Result<Vec<(String, T)>, Problem> {
        let names: Vec<String> = self.members.keys().cloned().collect();
        names.into_iter().map(|name| self.required(&name).map(|value| (name, value))).collect()
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

/// What a field must be, of what serde says of a value of another type; what our own types say stays as it is.
fn why(said: &str, is_list: bool) -> String {
    let Some((_, wanted)) = said.rsplit_once(", expected ") else { return said.to_owned() };
    let wanted = match wanted {
        "a sequence" => "a list",
        "a map" => "an object",
        "a boolean" => "true or false",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number from 0",
        other => other,
    };
    if is_list {
        format!("each of its entries must be {wanted}")
    } else {
        format!("it must be {wanted}")
    }
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

    #[test]
    fn a_field_stands_once() {
        let repeated = |body: &str| Fields::parse(body.as_bytes()).unwrap_err().param;
        assert_eq!(repeated(r#"{"a":1,"b":2,"a":1}"#).as_deref(), Some("a"));
        assert_eq!(repeated(r#"{"a":1,"\u0061":2}"#).as_deref(), Some("a"));
        let mut fields = Fields::parse(br#"{"o":{"b":1,"b":null},"p":[]}"#).unwrap();
        assert_eq!(fields.nested("o").unwrap_err().param.as_deref(), Some("o.b"));
        assert_eq!(fields.nested("p").unwrap_err().param.as_deref(), Some("p"));
    }

    #[test]
    fn no_refusal_repeats_a_value() {
        let body = br#"{"s":5,"n":"secret","m":-1,"f":"secret","l":"secret","e":["a",7],"o":{"k":7}}"#;
        let mut fields = Fields::parse(body).unwrap();
        let message = |error: Problem| error.message;
        for (said, must) in [
            (message(fields.optional::<String>("s").unwrap_err()), "it must be a string"),
            (message(fields.optional::<u32>("n").unwrap_err()), "a whole number from 0 to 4294967295"),
            (message(fields.optional::<u64>("m").unwrap_err()), "it must be a whole number from 0"),
            (message(fields.optional::<bool>("f").unwrap_err()), "it must be true or false"),
            (message(fields.optional::<Vec<String>>("l").unwrap_err()), "it must be a list"),
            (message(fields.optional::<Vec<String>>("e").unwrap_err()), "its entries must be a string"),
            (message(fields.nested("o").unwrap().unwrap().rest::<String>().unwrap_err()), "`o.k`"),
        ] {
            assert!(said.contains(must) && !said.contains("secret"), "{said}");
        }
    }
}
