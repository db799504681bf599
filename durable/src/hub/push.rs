//! Taking a conversation's entries into the log, each once and in order, whatever comes twice or out of turn.
//!
//! The conversation tells from the place that the hub said last. What the hub has already it passes over; where
//! something is missing in between it takes nothing and says where it stands, and the conversation tells again from
//! there. So a hub that lost its storage is told anew, and a conversation that forgot its mark tells too much and
//! nothing happens.

use super::conversations::{self, Conversations, Known};
use super::log::Draft;
use super::wake::{self, Meant};
use super::{Hub, World};
use crate::sql::Sql;
use moltghost_protocol::moltnet::delivery::Standing;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::event::{write, EventType};
use moltghost_protocol::moltnet::id::event_of_message;
use moltghost_protocol::object::hub::{Entry, Push, Stood};
use moltghost_protocol::time::rfc3339;
use std::rc::Rc;

impl<S: Sql, W: World> Hub<S, W> {
    /// Takes entries, and sends them on before anything else happens.
    pub(super) fn take_push(&self, push: &Push) -> Outcome<Stood> {
        let home = &self.settings.id;
        if push.conversation.network != *home {
            return Err(MoltnetError::internal("a hub was told of another network"));
        }
        let name = push.conversation.to_string();
        let (statements, drafts, known) = {
            let mut state = self.state()?;
            let before = state.conversations.find(&self.sql, &name)?;
            let (number, position, mut standing) = match (&before, &push.standing) {
                (Some(known), _) => (known.number, known.position, Some(Rc::clone(&known.standing))),
                (None, None) if push.after > 0 => return Ok(Stood::Unknown),
                (None, standing) => {
                    let number = Conversations::fresh_number(&self.sql)?;
                    (number, push.after, standing.clone().map(Rc::new))
                }
            };
            if push.after > position {
                return Ok(Stood::At(position));
            }
            let entries: Vec<Entry> = serde_json::from_str(push.entries.get())
                .map_err(|error| MoltnetError::internal(format!("entries cannot be read: {error}")))?;
            let mut last = position;
            let mut drafts = Vec::with_capacity(entries.len());
            let mut statements = Vec::new();
            let next = state.log.span.newest + 1;
            for Entry(offset, kind, _, id, at, body) in entries {
                if offset <= last {
                    continue;
                }
                if offset != last + 1 {
                    return Err(MoltnetError::internal(format!("{name} left out entries before {offset}")));
                }
                last = offset;
                let after = Standing::after(standing.as_deref(), home, kind, body.get());
                if let Some(after) = after.map_err(MoltnetError::internal)? {
                    standing = Some(Rc::new(after));
                }
                let standing = standing
                    .clone()
                    .ok_or_else(|| MoltnetError::internal(format!("{name} begins with {}", kind.as_str())))?;
                if kind == EventType::RoomUpdated {
                    continue;
                }
                let id = if kind == EventType::MessageCreated { event_of_message(&id) } else { id };
                let body = write(&id, kind, home, body.get(), &rfc3339(at));
                if let Some(meant) = Meant::read(kind, &body) {
                    let seq = next + i64::try_from(drafts.len()).unwrap_or(0);
                    wake::note(home, seq, &meant, &mut statements);
                }
                drafts.push(Draft { id, kind, conversation: Some((number, standing)), at, body });
            }
            let Some(standing) = standing.filter(|_| last > position || before.is_none()) else {
                return Ok(Stood::At(position));
            };
            let known = Known { number, position: last, standing };
            statements.push(conversations::write(&name, before.as_ref(), &known));
            (statements, drafts, known)
        };
        self.append(statements, drafts)?;
        let position = known.position;
        self.state()?.conversations.remember(&name, known);
        if !push.may_gather || !self.peers()?.is_empty() {
            return Ok(Stood::At(position));
        }
        self.lets_gather(name);
        Ok(Stood::Quiet(position))
    }
}
