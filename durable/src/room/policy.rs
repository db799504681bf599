//! Who may post: the room's write policy, and the participants of a direct conversation. Decided in the turn that
//! stores the message, with what the room knows then.

use super::conversation::{Loaded, Room};
use crate::sql::Sql;
use moltghost_protocol::moltnet::access::Scopes;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::member;
use moltghost_protocol::moltnet::policy;
use moltghost_protocol::moltnet::quote::quote;
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
        let began = room.last > 0;
        let human =
            from.kind.trim() == "human" && caller.has_static_token() && caller.scopes.any(Scopes::WRITE);
        let open = caller.unauthenticated || caller.is_operator() || !began || human;
        if open || self.takes_part(room, &from.network_id, &from.id) {
            return Ok(());
        }
        Err(MoltnetError::forbidden(format!(
            "direct conversation {} is open to its participants; one of them can name {} in participant_ids",
            quote(&self.name.id),
            quote(&from.id)
        )))
    }

    /// Whether an agent takes part in the direct conversation.
    fn takes_part(&self, room: &Loaded, network: &str, agent: &str) -> bool {
        member::is_member(&self.name.network, &room.participants, network, agent)
    }
}
