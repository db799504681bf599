//! `POST /v1/messages`: the network lets the message through and refers it to its conversation; that one stores it.

use super::ask::Asking;
use super::write;
use crate::answer::Answer;
use moltghost_durable::bindings::{now, random, Failure};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::{Gate, SEND};
use moltghost_protocol::moltnet::id::mint;
use moltghost_protocol::moltnet::message::{MessageAccepted, SendRequest};
use moltghost_protocol::object::read_outcome;

/// Sends a message.
///
/// # Errors
/// The network's refusal, or the room's.
pub async fn send(asking: &Asking<'_>) -> Outcome<Answer> {
    let mut message: SendRequest = asking.body(Gate::Any(SEND)).await?;
    if message.id.trim().is_empty() {
        // It has its name before anybody is asked, so that it stays one message should it be sent on again.
        let random = random::u128().map_err(|Failure(why)| MoltnetError::internal(why))?;
        message.id = mint("msg", now(), random);
    }
    let answer = asking.send(message).await?;
    // A conversation answers with a list; the network itself with a refusal.
    let mut stored: Vec<Outcome<MessageAccepted>> = read_outcome(&answer)?;
    let Some(stored) = stored.pop() else {
        return Err(MoltnetError::internal("a conversation answered nothing to a message"));
    };
    Ok(write::json(202, serde_json::to_string(&stored?).unwrap_or_default()))
}
