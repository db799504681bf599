//! A pod's plain answer. It is proved to be what was asked for before anything of it is passed on: SDKs take any other
//! object with status 200 for an answer without choices.

use super::api::Api;
use super::completion::Completion;
use super::flat::{raw_or_null, usage_object, Content};
use super::response;
use super::usage::Usage;
use crate::error::{Code, Problem};
use crate::json::{Edits, Kind, Members, Value};

/// Why a body is no plain answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unusable {
    /// Not a JSON object.
    NotJson,
    /// An error object: [`super::pod_error::pass_error`] with status 200 says what it says.
    Error,
    /// An object without what the API's answers have, which is named.
    Lacks(&'static str),
}

impl From<Unusable> for Problem {
    fn from(unusable: Unusable) -> Self {
        let message = match unusable {
            Unusable::NotJson => "The answer of the agent's pod is not a JSON object.".to_owned(),
            Unusable::Error => "The agent's pod answered with an error.".to_owned(),
            Unusable::Lacks(name) => {
                format!("The answer of the agent's pod is not what was asked for: it has no `{name}`.")
            }
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
    /// Reads an answer whose bytes go out as they are.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn read(api: Api, body: &[u8]) -> Result<Self, Unusable> {
        match api {
            Api::Embeddings => Self::of_embeddings(body),
            Api::Responses => Self::of_response(body),
            _ => Self::of_choices(body),
        }
    }

    /// Reads a list of choices: a chat or text completion.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub fn of_choices(body: &[u8]) -> Result<Self, Unusable> {
        let mut content_bytes = 0;
        let found = whole(body, |bytes| content_bytes += bytes)?;
        match found.choices {
            Some(_) => Ok(Self { usage: found.figures(), content_bytes }),
            None if found.error => Err(Unusable::Error),
            None => Err(Unusable::Lacks("choices")),
        }
    }

    fn of_embeddings(body: &[u8]) -> Result<Self, Unusable> {
        let found = whole(body, |_| ())?;
        let members = Members::parse_answer(body).map_err(|_| Unusable::NotJson)?;
        match members.get(body, "data") {
            Some(data) if data.kind() == Kind::Array => Ok(Self { usage: found.figures(), content_bytes: 0 }),
            _ if found.error => Err(Unusable::Error),
            _ => Err(Unusable::Lacks("data")),
        }
    }

    /// A response that failed has an `error` and is still one.
    fn of_response(body: &[u8]) -> Result<Self, Unusable> {
        let found = whole(body, |_| ())?;
        let members = Members::parse_answer(body).map_err(|_| Unusable::NotJson)?;
        let says = members.get(body, "object").and_then(Value::string).is_some_and(|o| o.is("response"));
        if says || members.get(body, "output").is_some_and(|output| output.kind() == Kind::Array) {
            let response = Value(body);
            return Ok(Self {
                usage: response::usage(response),
                content_bytes: response::content_bytes(response),
            });
        }
        Err(if found.error { Unusable::Error } else { Unusable::Lacks("output") })
    }

    /// The usage that any JSON object of a pod reports, whatever else it is.
    ///
    /// # Errors
    /// `NotJson`.
    pub fn usage_of(body: &[u8]) -> Result<Option<Usage>, Unusable> {
        Ok(whole(body, |_| ())?.figures())
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

/// An answer for `/v1/chat`: the same completion under our id, with flat `content`, `finish_reason` and `usage`.
/// Answers it with what the run used; the prompt counts as `prompt_tokens` where the pod reported nothing.
pub fn flatten(body: &[u8], message_id: &str, prompt_tokens: u64) -> Result<(Vec<u8>, Usage), Unusable> {
    let usage = PlainAnswer::of_choices(body)?.usage_or_estimated(prompt_tokens);
    let mut content = Content::new();
    let mut finish_reason = None;
    let found = Completion::read(body, |choice| {
        if choice.index == 0 {
            choice.content.into_iter().for_each(|text| content.push(text));
            finish_reason = choice.finish_reason.or(finish_reason);
        }
    })
    .map_err(|_| Unusable::NotJson)?;
    let members = Members::parse_answer(body).map_err(|_| Unusable::NotJson)?;
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
        assert_eq!(PlainAnswer::of_choices(given.to_string().as_bytes()).unwrap().usage, None);
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
        let error = |body: &[u8]| PlainAnswer::of_choices(body).unwrap_err();
        for body in
            [&b""[..], b"<html>", b"[]", b"null", b"{\"choices\":[]", b"{\"choices\":[{\"text\":\"\xff\"}]}"]
        {
            assert_eq!(error(body), Unusable::NotJson);
        }
        assert_eq!(error(b"{}"), Unusable::Lacks("choices"));
        assert_eq!(error(b"{\"error\":{\"message\":\"x\"}}"), Unusable::Error);
        assert_eq!(flatten(b"{\"choices\":1}", "m", 0), Err(Unusable::Lacks("choices")));
        assert_eq!(
            PlainAnswer::usage_of(b"{\"usage\":{\"prompt_tokens\":0}}").unwrap().unwrap().total_tokens,
            0
        );
        assert_eq!(Problem::from(Unusable::NotJson).code, Code::BadGateway);
    }

    #[test]
    fn each_api_has_its_own_answers() {
        let read = |api, body: &str| PlainAnswer::read(api, body.as_bytes());
        let text = r#"{"choices":[{"text":"hi"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
        let vectors = r#"{"data":[{"embedding":[0.5]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#;
        let failed = r#"{"object":"response","status":"failed","error":{"code":"x"},"output":[]}"#;
        let told = |answer: Result<PlainAnswer, _>| answer.unwrap().usage.map(|usage| usage.total_tokens);
        assert_eq!(told(read(Api::Completions, text)), Some(3));
        assert_eq!(read(Api::Completions, text).unwrap().content_bytes, 2);
        assert_eq!(told(read(Api::Embeddings, vectors)), Some(4));
        assert_eq!(told(read(Api::Responses, failed)), None);
        let written = r#"{"output":[{"content":[{"text":"four"}]}]}"#;
        let usage = read(Api::Responses, written).unwrap().usage_or_estimated(7);
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (7, 1));
        for (api, name) in
            [(Api::Completions, "choices"), (Api::Embeddings, "data"), (Api::Responses, "output")]
        {
            assert_eq!(read(api, r#"{"data":7,"output":{}}"#), Err(Unusable::Lacks(name)));
            assert_eq!(read(api, r#"{"error":{"message":"x"}}"#), Err(Unusable::Error));
            assert_eq!(read(api, "[]"), Err(Unusable::NotJson));
        }
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
