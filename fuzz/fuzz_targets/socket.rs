//! Frames of `/ws`, what callers say and what they are told. None panics; what is understood is a chat that streams,
//! and every frame of ours is JSON that names its run.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::endpoint::socket_frame::{cancelled, failed, refused, ticket, told, Said, MAX_ID};
use serde_json::value::RawValue;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let id = match Said::parse(text.to_owned()) {
        Ok(Said::Message { id, body }) => {
            let body = String::from_utf8(body).expect("a body is text");
            assert!(is_json(&body) && body.contains("\"stream\":true"));
            id
        }
        Ok(Said::Cancel { id }) => Some(id),
        Ok(Said::Ping) => None,
        Err(problem) => {
            let frame: Value = serde_json::from_str(&failed(None, &problem)).expect("a frame");
            assert!(frame["id"].is_null() && frame["error"]["message"].is_string() && frame["done"] == true);
            None
        }
    };
    if let Some(id) = &id {
        assert!(!id.is_empty() && id.len() <= MAX_ID && !id.chars().any(char::is_control));
    }
    let id = id.as_deref().unwrap_or("a");
    let begins = format!("{{\"id\":{},", Value::from(id));
    let names = |frame: &str| is_json(frame) && frame.starts_with(&begins);
    assert!(names(&cancelled(id)));
    // What a pod says goes on as it stands, escapes of half a character included.
    let said = told(id, text);
    if let Some(frame) = &said.frame {
        assert!(names(frame) && (!said.last || frame.contains("\"done\":true")));
    }
    assert!(said.frame.is_some() || !said.last);
    assert!(refused(id, text).is_none_or(|frame| names(&frame) && frame.ends_with("\"done\":true}")));
    assert!(ticket(text).is_none_or(|ticket| text.contains(ticket)));
});

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}
