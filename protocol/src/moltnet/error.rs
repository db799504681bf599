//! Refusals of the network surface, in the shape that Moltnet clients read: `{"code","error","request_id"}`. The one
//! place where such a refusal becomes HTTP.

use crate::error::Problem;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One refusal: a status, from which the code follows, and plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoltnetError {
    /// HTTP status.
    pub status: u16,
    /// What is wrong and what to do next. From 500 on it is for the log alone: the caller reads the status text.
    pub message: String,
    /// Seconds after which trying again makes sense, for 429 and 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// What most of the network's functions give.
pub type Outcome<T> = Result<T, MoltnetError>;

impl MoltnetError {
    /// A refusal with any status.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// 400: the body is not what it must be.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 401: no credential, or one that is not known.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, message)
    }

    /// 403: the caller may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// 409: somebody else has it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }

    /// 422: readable, but not allowed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, message)
    }

    /// 429 `rate_limited`: too many, until `seconds` have passed.
    pub fn rate_limited(message: impl Into<String>, seconds: u32) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..Self::new(429, message) }
    }

    /// 503: a part that this needs does not answer; `detail` is for the log.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self { retry_after: Some(5), ..Self::new(503, detail) }
    }

    /// 500: a bug of ours, or storage that failed; `detail` is for the log.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(500, detail)
    }

    /// The code, which follows from the status.
    pub fn code(&self) -> &'static str {
        match self.status {
            400 => "bad_request",
            401 => "unauthorized",
            403 => "forbidden",
            404 => "not_found",
            409 => "conflict",
            422 => "unprocessable_entity",
            429 => "rate_limited",
            502 => "bad_gateway",
            503 => "service_unavailable",
            _ => "internal_error",
        }
    }

    /// What the caller reads: from 500 on, nothing of what happened inside.
    pub fn public_message(&self) -> &str {
        match self.status {
            ..500 => &self.message,
            502 => "bad gateway",
            503 => "service unavailable",
            504 => "gateway timeout",
            _ => "internal server error",
        }
    }

    /// The body of the answer, with the newline that the original ends documents with.
    pub fn body(&self, request_id: &str) -> String {
        let envelope = serde_json::json!({
            "code": self.code(), "error": self.public_message(), "request_id": request_id,
        });
        format!("{envelope}\n")
    }
}

impl fmt::Display for MoltnetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.message)
    }
}

impl std::error::Error for MoltnetError {}

impl From<Problem> for MoltnetError {
    /// What failed inside; refusals of other surfaces have no shape here.
    fn from(problem: Problem) -> Self {
        Self::internal(problem.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_follows_from_the_status_and_inner_failures_stay_inside() {
        let refused = MoltnetError::invalid("room id is required");
        assert_eq!(
            refused.body("req_1"),
            "{\"code\":\"unprocessable_entity\",\"error\":\"room id is required\",\"request_id\":\"req_1\"}\n"
        );
        assert_eq!(MoltnetError::rate_limited("slow down", 0).retry_after, Some(1));
        for (status, code, text) in [
            (502, "bad_gateway", "bad gateway"),
            (503, "service_unavailable", "service unavailable"),
            (504, "internal_error", "gateway timeout"),
            (500, "internal_error", "internal server error"),
        ] {
            let error = MoltnetError::new(status, "disk on fire");
            assert_eq!((error.code(), error.public_message()), (code, text));
        }
    }
}
