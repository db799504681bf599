//! `/agents`: created, listed, shown, changed, started, restarted, paused, terminated.

use super::auth::Caller;
use super::page;
use crate::answer::Answer;
use crate::endpoint::{internal, probe::probe};
use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::random;
use moltghost_protocol::control::account::Role;
use moltghost_protocol::control::agent::{AgentRecord, Change, NewAgent, Origin, Pause, State};
use moltghost_protocol::control::fields::wrong;
use moltghost_protocol::control::page::Page;
use moltghost_protocol::credential::{ConnectToken, Secret, SecretHash};
use moltghost_protocol::error::Problem;
use moltghost_protocol::id::{AccountId, AgentId};
use moltghost_protocol::object::account::{AccountOp, CreateAgent, Created};
use moltghost_protocol::object::agent::{AgentOp, Started};
use serde_json::{json, Value};

/// `POST /agents`.
pub async fn create(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    let mut new = NewAgent::parse(&request.small_body().await?)?;
    let account = caller.account_id(new.account)?;
    check_origin(request, &mut new.settings.origin)?;
    let id = AgentId::mint(random::u128().map_err(internal)?);
    let secret = Secret::mint(random::bytes().map_err(internal)?);
    let connect = SecretHash::of(&secret, request.config()?.pepper()?);
    let token = ConnectToken { agent: id.clone(), secret };
    let ask = CreateAgent { id: id.clone(), settings: new.settings, connect };
    let created: Created<AgentRecord> =
        caller.account(request, &account, AccountOp::CreateAgent(Box::new(ask))).await?;
    let mut body = document(request, &created.document)?;
    if created.new {
        if let Some(members) = body.as_object_mut() {
            members.insert("connect_token".to_owned(), token.reveal().into());
        }
    }
    Ok(Answer::json(if created.new { 201 } else { 200 }, &body))
}

/// `GET /agents`. A page is cut before it is narrowed to a state, so it may hold fewer than there are.
pub async fn list(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    let named = request.query("account")?.map(|text| AccountId::parse(&text)).transpose();
    let account = caller.account_id(named.map_err(|error| wrong("account", error.0))?)?;
    let state = request.query("state")?.map(|text| State::parse(&text)).transpose()?;
    let ids: Page<AgentId> = caller.account(request, &account, AccountOp::Agents(page(request)?)).await?;
    let mut data = Vec::with_capacity(ids.data.len());
    for id in &ids.data {
        match objects::agent::<AgentRecord>(request, id, AgentOp::Show).await {
            Ok(record) if state.is_some_and(|state| state != record.state) => {}
            Ok(record) => data.push(document(request, &record)?),
            // It is being created right now; its creator has had no answer yet.
            Err(problem) if problem.code == moltghost_protocol::error::Code::AgentNotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    Ok(Answer::json(200, &Page { data, next_cursor: ids.next_cursor }))
}

/// `GET /agents/{…}`.
pub async fn show(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let (_, id) = caller.agent(request, agent, Role::Viewer).await?;
    let record = objects::agent(request, &id, AgentOp::Show).await?;
    Ok(Answer::json(200, &document(request, &record)?))
}

/// `PATCH /agents/{…}`. Names and aliases are the account's to give; the rest goes straight to the agent.
pub async fn change(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let mut change = Change::parse(&request.small_body().await?)?;
    if let Some(origin) = &mut change.origin {
        check_origin(request, origin)?;
    }
    let (account, id) = caller.agent(request, agent, Role::Admin).await?;
    let record = if change.name.is_some() || change.alias.is_some() {
        let op = AccountOp::ChangeAgent { agent: id, change: Box::new(change) };
        caller.account(request, &account, op).await?
    } else {
        objects::agent(request, &id, AgentOp::Change(Box::new(change))).await?
    };
    Ok(Answer::json(200, &document(request, &record)?))
}

/// `DELETE /agents/{…}`.
pub async fn terminate(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let (account, id) = caller.agent(request, agent, Role::Admin).await?;
    let record = caller.account(request, &account, AccountOp::TerminateAgent(id)).await?;
    Ok(Answer::json(200, &document(request, &record)?))
}

/// `POST /agents/{…}/start` and `/restart`, as `op` says. The answer says `running` if the pod's first probe succeeded.
pub async fn start(request: &Request, caller: &Caller, agent: &str, op: AgentOp) -> Result<Answer, Problem> {
    let (_, id) = caller.agent(request, agent, Role::Operator).await?;
    let started: Started = objects::agent(request, &id, op).await?;
    let record = match started.probe {
        Some(target) => probe(request, &id, &target).await?,
        None => started.record,
    };
    Ok(Answer::json(200, &document(request, &record)?))
}

/// `POST /agents/{…}/pause`.
pub async fn pause(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let op = if Pause::parse(&request.small_body().await?)?.now { AgentOp::PauseNow } else { AgentOp::Pause };
    let (_, id) = caller.agent(request, agent, Role::Operator).await?;
    let record = objects::agent(request, &id, op).await?;
    Ok(Answer::json(200, &document(request, &record)?))
}

/// `POST /agents/{…}/replicas/{…}/drain`.
pub async fn drain(
    request: &Request,
    caller: &Caller,
    agent: &str,
    replica: &str,
) -> Result<Answer, Problem> {
    let now = Pause::parse(&request.small_body().await?)?.now;
    let (_, id) = caller.agent(request, agent, Role::Operator).await?;
    let op = AgentOp::Drain { replica: replica.to_owned(), now };
    let record = objects::agent(request, &id, op).await?;
    Ok(Answer::json(200, &document(request, &record)?))
}

/// `POST /agents/{…}/connect-token`: shown this once.
pub async fn connect_token(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let now = Pause::parse(&request.small_body().await?)?.now;
    let (_, id) = caller.agent(request, agent, Role::Admin).await?;
    let secret = Secret::mint(random::bytes().map_err(internal)?);
    let hash = SecretHash::of(&secret, request.config()?.pepper()?);
    let _: AgentRecord = objects::agent(request, &id, AgentOp::ConnectToken { hash, now }).await?;
    let token = ConnectToken { agent: id.clone(), secret };
    Ok(Answer::json(201, &json!({ "agent": id, "connect_token": token.reveal() })))
}

/// Refuses a URL that the Worker must not fetch; writes one that it may in its normal form.
fn check_origin(request: &Request, origin: &mut Origin) -> Result<(), Problem> {
    if let Origin::Http { url, .. } = origin {
        let checked = request.config()?.origins.check(url).map_err(|why| wrong("origin.url", why))?;
        checked.base().clone_into(url);
    }
    Ok(())
}

/// An agent as the API shows it: with its addresses, without secrets.
fn document(request: &Request, record: &AgentRecord) -> Result<Value, Problem> {
    let hosts = &request.config()?.hosts;
    let (scheme, port) = (request.scheme(), request.port());
    let settings = &record.settings;
    let origin = match &settings.origin {
        Origin::Tunnel => json!({ "type": "tunnel" }),
        Origin::Http { url, headers } => {
            json!({ "type": "http", "url": url, "header_names": headers.keys().collect::<Vec<_>>() })
        }
    };
    Ok(json!({
        "id": record.id,
        "account": record.account,
        "name": settings.name,
        "alias": settings.alias,
        "model": settings.model,
        "models": settings.models,
        "state": record.state,
        "since": record.since,
        "reason": record.reason,
        "next_step": if request.config()?.provisioner.is_some() { None } else { record.next_step() },
        "endpoint": hosts.endpoint_url(scheme, port, record.id.as_str()),
        "pending_endpoint": hosts.pending_url(scheme, port, &record.id),
        "path_endpoint": hosts.path_url(scheme, port, record.id.as_str()),
        "origin": origin,
        "timeout_seconds": settings.timeout_seconds,
        "cors": { "origins": settings.cors_origins },
        "forward_headers": settings.forward_headers,
        "limits": settings.limits,
        "early_headers": settings.early_headers,
        "replicas": settings.replicas,
        "start_deadline_seconds": settings.start_deadline_seconds,
        "legacy_403": settings.legacy_403,
        "region": settings.region,
        "links": record.links,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }))
}
