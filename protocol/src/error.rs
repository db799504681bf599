//! Every refusal that the endpoint and control surfaces can give: its code, status, type and whether to try again
//! (agent-endpoints §9). The one place where an error becomes HTTP.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether a caller that tries again could succeed; SDKs obey it (`x-should-retry`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Retry {
    /// Not worth it: the same request fails again, or trying again could run the agent twice.
    No,
    /// Worth it after this many milliseconds.
    After(u32),
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:literal, $kind:literal, $retry:expr;)*) => {
        /// Stable code of a refusal.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, in the order of the contract.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as the caller reads it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }

            /// `error.type`.
            pub const fn kind(self) -> &'static str {
                match self { $(Code::$name => $kind,)* }
            }

            /// Whether trying again makes sense where nothing else is known.
            pub const fn retry(self) -> Retry {
                match self { $(Code::$name => $retry,)* }
            }
        }
    };
}

codes! {
    /// The body is not JSON; the message names line and column.
    InvalidJson = "invalid_json", 400, "invalid_request_error", Retry::No;
    /// The body or a parameter is not what the call takes; `param` names it.
    InvalidRequest = "invalid_request", 400, "invalid_request_error", Retry::No;
    /// A name in `tools` that the pod does not list among its skills.
    UnknownTool = "unknown_tool", 400, "invalid_request_error", Retry::No;
    /// A region that the documented list does not have; the message names those it has.
    UnknownRegion = "unknown_region", 400, "invalid_request_error", Retry::No;
    /// The body names another agent than the address does.
    AgentMismatch = "agent_mismatch", 400, "invalid_request_error", Retry::No;
    /// No key, a malformed, unknown, expired or revoked one, or another agent's.
    InvalidApiKey = "invalid_api_key", 401, "authentication_error", Retry::No;
    /// No token, or one that the control API does not know.
    InvalidToken = "invalid_token", 401, "authentication_error", Retry::No;
    /// Plain HTTP off loopback, or TLS below 1.2.
    HttpsRequired = "https_required", 403, "permission_error", Retry::No;
    /// The account token's role may not do this.
    RoleNotAllowed = "role_not_allowed", 403, "permission_error", Retry::No;
    /// The key is confined to other paths.
    PathNotAllowed = "path_not_allowed", 403, "permission_error", Retry::No;
    /// The agent does not allow browsers of this origin.
    OriginNotAllowed = "origin_not_allowed", 403, "permission_error", Retry::No;
    /// No such agent.
    AgentNotFound = "agent_not_found", 404, "not_found_error", Retry::No;
    /// The pending host of an agent that is not running yet.
    AgentNotReady = "agent_not_ready", 404, "not_found_error", Retry::No;
    /// The endpoint has no such route.
    UnsupportedEndpoint = "unsupported_endpoint", 404, "not_found_error", Retry::No;
    /// The agent has no such model.
    ModelNotFound = "model_not_found", 404, "not_found_error", Retry::No;
    /// The control API has no such route, account, token or key.
    NotFound = "not_found", 404, "not_found_error", Retry::No;
    /// The route exists; `Allow` names its methods.
    MethodNotAllowed = "method_not_allowed", 405, "invalid_request_error", Retry::No;
    /// The agent cannot go there from its state.
    InvalidState = "invalid_state", 409, "conflict_error", Retry::No;
    /// The name or alias belongs to something else.
    NameTaken = "name_taken", 409, "conflict_error", Retry::No;
    /// The agent was terminated, for ever.
    AgentTerminated = "agent_terminated", 410, "gone", Retry::No;
    /// The body is larger than the agent takes.
    RequestTooLarge = "request_too_large", 413, "invalid_request_error", Retry::No;
    /// A body that is not JSON by declaration, or compressed in a way that is not gzip.
    UnsupportedMediaType = "unsupported_media_type", 415, "invalid_request_error", Retry::No;
    /// No surface is served on this host.
    MisdirectedRequest = "misdirected_request", 421, "invalid_request_error", Retry::No;
    /// The same `Idempotency-Key` came with another body.
    IdempotencyMismatch = "idempotency_mismatch", 422, "invalid_request_error", Retry::No;
    /// The account has as many event streams open as it may.
    TooManyStreams = "too_many_streams", 429, "rate_limit_error", Retry::After(5_000);
    /// The key or the agent has no permit left in this minute.
    RateLimited = "rate_limited", 429, "rate_limit_error", Retry::After(1_000);
    /// A bug of ours, or an object that could not be reached.
    InternalError = "internal_error", 500, "internal_error", Retry::No;
    /// The pod answered with something that cannot be passed on.
    BadGateway = "bad_gateway", 502, "upstream_error", Retry::No;
    /// The agent starts.
    AgentInitializing = "agent_initializing", 503, "service_unavailable", Retry::After(5_000);
    /// No pod can be reached.
    AgentUnreachable = "agent_unreachable", 503, "service_unavailable", Retry::After(5_000);
    /// As many runs as the agent takes at once, and nobody left in time.
    AgentBusy = "agent_busy", 503, "service_unavailable", Retry::After(5_000);
    /// The owner paused the agent.
    AgentPaused = "agent_paused", 503, "service_unavailable", Retry::No;
    /// The agent could not be started.
    AgentFailed = "agent_failed", 503, "service_unavailable", Retry::No;
    /// The deployment lacks a secret.
    NotConfigured = "not_configured", 503, "service_unavailable", Retry::No;
    /// The run took longer than it may.
    Timeout = "timeout", 504, "timeout_error", Retry::No;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One refusal: a code, plain words that say what to do next, and what differs from the code's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The code.
    pub code: Code,
    /// Plain words for the caller.
    pub message: String,
    /// The parameter at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// Overrides [`Code::status`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Overrides [`Code::retry`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Further members of the error object, such as `stable_url`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<(String, String)>,
}

impl Problem {
    /// A refusal with the code's own defaults.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), param: None, status: None, retry: None, extra: Vec::new() }
    }

    /// Answers with another status than the code's.
    #[must_use]
    pub fn answered_with(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.status.unwrap_or(self.code.status())
    }

    /// Names the parameter at fault.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>) -> Self {
        self.param = Some(name.into());
        self
    }

    /// Says whether to try again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Adds a member to the error object.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.extra.push((name.to_owned(), value.into()));
        self
    }

    /// `{"error":{"message","type","param","code"}}`.
    pub fn body(&self) -> String {
        format!("{{\"error\":{}}}", self.object())
    }

    fn object(&self) -> String {
        let mut object = serde_json::Map::new();
        object.insert("message".into(), self.message.clone().into());
        object.insert("type".into(), self.code.kind().into());
        object.insert("param".into(), self.param.clone().into());
        object.insert("code".into(), self.code.as_str().into());
        for (name, value) in &self.extra {
            object.insert(name.clone(), value.clone().into());
        }
        serde_json::Value::Object(object).to_string()
    }

    /// The event that ends a stream which fails after its status line: SDKs raise it as an API error
    /// (agent-endpoints §7).
    pub fn event(&self) -> String {
        format!("data: {}\n\n", self.body())
    }

    /// Header lines (`name: value`) that tell SDKs whether and when to try again. `Retry-After` stays within
    /// 1-59 s, since one SDK version sleeps for any value it is given (agent-endpoints §9).
    pub fn retry_headers(&self) -> Vec<(&'static str, String)> {
        match self.retry.unwrap_or(self.code.retry()) {
            Retry::No => vec![("x-should-retry", "false".to_owned())],
            Retry::After(ms) => {
                let ms = ms.clamp(1, 59_000);
                vec![
                    ("x-should-retry", "true".to_owned()),
                    ("retry-after", ms.div_ceil(1_000).max(1).to_string()),
                    ("retry-after-ms", ms.to_string()),
                ]
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_the_four_documented_members_and_the_extra_ones() {
        let body = Problem::new(Code::AgentNotReady, "wait").with("stable_url", "https://x").body();
        let value: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(value["error"]["code"], "agent_not_ready");
        assert_eq!(value["error"]["type"], "not_found_error");
        assert_eq!(value["error"]["param"], serde_json::Value::Null);
        assert_eq!(value["error"]["stable_url"], "https://x");
    }

    #[test]
    fn retry_after_stays_between_one_and_fifty_nine_seconds() {
        let after = |ms| Problem::new(Code::AgentUnreachable, "").retry(Retry::After(ms)).retry_headers();
        for (ms, seconds, exact) in [(0, "1", "1"), (1_500, "2", "1500"), (3_600_000, "59", "59000")] {
            assert_eq!(after(ms)[1], ("retry-after", seconds.to_owned()));
            assert_eq!(after(ms)[2], ("retry-after-ms", exact.to_owned()));
        }
        assert_eq!(Problem::new(Code::AgentPaused, "").retry_headers(), [("x-should-retry", "false".into())]);
    }

    #[test]
    fn codes_are_unique_and_serialise_as_they_are_written() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{code}\""));
            assert_eq!(Code::ALL.iter().filter(|other| other.as_str() == code.as_str()).count(), 1);
        }
    }
}
