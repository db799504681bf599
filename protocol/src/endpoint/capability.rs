//! What a pod serves besides `/v1/chat/completions` (agent-endpoints §2): asked with requests that can run nothing,
//! and judged by how it refuses them.
//!
//! A route that takes a body is sent `{}`, in which there is nothing to answer: where the route exists the pod says
//! what is missing, where it does not the pod says 404 or 405.

use super::api::Api;
use crate::error::{Code, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How much of an answer is read to judge it, in bytes.
pub const MAX_ANSWER: u32 = 64 * 1024;

/// What a pod serves; `None` where its answer did not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// `POST /v1/completions`
    pub completions: Option<bool>,
    /// `GET /v1/models`
    pub models: Option<bool>,
    /// `POST /v1/embeddings`
    pub embeddings: Option<bool>,
    /// `POST /v1/responses`
    pub responses: Option<bool>,
    /// `POST /v1/tools`
    pub tools: Option<bool>,
    /// `GET /v1/tools`: a list of skills.
    pub skills: Option<bool>,
}

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Method of the request.
    pub method: &'static str,
    /// Path at the pod.
    pub path: &'static str,
}

impl Question {
    /// The body to send; `None` where the method takes none.
    pub fn body(self) -> Option<&'static [u8]> {
        (self.method == "POST").then_some(b"{}")
    }
}

/// Every question, in the order that [`Capabilities::of`] takes the answers in.
pub const QUESTIONS: [Question; 6] = [
    Question { method: "GET", path: "/v1/models" },
    Question { method: "POST", path: "/v1/completions" },
    Question { method: "POST", path: "/v1/embeddings" },
    Question { method: "POST", path: "/v1/responses" },
    Question { method: "POST", path: "/v1/tools" },
    Question { method: "GET", path: "/v1/tools" },
];

impl Capabilities {
    /// What the answers to [`QUESTIONS`] tell, each a status and a body; `None` for no answer.
    pub fn of(answers: &[Option<(u16, String)>]) -> Self {
        let told = |at: usize| answers.get(at).and_then(Option::as_ref);
        let exists = |at: usize| told(at).and_then(|(status, body)| exists(*status, body.as_bytes()));
        Self {
            // A list is of no one model, so its 404 is about the route.
            models: told(0).and_then(|(status, _)| self::exists(*status, b"")),
            completions: exists(1),
            embeddings: exists(2),
            responses: exists(3),
            tools: exists(4),
            skills: exists(5)
                .and_then(|there| told(5).map(|(_, body)| there && super::skills::listed(body).is_some())),
        }
    }

    /// Whether the pod is known to have the route of `api`, which it need not have.
    pub fn claims(&self, api: Api) -> bool {
        let there = match api {
            Api::Completions => self.completions,
            Api::Embeddings => self.embeddings,
            Api::Responses => self.responses,
            Api::Tools => self.tools,
            Api::ChatCompletions | Api::Chat => None,
        };
        there == Some(true)
    }

    /// Whether the pod is known to lack a route.
    pub fn lacks(&self, method: &str, path: &str) -> bool {
        let there = match (method, path) {
            ("GET", "/v1/models") => self.models,
            ("POST", "/v1/completions") => self.completions,
            ("POST", "/v1/embeddings") => self.embeddings,
            ("POST", "/v1/responses") => self.responses,
            ("POST", "/v1/tools") => self.tools,
            ("GET", "/v1/tools") => self.skills,
            _ => None,
        };
        there == Some(false)
    }

    /// What several pods serve together: what one of them has, as far as it is known.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let or = |one: Option<bool>, other: Option<bool>| match (one, other) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
        Self {
            completions: or(self.completions, other.completions),
            models: or(self.models, other.models),
            embeddings: or(self.embeddings, other.embeddings),
            responses: or(self.responses, other.responses),
            tools: or(self.tools, other.tools),
            skills: or(self.skills, other.skills),
        }
    }

    /// Whether a call of `api` can be made of the pod, as far as it is known.
    ///
    /// # Errors
    /// `unsupported_endpoint`.
    pub fn check(&self, api: Api) -> Result<(), Problem> {
        let there = match api {
            Api::Completions => self.completions,
            Api::Embeddings => self.embeddings,
            Api::Responses => self.responses,
            Api::ChatCompletions | Api::Chat | Api::Tools => None,
        };
        if there == Some(false) {
            Err(unsupported(api))
        } else {
            Ok(())
        }
    }
}

/// `unsupported_endpoint` for what a pod does not serve.
pub fn unsupported(api: Api) -> Problem {
    let message = format!("The agent's pod has no {}. /v1/status shows what it serves.", api.path());
    Problem::new(Code::UnsupportedEndpoint, message)
}

/// Whether a pod that answers like this has the route; `None` where the answer does not tell: it refuses whoever
/// asks, or a proxy before it answers.
pub fn exists(status: u16, body: &[u8]) -> Option<bool> {
    match status {
        404 => Some(misses_a_model(body)),
        405 | 501 => Some(false),
        0..=199 | 300..=399 | 401 | 403 | 407 | 502..=504 | 520..=530 => None,
        _ => Some(true),
    }
}

/// Whether a 404 is about a model, which `{}` does not name, and not about the route.
fn misses_a_model(body: &[u8]) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return false };
    let error = body.get("error").unwrap_or(&body);
    let says = |name: &str, what: &str| {
        error.get(name).and_then(Value::as_str).is_some_and(|text| text.to_ascii_lowercase().contains(what))
    };
    says("param", "model") || says("code", "model") || says("message", "model")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_body_shows_that_the_route_is_there() {
        for status in [200, 201, 400, 408, 409, 413, 415, 422, 429, 500] {
            assert_eq!(exists(status, b""), Some(true), "{status}");
        }
        for status in [405, 501] {
            assert_eq!(exists(status, b"{}"), Some(false), "{status}");
        }
        for status in [0, 101, 302, 401, 403, 407, 502, 503, 504, 522, 530] {
            assert_eq!(exists(status, b"{}"), None, "{status}");
        }
    }

    #[test]
    fn a_404_about_a_model_is_not_one_about_the_route() {
        for body in [
            r#"{"object":"error","message":"The model `None` does not exist.","type":"NotFoundError","code":404}"#,
            r#"{"error":{"message":"not here","param":"model","code":null}}"#,
            r#"{"error":{"message":"not here","code":"model_not_found"}}"#,
        ] {
            assert_eq!(exists(404, body.as_bytes()), Some(true), "{body}");
        }
        for body in [
            "",
            "404 page not found",
            "<html>model</html>",
            r#"{"detail":"Not Found"}"#,
            r#"{"error":{"message":"Invalid URL (POST /v1/tools)","code":"unknown_url"}}"#,
            "[1]",
        ] {
            assert_eq!(exists(404, body.as_bytes()), Some(false), "{body}");
        }
    }

    #[test]
    fn only_what_is_known_to_be_missing_is_refused() {
        let known =
            Capabilities { embeddings: Some(false), completions: Some(true), ..Capabilities::default() };
        for api in Api::ALL {
            let refused = known.check(api).map_err(|problem| problem.code);
            let wanted = if api == Api::Embeddings { Err(Code::UnsupportedEndpoint) } else { Ok(()) };
            assert_eq!(refused, wanted, "{api:?}");
        }
    }

    #[test]
    fn of_several_pods_each_is_asked_for_what_it_has() {
        let one = Capabilities { tools: Some(true), models: Some(false), ..Capabilities::default() };
        let other = Capabilities { tools: Some(false), models: Some(false), ..Capabilities::default() };
        let both = one.or(other);
        assert_eq!((both.tools, both.models, both.skills), (Some(true), Some(false), None));
        assert_eq!(one.or(Capabilities::default()).models, None);
        assert!(other.lacks("POST", "/v1/tools") && !one.lacks("POST", "/v1/tools"));
        assert!(!other.lacks("GET", "/v1/tools") && !other.lacks("POST", "/v1/chat/completions"));
    }

    #[test]
    fn answers_become_capabilities_in_their_order() {
        let told = |status: u16, body: &str| Some((status, body.to_owned()));
        let found = Capabilities::of(&[
            told(404, r#"{"error":{"message":"there is no /v1/models"}}"#),
            told(400, "{}"),
            told(404, ""),
            None,
            told(422, "{}"),
            told(200, r#"{"data":[{"id":"a"}]}"#),
        ]);
        let wanted = Capabilities {
            models: Some(false),
            completions: Some(true),
            embeddings: Some(false),
            responses: None,
            tools: Some(true),
            skills: Some(true),
        };
        assert_eq!(found, wanted);
        let page = Capabilities::of(&[None, None, None, None, None, told(200, "<html>")]);
        assert_eq!(page.skills, Some(false));
        assert_eq!(Capabilities::of(&[]), Capabilities::default());
        assert_eq!(serde_json::from_str::<Capabilities>("{}").unwrap(), Capabilities::default());
    }
}
