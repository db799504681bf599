//! The control API and the network's, as a client sees them: one request, one answer, errors in the deployment's own
//! words.

use crate::dial::{dialer, reason, trust_advice, Dialer};
use crate::failure::{Failure, Kind};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::Duration;

/// Longest time to an answer. `start` waits for the first probe of a pod.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Largest answer that is read.
const MAX_ANSWER: usize = 32 * 1024 * 1024;
/// Tries of a request that may be sent twice.
const TRIES: u32 = 3;
/// What the program calls itself.
pub const AGENT: &str = concat!("moltghost-cli/", env!("CARGO_PKG_VERSION"));

/// A deployment, and the credential for it.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    http: Client<Dialer, Full<Bytes>>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
    key: Option<String>,
}

impl Call {
    /// Asks for something.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, key: None }
    }

    /// Has something done.
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, path: path.into(), body: Some(body), key: None }
    }

    /// Changes something.
    pub fn patch(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::PATCH, path: path.into(), body: Some(body), key: None }
    }

    /// Removes something.
    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, path: path.into(), body: None, key: None }
    }

    /// Sends an `Idempotency-Key`, so that the same request again makes nothing twice.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.key = Some(format!("cli-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)));
        self
    }

    fn repeatable(&self) -> bool {
        self.method != Method::POST || self.key.is_some()
    }
}

impl Api {
    /// A deployment at an address in its normal form.
    pub fn new(base: String, token: Option<String>) -> Self {
        Self { base, token, http: Client::builder(TokioExecutor::new()).build(dialer()) }
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The same deployment without a credential.
    #[must_use]
    pub fn anonymous(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// Sends a request and reads the answer as JSON.
    ///
    /// # Errors
    /// The refusal, in the deployment's words; or why there was no answer.
    pub async fn ask(&self, call: Call) -> Result<Value, Failure> {
        let (status, body) = self.answer(call).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|_| not_ours(&self.base));
        }
        Err(refusal(status, &body, &self.base))
    }

    /// Sends a request and reads whatever is answered.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn answer(&self, call: Call) -> Result<(StatusCode, Bytes), Failure> {
        let mut tries = if call.repeatable() { TRIES } else { 1 };
        loop {
            tries -= 1;
            let whole = async {
                let response = self.open(&call).await?;
                let status = response.status();
                let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
                body.map(|body| (status, body.to_bytes())).map_err(|error| {
                    Failure::new(
                        Kind::Unreachable,
                        format!("The answer of {} broke off: {error}.", self.base),
                    )
                })
            };
            let failure = match tokio::time::timeout(TIMEOUT, whole).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::new(
                    Kind::Unreachable,
                    format!("{} did not answer within {} s.", self.base, TIMEOUT.as_secs()),
                )
                .next("Try again; look at the deployment with: moltghost doctor"),
            };
            if tries == 0 {
                return Err(failure);
            }
            tokio::time::sleep(Duration::from_millis(fastrand::u64(100..600))).await;
        }
    }

    /// Sends a request; the answer's body is still to be read.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn open(&self, call: &Call) -> Result<Response<Incoming>, Failure> {
        let wrong = |what: String| Failure::new(Kind::Usage, what);
        let mut request = Request::builder()
            .method(&call.method)
            .uri(format!("{}{}", self.base, call.path))
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "application/json, text/event-stream");
        if let Some(token) = &self.token {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                Failure::new(Kind::Credential, "The token holds characters that no token has.")
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        let body = call.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body)).map_err(|error| wrong(error.to_string()))?;
        self.http.request(request).await.map_err(|error| {
            let why = reason(&error);
            let next = trust_advice(&why)
                .unwrap_or("Check the address and the network; moltghost doctor looks closer.");
            Failure::new(Kind::Unreachable, format!("{} cannot be reached: {why}.", self.base)).next(next)
        })
    }
}

/// A refusal of the control API (`{"error":{…}}`) or of the network (`{"code","error","request_id"}`).
pub fn refusal(status: StatusCode, body: &[u8], base: &str) -> Failure {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return not_ours(base);
    };
    let error = document.get("error").unwrap_or(&Value::Null);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let (message, code) = match error {
        Value::String(message) => (Some(message.clone()), text(document.get("code"))),
        _ => (text(error.get("message")), text(error.get("code"))),
    };
    let Some(message) = message else {
        return not_ours(base);
    };
    // The network refuses with 422 what cannot be, the control API what stands against what was.
    let unprocessable =
        status == StatusCode::UNPROCESSABLE_ENTITY && code.as_deref() != Some("idempotency_mismatch");
    let mut failure = Failure::new(if unprocessable { Kind::Usage } else { kind(status) }, message);
    failure.next = advice(code.as_deref()).map(str::to_owned);
    failure.code = code;
    failure.request_id = text(document.get("request_id"));
    failure
}

fn kind(status: StatusCode) -> Kind {
    match status.as_u16() {
        400 | 405 | 413 | 415 => Kind::Usage,
        401 | 403 => Kind::Credential,
        404 | 410 => Kind::NotFound,
        409 | 422 => Kind::Conflict,
        429 | 503 => Kind::Unavailable,
        421 | 502 | 504 => Kind::Unreachable,
        _ => Kind::Other,
    }
}

/// What to do here about a refusal whose own words speak of the API.
fn advice(code: Option<&str>) -> Option<&'static str> {
    Some(match code? {
        "invalid_token" => "Sign in again: moltghost login",
        "role_not_allowed" => "Ask an admin of the account for a token with that role.",
        "agent_not_found" => "List what there is: moltghost agent list",
        "not_configured" => "Look closer: moltghost doctor",
        _ => return None,
    })
}

fn not_ours(base: &str) -> Failure {
    Failure::new(Kind::Unreachable, format!("What answers at {base} is no MoltGhost deployment."))
        .next("Check the address: it is https://api.DOMAIN, or the one that make run prints.")
}

/// A text as one segment of a path (RFC 3986 §3.3).
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&moltghost_protocol::alphabet::hex(&[byte]).to_ascii_uppercase());
        }
    }
    out
}

/// The path of an agent, which an operator may name as `account/name`.
pub fn agent_path(agent: &str) -> String {
    let parts: Vec<String> = agent.splitn(2, '/').map(segment).collect();
    format!("/api/v1/agents/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_paths() {
        assert_eq!(agent_path("my agent"), "/api/v1/agents/my%20agent");
        assert_eq!(agent_path("acme/my-agent"), "/api/v1/agents/acme/my-agent");
        assert_eq!(agent_path("a/../b?c"), "/api/v1/agents/a/..%2Fb%3Fc");
    }

    #[test]
    fn both_forms_of_refusal_are_read() {
        let body = br#"{"error":{"message":"No.","type":"t","param":null,"code":"name_taken"}}"#;
        let failure = refusal(StatusCode::CONFLICT, body, "x");
        assert_eq!((failure.kind, failure.to_string().as_str()), (Kind::Conflict, "No. (name_taken)"));
        let body = br#"{"code":"forbidden","error":"no","request_id":"req_1"}"#;
        let failure = refusal(StatusCode::FORBIDDEN, body, "x");
        assert_eq!(failure.to_string(), "no (forbidden, request req_1)");
        for body in [&b"<html>"[..], b"{}", b"[]", b"null"] {
            assert_eq!(refusal(StatusCode::NOT_FOUND, body, "x").kind, Kind::Unreachable);
        }
    }
}
