//! What a pod lists, its models and its skills, remembered for at most a minute by this instance.
//!
//! A name that is missing in what is remembered may be new: before a call is refused for it the pod is asked again.

use super::{plain, pod};
use crate::request::Request;
use moltghost_durable::bindings::inquiry::Reply;
use moltghost_durable::bindings::now;
use moltghost_protocol::endpoint::capability::Question;
use moltghost_protocol::endpoint::models::{self, Model};
use moltghost_protocol::endpoint::skills;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AgentId;
use moltghost_protocol::object::agent::Target;
use moltghost_protocol::time::Millis;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// How long a list is remembered.
const KEEP: Millis = 60_000;

/// How old a list may be that a call is refused by.
const FRESH: Millis = 2_000;

/// Lists that are remembered at once, of each kind.
const MOST: usize = 256;

/// Wall time of asking a pod, in milliseconds.
const TIMEOUT_MS: u32 = 10_000;

/// Largest list that is read.
const MAX_LIST: u32 = 1024 * 1024;

/// What is remembered of one kind, by agent; an origin that was changed makes another list.
type Kept<T> = RefCell<HashMap<AgentId, (Millis, String, Rc<Vec<T>>)>>;

thread_local! {
    static MODELS: Kept<Model> = RefCell::default();
    static SKILLS: Kept<String> = RefCell::default();
}

fn recall<T>(kept: &Kept<T>, id: &AgentId, target: &Target, age: Millis) -> Option<Rc<Vec<T>>> {
    let kept = kept.borrow();
    let (at, url, list) = kept.get(id)?;
    (now() - at < age && *url == target.url).then(|| Rc::clone(list))
}

fn keep<T>(kept: &Kept<T>, id: &AgentId, target: &Target, list: Vec<T>) -> Rc<Vec<T>> {
    let mut kept = kept.borrow_mut();
    if kept.len() >= MOST {
        kept.clear();
    }
    let list = Rc::new(list);
    kept.insert(id.clone(), (now(), target.url.clone(), Rc::clone(&list)));
    list
}

/// The pod's models; none where it has no list.
///
/// # Errors
/// `bad_gateway` where the pod does not tell, or answers with something else.
pub async fn models(request: &Request, id: &AgentId, target: &Target) -> Result<Rc<Vec<Model>>, Problem> {
    if let Some(list) = MODELS.with(|kept| recall(kept, id, target, KEEP)) {
        return Ok(list);
    }
    let bad = |message: &str| Problem::new(Code::BadGateway, message.to_owned());
    let question = Question { method: "GET", path: "/v1/models" };
    let list = match pod::ask(request, target, question, TIMEOUT_MS, MAX_LIST)?.reply().await {
        Reply::Answer(404 | 405 | 501, _) => Some(Vec::new()),
        Reply::Answer(200, Some(body)) => models::listed(&body),
        Reply::Answer(..) => None,
        Reply::Late => return Err(bad("The agent's pod did not tell its models within 10 seconds.")),
        Reply::Failed => return Err(plain::unreachable()),
    };
    let list = list.ok_or_else(|| bad("The agent's pod gave no list of its models."))?;
    Ok(MODELS.with(|kept| keep(kept, id, target, list)))
}

/// Refuses names of skills that the pod does not list. A pod that lists none, or does not tell now, takes every name.
///
/// # Errors
/// `unknown_tool` naming those that there are.
pub async fn check_skills(
    request: &Request,
    id: &AgentId,
    target: &Target,
    asked: &[String],
) -> Result<(), Problem> {
    if asked.is_empty() || target.capabilities.skills != Some(true) {
        return Ok(());
    }
    if let Some(list) = SKILLS.with(|kept| recall(kept, id, target, KEEP)) {
        let checked = skills::check(asked, &list);
        if checked.is_ok() || SKILLS.with(|kept| recall(kept, id, target, FRESH)).is_some() {
            return checked;
        }
    }
    let question = Question { method: "GET", path: "/v1/tools" };
    match pod::ask(request, target, question, TIMEOUT_MS, MAX_LIST)?.reply().await {
        Reply::Answer(200, Some(body)) => match skills::listed(&body) {
            Some(list) => skills::check(asked, &SKILLS.with(|kept| keep(kept, id, target, list))),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}
