//! Errors of a pod that its caller can mend: passed on in our form, with their own words (agent-endpoints §9).

use crate::error::{Code, Problem, Retry};
use crate::time::{parse_http_date, Millis};
use serde_json::{Map, Value};

/// How much of an error's body is read.
pub const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Longest text that is passed on in one member.
const MAX_TEXT_BYTES: usize = 4 * 1024;

/// An error to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodError {
    /// HTTP status.
    pub status: u16,
    /// `{"error":{"message","type","param","code"}}`
    pub body: String,
    /// Whether and when to try again.
    pub retry: Retry,
}

impl PodError {
    /// The header lines that say whether to try again.
    pub fn retry_headers(&self) -> Vec<(&'static str, String)> {
        Problem::new(Code::BadGateway, "").retry(self.retry).retry_headers()
    }
}

impl From<&Problem> for PodError {
    fn from(problem: &Problem) -> Self {
        let retry = problem.retry.unwrap_or(problem.code.retry());
        Self { status: problem.code.status(), body: problem.body(), retry }
    }
}

/// Makes the error that the caller gets of an answer that [`super::pod_answer::judge`] called an error:
/// of its `status`, the milliseconds that it asks to [`wait`], and its body as far as it was read.
pub fn pass_error(status: u16, wait: u32, body: &[u8]) -> PodError {
    let found = serde_json::from_slice::<Value>(body.trim_ascii()).ok().as_ref().and_then(Words::find);
    // An error with status 200 may say its status in its code.
    let stated = found.as_ref().and_then(|words| words.code.as_deref()?.parse().ok()).unwrap_or(status);
    let passed = kind(status).map(|kind| (status, kind)).or_else(|| Some((stated, kind(stated)?)));
    let ours = || silent(status).map(|message| Words { message: message.to_owned(), ..Words::default() });
    match (passed, found.or_else(ours)) {
        (Some((status, kind)), Some(words)) => PodError {
            status,
            body: words.body(kind),
            retry: if status == 429 { Retry::After(wait) } else { Retry::No },
        },
        (_, words) => {
            let message = match (status, words) {
                (200, None) => "The agent's pod answered with JSON where a stream was asked for.".to_owned(),
                (200, Some(words)) => format!("The agent's pod answered with an error: {}", words.message),
                (_, None) => {
                    format!("The agent's pod answered {status} without an error that could be passed on.")
                }
                (_, Some(words)) => format!("The agent's pod answered {status}: {}", words.message),
            };
            PodError::from(&Problem::new(Code::BadGateway, message))
        }
    }
}

/// The event that ends a stream of ours with the error that a pod sent in its own; `data` is that event's data.
pub fn error_event(data: &[u8]) -> String {
    let found = serde_json::from_slice::<Value>(data).ok().as_ref().and_then(Words::find);
    match found {
        Some(words) => format!("data: {}\n\n", words.body(Code::BadGateway.kind())),
        None => Problem::new(Code::BadGateway, "The agent's pod ended the stream with an error.").event(),
    }
}

/// `error.type` of the statuses that are passed on.
fn kind(status: u16) -> Option<&'static str> {
    match status {
        400 | 413 | 422 => Some("invalid_request_error"),
        404 => Some("not_found_error"),
        409 => Some("conflict_error"),
        429 => Some("rate_limit_error"),
        _ => None,
    }
}

/// Our words for the two statuses that a proxy before a pod gives without an error object.
fn silent(status: u16) -> Option<&'static str> {
    match status {
        413 => Some("The agent's pod says that the request is too large. Send a shorter one."),
        429 => Some("The agent's pod says that it gets too many requests. Try again later."),
        _ => None,
    }
}

/// Milliseconds, of 1 to 59 s, that an answer of a pod asks to wait: its `retry-after-ms`, else its `Retry-After`, which is
/// a number of seconds or a date (RFC 9110 section 10.2.3), else 5 s. `header` gives the value of a header by its
/// lower-case name.
pub fn wait<'a>(header: impl Fn(&str) -> Option<&'a str>, now: Millis) -> u32 {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let exact = header("retry-after-ms").and_then(number);
    let wait = exact.or_else(|| {
        let after = header("retry-after")?;
        #[allow(clippy::cast_precision_loss, reason = "dates are far below 2^53")]
        let until = || parse_http_date(after.trim()).map(|date| (date - now) as f64);
        number(after).map(|seconds| seconds * 1_000.0).or_else(until)
    });
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped")]
    let wait = wait.unwrap_or(5_000.0).clamp(1_000.0, 59_000.0) as u32;
    wait
}

/// What an error says.
#[derive(Debug, Default)]
struct Words {
    message: String,
    kind: Option<String>,
    param: Option<String>,
    code: Option<String>,
}

impl Words {
    /// Finds the words in the shapes that servers use: `{"error":{…}}`, `{"error":"…"}`, `{"message":"…"}`,
    /// `{"detail":"…"}`, `{"detail":[{"msg":"…","loc":[…]}]}`.
    fn find(body: &Value) -> Option<Self> {
        let body = body.as_object()?;
        match body.get("error") {
            Some(Value::Object(error)) => return Self::of(error),
            Some(Value::String(message)) => return Some(Self { message: cut(message), ..Self::default() }),
            _ => {}
        }
        if body.get("message").is_some_and(Value::is_string) && !body.contains_key("choices") {
            return Self::of(body);
        }
        match body.get("detail")? {
            Value::String(message) => Some(Self { message: cut(message), ..Self::default() }),
            Value::Array(list) => {
                let first = list.first()?.as_object()?;
                let message = cut(first.get("msg")?.as_str()?);
                let path: Vec<String> = first
                    .get("loc")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(text)
                    .collect();
                Some(Self {
                    message,
                    param: (!path.is_empty()).then(|| cut(&path.join("."))),
                    ..Self::default()
                })
            }
            _ => None,
        }
    }

    fn of(object: &Map<String, Value>) -> Option<Self> {
        let member = |name: &str| object.get(name).and_then(text);
        let message = member("message").or_else(|| member("detail")).or_else(|| member("code"))?;
        Some(Self { message, kind: member("type"), param: member("param"), code: member("code") })
    }

    fn body(self, kind: &str) -> String {
        let mut error = Map::new();
        error.insert("message".into(), self.message.into());
        error.insert("type".into(), self.kind.unwrap_or_else(|| kind.to_owned()).into());
        error.insert("param".into(), self.param.into());
        error.insert("code".into(), self.code.into());
        format!("{{\"error\":{}}}", Value::Object(error))
    }
}

/// A string or number as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(cut(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn pass(status: u16, body: &Value) -> (u16, Value) {
        let error = pass_error(status, 5_000, body.to_string().as_bytes());
        let mut body: Value = serde_json::from_str(&error.body).unwrap();
        (error.status, body["error"].take())
    }

    #[test]
    fn an_error_object_keeps_its_words() {
        let given = json!({"error": {"message": "too long", "type": "t", "param": "messages", "code": "context", "x": 1}});
        let expected = json!({"message": "too long", "type": "t", "param": "messages", "code": "context"});
        assert_eq!(pass(400, &given), (400, expected));
        let expected = json!({"message": "no", "type": "not_found_error", "param": null, "code": "7"});
        assert_eq!(pass(404, &json!({"error": {"message": "no", "code": 7}})), (404, expected));
    }

    #[test]
    fn other_shapes_are_brought_into_ours() {
        let message = |body| pass(422, &body).1["message"].take();
        assert_eq!(message(json!({"error": "a"})), "a");
        assert_eq!(message(json!({"message": "b"})), "b");
        assert_eq!(message(json!({"detail": "c"})), "c");
        let (status, error) = pass(422, &json!({"detail": [{"loc": ["body", "n", 0], "msg": "d"}]}));
        assert_eq!((status, &error["message"], &error["param"]), (422, &json!("d"), &json!("body.n.0")));
    }

    #[test]
    fn only_a_pod_that_is_too_busy_is_asked_again() {
        assert_eq!(pass_error(429, 7_000, b"{\"error\":\"x\"}").retry, Retry::After(7_000));
        assert_eq!(pass_error(400, 7_000, b"{\"error\":\"x\"}").retry, Retry::No);
        assert_eq!(pass_error(429, 5_000, b"<html>").status, 429);
        assert_eq!(pass_error(413, 5_000, b"").status, 413);
    }

    #[test]
    fn a_pod_says_in_three_ways_how_long_it_is_too_busy_and_is_heard_within_a_minute() {
        // 2026-10-21T07:28:00Z
        let now = 1_792_567_680_000;
        let asked = |ms: Option<&'static str>, after: Option<&'static str>| {
            wait(move |name| if name == "retry-after-ms" { ms } else { after }, now)
        };
        let after = |after| asked(None, Some(after));
        assert_eq!(asked(None, None), 5_000);
        assert_eq!(after("2.5"), 2_500);
        assert_eq!(after("3600"), 59_000);
        assert_eq!(after("-1"), 1_000);
        assert_eq!(after("inf"), 5_000);
        assert_eq!(after("Wed, 21 Oct 2026 07:28:20 GMT"), 20_000);
        assert_eq!(after("Wed, 21 Oct 2026 08:28:00 GMT"), 59_000);
        assert_eq!(after("Wed, 21 Oct 2026 07:27:00 GMT"), 1_000);
        assert_eq!(after("Wed, 21 Okt 2026 07:28:20 GMT"), 5_000);
        assert_eq!(asked(Some("1500"), Some("7")), 1_500);
        assert_eq!(asked(Some("soon"), Some("7")), 7_000);
        assert_eq!(asked(Some("90000"), None), 59_000);
    }

    #[test]
    fn what_holds_no_error_is_a_bad_gateway() {
        for (status, body) in
            [(404, "<html>"), (400, "{}"), (400, "[]"), (409, ""), (200, "{\"choices\":[]}"), (200, "x")]
        {
            let error = pass_error(status, 5_000, body.as_bytes());
            assert_eq!((error.status, error.retry), (502, Retry::No), "{status} {body}");
        }
    }

    #[test]
    fn an_error_with_status_200_says_its_status_in_its_code() {
        assert_eq!(pass(200, &json!({"object": "error", "message": "m", "code": 400})).0, 400);
        let (status, error) = pass(200, &json!({"error": {"message": "m", "code": 500}}));
        assert_eq!((status, &error["code"]), (502, &json!("bad_gateway")));
        assert!(error["message"].as_str().unwrap().ends_with(": m"));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let (_, error) = pass(400, &json!({"error": {"message": "é".repeat(5_000) }}));
        assert_eq!(error["message"].as_str().unwrap().len(), MAX_TEXT_BYTES);
        let (_, error) = pass(400, &json!({"error": format!("a{}", "é".repeat(5_000))}));
        assert_eq!(error["message"].as_str().unwrap().len(), MAX_TEXT_BYTES - 1);
    }

    proptest! {
        #[test]
        fn any_wait_is_within_a_minute(text in ".{0,40}", now in 0_i64..1 << 50) {
            prop_assert!((1_000..=59_000).contains(&wait(|_| Some(text.as_str()), now)));
        }

        #[test]
        fn nothing_panics_and_the_answer_is_always_an_error(
            status: u16, after: u32, body in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let error = pass_error(status, after, &body);
            let body: Value = serde_json::from_str(&error.body).unwrap();
            prop_assert!(error.status >= 400 && body["error"]["message"].is_string());
        }
    }
}
