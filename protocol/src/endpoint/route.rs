//! The routes of an endpoint (agent-endpoints §2). Nothing else of a pod can be reached: a path that is not in this
//! table does not exist, and what is sent to a pod comes from here, never from the caller.

use super::api::Api;
use crate::id::{AgentRef, IdError};

/// Longest id of a model in a path, decoded.
const MAX_MODEL_LENGTH: usize = 256;

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// `POST /v1/chat/completions`
    ChatCompletions,
    /// `POST /v1/chat`
    Chat,
    /// `POST /v1/tools`
    Tools,
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/responses`
    Responses,
    /// `GET /v1/models`
    Models,
    /// `GET /v1/models/{id}`
    Model,
    /// `GET /v1/health`
    Health,
    /// `GET /v1/status`
    Status,
    /// `POST /v1/ws-ticket`
    Ticket,
    /// `GET /ws`: an upgrade
    Socket,
    /// `GET /openapi.json`
    OpenApi,
    /// `GET /_connect`, an upgrade: a pod's connector.
    Connect,
}

impl Route {
    /// The route as documents write it: for logs and counters, never with an id in it.
    pub const fn pattern(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Chat => "/v1/chat",
            Self::Tools => "/v1/tools",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
            Self::Models => "/v1/models",
            Self::Model => "/v1/models/{id}",
            Self::Health => "/v1/health",
            Self::Status => "/v1/status",
            Self::Ticket => "/v1/ws-ticket",
            Self::Socket => "/ws",
            Self::OpenApi => "/openapi.json",
            Self::Connect => "/_connect",
        }
    }

    /// Methods for the `Allow` header.
    pub fn allow(self) -> &'static str {
        match self {
            _ if self.is_posted() => "POST, OPTIONS",
            Self::OpenApi | Self::Socket | Self::Connect => "GET, HEAD",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    /// Whether it takes POST, else GET.
    const fn is_posted(self) -> bool {
        self.api().is_some() || matches!(self, Self::Ticket)
    }

    /// Whether this is one of the paths of our own documents, which answer 202 while an agent starts
    /// (agent-endpoints §3).
    pub const fn is_documented(self) -> bool {
        matches!(self, Self::Chat | Self::Tools)
    }

    /// The API that a run on this route speaks; `None` where nothing runs.
    pub const fn api(self) -> Option<Api> {
        match self {
            Self::ChatCompletions => Some(Api::ChatCompletions),
            Self::Chat => Some(Api::Chat),
            Self::Tools => Some(Api::Tools),
            Self::Completions => Some(Api::Completions),
            Self::Embeddings => Some(Api::Embeddings),
            Self::Responses => Some(Api::Responses),
            Self::Models
            | Self::Model
            | Self::Health
            | Self::Status
            | Self::Ticket
            | Self::Socket
            | Self::OpenApi
            | Self::Connect => None,
        }
    }

    /// Finds the route of a request. `path` is without the query and not decoded; a trailing slash makes another,
    /// unknown path.
    pub fn find(method: &str, path: &str) -> Lookup {
        let (route, model) = match path {
            "/v1/chat/completions" => (Self::ChatCompletions, None),
            "/v1/chat" => (Self::Chat, None),
            "/v1/tools" => (Self::Tools, None),
            "/v1/completions" => (Self::Completions, None),
            "/v1/embeddings" => (Self::Embeddings, None),
            "/v1/responses" => (Self::Responses, None),
            "/v1/models" => (Self::Models, None),
            "/v1/health" => (Self::Health, None),
            "/v1/status" => (Self::Status, None),
            "/v1/ws-ticket" => (Self::Ticket, None),
            "/ws" => (Self::Socket, None),
            "/openapi.json" => (Self::OpenApi, None),
            "/_connect" => (Self::Connect, None),
            _ => match path.strip_prefix("/v1/models/").and_then(decode_model) {
                Some(model) => (Self::Model, Some(model)),
                None => return Lookup::Unknown,
            },
        };
        let posted = route.is_posted();
        match method {
            "POST" if posted => Lookup::Found { route, model, head: false },
            "GET" | "HEAD" if !posted => Lookup::Found { route, model, head: method == "HEAD" },
            "OPTIONS" if !matches!(route, Self::OpenApi | Self::Socket | Self::Connect) => {
                Lookup::Options { route, allow: route.allow() }
            }
            _ => Lookup::MethodNotAllowed { route, allow: route.allow() },
        }
    }
}

/// What a method and a path lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// A route.
    Found {
        /// Which.
        route: Route,
        /// Id in the path of [`Route::Model`], decoded.
        model: Option<String>,
        /// The same as GET, without the body.
        head: bool,
    },
    /// `OPTIONS` of a route: a browser's preflight.
    Options {
        /// Which.
        route: Route,
        /// For the `Allow` header.
        allow: &'static str,
    },
    /// The route exists with other methods.
    MethodNotAllowed {
        /// Which.
        route: Route,
        /// For the `Allow` header.
        allow: &'static str,
    },
    /// No such path.
    Unknown,
}

/// Splits `/agents/<agent>/v1/…` into the agent and `/v1/…`; `None` for any other path. The rest is empty where
/// nothing follows the agent.
pub fn split_agent_path(path: &str) -> Option<(Result<AgentRef, IdError>, &str)> {
    let rest = path.strip_prefix("/agents/")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (agent, rest) = rest.split_at_checked(end)?;
    Some((AgentRef::parse(agent), rest))
}

/// The id of a model as it stands in a path; it may hold slashes, as `meta-llama/Llama-3` does. `None` if it is
/// empty, too long, not UTF-8, ends in a slash, or holds a control character.
fn decode_model(text: &str) -> Option<String> {
    if text.is_empty() || text.ends_with('/') || text.len() > 3 * MAX_MODEL_LENGTH {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?
        } else {
            byte
        });
    }
    let model = String::from_utf8(bytes).ok()?;
    (model.len() <= MAX_MODEL_LENGTH && !model.chars().any(char::is_control)).then_some(model)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::AgentId;
    use proptest::prelude::*;

    fn found(method: &str, path: &str) -> Option<(Route, Option<String>)> {
        match Route::find(method, path) {
            Lookup::Found { route, model, .. } => Some((route, model)),
            _ => None,
        }
    }

    #[test]
    fn every_documented_route_is_found_by_its_method() {
        for (method, path, route) in [
            ("POST", "/v1/chat/completions", Route::ChatCompletions),
            ("POST", "/v1/chat", Route::Chat),
            ("POST", "/v1/tools", Route::Tools),
            ("POST", "/v1/completions", Route::Completions),
            ("POST", "/v1/embeddings", Route::Embeddings),
            ("POST", "/v1/responses", Route::Responses),
            ("GET", "/v1/models", Route::Models),
            ("GET", "/v1/health", Route::Health),
            ("HEAD", "/v1/status", Route::Status),
            ("POST", "/v1/ws-ticket", Route::Ticket),
            ("GET", "/ws", Route::Socket),
            ("GET", "/openapi.json", Route::OpenApi),
            ("GET", "/_connect", Route::Connect),
        ] {
            assert_eq!(found(method, path), Some((route, None)), "{method} {path}");
            assert_eq!(route.pattern(), path);
            let runs = method == "POST" && route != Route::Ticket;
            assert_eq!(route.api().map(Api::path), runs.then_some(path));
        }
    }

    #[test]
    fn a_wrong_method_is_told_apart_from_an_unknown_path() {
        let refused = |allow| Lookup::MethodNotAllowed { route: Route::Chat, allow };
        assert_eq!(Route::find("GET", "/v1/chat"), refused("POST, OPTIONS"));
        assert_eq!(Route::find("post", "/v1/chat"), refused("POST, OPTIONS"));
        let allow = "GET, HEAD, OPTIONS";
        assert_eq!(
            Route::find("DELETE", "/v1/models/a"),
            Lookup::MethodNotAllowed { route: Route::Model, allow }
        );
        for upgrade in [Route::Socket, Route::Connect] {
            let path = upgrade.pattern();
            assert_eq!(Route::find("HEAD", path), Lookup::Found { route: upgrade, model: None, head: true });
            let refused = Lookup::MethodNotAllowed { route: upgrade, allow: "GET, HEAD" };
            assert_eq!(Route::find("OPTIONS", path), refused);
        }
        assert_eq!(Route::find("OPTIONS", "/v1/models"), Lookup::Options { route: Route::Models, allow });
        for path in
            ["", "/", "/v1", "/v1/chat/", "/v1/models/", "/V1/chat", "/v1/chat/completions/", "//v1/chat"]
        {
            assert_eq!(Route::find("POST", path), Lookup::Unknown, "{path}");
        }
    }

    #[test]
    fn the_id_of_a_model_is_decoded_and_may_hold_slashes() {
        let model = |path| found("GET", path).and_then(|(_, model)| model);
        assert_eq!(model("/v1/models/qwen3:8b").as_deref(), Some("qwen3:8b"));
        assert_eq!(model("/v1/models/meta-llama/Llama-3").as_deref(), Some("meta-llama/Llama-3"));
        assert_eq!(model("/v1/models/meta-llama%2FLlama%203").as_deref(), Some("meta-llama/Llama 3"));
        assert_eq!(model("/v1/models/%C3%A9").as_deref(), Some("é"));
        for bad in ["%", "%2", "%zz", "%ff", "%00", "%0a", "a/", &"a".repeat(257), &"%41".repeat(257)] {
            assert_eq!(Route::find("GET", &format!("/v1/models/{bad}")), Lookup::Unknown, "{bad}");
        }
    }

    #[test]
    fn the_agent_is_split_off_a_path() {
        let id = AgentId::mint(5);
        let path = format!("/agents/{id}/v1/chat");
        assert_eq!(split_agent_path(&path), Some((Ok(AgentRef::Id(id.clone())), "/v1/chat")));
        assert_eq!(split_agent_path(&format!("/agents/{id}")), Some((Ok(AgentRef::Id(id)), "")));
        assert!(matches!(split_agent_path("/agents/demo-agent/"), Some((Ok(AgentRef::Alias(_)), "/"))));
        assert!(matches!(split_agent_path("/agents//v1/chat"), Some((Err(_), "/v1/chat"))));
        assert!(matches!(split_agent_path("/agents/%2e%2e/v1"), Some((Err(_), "/v1"))));
        for path in ["/agents", "/agent/x/v1", "/v1/chat", "agents/x/"] {
            assert_eq!(split_agent_path(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(method in "[A-Z]{0,7}", path in "(/v1/models/|/agents/|/)?\\PC*") {
            let _ = (Route::find(&method, &path), split_agent_path(&path));
        }
    }
}
