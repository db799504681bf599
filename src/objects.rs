//! The way from the Worker to its objects, and the settlements that wait here for a ride.
//!
//! A settlement rides on the next request to the same agent from this instance; if none comes soon it goes alone. A
//! settlement that is lost with its instance is made up for by the lease that it would have ended.

use crate::request::Request;
use moltghost_durable::bindings::object::{call, call_while, ride, Class, Left, Place};
use moltghost_durable::bindings::tunnel::admit_over;
use moltghost_durable::bindings::Failure;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AgentId, Alias};
use moltghost_protocol::name::{self, AccountName};
use moltghost_protocol::object::account::{AccountAsk, AliasOp};
use moltghost_protocol::object::agent::{rider, Admission, Admit, AgentOp, Outcome, Settle};
use moltghost_protocol::object::{read_answer, write};
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// Aliases that are remembered, and agents behind tunnels.
const ALIASES: usize = 1_000;

thread_local! {
    static HOLDERS: RefCell<HashMap<Alias, AgentId>> = RefCell::default();
    static TUNNELS: RefCell<HashSet<AgentId>> = RefCell::default();
}

fn unreachable(request: &Request, failure: &Failure) -> Problem {
    crate::log("object_unreachable", request, &failure.to_string());
    Problem::new(
        Code::InternalError,
        "Something went wrong here before anything was done. Try again in a moment.",
    )
}

/// Where an agent's object is.
pub fn agent_at(id: &AgentId) -> Place {
    Place::of(Class::Agent, &name::agent(id))
}

/// A settlement by the way.
fn left(settle: &Settle) -> Left {
    Left::new(&rider(settle), &write(&AgentOp::Settle))
}

/// Asks an agent's object; what waits for it rides along.
///
/// # Errors
/// The object's refusal, or `internal_error` where it cannot be reached.
pub async fn agent<T: DeserializeOwned>(request: &Request, id: &AgentId, op: AgentOp) -> Result<T, Problem> {
    request.asked.set(true);
    match call(&request.env, Class::Agent, &name::agent(id), &write(&op)).await {
        Ok(answer) => logged(request, read_answer(&answer)),
        Err(failure) => Err(unreachable(request, &failure)),
    }
}

/// Asks to run a call, which may have to wait for its turn; a caller that leaves meanwhile leaves the queue.
///
/// # Errors
/// The object's refusal, or `internal_error` where it cannot be reached.
pub async fn admit(request: &Request, id: &AgentId, ask: Admit) -> Result<Admission, Problem> {
    let left = left(&Settle::unsent(ask.run.clone()));
    request.asked.set(true);
    let (object, message) = (agent_at(id), write(&AgentOp::Admit(Box::new(ask))));
    let answer = if TUNNELS.with_borrow(|tunnels| tunnels.contains(id)) {
        admit_over(&request.raw, &request.env, &object, &message, &left, &request.opened).await
    } else {
        call_while(&request.raw, &request.env, &object, &message, &left).await
    };
    let answer: Result<Admission, Problem> = match answer {
        Ok(answer) => logged(request, read_answer(&answer)),
        Err(failure) => Err(unreachable(request, &failure)),
    };
    if let Ok(Admission { outcome: Outcome::Run(target), .. }) = &answer {
        remember_way(id, target.tunnel().is_some());
    }
    answer
}

/// Remembers whether calls of an agent go over its tunnel: then the next one is admitted with the socket that it goes
/// over, and costs its object one request instead of two. Where that has changed, the answer says so.
fn remember_way(id: &AgentId, tunnel: bool) {
    TUNNELS.with_borrow_mut(|tunnels| {
        if !tunnel {
            tunnels.remove(id);
        } else if !tunnels.contains(id) {
            if tunnels.len() >= ALIASES {
                tunnels.clear();
            }
            tunnels.insert(id.clone());
        }
    });
}

/// Settles a run: with the next request to its agent, or alone.
pub fn settle(request: &Request, id: &AgentId, settle: &Settle) {
    let riding = ride(&request.ctx, &request.env, &agent_at(id), &left(settle));
    if let Err(failure) = riding {
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
    request.asked.set(true);
    match call(&request.env, Class::Account, &name.to_string(), &write(ask)).await {
        Ok(answer) => logged(request, read_answer(&answer)),
        Err(failure) => Err(unreachable(request, &failure)),
    }
}

/// What went wrong inside is for the log; the caller learns that it did.
pub fn shown(request: &Request, problem: Problem) -> Problem {
    if problem.code != Code::InternalError {
        return problem;
    }
    crate::log("object_failed", request, &problem.message);
    Problem { message: "Something went wrong here. Tell the operator.".to_owned(), ..problem }
}

fn logged<T>(request: &Request, answer: Result<T, Problem>) -> Result<T, Problem> {
    answer.map_err(|problem| shown(request, problem))
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
