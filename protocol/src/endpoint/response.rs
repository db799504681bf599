//! The Responses API: what a response says, what the named events of its stream say, and how such a stream fails.
//!
//! A stream has no `[DONE]`; its last event is `response.completed` or one of its like, which holds the whole response.

use super::completion::count;
use super::sse::Event;
use super::stream_facts::{Seen, StreamFacts};
use super::usage::Usage;
use crate::json::{Kind, Members, RawStr, Value};
use serde_json::{Map, Value as Json};

/// Types of the events that end a stream.
const LAST: [&str; 4] =
    ["response.completed", "response.incomplete", "response.failed", "response.cancelled"];

/// A member of an object, if both are there.
fn member<'a>(object: Value<'a>, name: &str) -> Option<Value<'a>> {
    Members::parse_answer(object.raw()).ok()?.get(object.raw(), name)
}

/// The figures of a response's `usage`, if it has any.
pub fn usage(response: Value<'_>) -> Option<Usage> {
    let usage = member(response, "usage").filter(|usage| usage.kind() == Kind::Object)?;
    let members = Members::parse_answer(usage.raw()).ok()?;
    let figure = |name| members.get(usage.raw(), name).and_then(count);
    Usage::reported(figure("input_tokens"), figure("output_tokens"), figure("total_tokens"))
}

/// Bytes of what the model wrote in a response: texts, refusals and arguments of its `output`.
pub fn content_bytes(response: Value<'_>) -> u64 {
    let text = |object, name| member(object, name).and_then(Value::string).map_or(0, RawStr::text_length);
    let mut bytes = 0;
    for item in member(response, "output").into_iter().flat_map(Value::elements) {
        bytes += text(item, "arguments");
        for part in member(item, "content").into_iter().flat_map(Value::elements) {
            bytes += text(part, "text") + text(part, "refusal");
        }
    }
    bytes as u64
}

/// Takes one event of a stream into the facts.
pub fn observe(facts: &mut StreamFacts, event: &Event<'_>) -> Seen {
    let Some(data) = event.data.as_deref().filter(|data| !data.trim_ascii().is_empty()) else {
        return Seen::Quiet;
    };
    if data.trim_ascii() == b"[DONE]" {
        facts.done = true;
        return Seen::Done;
    }
    let Ok(members) = Members::parse_answer(data) else {
        facts.error |= event.named_error;
        return if event.named_error { Seen::Error } else { Seen::Opaque };
    };
    let get = |name| members.get(data, name);
    if let Some(number) = get("sequence_number").and_then(Value::unsigned) {
        facts.next = number.saturating_add(1);
    }
    let kind = get("type").and_then(Value::string).map(RawStr::to_text).unwrap_or_default();
    let failed = get("error").is_some_and(|error| error.kind() != Kind::Null);
    if event.named_error || kind == "error" || failed {
        facts.error = true;
        return Seen::Error;
    }
    let is_delta = kind.rsplit_once('.').is_some_and(|(_, last)| last == "delta");
    if let (true, Some(text)) = (is_delta, get("delta").and_then(Value::string)) {
        facts.pieces += u64::from(!text.is_empty());
        facts.content_bytes += text.text_length() as u64;
    }
    if LAST.contains(&kind.as_str()) {
        facts.finished = true;
        facts.usage = get("response").and_then(usage).or(facts.usage);
    }
    Seen::Chunk
}

/// The event that ends a stream which fails: `error` is the body `{"error":{…}}` of a refusal. It has the members of
/// the API's own error event, and `error` beside them: that is what SDKs raise.
pub fn error_event(error: &str, number: u64) -> String {
    let mut body = serde_json::from_str::<Map<String, Json>>(error).unwrap_or_default();
    let said = |body: &Map<String, Json>, name: &str| {
        body.get("error").and_then(|error| error.get(name)).cloned().unwrap_or_default()
    };
    for name in ["code", "message", "param"] {
        let value = said(&body, name);
        body.insert(name.to_owned(), value);
    }
    body.insert("type".to_owned(), "error".into());
    body.insert("sequence_number".to_owned(), number.into());
    format!("event: error\ndata: {}\n\n", Json::Object(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Problem};

    fn see(facts: &mut StreamFacts, event: &str) -> Seen {
        observe(facts, &Event::read(event.as_bytes()))
    }

    #[test]
    fn a_response_tells_its_usage_and_what_was_written() {
        let response = Value(
            br#"{"output":[{"type":"reasoning"},{"content":[{"text":"h\u00e9"},{"refusal":"no"}]},{"arguments":"{}"},7],
            "usage":{"input_tokens":3,"output_tokens":4.0,"total_tokens":7,"input_tokens_details":{}}}"#,
        );
        assert_eq!(usage(response), Usage::reported(Some(3), Some(4), Some(7)));
        assert_eq!(content_bytes(response), 7);
        for other in [&br#"{"usage":null,"output":{}}"#[..], b"{}", b"[]", b"7"] {
            assert_eq!((usage(Value(other)), content_bytes(Value(other))), (None, 0));
        }
    }

    #[test]
    fn every_kind_of_event_is_told_apart() {
        let mut facts = StreamFacts::default();
        for (event, seen) in [
            (": ka\n\n", Seen::Quiet),
            ("event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"error\":null}}\n\n", Seen::Chunk),
            ("data: {\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"delta\":\"\\u00e9\"}\n\n", Seen::Chunk),
            ("data: {\"type\":\"response.output_text.delta\",\"delta\":\"\"}\n\n", Seen::Chunk),
            ("data: {\"type\":\"response.audio.delta\",\"delta\":7}\n\n", Seen::Chunk),
            ("data: {\"ty\n\n", Seen::Opaque),
        ] {
            assert_eq!(see(&mut facts, event), seen, "{event}");
        }
        assert_eq!((facts.pieces, facts.content_bytes, facts.next), (1, 2, 5));
        assert!(!facts.finished);
        let last = "data: {\"type\":\"response.completed\",\"sequence_number\":9,\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n";
        assert_eq!(see(&mut facts, last), Seen::Chunk);
        assert!(facts.finished && facts.usage.is_some());
        assert_eq!(see(&mut facts, "data: [DONE]\n\n"), Seen::Done);
    }

    #[test]
    fn errors_end_a_stream_in_the_apis_own_form_and_in_the_common_one() {
        for event in [
            "event: error\ndata: {\"type\":\"error\",\"message\":\"x\"}\n\n",
            "data: {\"type\":\"error\",\"message\":\"x\"}\n\n",
            "data: {\"error\":{\"message\":\"x\"}}\n\n",
            "event: error\ndata: x\n\n",
        ] {
            let mut facts = StreamFacts::default();
            assert_eq!(see(&mut facts, event), Seen::Error, "{event}");
            assert!(facts.complete(false));
        }
    }

    #[test]
    fn our_own_error_has_both_forms() {
        let event = error_event(&Problem::new(Code::Timeout, "too\nlong").param("x").body(), 7);
        let data = event.strip_prefix("event: error\ndata: ").unwrap().strip_suffix("\n\n").unwrap();
        let data: Json = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], "error");
        assert_eq!((&data["code"], &data["message"]), (&"timeout".into(), &"too\nlong".into()));
        assert_eq!((&data["param"], &data["sequence_number"]), (&"x".into(), &7.into()));
        assert_eq!(data["error"]["type"], "timeout_error");
        assert!(error_event("nonsense", 0).contains("\"code\":null"));
    }
}
