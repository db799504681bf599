//! An answer on its way out: the one place where status, headers and body become a response.

use crate::request::Request;
use moltghost_durable::bindings::{entry, Failure};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::host::is_loopback;
use serde::Serialize;
use wasm_bindgen::JsValue;

/// What every answer of an agent's endpoint carries: whatever a pod sends, no browser runs it on our origin
/// (architecture rule 13).
const SANDBOX: &str =
    "x-content-type-options: nosniff\ncontent-security-policy: sandbox; default-src 'none'\n";

/// What an answer with a policy of its own carries of that.
const NO_SNIFFING: &str = "x-content-type-options: nosniff\n";

enum Body {
    None,
    Text(String),
    Bytes(Vec<u8>),
    Native(JsValue),
    /// A response that is made already, with all its headers.
    Ready(JsValue),
}

/// An answer.
pub struct Answer {
    status: u16,
    headers: String,
    body: Body,
    /// What the answer's `x-request-id` is, where it is not the request's own.
    request_id: Option<String>,
    /// Why it is a refusal, where it is one.
    refusal: Option<Code>,
}

impl Answer {
    /// An answer without a body.
    pub fn empty(status: u16) -> Self {
        Self { status, headers: String::new(), body: Body::None, request_id: None, refusal: None }
    }

    /// A JSON document.
    pub fn json(status: u16, document: &impl Serialize) -> Self {
        Self::json_text(status, serde_json::to_string(document).unwrap_or_default())
    }

    /// Text of some kind.
    pub fn text(status: u16, kind: &str, text: String) -> Self {
        Self { body: Body::Text(text), ..Self::empty(status) }.header("content-type", kind)
    }

    /// JSON that is written already.
    pub fn json_text(status: u16, text: String) -> Self {
        Self::text(status, "application/json", text)
    }

    /// JSON as bytes.
    pub fn json_bytes(status: u16, bytes: Vec<u8>) -> Self {
        Self { body: Body::Bytes(bytes), ..Self::empty(status) }.header("content-type", "application/json")
    }

    /// JSON that is JavaScript's already, not copied again.
    pub fn json_native(status: u16, body: JsValue) -> Self {
        Self::native(status, "application/json", body)
    }

    /// A body that is JavaScript's already, a stream perhaps.
    pub fn native(status: u16, kind: &str, body: JsValue) -> Self {
        Self { body: Body::Native(body), ..Self::empty(status) }.header("content-type", kind)
    }

    /// A response that a stream was opened with; see [`Answer::lines`].
    pub fn ready(response: JsValue) -> Self {
        Self { body: Body::Ready(response), ..Self::empty(200) }
    }

    /// A refusal.
    pub fn problem(problem: &Problem) -> Self {
        let mut answer = Self::json_text(problem.status(), problem.body());
        answer.refusal = Some(problem.code);
        if problem.status() == 401 {
            answer = answer.header("www-authenticate", "Bearer");
        }
        problem.retry_headers().iter().fold(answer, |answer, (name, value)| answer.header(name, value))
    }

    /// Why it is a refusal, where it is one.
    pub fn refusal(&self) -> Option<Code> {
        self.refusal
    }

    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Adds a header. A value never holds a line break: header values that come from outside were split at them.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        for part in [name, ": ", value, "\n"] {
            self.headers.push_str(part);
        }
        self
    }

    /// Names the request otherwise than it is named here.
    #[must_use]
    pub fn request_id(mut self, id: String) -> Self {
        self.request_id = Some(id);
        self
    }

    /// Adds header lines.
    #[must_use]
    pub fn lines(mut self, lines: &str) -> Self {
        self.headers.push_str(lines);
        self
    }

    /// Makes the response. Nothing may keep it unless the handler said so.
    pub fn finish(self, request: &Request) -> Result<JsValue, Failure> {
        if let Body::Ready(response) = self.body {
            return Ok(response);
        }
        let mut headers = self.headers;
        if !headers.contains("cache-control: ") {
            headers.push_str("cache-control: no-store\n");
        }
        let id = self.request_id.as_deref().unwrap_or(&request.id);
        // A page of ours brings a policy of its own; nothing else is ever a page.
        let own_policy = headers.contains("content-security-policy: ");
        headers.push_str(&lines(id, request.host(), if own_policy { NO_SNIFFING } else { SANDBOX }));
        // What answers HEAD, and what has no body by its status, goes without.
        let bodiless = request.method() == "HEAD" || matches!(self.status, 204 | 304);
        match self.body {
            _ if bodiless => entry::native(self.status, &headers, &JsValue::NULL),
            Body::None | Body::Ready(_) => entry::native(self.status, &headers, &JsValue::NULL),
            Body::Text(text) => entry::text(self.status, &headers, &text),
            Body::Bytes(bytes) => entry::bytes(self.status, &headers, &bytes),
            Body::Native(body) => entry::native(self.status, &headers, &body),
        }
    }
}

/// Headers of every answer to request `id` on `host`.
pub fn common(id: &str, host: &str) -> String {
    lines(id, host, SANDBOX)
}

fn lines(id: &str, host: &str, policy: &str) -> String {
    let mut lines = ["x-request-id: ", id, "\n", policy].concat();
    if !is_loopback(host) {
        lines.push_str("strict-transport-security: max-age=31536000; includeSubDomains\n");
    }
    lines
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        Self::problem(&problem)
    }
}

/// A handler's result as an answer.
pub fn of(result: Result<Answer, Problem>) -> Answer {
    result.unwrap_or_else(Answer::from)
}
