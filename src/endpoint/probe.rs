//! Whether a pod is ready and what it serves: asked through the very link that calls take, with requests that run
//! nothing.

use super::pod;
use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::entry;
use moltghost_durable::bindings::inquiry::Reply;
use moltghost_protocol::control::agent::AgentRecord;
use moltghost_protocol::endpoint::capability::{Capabilities, MAX_ANSWER, QUESTIONS};
use moltghost_protocol::error::Problem;
use moltghost_protocol::id::AgentId;
use moltghost_protocol::object::agent::{AgentOp, ProbeReport, Target};

/// Wall time of each question, in milliseconds; all are asked at once.
const TIMEOUT_MS: u32 = 5_000;

/// Probes a pod and tells the agent's object what came of it.
///
/// # Errors
/// Where the object cannot be reached.
pub async fn probe(request: &Request, id: &AgentId, target: &Target) -> Result<AgentRecord, Problem> {
    let report = look(request, target).await;
    objects::agent(request, id, AgentOp::Reported(Box::new(report))).await
}

/// Probes a pod.
pub async fn look(request: &Request, target: &Target) -> ProbeReport {
    let (error, capabilities) = match ask(request, target).await {
        Ok(capabilities) => (None, capabilities),
        Err(why) => (Some(why), Capabilities::default()),
    };
    ProbeReport { url: target.url.clone(), error, capabilities }
}

/// The same after the answer: a call brings it about.
pub fn in_background(request: &Request, id: &AgentId, target: Target) {
    let (shared, id) = (request.clone(), id.clone());
    let probing = async move {
        let _ = probe(&shared, &id, &target).await;
    };
    if let Err(failure) = entry::after(&request.ctx, probing) {
        crate::log("probe_failed", request, &failure.to_string());
    }
}

/// What the pod serves; an error where it is not ready. A pod without a list of models is fine: chat is all that it
/// must have.
async fn ask(request: &Request, target: &Target) -> Result<Capabilities, String> {
    let mut asked = Vec::with_capacity(QUESTIONS.len());
    for question in QUESTIONS {
        let sent = pod::ask(request, target, question, TIMEOUT_MS, MAX_ANSWER);
        asked.push(sent.map_err(|problem| problem.message)?);
    }
    let mut replies = Vec::with_capacity(asked.len());
    for sent in asked {
        let reply = sent.reply().await;
        if replies.is_empty() {
            ready(&reply)?;
        }
        replies.push(match reply {
            Reply::Answer(status, body) => Some((status, body.unwrap_or_default())),
            Reply::Late | Reply::Failed => None,
        });
    }
    Ok(Capabilities::of(&replies))
}

/// Whether a pod is ready that answers like this to the question for its models.
fn ready(reply: &Reply) -> Result<(), String> {
    match reply {
        Reply::Answer(200..=299 | 404 | 405 | 501, _) => Ok(()),
        Reply::Answer(300..=399, _) => {
            Err("the pod answers with a redirect, which is never followed".to_owned())
        }
        Reply::Answer(status @ (401 | 403), _) => {
            Err(format!("the pod refuses the origin's headers ({status})"))
        }
        Reply::Answer(status, _) => Err(format!("the pod answers with status {status}")),
        Reply::Late => Err("the pod did not answer within 5 seconds".to_owned()),
        Reply::Failed => Err("the pod cannot be reached".to_owned()),
    }
}
