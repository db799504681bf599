//! Keys: made and listed for an agent, listed for an account, revoked by id or by the key itself.

use super::accounts::half;
use super::auth::Caller;
use super::{idempotency_key, page};
use crate::answer::Answer;
use crate::endpoint::internal;
use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::{now, random};
use moltghost_protocol::control::account::Role;
use moltghost_protocol::control::fields::wrong;
use moltghost_protocol::control::key::{KeyDocument, NewKey, RevokeByKey, Rotation};
use moltghost_protocol::control::page::{cursor, Page, PageRequest};
use moltghost_protocol::credential::{ApiKey, Secret, SecretHash};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, AgentId, KeyId};
use moltghost_protocol::object::account::AccountOp;
use moltghost_protocol::object::agent::{AgentOp, CreateKey, RotateKey};

/// Agents that are asked for one page of an account's keys; a page may be shorter than its limit.
const AGENTS_A_PAGE: u32 = 25;

/// `POST /agents/{…}/keys`.
pub async fn create(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let new = NewKey::parse(&request.small_body().await?, now())?;
    let idempotent = idempotency_key(request)?;
    let (account, agent) = caller.agent(request, agent, Role::Operator).await?;
    let pepper = request.config()?.pepper()?;
    let (random, secret) = match idempotent {
        // The same Idempotency-Key is the same key, which we can tell again without having stored it.
        Some(key) => (
            half(&pepper.derive("moltghost/idempotent-key-id/v1", &[agent.as_str(), key])),
            pepper.derive("moltghost/idempotent-key-secret/v1", &[agent.as_str(), key]),
        ),
        None => (random::u128().map_err(internal)?, random::bytes().map_err(internal)?),
    };
    let key = ApiKey { account, id: KeyId::mint(&agent, random), secret: Secret::mint(secret) };
    let ask = CreateKey { id: key.id.clone(), key: new, hash: SecretHash::of(&key.secret, pepper) };
    let document: KeyDocument = objects::agent(request, &agent, AgentOp::CreateKey(Box::new(ask))).await?;
    Ok(Answer::json(201, &KeyDocument { key: Some(key.reveal()), ..document }))
}

/// `POST /agents/{…}/keys/{key_id}/rotate`: the same key id, a new secret.
pub async fn rotate(request: &Request, caller: &Caller, agent: &str, key: &str) -> Result<Answer, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such key.");
    let rotation = Rotation::parse(&request.small_body().await?)?;
    let found = caller.agent(request, agent, Role::Operator).await;
    let (account, agent) = found.map_err(|problem| match problem.code {
        Code::AgentNotFound => unknown(),
        _ => problem,
    })?;
    let id = KeyId::parse(key).ok().filter(|id| id.agent() == agent).ok_or_else(unknown)?;
    let pepper = request.config()?.pepper()?;
    let secret = match &rotation.rotation_id {
        // The same rotation is the same secret, which we can tell again without having stored it.
        Some(rotation) => pepper.derive("moltghost/rotated-key-secret/v1", &[id.as_str(), rotation]),
        None => random::bytes().map_err(internal)?,
    };
    let key = ApiKey { account, id: id.clone(), secret: Secret::mint(secret) };
    let ask = RotateKey {
        id,
        hash: SecretHash::of(&key.secret, pepper),
        rotation: rotation.rotation_id,
        grace_seconds: rotation.grace_seconds,
    };
    let document: KeyDocument = objects::agent(request, &agent, AgentOp::RotateKey(Box::new(ask))).await?;
    Ok(Answer::json(200, &KeyDocument { key: Some(key.reveal()), ..document }))
}

/// `GET /agents/{…}/keys`.
pub async fn list_of(request: &Request, caller: &Caller, agent: &str) -> Result<Answer, Problem> {
    let (_, agent) = caller.agent(request, agent, Role::Viewer).await?;
    let keys: Page<KeyDocument> = objects::agent(request, &agent, AgentOp::Keys(page(request)?)).await?;
    Ok(Answer::json(200, &keys))
}

/// `GET /keys`: of one agent, or of the whole account in the order of agents. The id of a key begins with its
/// agent's, so the last key of a page says where the next one begins.
pub async fn list(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    if let Some(agent) = request.query("agent")? {
        return list_of(request, caller, &agent).await;
    }
    let named = request.query("account")?.map(|text| AccountId::parse(&text)).transpose();
    let account = caller.account_id(named.map_err(|error| wrong("account", error.0))?)?;
    let wanted = page(request)?;
    let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
    let mut data: Vec<KeyDocument> = Vec::new();
    let begun = wanted.after.get(..AgentId::LENGTH).and_then(|id| AgentId::parse(id).ok());
    // First the rest of the agent that the last page broke off in, if it broke off in one.
    if let Some(agent) = begun.filter(|_| wanted.after.len() > AgentId::LENGTH) {
        let (owner, _) = caller.agent(request, agent.as_str(), Role::Viewer).await?;
        if owner != account {
            return Err(wrong("cursor", "it must be the next_cursor of the page before, unchanged"));
        }
        let keys: Page<KeyDocument> = objects::agent(request, &agent, AgentOp::Keys(wanted.clone())).await?;
        if keys.next_cursor.is_some() {
            return Ok(Answer::json(200, &keys));
        }
        data.extend(keys.data);
    }
    let after = wanted.after.chars().take(AgentId::LENGTH).collect();
    let agents = AccountOp::Agents(PageRequest { limit: AGENTS_A_PAGE, after });
    let agents: Page<AgentId> = caller.account(request, &account, agents).await?;
    let mut next_cursor = agents.next_cursor;
    for agent in &agents.data {
        let left = limit.saturating_sub(data.len());
        if left == 0 {
            next_cursor = data.last().map(|key| cursor(key.id.as_str()));
            break;
        }
        let part = PageRequest { limit: u32::try_from(left).unwrap_or(1), after: String::new() };
        let keys: Page<KeyDocument> = match objects::agent(request, agent, AgentOp::Keys(part)).await {
            Ok(keys) => keys,
            Err(problem) if problem.code == Code::AgentNotFound => continue,
            Err(problem) => return Err(problem),
        };
        data.extend(keys.data);
        if keys.next_cursor.is_some() {
            next_cursor = keys.next_cursor;
            break;
        }
    }
    Ok(Answer::json(200, &Page { data, next_cursor }))
}

/// `DELETE /keys/{key_id}`.
pub async fn revoke(request: &Request, caller: &Caller, key: &str) -> Result<Answer, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such key.");
    let Ok(id) = KeyId::parse(key) else { return caller.finds_nothing(request, unknown()).await };
    let found = caller.agent(request, id.agent().as_str(), Role::Operator).await;
    let (_, agent) = found.map_err(|problem| match problem.code {
        Code::AgentNotFound => unknown(),
        _ => problem,
    })?;
    let revoked: KeyDocument = objects::agent(request, &agent, AgentOp::RevokeKey(id)).await?;
    Ok(Answer::json(200, &revoked))
}

/// `POST /keys/revoke`: who holds a key may end it, once a token of its account says so too.
pub async fn revoke_by_key(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    let unknown = || Problem::new(Code::NotFound, "There is no such key.");
    let given = RevokeByKey::parse(&request.small_body().await?)?;
    let Some(key) = ApiKey::parse(given.key.trim()) else {
        return caller.finds_nothing(request, unknown()).await;
    };
    let found = caller.agent(request, key.id.agent().as_str(), Role::Operator).await;
    let (account, agent) = found.map_err(|problem| match problem.code {
        Code::AgentNotFound => unknown(),
        _ => problem,
    })?;
    if account != key.account {
        return Err(unknown());
    }
    let op = AgentOp::RevokeByKey { id: key.id.clone(), secret: key.reveal() };
    let revoked: Result<KeyDocument, Problem> = objects::agent(request, &agent, op).await;
    let revoked = revoked.map_err(|problem| match problem.code {
        Code::InvalidApiKey => unknown(),
        _ => problem,
    })?;
    Ok(Answer::json(200, &revoked))
}
