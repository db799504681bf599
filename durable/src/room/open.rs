//! Making, changing and removing a conversation, as `Network` has decided. Each step may come twice and late: the
//! version says what is newer. Half-way nothing is left, since each is one commit.

use super::conversation::{Loaded, Marks, Room, Turn};
use super::schema::STEPS;
use crate::migrate;
use crate::sql::{Sql, Value};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::event::EventType;
use moltghost_protocol::moltnet::id::mint;
use moltghost_protocol::moltnet::room::{NewRoom, Room as Document};
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::room::{Open, State};
use moltghost_protocol::time::Millis;

/// An entry of the log that is no message.
pub(super) const ENTRY: &str = "INSERT INTO log (offset, kind, thread, id, sender, at, artifacts, size, body)
    VALUES (?1, ?2, NULL, ?3, NULL, ?4, 0, ?5, ?6)";

impl<S: Sql> Room<S> {
    /// Makes the conversation, or takes over its state where it exists.
    pub(super) fn open(&mut self, open: &Open, turn: &Turn<'_>) -> Outcome<()> {
        if open.conversation != self.name {
            return Err(MoltnetError::internal("a conversation was opened under another's name"));
        }
        if self.loaded.is_some() {
            return self.configure(&open.state, turn);
        }
        migrate::migrate(&self.sql, migrate::version(&self.sql)?, STEPS)?;
        let kind = match self.name.kind {
            ConversationKind::Room => "room",
            ConversationKind::Dm => "dm",
        };
        let fresh = Loaded {
            created: open.created_at,
            state: open.state.clone(),
            participants: Vec::new(),
            closed: false,
            last: 0,
            clock: open.created_at,
            marks: Marks::default(),
            measured: 0,
            grown: 0,
        };
        let row = vec![
            kind.into(),
            self.name.network.as_str().into(),
            self.name.id.as_str().into(),
            open.created_at.into(),
            to_json(&fresh.state).into(),
            fresh.state.version.into(),
        ];
        let mut statements = vec![
            ("INSERT INTO conversation VALUES (?1, ?2, ?3, ?4, ?5, ?6, '[]', 0)", row),
            ("INSERT INTO mark (history, search, network, hub) VALUES (0, 0, 0, 0)", vec![]),
        ];
        if self.name.kind == ConversationKind::Room {
            statements.push((ENTRY, self.entry(&fresh, EventType::RoomCreated, open.created_at, turn)?));
        }
        self.sql.batch(&statements)?;
        self.load()
    }

    /// Takes over a newer state. A room's log tells of every change; whether clients are told too, its kind says.
    pub(super) fn configure(&mut self, state: &State, turn: &Turn<'_>) -> Outcome<()> {
        let before = self.open_one()?;
        if state.version <= before.state.version {
            return Ok(());
        }
        let mut after = before.clone();
        after.state = state.clone();
        after.clock = before.clock.max(turn.now);
        let mut statements = vec![(
            "UPDATE conversation SET state = ?1, version = ?2",
            vec![to_json(state).into(), state.version.into()],
        )];
        let same = State { version: state.version, quiet: state.quiet, ..before.state.clone() } == *state;
        if self.name.kind == ConversationKind::Room && !same {
            let told = before.state.members != state.members && !state.quiet;
            let kind = if told { EventType::RoomMembersUpdated } else { EventType::RoomUpdated };
            statements.push((ENTRY, self.entry(&after, kind, after.clock, turn)?));
            after.last += 1;
        }
        self.sql.batch(&statements)?;
        self.loaded = Some(after);
        self.hurries();
        Ok(())
    }

    /// Removes the room for good. The log stays, and consumers still get what is in it.
    pub(super) fn close(&mut self, version: u64, turn: &Turn<'_>) -> Outcome<()> {
        let before = self.loaded.as_ref().ok_or_else(|| self.unknown())?;
        if before.closed {
            return Ok(());
        }
        let mut after = before.clone();
        after.closed = true;
        after.state.version = before.state.version.max(version);
        after.clock = before.clock.max(turn.now);
        let statements = [
            (
                "UPDATE conversation SET closed = 1, version = ?1, state = ?2",
                vec![after.state.version.into(), to_json(&after.state).into()],
            ),
            (ENTRY, self.entry(&after, EventType::RoomRemoved, after.clock, turn)?),
        ];
        after.last += 1;
        self.sql.batch(&statements)?;
        self.loaded = Some(after);
        self.hurries();
        Ok(())
    }

    /// The row of an entry that comes after the last one and tells of the room as it is in `room`.
    fn entry(&self, room: &Loaded, kind: EventType, at: Millis, turn: &Turn<'_>) -> Outcome<Vec<Value>> {
        let state = &room.state;
        let shown = NewRoom {
            id: self.name.id.clone(),
            name: state.name.clone(),
            members: state.members.clone(),
            visibility: state.visibility,
            write_policy: state.write_policy,
        };
        let document = Document::new(&self.name.network, shown, room.created);
        entry_row(room.last + 1, kind, at, &to_json(&document), turn)
    }
}

/// Parameters of [`ENTRY`].
pub(super) fn entry_row(
    offset: u64,
    kind: EventType,
    at: Millis,
    body: &str,
    turn: &Turn<'_>,
) -> Outcome<Vec<Value>> {
    let random = (turn.random)().ok_or_else(|| MoltnetError::internal("the runtime gave no random bits"))?;
    let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
    Ok(vec![
        offset.into(),
        kind.as_str().into(),
        mint("evt", at, random).into(),
        at.into(),
        size.into(),
        body.into(),
    ])
}

/// JSON of something that can always be written.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
