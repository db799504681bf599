//! The way from the Worker to its objects, and the settlements that wait here for a ride.
//!
//! A settlement rides on the next request to the same agent from this instance; if none comes soon it goes alone. A
//! settlement that is lost with its instance is made up for by the lease that it would have ended.

use crate::request::Request;
use moltghost_durable::bindings::object::{call, Class};
use moltghost_durable::bindings::{entry, Failure};
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::id::{AgentId, Alias};
use moltghost_protocol::name::{self, AccountName};
use moltghost_protocol::object::account::{AccountAsk, AliasOp};
use moltghost_protocol::object::agent::{AgentAsk, AgentOp, Settle};
use moltghost_protocol::object::{read_answer, write};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::HashMap;
use wasm_bindgen::JsValue;

/// How long a settlement waits for a ride.
const RIDE_MS: u32 = 10;

/// Times that a settlement is sent alone before it is left to its lease.
const SETTLE_ATTEMPTS: u32 = 3;

/// Aliases that are remembered.
const ALIASES: usize = 1_000;

thread_local! {
    static SETTLEMENTS: RefCell<HashMap<AgentId, Vec<Settle>>> = RefCell::default();
    static HOLDERS: RefCell<HashMap<Alias, AgentId>> = RefCell::default();
}

fn take_settlements(agent: &AgentId) -> Vec<Settle> {
    SETTLEMENTS.with_borrow_mut(|waiting| waiting.remove(agent).unwrap_or_default())
}

fn put_settlements(agent: &AgentId, settlements: Vec<Settle>) {
    if !settlements.is_empty() {
        SETTLEMENTS.with_borrow_mut(|waiting| waiting.entry(agent.clone()).or_default().extend(settlements));
    }
}

fn unreachable(request: &Request, failure: &Failure) -> Problem {
    crate::log("object_unreachable", request, &failure.to_string());
    Problem::new(
        Code::InternalError,
        "Something went wrong here before anything was done. Try again in a moment.",
    )
    .retry(Retry::After(1_000))
}

/// Asks an agent's object; what waits for it rides along.
///
/// # Errors
/// The object's refusal, or `internal_error` where it cannot be reached.
pub async fn agent<T: DeserializeOwned>(request: &Request, id: &AgentId, op: AgentOp) -> Result<T, Problem> {
    match send(&request.env, id, op).await {
        Ok(answer) => logged(request, read_answer(&answer)),
        Err(failure) => Err(unreachable(request, &failure)),
    }
}

async fn send(env: &JsValue, id: &AgentId, op: AgentOp) -> Result<String, Failure> {
    let ask = AgentAsk { op, settle: take_settlements(id) };
    let sent = call(env, Class::Agent, &name::agent(id), &write(&ask)).await;
    if sent.is_err() {
        put_settlements(id, ask.settle);
    }
    sent
}

/// Settles a run: with the next request to its agent, or alone.
pub fn settle(request: &Request, id: &AgentId, settle: Settle) {
    put_settlements(id, vec![settle]);
    let (env, id) = (request.env.clone(), id.clone());
    let alone = async move {
        for attempt in 1..=SETTLE_ATTEMPTS {
            if entry::sleep(RIDE_MS * attempt * attempt).await.is_err() {
                return;
            }
            let waits = SETTLEMENTS.with_borrow(|waiting| waiting.contains_key(&id));
            if !waits || send(&env, &id, AgentOp::Settle).await.is_ok() {
                return;
            }
        }
        entry::log(r#"{"event":"settlement_left_to_its_lease"}"#);
    };
    if let Err(failure) = entry::after(&request.ctx, alone) {
        crate::log("settlement_left_to_its_lease", request, &failure.to_string());
    }
}

/// Asks an object of the `Account` class.
///
/// # Errors
/// The object's refusal, or `internal_error` where it cannot be reached.
pub async fn account<T: DeserializeOwned>(
    request: &Request,
    name: &AccountName,
    ask: &AccountAsk,
) -> Result<T, Problem> {
    match call(&request.env, Class::Account, &name.to_string(), &write(ask)).await {
        Ok(answer) => logged(request, read_answer(&answer)),
        Err(failure) => Err(unreachable(request, &failure)),
    }
}

/// What went wrong inside is for the log; the caller learns that it did.
fn logged<T>(request: &Request, answer: Result<T, Problem>) -> Result<T, Problem> {
    answer.map_err(|problem| {
        if problem.code != Code::InternalError {
            return problem;
        }
        crate::log("object_failed", request, &problem.message);
        Problem { message: "Something went wrong here. Tell the operator.".to_owned(), ..problem }
    })
}

/// Who holds an alias, as far as this instance remembers; whoever uses it tells the object the alias too, so that a
/// memory that is out of date is found out.
///
/// # Errors
/// `agent_not_found`.
pub async fn holder(request: &Request, alias: &Alias) -> Result<AgentId, Problem> {
    if let Some(id) = HOLDERS.with_borrow(|holders| holders.get(alias).cloned()) {
        return Ok(id);
    }
    let ask = AccountAsk::Alias(AliasOp::Resolve);
    let id: AgentId = account(request, &AccountName::Alias(alias.clone()), &ask).await?;
    HOLDERS.with_borrow_mut(|holders| {
        if holders.len() >= ALIASES {
            holders.clear();
        }
        holders.insert(alias.clone(), id.clone());
    });
    Ok(id)
}

/// Forgets who holds an alias. Answers whether anything was remembered, so that asking again makes sense.
pub fn forget(alias: &Alias) -> bool {
    HOLDERS.with_borrow_mut(|holders| holders.remove(alias).is_some())
}
