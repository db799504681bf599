//! Who is attached, in documents about agents. The directory does not know; the hub's open sockets say.

use super::ask::{answered_wrongly, Asking};
use super::write;
use crate::answer::Answer;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::member::parse_fqid;
use moltghost_protocol::object::hub::HubAsk;
use moltghost_protocol::object::network::{NetworkOp, Reply};
use serde_json::Value;

/// A document about an agent, or a page of agents.
///
/// # Errors
/// The network's refusal; 503 where the hub cannot be reached.
pub async fn document(asking: &Asking<'_>, op: NetworkOp) -> Outcome<Answer> {
    let Reply::Document { status, body } = asking.network(op).await? else {
        return Err(answered_wrongly());
    };
    let mut document: Value = serde_json::from_str(&body)
        .map_err(|error| MoltnetError::internal(format!("a document cannot be read: {error}")))?;
    let present: Vec<String> = asking.hub(&HubAsk::Presence).await?;
    let home = asking.settings.id.as_str();
    let mut mark = |agent: &mut Value| {
        let local = agent.get("fqid").and_then(Value::as_str).and_then(parse_fqid);
        let attached =
            local.is_some_and(|(network, id)| network == home && present.iter().any(|one| one == id));
        if let Some(connected) = agent.get_mut("connected") {
            *connected = attached.into();
        }
    };
    match document.get_mut("agents").and_then(Value::as_array_mut) {
        Some(agents) => agents.iter_mut().for_each(&mut mark),
        None => mark(&mut document),
    }
    Ok(write::json(status, document.to_string()))
}
