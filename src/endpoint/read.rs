//! What can be read of an agent: health, status, models.

use super::{lists, noted, presented, Called, Refusal};
use crate::answer::Answer;
use crate::request::Request;
use crate::{cors, objects};
use moltghost_durable::agent::unknown;
use moltghost_protocol::endpoint::models;
use moltghost_protocol::endpoint::route::Route;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::{AgentOp, Health, Inspect, Inspection, Read, Reading};
use serde_json::json;

/// `/v1/health`: one word for everybody, more with a key.
pub async fn health(request: &Request, called: &Called) -> Result<Answer, Refusal> {
    if request.bearer().is_none() {
        let health: Health = objects::agent(request, &called.id, AgentOp::Health).await?;
        if !health.is_called(called.alias.as_ref()) {
            return Err(unknown().into());
        }
        let lines = cors::lines(request, &health.cors);
        return match health.status {
            Ok(status) => Ok(Answer::json(200, &json!({ "status": status })).lines(&lines)),
            Err(problem) => Err(Refusal { problem, lines: Some(lines) }),
        };
    }
    match inspect(request, called, Reading::Health, Route::Health, None).await? {
        (Read::Health(detail), lines) => Ok(Answer::json(200, &detail).lines(&lines)),
        _ => Err(unexpected().into()),
    }
}

/// `/v1/status`.
pub async fn status(request: &Request, called: &Called) -> Result<Answer, Refusal> {
    match inspect(request, called, Reading::Status, Route::Status, None).await? {
        (Read::Status(status), lines) => Ok(Answer::json(200, &status).lines(&lines)),
        _ => Err(unexpected().into()),
    }
}

/// `/v1/models` and `/v1/models/{id}`: the pod's list as far as it is allowed, or what is configured.
pub async fn models(request: &Request, called: &Called, wanted: Option<&str>) -> Result<Answer, Refusal> {
    let (Read::Models(target), lines) =
        inspect(request, called, Reading::Models, Route::Models, None).await?
    else {
        return Err(unexpected().into());
    };
    let refused = |problem| Refusal { problem, lines: Some(lines.clone()) };
    let list = lists::models(request, &called.id, &target).await.map_err(refused)?;
    let list = models::offered(&list, &target.models, target.model.as_deref());
    let Some(wanted) = wanted else {
        return Ok(Answer::json(200, &json!({ "object": "list", "data": list })).lines(&lines));
    };
    match list.iter().find(|model| model.id == wanted) {
        Some(model) => Ok(Answer::json(200, model).lines(&lines)),
        None => Err(refused(models::missing(&list))),
    }
}

/// Asks the agent's object for a reading of a route; answers header lines with it.
pub async fn inspect(
    request: &Request,
    called: &Called,
    what: Reading,
    route: Route,
    ticket: Option<String>,
) -> Result<(Read, String), Refusal> {
    let ask = Inspect {
        key: presented(request, called)?,
        alias: called.alias.clone(),
        browser: request.head.header("origin").map(str::to_owned),
        what,
        path: route.pattern().to_owned(),
        ticket,
    };
    let inspection: Inspection = objects::agent(request, &called.id, AgentOp::Inspect(ask)).await?;
    let lines = super::lines(request, &inspection.cors, inspection.rate);
    match inspection.outcome {
        Read::Refused(problem) => {
            Err(Refusal { problem: noted(request, called, problem), lines: Some(lines) })
        }
        read => Ok((read, lines)),
    }
}

/// `internal_error`: the object answered something else.
pub fn unexpected() -> Problem {
    Problem::new(Code::InternalError, "Something went wrong here. Tell the operator.")
}
