//! What can be read of an agent: health, status, models.

use super::{presented, Called, Refusal};
use crate::answer::Answer;
use crate::request::Request;
use crate::{cors, objects};
use moltghost_durable::bindings::exchange::{Event, Exchange, Whole};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::{AgentOp, Health, Inspect, Inspection, Read, Reading, Target};
use serde_json::{json, Value};

/// Wall time of asking a pod for its models.
const TIMEOUT_MS: u64 = 10_000;

/// Largest list of models that is read.
const MAX_LIST: u64 = 1024 * 1024;

/// `/v1/health`: one word for everybody, more with a key.
pub async fn health(request: &Request, called: &Called) -> Result<Answer, Refusal> {
    if request.bearer().is_none() {
        let health: Health = objects::agent(request, &called.id, AgentOp::Health).await?;
        let lines = cors::lines(request, &health.cors);
        return match health.status {
            Ok(status) => Ok(Answer::json(200, &json!({ "status": status })).lines(&lines)),
            Err(problem) => Err(Refusal { problem, cors: Some(health.cors) }),
        };
    }
    match inspect(request, called, Reading::Health).await? {
        (Read::Health(detail), lines) => Ok(Answer::json(200, &detail).lines(&lines)),
        _ => Err(unexpected().into()),
    }
}

/// `/v1/status`.
pub async fn status(request: &Request, called: &Called) -> Result<Answer, Refusal> {
    match inspect(request, called, Reading::Status).await? {
        (Read::Status(status), lines) => Ok(Answer::json(200, &status).lines(&lines)),
        _ => Err(unexpected().into()),
    }
}

/// `/v1/models` and `/v1/models/{id}`: the pod's list, or the one model that is configured.
pub async fn models(request: &Request, called: &Called, wanted: Option<&str>) -> Result<Answer, Refusal> {
    let (Read::Models(target), lines) = inspect(request, called, Reading::Models).await? else {
        return Err(unexpected().into());
    };
    let list = list(request, &target).await?;
    let Some(wanted) = wanted else {
        return Ok(Answer::json(200, &json!({ "object": "list", "data": list })).lines(&lines));
    };
    if let Some(model) = list.iter().find(|model| name(model) == Some(wanted)) {
        return Ok(Answer::json(200, model).lines(&lines));
    }
    let known: Vec<&str> = list.iter().filter_map(name).collect();
    let message = format!("This agent has no such model. It has: {}.", known.join(", "));
    Err(Problem::new(Code::ModelNotFound, message).param("model").into())
}

async fn inspect(request: &Request, called: &Called, what: Reading) -> Result<(Read, String), Refusal> {
    let ask = Inspect {
        key: presented(request)?,
        alias: called.alias.clone(),
        browser: request.head.header("origin").map(str::to_owned),
        what,
    };
    let inspection: Inspection = objects::agent(request, &called.id, AgentOp::Inspect(ask)).await?;
    match inspection.outcome {
        Read::Refused(problem) => Err(Refusal { problem, cors: Some(inspection.cors) }),
        read => Ok((read, cors::lines(request, &inspection.cors))),
    }
}

fn name(model: &Value) -> Option<&str> {
    model.get("id").and_then(Value::as_str)
}

/// The pod's models in the form that SDKs read; where it has no list, the configured one.
async fn list(request: &Request, target: &Target) -> Result<Vec<Value>, Problem> {
    let models = match fetch(request, target).await? {
        Some(body) => body.get("data").and_then(Value::as_array).cloned().unwrap_or_default(),
        None => Vec::new(),
    };
    let mut list: Vec<Value> = models.iter().filter_map(cleaned).collect();
    if list.is_empty() {
        list.extend(target.model.as_ref().and_then(|model| cleaned(&json!({ "id": model }))));
    }
    Ok(list)
}

/// A model with the four members that every list has, and nothing else of the pod's.
fn cleaned(model: &Value) -> Option<Value> {
    let created = model.get("created").and_then(Value::as_i64).unwrap_or_default();
    let owner = model.get("owned_by").and_then(Value::as_str).unwrap_or("agent");
    Some(json!({ "id": name(model)?, "object": "model", "created": created, "owned_by": owner }))
}

/// What the pod says; `None` where it has no such route.
async fn fetch(request: &Request, target: &Target) -> Result<Option<Value>, Problem> {
    let bad = |message: &str| Problem::new(Code::BadGateway, message.to_owned());
    let internal = super::call::internal;
    let url = super::pod_url(request, target, "/v1/models")?;
    let lines = format!("accept: application/json\naccept-encoding: identity\n{}", target.headers);
    let exchange = Exchange::begin(&request.raw, TIMEOUT_MS, 0).map_err(internal)?;
    exchange.send("GET", &url, &lines, None).map_err(internal)?;
    let head = match exchange.next().await.map_err(internal)? {
        Event::Head(head) => head,
        Event::Timeout => return Err(bad("The agent's pod did not tell its models within 10 seconds.")),
        _ => return Err(super::plain::unreachable()),
    };
    if matches!(head.status, 404 | 405 | 501) {
        exchange.close(false);
        return Ok(None);
    }
    let body = match exchange.whole(MAX_LIST).await.map_err(internal)? {
        Whole::Bytes(bytes, _) if head.status == 200 => serde_json::from_slice::<Value>(&bytes).ok(),
        _ => None,
    };
    exchange.close(false);
    body.filter(Value::is_object).map(Some).ok_or_else(|| bad("The agent's pod gave no list of its models."))
}

fn unexpected() -> Problem {
    Problem::new(Code::InternalError, "Something went wrong here. Tell the operator.")
}
