//! Health and description of the deployment itself.

use crate::answer::Answer;
use crate::cors;
use crate::request::Request;
use moltghost_durable::bindings::d1;
use moltghost_protocol::error::{Code, Problem};

/// The contract, as JSON; written from `docs/openapi.yaml` by the build script.
const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// Version of the access layer.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Number of D1 migrations that this build needs.
const MIGRATIONS: u32 = 3;

/// Serves `/healthz`, `/readyz` and `/openapi.json`; `None` for any other path.
pub async fn serve(request: &Request) -> Option<Answer> {
    let path = request.path();
    if !matches!(path, "/healthz" | "/readyz" | "/openapi.json") {
        return None;
    }
    if !matches!(request.method(), "GET" | "HEAD") {
        let problem = Problem::new(Code::MethodNotAllowed, "This takes GET.");
        return Some(Answer::from(problem).header("allow", "GET, HEAD"));
    }
    Some(match path {
        "/healthz" => Answer::json_text(200, r#"{"status":"ok"}"#.to_owned()),
        "/readyz" => ready(request).await,
        _ => openapi(),
    })
}

/// The contract.
pub fn openapi() -> Answer {
    Answer::json_text(200, OPENAPI.to_owned())
        .lines(&cors::refusal_lines())
        .header("cache-control", "max-age=300")
}

/// Whether D1 answers and has all migrations. Calls of agents do not need it; what operators query does.
async fn ready(request: &Request) -> Answer {
    let Some(fault) = d1_fault(request).await else {
        return Answer::json_text(200, r#"{"status":"ready","d1":"ok"}"#.to_owned());
    };
    let body = serde_json::json!({ "status": "not_ready", "d1": fault });
    Answer::json(503, &body).header("retry-after", "5")
}

/// What is wrong with D1, and what to do; `None` where nothing is.
pub async fn d1_fault(request: &Request) -> Option<&'static str> {
    let asked = [("SELECT count(*) AS n FROM d1_migrations", vec![])];
    match d1::batch(&request.env, d1::Database::History, &asked).await {
        Ok(rows) => {
            let applied = serde_json::from_str::<serde_json::Value>(&rows)
                .ok()
                .and_then(|rows| rows.get(0)?.get("n")?.as_u64())
                .unwrap_or_default();
            (applied < u64::from(MIGRATIONS))
                .then_some("D1 lacks migrations. Run: wrangler d1 migrations apply DB --remote.")
        }
        Err(failure) => {
            crate::log("d1_unavailable", request, &failure.to_string());
            Some("D1 does not answer, or has no migrations. Run: wrangler d1 migrations apply DB --remote.")
        }
    }
}
