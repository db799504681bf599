//! Request bodies, read as lenient as the original reads them: field names in any case, unknown fields ignored,
//! `null` for what is not given. A value of another type, a second value or anything after the first is a bad
//! request.

mod merged;
mod outline;
mod surrogates;

use super::error::{MoltnetError, Outcome};
use outline::{Kind, Outline};
use serde::de::DeserializeOwned;

/// Largest request body in bytes.
pub const MAX_BODY: usize = 1_048_576;

/// Reads a body: one JSON object, or `null` for an empty one. Bytes that are not UTF-8 are replaced, and so is
/// half a surrogate pair. Where a member stands more than once, the last counts.
///
/// # Errors
/// 400.
pub fn decode<T: DeserializeOwned + Default>(body: &[u8]) -> Outcome<T> {
    let text = surrogates::paired(String::from_utf8_lossy(body));
    let Some(folds) = look(&text)? else { return Ok(T::default()) };
    if folds {
        return serde_json::from_str(&merged::read(&text)?).map_err(unreadable);
    }
    serde_json::from_str(&text).or_else(|error| {
        // It may be that only a member stands twice.
        let read = if error.is_data() { merged::read(&text).ok() } else { None };
        read.and_then(|merged| serde_json::from_str(&merged).ok()).ok_or_else(|| unreadable(error))
    })
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
        Some(fault) => Err(bad(format!("invalid JSON: {fault}"))),
        _ => Ok((outline.kind == Kind::Object).then_some(outline.folds)),
    }
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
        assert_eq!(send(r#"{"id":"lower","ID":"upper"}"#).unwrap().id, "upper");
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

    #[test]
    fn of_members_that_stand_twice_the_last_counts() {
        assert_eq!(send(r#"{"id":"a","id":"b","other":1,"other":2}"#).unwrap().id, "b");
        assert_eq!(send(r#"{"id":"a","id":null}"#).unwrap().id, "a");
        let target = send(r#"{"target":{"kind":"dm","dm_id":"d"},"target":{"dm_id":"e"}}"#).unwrap().target;
        assert_eq!((target.kind.as_str(), target.dm_id.as_str()), ("dm", "e"));
        assert_eq!(send(r#"{"mentions":["a","b"],"mentions":["c"]}"#).unwrap().mentions, ["c"]);
        assert!(send(r#"{"mentions":["a"],"mentions":null}"#).unwrap().mentions.is_empty());
        let parts = r#"{"parts":[{"kind":"data","data":{"a":{"x":1},"b":1},"data":{"a":{"y":2},"A":3}}]}"#;
        let parts = serde_json::to_string(&send(parts).unwrap().parts).unwrap();
        assert!(parts.contains(r#"{"A":3,"a":{"y":2},"b":1}"#), "{parts}");
        for body in [r#"{"id":1,"id":"a"}"#, r#"{"id":"a","id":1}"#, r#"{"target":[],"target":{}}"#] {
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
