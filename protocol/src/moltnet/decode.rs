//! Request bodies, read as lenient as the original reads them: field names in any case, unknown fields ignored,
//! `null` for what is not given. A value of another type, a second value or anything after the first is a bad
//! request.

mod outline;
mod surrogates;

use super::error::{MoltnetError, Outcome};
use outline::{Kind, Outline, LISTS, OBJECTS};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Largest request body in bytes.
pub const MAX_BODY: usize = 1_048_576;

/// Reads a body: one JSON object, or `null` for an empty one. Bytes that are not UTF-8 are replaced, and so is
/// half a surrogate pair.
///
/// # Errors
/// 400.
pub fn decode<T: DeserializeOwned + Default>(body: &[u8]) -> Outcome<T> {
    let text = surrogates::paired(String::from_utf8_lossy(body));
    let Some(folds) = look(&text)? else { return Ok(T::default()) };
    let read = if folds {
        let mut map: Map<String, Value> = serde_json::from_str(&text).map_err(unreadable)?;
        fold(&mut map)?;
        serde_json::from_str(&serde_json::to_string(&map).unwrap_or_default())
    } else {
        serde_json::from_str(&text)
    };
    read.map_err(unreadable)
}

/// Whether names must be brought into lower case; `None` where there is nothing to be read.
fn look(text: &str) -> Outcome<Option<bool>> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Outline>();
    let outline = values.next().ok_or_else(|| bad("EOF"))?.map_err(unreadable)?;
    if outline.kind == Kind::Other {
        return Err(bad("the body must be a JSON object"));
    }
    match values.next() {
        None => {}
        Some(Ok(_)) => return Err(bad("expected a single JSON object")),
        Some(Err(error)) => return Err(unreadable(error)),
    }
    match outline.fault {
        Some(fault) if !outline.folds => Err(bad(format!("invalid JSON: {fault}"))),
        _ => Ok((outline.kind == Kind::Object).then_some(outline.folds)),
    }
}

/// Brings the names of fields into lower case, besides those of free data. Where a field stands in two spellings, the
/// one in lower case counts.
fn fold(map: &mut Map<String, Value>) -> Outcome<()> {
    let names: Vec<String> =
        map.keys().filter(|name| name.bytes().any(|b| b.is_ascii_uppercase())).cloned().collect();
    for name in names {
        if let Some(value) = map.remove(&name) {
            map.entry(name.to_ascii_lowercase()).or_insert(value);
        }
    }
    for (name, value) in map.iter_mut().filter(|(name, _)| *name != "data") {
        match value {
            Value::Object(inner) => fold(inner)?,
            Value::Array(_) if OBJECTS.contains(&name.as_str()) => {
                return Err(bad(format!("invalid JSON: {name} must be an object")));
            }
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::Object(inner) => fold(inner)?,
                        Value::Array(_) if LISTS.contains(&name.as_str()) => {
                            return Err(bad(format!("invalid JSON: {name} must hold objects")));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[allow(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn unreadable(error: serde_json::Error) -> MoltnetError {
    bad(format!("invalid JSON: {error}"))
}

fn bad(message: impl Into<String>) -> MoltnetError {
    MoltnetError::bad_request(message)
}

#[cfg(test)]
mod tests {
    use super::super::message::SendRequest;
    use super::*;
    use proptest::prelude::*;

    fn send(body: &str) -> Outcome<SendRequest> {
        decode(body.as_bytes())
    }

    #[test]
    fn names_match_in_any_case_and_null_is_nothing() {
        let body = r#" {"ID":"x","other":[1],"target":{"KIND":"dm","Participant_IDs":["a"]},"mentions":null,
            "from":null,"Parts":[{"Kind":"data","data":{"Key":1}}]} "#;
        let request = send(body).unwrap();
        assert_eq!((request.id.as_str(), request.target.kind.as_str()), ("x", "dm"));
        assert_eq!(request.target.participant_ids, ["a"]);
        assert_eq!(request.from.id, "");
        assert!(serde_json::to_string(&request.parts).unwrap().contains("\"Key\":1"));
        assert_eq!(send(r#"{"ID":"upper","id":"lower"}"#).unwrap().id, "lower");
        assert_eq!(send("null").unwrap(), SendRequest::default());
        assert_eq!(send("{}").unwrap(), SendRequest::default());
        assert_eq!(send(r#"{"x":[["parts"]],"parts":[{"data":{"From":[1]}}]}"#).unwrap().parts.len(), 1);
    }

    #[test]
    fn everything_that_is_not_one_object_is_a_bad_request() {
        for (body, message) in [
            ("", "EOF"),
            (" \n", "EOF"),
            ("{} {}", "expected a single JSON object"),
            ("{} 1", "expected a single JSON object"),
            ("[]", "the body must be a JSON object"),
            ("\"x\"", "the body must be a JSON object"),
            (r#"{"target":["room"]}"#, "invalid JSON: target must be an object"),
            (r#"{"parts":[["text"]]}"#, "invalid JSON: parts must hold objects"),
            (r#"{"Target":["room"]}"#, "invalid JSON: target must be an object"),
            (r#"{"ID":"x","parts":[["text"]]}"#, "invalid JSON: parts must hold objects"),
        ] {
            assert_eq!(send(body).unwrap_err(), bad(message), "{body}");
        }
        for body in
            ["{", "{}x", "{\"a\":}", "{'a':1}", r#"{"id":1}"#, r#"{"mentions":"x"}"#, r#"{"parts":[1]}"#]
        {
            assert_eq!(send(body).unwrap_err().status, 400, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            let _ = decode::<SendRequest>(&body);
        }
    }
}
