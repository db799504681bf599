//! Health and description of the deployment itself.

use crate::answer::Answer;
use crate::cors;
use crate::request::Request;
use moltghost_durable::bindings::d1::{self, Database};
use moltghost_protocol::error::{Code, Problem};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

thread_local! {
    /// The contract, as JSON: a text of JavaScript's, since the Wasm is no place for it.
    static CONTRACT: RefCell<JsValue> = const { RefCell::new(JsValue::NULL) };
}

/// Takes the contract that is served. Called by the entry for each instance.
#[allow(unsafe_code, reason = "written by the macro")]
#[wasm_bindgen]
pub fn describe(contract: JsValue) {
    CONTRACT.set(contract);
}

/// Version of the access layer.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

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
    Answer::json_native(200, CONTRACT.with_borrow(JsValue::clone))
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
    match d1::state(&request.env, Database::History).await {
        Ok(state) => (state.migrations < migrations(Database::History))
            .then_some("D1 lacks migrations. Run: wrangler d1 migrations apply DB --remote."),
        Err(failure) => {
            crate::log("d1_unavailable", request, &failure.to_string());
            Some("D1 does not answer. Look at Cloudflare's status; nothing but search and queries waits for it.")
        }
    }
}

/// Number of migrations that this build needs of a database.
pub fn migrations(database: Database) -> u32 {
    match database {
        Database::History => 3,
        Database::Search => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_are_all_that_there_are() {
        for (database, folder) in [(Database::History, "migrations"), (Database::Search, "migrations/search")]
        {
            let files = std::fs::read_dir(folder).unwrap().filter_map(Result::ok);
            let count = files.filter(|file| file.path().extension().is_some_and(|e| e == "sql")).count();
            assert_eq!(u32::try_from(count).unwrap(), migrations(database), "{folder}");
        }
    }
}
