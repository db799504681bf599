//! The filter in front of agents' objects (agent-endpoints §5): it keeps floods from them, and never refuses what they
//! would admit (docs/decisions/0014).
//!
//! Two kinds of refusal can be given without an object. A key that this instance saw refused is refused for good, so
//! where its address sends many such keys it is not asked about again. A key over its limit in a flood is asked
//! about once for all of its calls that came meanwhile: each is refused by a decision that the object made after that
//! call had arrived. Who sends much is counted by the rate-limit binding; without it there is no filter.

use super::Called;
use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::{entry, now};
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::id::AgentId;
use moltghost_protocol::limit::Rate;
use moltghost_protocol::object::agent::{Admission, Admit, Outcome};
use moltghost_protocol::time::Millis;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// The period of the binding: how long an address that sends wrong keys is held up.
const PERIOD_MS: u32 = 10_000;

/// How often who waits for another's answer looks for it.
const LOOK_MS: u32 = 10;

/// How often it looks before it asks by itself, and how long it waits for who asks.
const LOOKS: u32 = 200;
const ASKING: Millis = 2_000;

/// Most entries of each kind; when there are more, all are forgotten.
const MOST: usize = 1_000;

const PURPOSE: &str = "moltghost/flood/v1";

/// Calls that are answered alike, as a digest: what callers send may be long, and is not kept.
type Group = [u8; 32];

/// A decision that others may share.
struct Shared {
    /// When it was asked for, in the order of this instance.
    asked: u64,
    /// The largest body that it was asked for: a larger one may be refused for that.
    body_bytes: u64,
    cors: Vec<String>,
    problem: Problem,
    rate: Option<Rate>,
}

/// Calls of one key that are over its limit.
#[derive(Default)]
struct Flood {
    shared: Option<Shared>,
    /// Since when somebody is asking.
    asking: Option<Millis>,
}

#[derive(Default)]
struct State {
    /// Addresses that sent many wrong keys, and until when they are held up.
    addresses: HashMap<String, Millis>,
    /// Keys that an agent has refused.
    refused: HashSet<(AgentId, String)>,
    floods: HashMap<Group, Flood>,
    /// Arrivals and questions so far.
    order: u64,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// Refuses a key without asking anybody, where its address sends many wrong ones and this one is known to be; `agent` and
/// `key` are `None` for what cannot be a key.
///
/// # Errors
/// `rate_limited`.
pub fn check_key(request: &Request, known: Option<(&AgentId, &str)>) -> Result<(), Problem> {
    if STATE.with_borrow(|state| state.addresses.is_empty()) {
        return Ok(());
    }
    let Some(address) = address(request) else { return Ok(()) };
    let held_up = STATE.with_borrow_mut(|state| {
        let until = state.addresses.get(&address)?;
        if *until <= now() {
            state.addresses.remove(&address);
            return None;
        }
        match known {
            Some((agent, key)) if !state.refused.contains(&(agent.clone(), key.to_owned())) => None,
            _ => Some(()),
        }
    });
    match held_up {
        None => Ok(()),
        Some(()) => Err(Problem::new(
            Code::RateLimited,
            "Many calls with keys that open nothing came from this address. Check the Authorization header, then try \
             again in ten seconds.",
        )
        .retry(Retry::After(PERIOD_MS))),
    }
}

/// Notes that a key was refused; see [`check_key`].
pub fn refused(request: &Request, known: Option<(&AgentId, &str)>) {
    let Some(address) = address(request).filter(|_| request.has_filter()) else { return };
    if let Some((agent, key)) = known {
        STATE.with_borrow_mut(|state| {
            make_room(&mut state.refused);
            state.refused.insert((agent.clone(), key.to_owned()));
        });
    }
    let env = request.env.clone();
    let counting = async move {
        if !entry::within_limit(&env, &format!("address {address}")).await {
            STATE.with_borrow_mut(|state| {
                if state.addresses.len() >= MOST {
                    state.addresses.clear();
                }
                state.addresses.insert(address, now() + Millis::from(PERIOD_MS));
            });
        }
    };
    if let Err(failure) = entry::after(&request.ctx, counting) {
        crate::log("filter_failed", request, &failure.to_string());
    }
}

fn make_room(refused: &mut HashSet<(AgentId, String)>) {
    if refused.len() >= MOST {
        refused.clear();
    }
}

/// Asks an agent's object to run a call, unless another's answer says what it would say.
///
/// # Errors
/// As [`objects::admit`].
pub async fn admit(request: &Request, called: &Called, ask: Admit) -> Result<Admission, Problem> {
    let Some(group) = group(request, &ask) else {
        return objects::admit(request, &called.id, ask).await;
    };
    let (arrived, body_bytes) = (tick(), ask.body_bytes);
    if floods(request, &group, &ask).await {
        for _ in 0..LOOKS {
            match look(&group, arrived, body_bytes) {
                Look::Shared(admission) => return Ok(admission),
                Look::Ask => break,
                Look::Wait => {
                    if entry::sleep(LOOK_MS).await.is_err() {
                        break;
                    }
                }
            }
        }
    }
    let asked = tick();
    let answer = objects::admit(request, &called.id, ask).await;
    let limited = match &answer {
        Ok(Admission { outcome: Outcome::Refused(problem), cors, rate, .. })
            if problem.code == Code::RateLimited =>
        {
            let (cors, problem) = (cors.clone(), problem.clone());
            Some(Shared { asked, body_bytes, cors, problem, rate: *rate })
        }
        _ => None,
    };
    STATE.with_borrow_mut(|state| match limited {
        Some(shared) => {
            if state.floods.len() >= MOST {
                state.floods.clear();
            }
            let flood = state.floods.entry(group).or_default();
            flood.asking = None;
            if flood.shared.as_ref().is_none_or(|known| known.asked < asked) {
                flood.shared = Some(shared);
            }
        }
        // It may pass: everybody who waits asks by itself.
        None => drop(state.floods.remove(&group)),
    });
    answer
}

/// What the answer to a call depends on until the request limit is looked at; `None` for calls that are refused before,
/// and where there is no filter.
fn group(request: &Request, ask: &Admit) -> Option<Group> {
    if !request.has_filter() {
        return None;
    }
    let key = ask.key.as_ref()?;
    if ask.body_problem.is_some() {
        return None;
    }
    let alias = ask.alias.as_ref().map(ToString::to_string).unwrap_or_default();
    let browser = ask.browser.as_deref().unwrap_or_default();
    let pepper = request.config().ok()?.pepper().ok()?;
    Some(pepper.derive(PURPOSE, &[&key.key, &ask.path, request.host(), &alias, browser]))
}

/// Whether a key is over its limit, as far as is known here, and still comes more often than the binding allows.
async fn floods(request: &Request, group: &Group, ask: &Admit) -> bool {
    let limited = STATE.with_borrow(|state| state.floods.contains_key(group));
    match &ask.key {
        Some(key) if limited => !entry::within_limit(&request.env, &format!("key {}", key.id)).await,
        _ => false,
    }
}

enum Look {
    /// The answer.
    Shared(Admission),
    /// Nobody asks, or it came to be that the key may pass.
    Ask,
    /// Somebody asks.
    Wait,
}

fn look(group: &Group, arrived: u64, body_bytes: u64) -> Look {
    STATE.with_borrow_mut(|state| {
        let Some(flood) = state.floods.get_mut(group) else { return Look::Ask };
        match &flood.shared {
            Some(shared) if shared.asked > arrived && shared.body_bytes >= body_bytes => {
                Look::Shared(Admission {
                    cors: shared.cors.clone(),
                    outcome: Outcome::Refused(shared.problem.clone()),
                    rate: shared.rate,
                    probe: None,
                })
            }
            _ if flood.asking.is_some_and(|since| now() - since < ASKING) => Look::Wait,
            _ => {
                flood.asking = Some(now());
                Look::Ask
            }
        }
    })
}

/// The next place in the order of arrivals and questions.
fn tick() -> u64 {
    STATE.with_borrow_mut(|state| {
        state.order += 1;
        state.order
    })
}

/// Where a request comes from, as the platform says; of an IPv6 address what one customer has.
fn address(request: &Request) -> Option<String> {
    let address = request.head.header("cf-connecting-ip")?;
    Some(if address.contains(':') {
        address.split(':').take(4).collect::<Vec<_>>().join(":")
    } else {
        address.to_owned()
    })
}
