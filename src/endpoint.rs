//! An agent's endpoint (agent-endpoints §2): from a path to a handler, and what every answer of it carries.

mod call;
mod connect;
mod early;
mod fault;
mod filter;
mod lists;
mod plain;
mod pod;
pub mod probe;
mod read;
mod run;
mod socket;
mod stream;

pub use call::chat;
pub use fault::internal;

use crate::answer::Answer;
use crate::request::Request;
use crate::{cors, objects, system};
use moltghost_durable::agent::unknown;
use moltghost_protocol::credential::ApiKey;
use moltghost_protocol::endpoint::route::{Lookup, Route};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AgentId, AgentRef, Alias};
use moltghost_protocol::limit::Rate;
use moltghost_protocol::object::agent::{AgentOp, Health, Presented};

/// Who is called: the agent, and the alias that stood for it.
#[derive(Clone)]
pub struct Called {
    /// The agent.
    pub id: AgentId,
    /// The alias in the host or path, which the agent's object checks.
    pub alias: Option<Alias>,
}

/// A refusal, and the header lines that go with it: `None` before anybody knows which browsers may read it.
pub struct Refusal {
    /// The refusal.
    pub problem: Problem,
    /// What the agent's object said of browsers and of the request limit, as lines.
    pub lines: Option<String>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, lines: None }
    }
}

/// Serves a request to an agent.
pub async fn serve(request: &Request, agent: &AgentRef, path: &str) -> Answer {
    let lookup = Route::find(request.method(), path);
    let answer = attempt(request, agent, &lookup).await;
    match (agent, answer) {
        // The alias may have moved since it was looked up.
        (AgentRef::Alias(alias), Err(refusal))
            if refusal.problem.code == Code::AgentNotFound && objects::forget(alias) =>
        {
            finish(attempt(request, agent, &lookup).await)
        }
        (_, answer) => finish(answer),
    }
}

fn finish(answer: Result<Answer, Refusal>) -> Answer {
    answer.unwrap_or_else(|refusal| {
        let lines = refusal.lines.unwrap_or_else(cors::refusal_lines);
        Answer::from(refusal.problem).lines(&lines)
    })
}

async fn attempt(request: &Request, agent: &AgentRef, lookup: &Lookup) -> Result<Answer, Refusal> {
    let (route, model) = match lookup {
        Lookup::Found { route, model, .. } => {
            request.route.set(route.pattern());
            (*route, model.as_deref())
        }
        Lookup::Options { allow, .. } => {
            let called = called(request, agent).await?;
            let allowed: Vec<String> =
                objects::agent(request, &called.id, AgentOp::Cors(called.alias)).await?;
            return Ok(cors::preflight(request, allow, &allowed));
        }
        Lookup::MethodNotAllowed { allow, .. } => {
            let problem = Problem::new(Code::MethodNotAllowed, format!("This path takes {allow}."));
            return Ok(Answer::from(problem).header("allow", allow).lines(&cors::refusal_lines()));
        }
        Lookup::Unknown => {
            return Err(Problem::new(
                Code::UnsupportedEndpoint,
                "This endpoint has no such path. /openapi.json lists those it has.",
            )
            .into());
        }
    };
    if let Some(api) = route.api() {
        return call::call(request, &called(request, agent).await?, api, route.is_documented()).await;
    }
    match route {
        Route::OpenApi => Ok(system::openapi()),
        Route::Health => read::health(request, &called(request, agent).await?).await,
        Route::Connect => connect::serve(request, &called(request, agent).await?).await,
        Route::Status => read::status(request, &called(request, agent).await?).await,
        Route::Ticket => socket::make_ticket(request, &called(request, agent).await?).await,
        Route::Socket => socket::open(request, &called(request, agent).await?).await,
        _ => read::models(request, &called(request, agent).await?, model).await,
    }
}

/// Resolves an alias; an id is itself.
async fn called(request: &Request, agent: &AgentRef) -> Result<Called, Problem> {
    Ok(match agent {
        AgentRef::Id(id) => Called { id: id.clone(), alias: None },
        AgentRef::Alias(alias) => {
            Called { id: objects::holder(request, alias).await?, alias: Some(alias.clone()) }
        }
    })
}

/// Serves the pending host: not ready on every path while the agent deploys, the same as the stable host afterwards.
/// Never a redirect: SDKs drop the key on the way to another host.
pub async fn serve_pending(request: &Request, id: &AgentId) -> Answer {
    let health: Result<Health, Problem> = objects::agent(request, id, AgentOp::Health).await;
    let starting = match health {
        Err(problem) => return finish(Err(problem.into())),
        Ok(health) => health.status.as_ref().is_ok_and(|status| status == "initializing"),
    };
    if !starting {
        return serve(request, &AgentRef::Id(id.clone()), request.path()).await;
    }
    let Ok(config) = request.config() else { return finish(Err(unknown().into())) };
    let stable = config.hosts.endpoint_url(request.scheme(), request.port(), id.as_str());
    let problem = Problem::new(
        Code::AgentNotReady,
        "The agent is not ready yet. Try again in a few seconds, here or at stable_url, which stays the same.",
    )
    .with("stable_url", stable);
    Answer::from(problem).lines(&cors::refusal_lines())
}

/// Header lines of what an agent's object said: which browsers may read the answer, and what is left of the request
/// limit.
pub fn lines(request: &Request, allowed: &[String], rate: Option<Rate>) -> String {
    let mut lines = cors::lines(request, allowed);
    if let Some(rate) = rate {
        lines.push_str(&rate.lines());
    }
    lines
}

/// A refusal of an agent's object as callers see it, noted if it is of the key.
pub fn noted(request: &Request, called: &Called, problem: Problem) -> Problem {
    if problem.code == Code::InvalidApiKey {
        if let Some(text) = request.bearer() {
            filter::refused(request, Some((&called.id, text)));
        }
    }
    objects::shown(request, problem)
}

/// The key of a request: `None` where there is none, which only a terminated agent answers otherwise than with 401.
///
/// # Errors
/// `invalid_api_key` for what cannot be a key: nobody is asked. `rate_limited` for what was refused before, from an
/// address that sends much of it.
pub fn presented(request: &Request, called: &Called) -> Result<Option<Presented>, Problem> {
    let Some(text) = request.bearer() else { return Ok(None) };
    let key = ApiKey::parse(text);
    filter::check_key(request, key.is_some().then_some((&called.id, text)))?;
    if let Some(key) = key {
        return Ok(Some(Presented { account: key.account, id: key.id, key: text.to_owned() }));
    }
    filter::refused(request, None);
    Err(Problem::new(
        Code::InvalidApiKey,
        "This key does not open this agent. Check the Authorization header.",
    ))
}
