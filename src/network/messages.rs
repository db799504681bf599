//! `POST /v1/messages`: the network lets the message through and says to which object; that one stores it.

use super::ask::Asking;
use super::write;
use crate::answer::Answer;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::{Gate, SEND};
use moltghost_protocol::moltnet::message::{MessageAccepted, SendRequest};
use moltghost_protocol::object::network::{NetworkOp, Reply};
use moltghost_protocol::object::room::{Post, RoomAsk};

/// Sends a message.
///
/// # Errors
/// The network's refusal, or the room's.
pub async fn send(asking: &Asking<'_>) -> Outcome<Answer> {
    let body: SendRequest = asking.body(Gate::Any(SEND)).await?;
    let Reply::Ticket(ticket) = asking.network(NetworkOp::Send(Box::new(body))).await? else {
        return Err(MoltnetError::internal("the network's object answered something else"));
    };
    let post = Post { caller: ticket.caller, message: ticket.message };
    let ask = RoomAsk::Post { open: ticket.open, posts: vec![post] };
    let mut stored: Vec<Outcome<MessageAccepted>> = asking.conversation(&ticket.conversation, &ask).await?;
    let Some(stored) = stored.pop() else {
        return Err(MoltnetError::internal("a conversation answered nothing to a message"));
    };
    Ok(write::json(202, serde_json::to_string(&stored?).unwrap_or_default()))
}
