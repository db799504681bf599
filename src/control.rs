//! The control API, `/api/v1` (agent-endpoints §10): from a path to a handler.

mod accounts;
mod agents;
mod auth;
mod events;
mod figures;
mod keys;
mod prometheus;
mod session;
mod tokens;

use crate::answer::Answer;
use crate::network::operator::{self, Setup};
use crate::request::{decode, Request};
use auth::Caller;
use moltghost_protocol::control::page::PageRequest;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::AgentOp;
pub use session::is_open as has_session;

/// Serves a control call; `rest` is the path below `/api/v1/`.
///
/// # Errors
/// The refusal.
pub async fn serve(request: &Request, rest: &str) -> Result<Answer, Problem> {
    let segments: Vec<String> = rest
        .split('/')
        .map(|segment| decode(segment, false).filter(|text| !text.is_empty()).ok_or_else(no_route))
        .collect::<Result<_, _>>()?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let found = find(&segments).ok_or_else(no_route)?;
    let allow = found.allow();
    // What answers HEAD is what answers GET, without the body.
    if !allow.split(", ").any(|method| method == request.method()) {
        let problem = Problem::new(Code::MethodNotAllowed, format!("This path takes {allow}."));
        return Ok(Answer::from(problem).header("allow", allow));
    }
    let caller = auth::caller(request)?;
    session::check(request).await?;
    match handle(request, &caller, &found).await {
        // What is wrong with the rest is told to those alone whose token is one.
        Err(problem) if caller.is_unchecked() => caller.finds_nothing(request, problem).await,
        answer => answer,
    }
}

/// What a path means; the method then says what is done to it.
enum Found<'a> {
    Accounts,
    Tokens { account: &'a str },
    Token { account: &'a str, token: &'a str },
    Agents,
    Agent(String),
    AgentVerb(String, Verb),
    AgentKeys(String),
    Rotate(String, &'a str),
    Drain(String, &'a str),
    AgentUsage(String),
    AgentMetrics(String),
    Keys,
    Events,
    Metrics,
    Key(&'a str),
    RevokeByKey,
    Network(Setup<'a>),
    Session,
}

/// What is done to an agent as a whole.
#[derive(Clone, Copy)]
enum Verb {
    Start,
    Restart,
    Pause,
    ConnectToken,
}

/// An agent is named by its id, alias or name, and by the operator also as `account/name`: one segment or two.
fn find<'a>(segments: &[&'a str]) -> Option<Found<'a>> {
    let verb = |text: &str| match text {
        "start" => Some(Verb::Start),
        "restart" => Some(Verb::Restart),
        "pause" | "stop" => Some(Verb::Pause),
        "connect-token" => Some(Verb::ConnectToken),
        _ => None,
    };
    Some(match *segments {
        ["accounts"] => Found::Accounts,
        ["accounts", account, "tokens"] => Found::Tokens { account },
        ["accounts", account, "tokens", token] => Found::Token { account, token },
        ["agents"] => Found::Agents,
        ["agents", agent] => Found::Agent(agent.to_owned()),
        ["agents", agent, "keys"] => Found::AgentKeys(agent.to_owned()),
        ["agents", agent, "usage"] => Found::AgentUsage(agent.to_owned()),
        ["agents", agent, "metrics"] => Found::AgentMetrics(agent.to_owned()),
        ["agents", agent, last] => match verb(last) {
            Some(verb) => Found::AgentVerb(agent.to_owned(), verb),
            None => Found::Agent(format!("{agent}/{last}")),
        },
        ["agents", account, agent, "keys"] => Found::AgentKeys(format!("{account}/{agent}")),
        ["agents", account, agent, "usage"] => Found::AgentUsage(format!("{account}/{agent}")),
        ["agents", account, agent, "metrics"] => Found::AgentMetrics(format!("{account}/{agent}")),
        ["agents", agent, "keys", key, "rotate"] => Found::Rotate(agent.to_owned(), key),
        ["agents", account, agent, "keys", key, "rotate"] => Found::Rotate(format!("{account}/{agent}"), key),
        ["agents", agent, "replicas", replica, "drain"] => Found::Drain(agent.to_owned(), replica),
        ["agents", account, agent, "replicas", replica, "drain"] => {
            Found::Drain(format!("{account}/{agent}"), replica)
        }
        ["agents", account, agent, last] => Found::AgentVerb(format!("{account}/{agent}"), verb(last)?),
        ["events"] => Found::Events,
        ["session"] => Found::Session,
        ["metrics"] => Found::Metrics,
        ["keys"] => Found::Keys,
        ["keys", "revoke"] => Found::RevokeByKey,
        ["keys", key] => Found::Key(key),
        ["network"] => Found::Network(Setup::Network),
        ["network", "tokens"] => Found::Network(Setup::Tokens),
        ["network", "tokens", token] => Found::Network(Setup::Token(token)),
        ["network", "pairings"] => Found::Network(Setup::Pairings),
        ["network", "pairings", pairing] => Found::Network(Setup::Pairing(pairing)),
        ["network", "limits"] => Found::Network(Setup::Limits),
        ["network", "projection"] => Found::Network(Setup::Projection),
        ["network", "search"] => Found::Network(Setup::Search),
        _ => return None,
    })
}

impl Found<'_> {
    fn allow(&self) -> &'static str {
        match self {
            Self::Accounts | Self::Tokens { .. } | Self::Agents | Self::AgentKeys(_) => "GET, HEAD, POST",
            Self::Token { .. } | Self::Key(_) => "DELETE",
            Self::Agent(_) => "GET, HEAD, PATCH, DELETE",
            Self::Session => "DELETE, GET, HEAD, POST",
            Self::AgentVerb(..) | Self::Rotate(..) | Self::Drain(..) | Self::RevokeByKey => "POST",
            Self::Keys | Self::Events | Self::Metrics | Self::AgentUsage(_) | Self::AgentMetrics(_) => {
                "GET, HEAD"
            }
            Self::Network(setup) => setup.allow(),
        }
    }
}

async fn handle(request: &Request, caller: &Caller, found: &Found<'_>) -> Result<Answer, Problem> {
    match (found, request.method()) {
        (Found::Accounts, "POST") => accounts::create(request, caller).await,
        (Found::Accounts, _) => accounts::list(request, caller).await,
        (Found::Tokens { account }, "POST") => tokens::create(request, caller, account).await,
        (Found::Tokens { account }, _) => tokens::list(request, caller, account).await,
        (Found::Token { account, token }, _) => tokens::revoke(request, caller, account, token).await,
        (Found::Agents, "POST") => agents::create(request, caller).await,
        (Found::Agents, _) => agents::list(request, caller).await,
        (Found::Agent(agent), "PATCH") => agents::change(request, caller, agent).await,
        (Found::Agent(agent), "DELETE") => agents::terminate(request, caller, agent).await,
        (Found::Agent(agent), _) => agents::show(request, caller, agent).await,
        (Found::AgentVerb(agent, Verb::Start), _) => {
            agents::start(request, caller, agent, AgentOp::Start).await
        }
        (Found::AgentVerb(agent, Verb::Restart), _) => {
            agents::start(request, caller, agent, AgentOp::Restart).await
        }
        (Found::AgentVerb(agent, Verb::Pause), _) => agents::pause(request, caller, agent).await,
        (Found::AgentVerb(agent, Verb::ConnectToken), _) => {
            agents::connect_token(request, caller, agent).await
        }
        (Found::AgentKeys(agent), "POST") => keys::create(request, caller, agent).await,
        (Found::AgentKeys(agent), _) => keys::list_of(request, caller, agent).await,
        (Found::Rotate(agent, key), _) => keys::rotate(request, caller, agent, key).await,
        (Found::Drain(agent, replica), _) => agents::drain(request, caller, agent, replica).await,
        (Found::AgentUsage(agent), _) => figures::usage(request, caller, agent).await,
        (Found::AgentMetrics(agent), _) => figures::metrics(request, caller, agent).await,
        (Found::Metrics, _) => prometheus::metrics(request, caller).await,
        (Found::Events, _) => events::watch(request, caller).await,
        (Found::Keys, _) => keys::list(request, caller).await,
        (Found::Key(key), _) => keys::revoke(request, caller, key).await,
        (Found::RevokeByKey, _) => keys::revoke_by_key(request, caller).await,
        (Found::Session, "POST") => session::open(request, caller).await,
        (Found::Session, "DELETE") => session::close(request, caller).await,
        (Found::Session, _) => session::show(request, caller).await,
        (Found::Network(setup), _) => {
            caller.must_be_operator(request).await?;
            operator::serve(request, *setup).await
        }
    }
}

fn no_route() -> Problem {
    Problem::new(Code::NotFound, "The control API has no such path. /openapi.json lists those it has.")
}

/// The page that a list is asked for.
fn page(request: &Request) -> Result<PageRequest, Problem> {
    PageRequest::parse(request.query("limit")?.as_deref(), request.query("cursor")?.as_deref())
}

/// The `Idempotency-Key` of a creating call.
fn idempotency_key(request: &Request) -> Result<Option<&str>, Problem> {
    match request.head.header("idempotency-key") {
        Some(key) if key.is_empty() || key.len() > 255 => {
            Err(Problem::new(Code::InvalidRequest, "An Idempotency-Key has 1 to 255 characters.")
                .param("idempotency-key"))
        }
        key => Ok(key),
    }
}
