//! Whether a pod is ready: its list of models is asked for, through the very link that calls take.

use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::entry;
use moltghost_durable::bindings::exchange::{Event, Exchange};
use moltghost_protocol::control::agent::AgentRecord;
use moltghost_protocol::error::Problem;
use moltghost_protocol::id::AgentId;
use moltghost_protocol::object::agent::{AgentOp, Target};

/// Wall time of a probe.
const TIMEOUT_MS: u64 = 5_000;

/// Probes a pod and tells the agent's object how it went.
///
/// # Errors
/// Where the object cannot be reached.
pub async fn probe(request: &Request, id: &AgentId, target: &Target) -> Result<AgentRecord, Problem> {
    let error = ask(request, target).await.err();
    objects::agent(request, id, AgentOp::Probed(error)).await
}

/// The same after the answer: a call to an agent that starts brings it about.
pub fn in_background(request: &Request, id: &AgentId, target: Target) {
    let (shared, id) = (request.clone(), id.clone());
    let probing = async move {
        let _ = probe(&shared, &id, &target).await;
    };
    if let Err(failure) = entry::after(&request.ctx, probing) {
        crate::log("probe_failed", request, &failure.to_string());
    }
}

/// `Ok` where the pod serves. A pod without a list of models is fine: chat is all that it must have.
async fn ask(request: &Request, target: &Target) -> Result<(), String> {
    let url = super::pod_url(request, target, "/v1/models").map_err(|problem| problem.message)?;
    let lines = format!("accept: application/json\naccept-encoding: identity\n{}", target.headers);
    let exchange = Exchange::begin(&request.raw, TIMEOUT_MS, 0).map_err(|f| f.to_string())?;
    exchange.send("GET", &url, &lines, None).map_err(|failure| failure.to_string())?;
    let event = exchange.next().await.map_err(|failure| failure.to_string())?;
    exchange.close(false);
    match event {
        Event::Head(head) => match head.status {
            200..=299 | 404 | 405 => Ok(()),
            300..=399 => Err("the pod answers with a redirect, which is never followed".to_owned()),
            401 | 403 => Err(format!("the pod refuses the origin's headers ({})", head.status)),
            status => Err(format!("the pod answers with status {status}")),
        },
        Event::Timeout => Err("the pod did not answer within 5 seconds".to_owned()),
        _ => Err("the pod cannot be reached".to_owned()),
    }
}
