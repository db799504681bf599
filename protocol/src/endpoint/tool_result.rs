//! Answers of `/v1/tools`: `{id, object:"tool.result", content, tool_calls:[{name, arguments, result}], usage}`
//! (agent-endpoints §2), made of a chat completion or of a pod's own result.

use super::flat::usage_object;
use super::plain_answer::{PlainAnswer, Unusable};
use super::usage::Usage;
use crate::json::text::push_string;
use crate::json::{Edits, Kind, Members, RawStr, Value};

/// The result that a chat completion stands for: its first choice's text and calls. Answers it with what the run used;
/// the prompt counts as `prompt_tokens` where the pod reported nothing.
///
/// # Errors
/// What keeps the answer from being one.
pub fn of_completion(body: &[u8], id: &str, prompt_tokens: u64) -> Result<(Vec<u8>, Usage), Unusable> {
    let usage = PlainAnswer::of_choices(body)?.usage_or_estimated(prompt_tokens);
    let members = Members::parse_answer(body).map_err(|_| Unusable::NotJson)?;
    let first = members.get(body, "choices").into_iter().flat_map(Value::elements).next();
    let message = first.and_then(|choice| member(choice, "message"));
    let content = message.and_then(|message| member(message, "content")).filter(is_string);
    let calls = message.and_then(|message| member(message, "tool_calls"));
    let mut out = b"{\"id\":".to_vec();
    push_string(&mut out, id);
    out.extend_from_slice(b",\"object\":\"tool.result\",\"content\":");
    out.extend_from_slice(content.map_or(&b"\"\""[..], Value::raw));
    out.extend_from_slice(b",\"tool_calls\":");
    push_calls(&mut out, calls);
    out.extend_from_slice(b",\"usage\":");
    out.extend_from_slice(&usage_object(usage, members.get(body, "usage").filter(is_object).map(Value::raw)));
    out.push(b'}');
    Ok((out, usage))
}

/// The result of a pod that has `/v1/tools` itself, under our id, what is missing added.
///
/// # Errors
/// What keeps the answer from being one.
pub fn of_result(body: &[u8], id: &str, prompt_tokens: u64) -> Result<(Vec<u8>, Usage), Unusable> {
    if std::str::from_utf8(body).is_err() {
        return Err(Unusable::NotJson);
    }
    let members = Members::parse_answer(body).map_err(|_| Unusable::NotJson)?;
    let content = members.get(body, "content").filter(is_string);
    let calls = members.get(body, "tool_calls").filter(|calls| calls.kind() == Kind::Array);
    if content.is_none() && calls.is_none() {
        let error = members.get(body, "error").is_some_and(|error| error.kind() != Kind::Null);
        return Err(if error { Unusable::Error } else { Unusable::Lacks("content") });
    }
    let written = content.and_then(Value::string).map_or(0, RawStr::text_length) as u64;
    let reported = PlainAnswer::usage_of(body)?;
    let usage = reported.unwrap_or(Usage::estimated(prompt_tokens, written));
    let mut edits = Edits::new();
    edits.set_string("id", id);
    edits.set_string("object", "tool.result");
    edits.set("content", content.map_or(&b"\"\""[..], Value::raw));
    let mut list = Vec::new();
    push_calls(&mut list, calls);
    edits.set("tool_calls", list);
    edits.set("usage", usage_object(usage, members.get(body, "usage").filter(is_object).map(Value::raw)));
    let mut out = Vec::with_capacity(body.len() + 256);
    edits.write(body, &members, &mut out);
    Ok((out, usage))
}

fn member<'a>(object: Value<'a>, name: &str) -> Option<Value<'a>> {
    Members::parse_answer(object.raw()).ok()?.get(object.raw(), name)
}

fn is_string(value: &Value<'_>) -> bool {
    value.kind() == Kind::String
}

fn is_object(value: &Value<'_>) -> bool {
    value.kind() == Kind::Object
}

/// Appends the list of calls, each in the documented form whatever the pod makes of it.
fn push_calls(out: &mut Vec<u8>, calls: Option<Value<'_>>) {
    out.push(b'[');
    for (at, call) in calls.into_iter().flat_map(Value::elements).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_call(out, call);
    }
    out.push(b']');
}

/// Appends a call: `OpenAI` writes arguments as a text that holds JSON, a result as nothing at all.
fn push_call(out: &mut Vec<u8>, call: Value<'_>) {
    let function = member(call, "function").unwrap_or(call);
    let raw = |name| member(function, name).or_else(|| member(call, name));
    out.extend_from_slice(b"{\"name\":");
    out.extend_from_slice(raw("name").filter(is_string).map_or(&b"\"\""[..], Value::raw));
    out.extend_from_slice(b",\"arguments\":");
    match raw("arguments").map(|given| (given, given.string().map(RawStr::to_text))) {
        Some((_, Some(text))) if Members::parse(text.as_bytes()).is_ok() => {
            out.extend_from_slice(text.trim().as_bytes());
        }
        Some((given, _)) => out.extend_from_slice(given.raw()),
        None => out.extend_from_slice(b"{}"),
    }
    out.extend_from_slice(b",\"result\":");
    out.extend_from_slice(raw("result").map_or(&b"null"[..], Value::raw));
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value as Json};

    fn made(result: Result<(Vec<u8>, Usage), Unusable>) -> Json {
        serde_json::from_slice(&result.unwrap().0).unwrap()
    }

    #[test]
    fn a_completion_becomes_a_result() {
        let call = |arguments: &str| json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}});
        let given = json!({
            "id": "x", "choices": [
                {"message": {"content": "done\n", "tool_calls": [call("{\"a\": [1]}"), call("{\"a"), {"name": "g", "result": 7}]}},
                {"message": {"content": "other"}},
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        });
        let result = made(of_completion(given.to_string().as_bytes(), "msg_1", 9));
        let wanted = json!({
            "id": "msg_1", "object": "tool.result", "content": "done\n",
            "tool_calls": [
                {"name": "f", "arguments": {"a": [1]}, "result": null},
                {"name": "f", "arguments": "{\"a", "result": null},
                {"name": "g", "arguments": {}, "result": 7},
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "tokens": 3, "source": "reported"},
        });
        assert_eq!(result, wanted);
        let bare = made(of_completion(br#"{"choices":[]}"#, "m", 9));
        assert_eq!(
            (&bare["content"], &bare["tool_calls"], &bare["usage"]["tokens"]),
            (&json!(""), &json!([]), &json!(9))
        );
        assert_eq!(of_completion(b"{}", "m", 0).unwrap_err(), Unusable::Lacks("choices"));
    }

    #[test]
    fn a_pods_own_result_is_completed() {
        let given = br#"{"id":"theirs","content":"ok","tool_calls":[{"name":"f","arguments":{},"result":1}],"extra":1}"#;
        let result = made(of_result(given, "msg_1", 9));
        assert_eq!(
            (&result["id"], &result["object"], &result["extra"]),
            (&json!("msg_1"), &json!("tool.result"), &json!(1))
        );
        assert_eq!(
            (&result["tool_calls"][0]["result"], &result["usage"]["source"]),
            (&json!(1), &json!("estimated"))
        );
        let odd = made(of_result(br#"{"tool_calls":[{"name":{},"said":1},7]}"#, "m", 9));
        let nameless = json!({"name": "", "arguments": {}, "result": null});
        assert_eq!(odd["tool_calls"], json!([nameless, nameless]));
        let bare = made(of_result(br#"{"tool_calls":[]}"#, "m", 9));
        assert_eq!(bare["content"], "");
        for (body, why) in [
            (&b"{}"[..], Unusable::Lacks("content")),
            (br#"{"content":7}"#, Unusable::Lacks("content")),
            (br#"{"error":{"message":"x"}}"#, Unusable::Error),
            (b"<html>", Unusable::NotJson),
            (b"{\"content\":\"\xff\"}", Unusable::NotJson),
        ] {
            assert_eq!(of_result(body, "m", 0).unwrap_err(), why);
        }
    }
}
