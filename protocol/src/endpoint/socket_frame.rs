//! What callers say over `/ws` and what they are told (agent-endpoints §6): one JSON object a message.
//!
//! A message of the caller is the body of `/v1/chat` with `action` and perhaps an `id` beside it; what it is told are
//! the events of the `/v1/chat` stream, with nothing in them that the caller does not need.

use crate::error::{Code, Problem};
use crate::json::{Edits, Members};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest `id` that a caller may choose, in bytes: 64 of them have to fit into what is kept with a socket.
pub const MAX_ID: usize = 64;

/// The subprotocol of `/ws`, which an answer names.
pub const PROTOCOL: &str = "molti.v1";

/// What a subprotocol begins with that stands for a key.
pub const TICKET: &str = "molti.ticket.";

/// The ticket among the subprotocols that a browser asks for, `molti.v1, molti.ticket.<ticket>`; `None` unless both
/// are there.
pub fn ticket(protocols: &str) -> Option<&str> {
    let mut asked = protocols.split(',').map(str::trim);
    let ours = asked.clone().any(|protocol| protocol == PROTOCOL);
    asked.find_map(|protocol| protocol.strip_prefix(TICKET)).filter(|_| ours)
}

/// What a caller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Run a chat; the body is one of `/v1/chat` that streams.
    Message {
        /// The caller's name for it.
        id: Option<String>,
        /// The body.
        body: Vec<u8>,
    },
    /// End one.
    Cancel {
        /// Which.
        id: String,
    },
    /// Nothing but an answer.
    Ping,
}

impl Said {
    /// Reads a frame.
    ///
    /// # Errors
    /// `invalid_json` with line and column, or `invalid_request` naming the member.
    pub fn parse(text: String) -> Result<Self, Problem> {
        let wrong = |param: &str, why: &str| {
            Problem::new(Code::InvalidRequest, format!("The frame's `{param}` {why}.")).param(param)
        };
        let bytes = text.into_bytes();
        let members = Members::parse(&bytes).map_err(|error| {
            let mut problem = Problem::from(error);
            problem.message = problem.message.replacen("the body", "the frame", 1);
            problem
        })?;
        let string = |name| members.get(&bytes, name).and_then(|value| Some(value.string()?.to_text()));
        let id = match (members.get(&bytes, "id"), string("id")) {
            (None, _) => None,
            (_, Some(id)) if !id.is_empty() && id.len() <= MAX_ID && !id.chars().any(char::is_control) => {
                Some(id)
            }
            _ => return Err(wrong("id", "must be a string of 1 to 64 bytes without control characters")),
        };
        match string("action").as_deref() {
            Some("message") => {
                let mut edits = Edits::new();
                edits.remove("action");
                edits.remove("id");
                edits.set("stream", b"true".as_slice());
                Ok(Self::Message { id, body: edits.apply(bytes.clone(), &members) })
            }
            Some("cancel") => match id {
                Some(id) => Ok(Self::Cancel { id }),
                None => Err(wrong("id", "is missing: it names the run that is to end")),
            },
            Some("ping") => Ok(Self::Ping),
            _ => Err(wrong("action", "must be `message`, `cancel` or `ping`")),
        }
    }
}

/// What an event of a `/v1/chat` stream comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The frame; `None` for an event that says nothing.
    pub frame: Option<String>,
    /// Whether it was the run's last.
    pub last: bool,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    done: bool,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    finish_reason: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Vec<Choice<'a>>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
}

/// The frame of one event's data, under the caller's id. What cannot be read says nothing.
pub fn told(id: &str, data: &str) -> Told {
    let Ok(event) = serde_json::from_str::<Event<'_>>(data) else {
        return Told { frame: None, last: false };
    };
    if let Some(error) = event.error {
        return Told { frame: Some(failed_with(Some(id), error.get())), last: true };
    }
    let content = event.content.map_or("\"\"", RawValue::get);
    let tools = event.choices.first().and_then(|choice| choice.delta.as_ref()?.tool_calls);
    if content == "\"\"" && tools.is_none() && !event.done {
        return Told { frame: None, last: false };
    }
    let mut frame = format!("{{\"id\":{},\"content\":{content}", text(id));
    let mut add = |name: &str, raw: &str| {
        for part in [",\"", name, "\":", raw] {
            frame.push_str(part);
        }
    };
    if let Some(tools) = tools {
        add("tool_calls", tools.get());
    }
    if event.done {
        add("done", "true");
        add("usage", event.usage.map_or("null", RawValue::get));
        add("finish_reason", event.finish_reason.map_or("null", RawValue::get));
    }
    frame.push('}');
    Told { frame: Some(frame), last: event.done }
}

/// The last frame of a run that its caller has ended.
pub fn cancelled(id: &str) -> String {
    format!(
        "{{\"id\":{},\"content\":\"\",\"done\":true,\"usage\":null,\"finish_reason\":\"cancelled\"}}",
        text(id)
    )
}

/// The last frame of a run that failed, or an answer to a frame that is none (`None`).
pub fn failed(id: Option<&str>, problem: &Problem) -> String {
    let body = problem.body();
    // `{"error":…}` without its braces.
    let inner = body.get(9..body.len().saturating_sub(1)).unwrap_or("null");
    failed_with(id, inner)
}

/// The same with the error's object as it stands.
pub fn failed_with(id: Option<&str>, error: &str) -> String {
    let id = id.map_or_else(|| "null".to_owned(), text);
    format!("{{\"id\":{id},\"error\":{error},\"done\":true}}")
}

/// The last frame of a run that was refused: of the milliseconds after which to try again, if there are any, a line
/// feed, and the answer's body. They become `retry_after_ms` of the error.
pub fn refused(id: &str, told: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        error: &'a RawValue,
    }
    let (wait, body) = told.split_once('\n')?;
    let body: Body<'_> = serde_json::from_str(body).ok()?;
    let error = body.error.get();
    Some(match (wait.parse::<u32>(), error.strip_suffix('}')) {
        (Ok(wait), Some(open)) if open.trim() != "{" => {
            failed_with(Some(id), &format!("{open},\"retry_after_ms\":{wait}}}"))
        }
        _ => failed_with(Some(id), error),
    })
}

/// What a ping is answered with.
pub const PONG: &str = "{\"action\":\"pong\"}";

fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> Result<Said, Problem> {
        Said::parse(text.to_owned())
    }

    #[test]
    fn the_three_actions_are_read() {
        let Ok(Said::Message { id: None, body }) =
            said(r#"{"action":"message","messages":[{"role":"user"}],"temperature":0.70}"#)
        else {
            panic!("no message");
        };
        assert_eq!(body, br#"{"messages":[{"role":"user"}],"temperature":0.70,"stream":true}"#);
        let Ok(Said::Message { id, body }) = said(r#"{"id":"a","stream":false,"action":"message"}"#) else {
            panic!("no message");
        };
        assert_eq!((id.as_deref(), body.as_slice()), (Some("a"), br#"{"stream":true}"#.as_slice()));
        assert_eq!(said(r#"{"action":"cancel","id":"a"}"#), Ok(Said::Cancel { id: "a".into() }));
        assert_eq!(said(r#"{"action":"ping","id":"a"}"#), Ok(Said::Ping));
    }

    #[test]
    fn what_cannot_be_understood_is_named() {
        let long = format!(r#"{{"action":"ping","id":"{}"}}"#, "a".repeat(65));
        for (frame, code, param) in [
            ("", "invalid_json", None),
            ("[]", "invalid_request", None),
            ("{", "invalid_json", None),
            ("{}", "invalid_request", Some("action")),
            (r#"{"action":"shout"}"#, "invalid_request", Some("action")),
            (r#"{"action":7}"#, "invalid_request", Some("action")),
            (r#"{"action":"cancel"}"#, "invalid_request", Some("id")),
            (r#"{"action":"ping","id":7}"#, "invalid_request", Some("id")),
            (r#"{"action":"ping","id":""}"#, "invalid_request", Some("id")),
            (r#"{"action":"ping","id":"\u0000"}"#, "invalid_request", Some("id")),
            (long.as_str(), "invalid_request", Some("id")),
        ] {
            let problem = said(frame).unwrap_err();
            assert_eq!(problem.code.as_str(), code, "{frame}");
            assert!(param.is_none() || problem.param.as_deref() == param, "{frame}: {problem:?}");
            let words = problem.message.to_ascii_lowercase();
            assert!(words.contains("the frame") && !words.contains("the body"), "{frame}: {problem:?}");
        }
    }

    #[test]
    fn events_become_frames() {
        let chunk =
            r#"{"id":"msg_1","choices":[{"index":0,"delta":{"content":"Hi"}}],"content":"Hi","done":false}"#;
        assert_eq!(
            told("a\"b", chunk),
            Told { frame: Some(r#"{"id":"a\"b","content":"Hi"}"#.into()), last: false }
        );
        let role = r#"{"choices":[{"delta":{"role":"assistant","content":""}}],"content":"","done":false}"#;
        assert_eq!(told("a", role), Told { frame: None, last: false });
        let last =
            r#"{"choices":[],"content":"","done":true,"finish_reason":"stop","usage":{"total_tokens":3}}"#;
        let frame =
            r#"{"id":"a","content":"","done":true,"usage":{"total_tokens":3},"finish_reason":"stop"}"#;
        assert_eq!(told("a", last), Told { frame: Some(frame.into()), last: true });
        let tools = r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}],"content":"","done":false}"#;
        let frame = r#"{"id":"a","content":"","tool_calls":[{"index":0}]}"#;
        assert_eq!(told("a", tools).frame.as_deref(), Some(frame));
        let error = r#"{"error":{"message":"no","code":"bad_gateway"}}"#;
        let frame = r#"{"id":"a","error":{"message":"no","code":"bad_gateway"},"done":true}"#;
        assert_eq!(told("a", error), Told { frame: Some(frame.into()), last: true });
        assert_eq!(refused("a", &format!("\n{error}")).as_deref(), Some(frame));
        let waits =
            r#"{"id":"a","error":{"message":"no","code":"bad_gateway","retry_after_ms":1500},"done":true}"#;
        assert_eq!(refused("a", &format!("1500\n{error}")).as_deref(), Some(waits));
        assert_eq!(refused("a", "\n<html>"), None);
        let empty = r#"{"id":"a","error":{},"done":true}"#;
        assert_eq!(refused("a", "1500\n{\"error\":{}}").as_deref(), Some(empty));
        assert_eq!(told("a", "[DONE]"), Told { frame: None, last: false });
        for frame in [cancelled("a"), failed(None, &Problem::new(Code::Timeout, "late"))] {
            let value: serde_json::Value = serde_json::from_str(&frame).unwrap();
            assert_eq!(value["done"], true);
        }
        assert!(failed(None, &Problem::new(Code::Timeout, "late"))
            .starts_with(r#"{"id":null,"error":{"code":"timeout""#));
    }

    #[test]
    fn a_ticket_needs_our_protocol_beside_it() {
        assert_eq!(ticket("molti.v1, molti.ticket.abc"), Some("abc"));
        assert_eq!(ticket("molti.ticket.abc,molti.v1"), Some("abc"));
        assert_eq!(ticket("molti.ticket.abc"), None);
        assert_eq!(ticket("molti.v1"), None);
        assert_eq!(ticket(""), None);
    }

    proptest! {
        #[test]
        fn no_frame_and_no_event_panics(text in "\\PC*", json in "[{}\\[\\]\",:a-z0-9 ]*") {
            let _ = (said(&text), said(&json), told(&text, &json), refused(&text, &json), ticket(&text));
        }
    }
}
