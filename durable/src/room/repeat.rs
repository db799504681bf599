//! Messages that come again. The conversation is the scope of a message's id: what its sender sends again is answered
//! as the first time, whatever it says now; what another sends under the same id is refused (rulings §3).

use super::open::to_json;
use crate::sql::{column, Sql};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::id;
use moltghost_protocol::moltnet::message::Origin;
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::object::room::Post;
use std::collections::HashMap;

/// Whose a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    /// Who sent it.
    pub sender: i64,
    /// Where it was said first.
    pub origin: Origin,
}

impl Owner {
    /// Whose a message is that is to be stored.
    pub(super) fn of(post: &Post) -> Self {
        Self { sender: id::fingerprint(&post.caller.principal), origin: post.message.origin.clone() }
    }
}

/// The owners of those of the messages that are stored already, by id.
pub(super) fn owners(sql: &impl Sql, posts: &[Post]) -> Outcome<HashMap<String, Owner>> {
    let ids: Vec<&str> = posts.iter().map(|post| post.message.id.as_str()).collect();
    let rows = sql.run(
        "SELECT id, sender, body ->> '$.origin.network_id', body ->> '$.origin.message_id' FROM log
         WHERE sender IS NOT NULL AND id IN (SELECT value FROM json_each(?1))",
        &[to_json(&ids).into()],
    )?;
    let owner = |row: &Vec<crate::sql::Value>| {
        let text = |at: usize| column(row, at).text().to_owned();
        let origin = Origin { network_id: text(2), message_id: text(3) };
        (text(0), Owner { sender: column(row, 1).int(), origin })
    };
    Ok(rows.iter().map(owner).collect())
}

/// Whether a message that came again is its owner's.
pub(super) fn is_repeat(stored: &Owner, post: &Post) -> Outcome<()> {
    if *stored == Owner::of(post) {
        return Ok(());
    }
    let id = quote(&post.message.id);
    Err(MoltnetError::conflict(format!("message {id} is already used by another sender; use another id")))
}
