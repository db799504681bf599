//! Answers of the network surface: documents with the newline that the original ends them with, refusals in its
//! envelope, and the plain texts of its router.

use crate::answer::Answer;
use crate::request::Request;
use moltghost_protocol::moltnet::error::MoltnetError;

/// Which id a request is answered with: its own, where that is one.
pub fn request_id(request: &Request) -> String {
    let own = request.head.header("x-request-id").map(str::trim).unwrap_or_default();
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
    if (1..=128).contains(&own.len()) && own.bytes().all(known) {
        own.to_owned()
    } else {
        request.id.clone()
    }
}

/// A document that is JSON already.
pub fn json(status: u16, mut body: String) -> Answer {
    body.push('\n');
    Answer::json_text(status, body)
}

/// A refusal. What happened inside is for the log.
pub fn refusal(request: &Request, error: &MoltnetError, id: &str) -> Answer {
    if error.status >= 500 {
        crate::log("network_failed", request, &error.to_string());
    }
    let answer = Answer::json_text(error.status, error.body(id));
    match error.retry_after {
        Some(seconds) => answer.header("retry-after", &seconds.to_string()),
        None => answer,
    }
}

/// 503 `not_configured`: the network is not served, and why.
pub fn not_configured(why: &str, id: &str) -> Answer {
    let envelope = serde_json::json!({ "code": "not_configured", "error": why, "request_id": id });
    json(503, envelope.to_string()).request_id(id.to_owned())
}

/// A plain text.
pub fn plain(status: u16, text: &str) -> Answer {
    Answer::text(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// 405.
pub fn not_allowed(allow: &str) -> Answer {
    plain(405, "Method Not Allowed").header("allow", allow)
}

/// 307 to a path of ours, with the query or without.
pub fn redirect(request: &Request, path: &str, with_query: bool) -> Answer {
    let query = request.head.url().split_once('?').map(|(_, query)| query).filter(|_| with_query);
    let location = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    Answer::empty(307).header("location", &location)
}
