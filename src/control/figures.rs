//! `/agents/{…}/usage` and `/agents/{…}/metrics`: what an agent used, and numbers of its calls.

use super::auth::Caller;
use crate::answer::Answer;
use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::now;
use moltghost_protocol::control::account::Role;
use moltghost_protocol::error::Problem;
use moltghost_protocol::metrics::range::{MetricsDocument, MetricsRange, UsageDocument, UsageRange};
use moltghost_protocol::object::agent::AgentOp;

/// `GET /agents/{…}/usage`.
pub async fn usage(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let (from, to) = (request.query("from")?, request.query("to")?);
    let range = UsageRange::parse(from.as_deref(), to.as_deref(), now())?;
    let (_, id) = caller.agent(request, agent, Role::Viewer).await?;
    let usage: UsageDocument = objects::agent(request, &id, AgentOp::Usage(range)).await?;
    Ok(Answer::json(200, &usage))
}

/// `GET /agents/{…}/metrics`.
pub async fn metrics(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let (from, to, step) = (request.query("from")?, request.query("to")?, request.query("step")?);
    let range = MetricsRange::parse(from.as_deref(), to.as_deref(), step.as_deref(), now())?;
    let (_, id) = caller.agent(request, agent, Role::Viewer).await?;
    let metrics: MetricsDocument = objects::agent(request, &id, AgentOp::Metrics(range)).await?;
    Ok(Answer::json(200, &metrics))
}
