//! `GET /v1/network`, with what is wrong with D1 among its warnings, and that agents are attached who are in no room.
//!
//! Both are looked at behind the answer, once in a minute for each instance, so that no caller waits for it: what an
//! answer tells is what was found the last time. Nothing is decided by it.

use super::ask::{answered_wrongly, Asking};
use super::write;
use crate::answer::Answer;
use crate::request::Request;
use crate::system::migrations;
use moltghost_durable::bindings::d1::{self, Database};
use moltghost_durable::bindings::object::{call, Class};
use moltghost_durable::bindings::{entry, now, Failure};
use moltghost_protocol::moltnet::access::Mode;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::network::{Network, Warning};
use moltghost_protocol::moltnet::settings::{Delivery, Settings};
use moltghost_protocol::name;
use moltghost_protocol::object::hub::HubAsk;
use moltghost_protocol::object::network::{NetworkAsk, NetworkOp, Reply};
use moltghost_protocol::object::{read_outcome, write as write_object};
use moltghost_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use wasm_bindgen::JsValue;

/// Attached agents that are looked at.
const LOOKED_AT: usize = 5_000;

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
    look(asking.request, asking.settings);
    let found = FOUND.with_borrow(Clone::clone);
    if found.is_empty() {
        return Ok(write::json(status, body));
    }
    let unreadable = |error: serde_json::Error| MoltnetError::internal(error.to_string());
    let mut network: Network = serde_json::from_str(&body).map_err(unreadable)?;
    network.warnings.extend(found);
    Ok(write::json(status, serde_json::to_string(&network).map_err(unreadable)?))
}

/// Looks at D1 and at the attached agents behind the answer, unless that was done just now.
fn look(request: &Request, settings: &Settings) {
    let time = now();
    if time < LOOKED.get() + FRESH {
        return;
    }
    LOOKED.set(time);
    let limit = settings.d1_size_warning;
    let (env, home) = (request.env.clone(), settings.id.clone());
    // Elsewhere everybody is told of rooms that they are no members of.
    let told_as_members = settings.delivery == Delivery::Members && settings.mode() != Mode::None;
    let work = async move {
        let mut found = Vec::new();
        if told_as_members {
            // What cannot be asked now says nothing of the agents.
            found.extend(roomless(&env, &home).await.ok().flatten());
        }
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

/// Whether agents are attached who are in no room, of the first [`LOOKED_AT`].
async fn roomless(env: &JsValue, home: &str) -> Outcome<Option<Warning>> {
    let unreachable = |Failure(why): Failure| MoltnetError::unavailable(why);
    let presence = call(env, Class::Hub, &name::hub(home), &write_object(&HubAsk::Presence)).await;
    let mut attached: Vec<String> = read_outcome(&presence.map_err(unreachable)?)?;
    attached.truncate(LOOKED_AT);
    if attached.is_empty() {
        return Ok(None);
    }
    let op = NetworkOp::Roomless(attached);
    let ask = NetworkAsk::ours(op, String::new());
    let answer = call(env, Class::Network, &name::network(home), &write_object(&ask)).await;
    let Reply::Roomless(count) = read_outcome(&answer.map_err(unreachable)?)? else {
        return Err(answered_wrongly());
    };
    Ok((count > 0).then(|| {
        Warning::new(
            "warning",
            "attachments.roomless",
            format!("{count} attached {} in no room.", if count == 1 { "agent is" } else { "agents are" }),
            "Add them to rooms: they are told of nothing but public rooms and direct messages.",
        )
    }))
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
