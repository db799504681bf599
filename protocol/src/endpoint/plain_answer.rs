//! A pod's plain answer to a chat call. It is proved to be a completion before anything of it is passed on: SDKs take
//! any other object with status 200 for an answer without choices.

use super::completion::Completion;
use super::flat::{raw_or_null, usage_object, Content};
use super::usage::Usage;
use crate::error::{Code, Problem};
use crate::json::{Edits, Members, Value};

/// Why a body is no plain answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Not a JSON object.
    NotJson,
    /// An error object: [`super::pod_error::pass_error`] with status 200 says what it says.
    Error,
    /// An object without `choices`.
    NotACompletion,
}

impl From<Unusable> for Problem {
    fn from(unusable: Unusable) -> Self {
        let message = match unusable {
            Unusable::NotJson => "the pod's answer is not a JSON object",
            Unusable::Error => "the pod answered with an error",
            Unusable::NotACompletion => "the pod's answer is not a chat completion: it has no `choices`",
        };
        Problem::new(Code::BadGateway, message)
    }
}

/// What a plain answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlainAnswer {
    /// Usage, if the pod reported any.
    pub usage: Option<Usage>,
    /// Bytes of what the model wrote, in UTF-8.
    pub content_bytes: u64,
}

impl PlainAnswer {
    /// Reads an answer.
    pub fn read(body: &[u8]) -> Result<Self, Unusable> {
        let mut content_bytes = 0;
        let found = whole(body, |bytes| content_bytes += bytes)?;
        match found.choices {
            Some(_) => Ok(Self { usage: found.figures(), content_bytes }),
            None if found.error => Err(Unusable::Error),
            None => Err(Unusable::NotACompletion),
        }
    }

    /// What the run used: what the pod reported, else guessed from the size, with the prompt as it was estimated.
    pub fn usage_or_estimated(&self, prompt_tokens: u64) -> Usage {
        self.usage.unwrap_or(Usage::estimated(prompt_tokens, self.content_bytes))
    }
}

fn whole(body: &[u8], mut each: impl FnMut(u64)) -> Result<Completion<'_>, Unusable> {
    if std::str::from_utf8(body).is_err() {
        return Err(Unusable::NotJson);
    }
    Completion::read(body, |choice| each(choice.bytes)).map_err(|_| Unusable::NotJson)
}

/// The usage that any JSON object of a pod reports, whatever else it is.
pub fn usage_of(body: &[u8]) -> Result<Option<Usage>, Unusable> {
    Ok(whole(body, |_| ())?.figures())
}

/// An answer for `/v1/chat`: the same completion under our id, with flat `content`, `finish_reason` and `usage`.
/// Answers it with what the run used; the prompt counts as `prompt_tokens` where the pod reported nothing.
pub fn flatten(body: &[u8], message_id: &str, prompt_tokens: u64) -> Result<(Vec<u8>, Usage), Unusable> {
    let usage = PlainAnswer::read(body)?.usage_or_estimated(prompt_tokens);
    let mut content = Content::new();
    let mut finish_reason = None;
    let found = Completion::read(body, |choice| {
        if choice.index == 0 {
            choice.content.into_iter().for_each(|text| content.push(text));
            finish_reason = choice.finish_reason.or(finish_reason);
        }
    })
    .map_err(|_| Unusable::NotJson)?;
    let members = Members::parse_answer(body).map_err(|_| Unusable::NotACompletion)?;
    let mut edits = Edits::new();
    edits.set_string("id", message_id);
    if members.get(body, "object").is_none() {
        edits.set_string("object", "chat.completion");
    }
    edits.set("content", content.into_raw());
    edits.set("finish_reason", raw_or_null(finish_reason));
    edits.set("usage", usage_object(usage, found.usage.map(Value::raw)));
    let mut out = Vec::with_capacity(body.len() + body.len() / 2 + 256);
    edits.write(body, &members, &mut out);
    Ok((out, usage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{json, Value as Json};

    fn answer() -> Json {
        json!({
            "id": "x", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "grüße\n"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
        })
    }

    fn flat(body: &Json) -> Json {
        let (out, _) = flatten(body.to_string().as_bytes(), "msg_1", 9).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_flat_answer_is_still_a_completion() {
        let given = answer();
        let flat = flat(&given);
        assert_eq!(
            (&flat["choices"], &flat["model"], &flat["created"]),
            (&given["choices"], &json!("m"), &json!(1))
        );
        assert_eq!((&flat["id"], &flat["content"]), (&json!("msg_1"), &json!("grüße\n")));
        assert_eq!((&flat["finish_reason"], &flat["usage"]["tokens"]), (&json!("stop"), &json!(7)));
        assert_eq!(flat["usage"]["source"], "reported");
    }

    #[test]
    fn usage_is_estimated_where_the_pod_reports_none() {
        let mut given = answer();
        given["usage"] = Json::Null;
        let flat = flat(&given);
        assert_eq!(flat["usage"]["prompt_tokens"], 9);
        assert_eq!(flat["usage"]["completion_tokens"], 2);
        assert_eq!((&flat["usage"]["tokens"], &flat["usage"]["source"]), (&json!(11), &json!("estimated")));
        given.as_object_mut().unwrap().remove("usage");
        assert_eq!(PlainAnswer::read(given.to_string().as_bytes()).unwrap().usage, None);
    }

    #[test]
    fn an_answer_of_tools_alone_has_empty_content() {
        let call = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
        let given = json!({"choices": [{"message": {"content": null, "tool_calls": call}}]});
        let flat = flat(&given);
        assert_eq!((&flat["content"], &flat["finish_reason"]), (&json!(""), &Json::Null));
        assert_eq!(flat["object"], "chat.completion");
    }

    #[test]
    fn what_is_no_completion_is_refused() {
        let error = |body: &[u8]| PlainAnswer::read(body).unwrap_err();
        for body in
            [&b""[..], b"<html>", b"[]", b"null", b"{\"choices\":[]", b"{\"choices\":[{\"text\":\"\xff\"}]}"]
        {
            assert_eq!(error(body), Unusable::NotJson);
        }
        assert_eq!(error(b"{}"), Unusable::NotACompletion);
        assert_eq!(error(b"{\"error\":{\"message\":\"x\"}}"), Unusable::Error);
        assert_eq!(flatten(b"{\"choices\":1}", "m", 0), Err(Unusable::NotACompletion));
        assert_eq!(usage_of(b"{\"usage\":{\"prompt_tokens\":0}}").unwrap().unwrap().total_tokens, 0);
        assert_eq!(Problem::from(Unusable::NotJson).code, Code::BadGateway);
    }

    proptest! {
        #[test]
        fn the_flat_content_is_that_of_the_first_choice(text: String, reason in "[a-z]{1,8}") {
            let flat = flat(&json!({"choices": [
                {"index": 1, "message": {"content": "other"}, "finish_reason": "length"},
                {"finish_reason": reason, "message": {"content": text}, "index": 0},
            ]}));
            prop_assert_eq!(flat["content"].as_str().unwrap(), text);
            prop_assert_eq!(flat["finish_reason"].as_str().unwrap(), reason);
        }
    }
}
