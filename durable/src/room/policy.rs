//! Who may post: the room's write policy, and the participants of a direct conversation. Decided in the turn that
//! stores the message, with what the room knows then.

use super::conversation::{Loaded, Room};
use crate::sql::Sql;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::policy;
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::room::Post;

impl<S: Sql> Room<S> {
    /// Whether the poster may say this here.
    pub(super) fn may_post(&self, room: &Loaded, post: &Post) -> Outcome<()> {
        let (caller, from) = (&post.caller, &post.message.from);
        let state = &room.state;
        if self.name.kind == ConversationKind::Room {
            let (home, id) = (&self.name.network, &self.name.id);
            return policy::may_write(caller, home, id, state.write_policy, &state.members, from);
        }
        // Whoever says the first word begins it; the directory has bound it to whom that names.
        if room.last == 0 {
            return Ok(());
        }
        policy::may_say(caller, &self.name.network, &self.name.id, &room.participants, from)
    }
}
