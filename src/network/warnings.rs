//! `GET /v1/network`, with what is wrong with D1 among its warnings.
//!
//! D1 is looked at behind the answer, once in a minute for each instance, so that no caller waits for it: what an
//! answer tells is what was found the last time. Nothing is decided by it.

use super::ask::Asking;
use super::write;
use crate::answer::Answer;
use crate::request::Request;
use crate::system::migrations;
use moltghost_durable::bindings::d1::{self, Database};
use moltghost_durable::bindings::{entry, now};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::network::{Network, Warning};
use moltghost_protocol::object::network::{NetworkOp, Reply};
use moltghost_protocol::time::Millis;
use std::cell::{Cell, RefCell};

/// How long is relied on what was found.
const FRESH: Millis = 60_000;

thread_local! {
    static LOOKED: Cell<Millis> = const { Cell::new(0) };
    static FOUND: RefCell<Vec<Warning>> = const { RefCell::new(Vec::new()) };
}

/// `GET /v1/network`.
///
/// # Errors
/// The gate's refusal.
pub async fn network(asking: &Asking<'_>) -> Outcome<Answer> {
    let Reply::Document { status, body } = asking.network(NetworkOp::Network).await? else {
        return Err(MoltnetError::internal("the network's object answered something else"));
    };
    look(asking.request, asking.settings.d1_size_warning);
    let found = FOUND.with_borrow(Clone::clone);
    if found.is_empty() {
        return Ok(write::json(status, body));
    }
    let unreadable = |error: serde_json::Error| MoltnetError::internal(error.to_string());
    let mut network: Network = serde_json::from_str(&body).map_err(unreadable)?;
    network.warnings.extend(found);
    Ok(write::json(status, serde_json::to_string(&network).map_err(unreadable)?))
}

/// Looks at D1 behind the answer, unless that was done just now.
fn look(request: &Request, limit: u64) {
    let time = now();
    if time < LOOKED.get() + FRESH {
        return;
    }
    LOOKED.set(time);
    let env = request.env.clone();
    let work = async move {
        let mut found = Vec::new();
        for database in [Database::History, Database::Search] {
            // One that does not answer, or is not there, says nothing of itself; readiness and the lag do.
            if let Ok(state) = d1::state(&env, database).await {
                found.extend(faults(database, state, limit));
            }
        }
        FOUND.replace(found);
    };
    if let Err(failure) = entry::after(&request.ctx, work) {
        crate::log("d1_not_looked_at", request, &failure.to_string());
    }
}

/// What is wrong with a database.
fn faults(database: Database, state: d1::State, limit: u64) -> Vec<Warning> {
    let (name, needed) = (database.binding(), migrations(database));
    let mut found = Vec::new();
    if state.size >= limit {
        found.push(Warning::new(
            "warning",
            "storage.d1.size",
            format!("The D1 database {name} has {} bytes; {limit} are set as the most.", state.size),
            "Export and delete old rows before D1's own limit is reached, or raise D1_SIZE_WARNING.",
        ));
    }
    if state.migrations < needed {
        found.push(Warning::new(
            "error",
            "schema.migration_pending",
            format!("The D1 database {name} lacks {} of {needed} migrations.", needed - state.migrations),
            "Run wrangler d1 migrations apply for it; make deploy does.",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_told_at_its_edge() {
        let codes = |migrations, size| -> Vec<String> {
            let state = d1::State { migrations, size };
            faults(Database::Search, state, 100).into_iter().map(|warning| warning.code).collect()
        };
        let needed = migrations(Database::Search);
        assert!(codes(needed, 99).is_empty());
        assert!(codes(needed + 1, 0).is_empty());
        assert_eq!(codes(needed, 100), ["storage.d1.size"]);
        assert_eq!(codes(needed - 1, 100), ["storage.d1.size", "schema.migration_pending"]);
    }
}
