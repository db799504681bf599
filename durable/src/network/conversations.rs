//! Where things are read: which object has a room, a thread or a direct conversation, and whether the caller may look.
//! Direct conversations are listed from what their objects told last.

use super::rooms::{seen, Row as RoomRow};
use super::window::Collection;
use super::{Asker, Network, World};
use crate::sql::{column, Sql, Value};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::moltnet::thread::DirectConversation;
use moltghost_protocol::name::{Conversation, ConversationKind};
use moltghost_protocol::object::network::{Place, Reply, What};
use moltghost_protocol::object::room::DmSummary;

impl<S: Sql, W: World> Network<S, W> {
    pub(super) fn place(&self, asker: &Asker, what: &What) -> Outcome<Reply> {
        let place = match what {
            What::Room(id) => self.room_place(&self.seen_room(asker, id)?),
            What::Thread(id) => self.thread_place(asker, id)?,
            What::Dm(id) => self.dm_place(asker, id)?,
            What::Artifacts { room, thread, dm } => {
                self.artifacts_place(asker, room.trim(), thread.trim(), dm.trim())?
            }
        };
        Ok(Reply::Read(Box::new(place)))
    }

    /// The name of a conversation's object.
    pub(super) fn conversation(&self, kind: ConversationKind, id: &str) -> Conversation {
        Conversation { kind, network: self.home().to_owned(), id: id.to_owned() }
    }

    fn room_place(&self, row: &RoomRow) -> Place {
        Place {
            conversation: Some(self.conversation(ConversationKind::Room, &row.room.id)),
            thread: None,
            unopened: row.synced == 0,
        }
    }

    fn thread_place(&self, asker: &Asker, id: &str) -> Outcome<Place> {
        let unknown = || MoltnetError::not_found(format!("unknown thread {}", quote(id)));
        let id = id.trim();
        let room = self.thread_room(id)?.ok_or_else(unknown)?;
        let row = self.seen_room(asker, &room);
        // Who may not know of the room learns nothing of it from the thread.
        let row = row.map_err(|error| match error.status {
            404 if !asker.known && !self.view(asker).all => unknown(),
            _ => error,
        })?;
        Ok(Place { thread: Some(id.to_owned()), unopened: false, ..self.room_place(&row) })
    }

    /// The room that a thread belongs to.
    pub(super) fn thread_room(&self, id: &str) -> Outcome<Option<String>> {
        let rows = self.sql.run("SELECT room FROM thread WHERE id = ?1", &[id.into()])?;
        Ok(rows.first().map(|row| column(row, 0).text().to_owned()))
    }

    fn dm_place(&self, asker: &Asker, id: &str) -> Outcome<Place> {
        self.dms_are_on()?;
        let unknown = || MoltnetError::not_found(format!("unknown direct conversation {}", quote(id)));
        let id = id.trim();
        if id.is_empty() {
            return Err(MoltnetError::invalid("dm id is required"));
        }
        let participants = self.participants(id)?.ok_or_else(unknown)?;
        let view = self.view(asker);
        if !view.all && !participants.iter().any(|participant| view.members.contains(participant)) {
            return Err(MoltnetError::forbidden(format!("direct conversation {id} is not readable")));
        }
        let conversation = Some(self.conversation(ConversationKind::Dm, id));
        Ok(Place { conversation, thread: None, unopened: false })
    }

    /// Who takes part in a direct conversation, as far as messages that came through here say.
    pub(super) fn participants(&self, id: &str) -> Outcome<Option<Vec<String>>> {
        let rows = self.sql.run("SELECT participants FROM dm WHERE id = ?1", &[id.into()])?;
        Ok(rows.first().map(|row| serde_json::from_str(column(row, 0).text()).unwrap_or_default()))
    }

    fn artifacts_place(&self, asker: &Asker, room: &str, thread: &str, dm: &str) -> Outcome<Place> {
        if room.is_empty() && thread.is_empty() && dm.is_empty() {
            return Err(MoltnetError::invalid("artifact filter is required"));
        }
        if !dm.is_empty() {
            self.dms_are_on()?;
        }
        if !room.is_empty() {
            self.seen_room(asker, room)?;
        }
        if !thread.is_empty() {
            return self.thread_place(asker, thread);
        }
        if dm.is_empty() {
            return Ok(self.room_place(&self.seen_room(asker, room)?));
        }
        match self.dm_place(asker, dm) {
            // Nothing was said there, so there is nothing to show.
            Err(error) if error.status == 404 => {
                Ok(Place { conversation: None, thread: None, unopened: true })
            }
            other => other,
        }
    }

    /// Refuses direct messages where they are off.
    pub(super) fn dms_are_on(&self) -> Outcome<()> {
        if self.settings.direct_messages {
            Ok(())
        } else {
            Err(MoltnetError::forbidden("direct messages are disabled for this network"))
        }
    }

    pub(super) fn dms(&self, asker: &Asker, request: &PageRequest) -> Outcome<Reply> {
        self.dms_are_on()?;
        let view = self.view(asker);
        let (condition, parameters) = if view.all {
            ("1", vec![])
        } else {
            let own = serde_json::to_string(&view.members).unwrap_or_default();
            (
                "id IN (SELECT dm FROM participant WHERE participant IN (SELECT value FROM json_each(?1)))",
                vec![own.into()],
            )
        };
        let select = "SELECT id, participants, count, last FROM dm";
        let collection = Collection { select, condition, parameters, id: "id" };
        let rows = collection.read(&self.sql, request)?;
        let items = rows.found.iter().map(|row| {
            let participants = serde_json::from_str(column(row, 1).text()).unwrap_or_default();
            let count = u64::try_from(column(row, 2).int()).unwrap_or(0);
            let last = column(row, 3).int();
            let dm = DirectConversation::new(self.home(), column(row, 0).text(), participants, count, last);
            serde_json::to_string(&dm).unwrap_or_default()
        });
        let items = items.collect();
        Ok(Reply::Document { status: 200, body: rows.write("dms", request, items) })
    }

    /// Writes who takes part in a direct conversation: it begins, or somebody joined.
    pub(super) fn write_dm(&self, id: &str, participants: &[String], joined: &[String]) -> Outcome<()> {
        let now = self.world.now();
        let list = serde_json::to_string(participants).unwrap_or_default();
        let mut statements = vec![(
            "INSERT INTO dm (id, participants, created, last) VALUES (?1, ?2, ?3, ?3)
             ON CONFLICT (id) DO UPDATE SET participants = excluded.participants",
            vec![Value::from(id), list.into(), now.into()],
        )];
        statements.extend(joined.iter().map(|participant| {
            (
                "INSERT OR IGNORE INTO participant (participant, dm) VALUES (?1, ?2)",
                vec![Value::from(participant.as_str()), id.into()],
            )
        }));
        Ok(self.sql.batch(&statements)?)
    }

    /// Takes over what a direct conversation tells of itself, unless it is out of date.
    pub(super) fn learn_summary(&self, summary: &DmSummary) -> Outcome<Reply> {
        let known = self.participants(&summary.id)?.unwrap_or_default();
        let mut all: Vec<String> = known.iter().chain(&summary.participant_ids).cloned().collect();
        all.sort_unstable();
        all.dedup();
        let joined: Vec<String> = all.iter().filter(|one| !known.contains(one)).cloned().collect();
        if !joined.is_empty() {
            self.write_dm(&summary.id, &all, &joined)?;
        }
        self.sql.run(
            "UPDATE dm SET count = ?2, last = ?3, last_offset = ?4 WHERE id = ?1 AND last_offset < ?4",
            &[
                summary.id.as_str().into(),
                summary.message_count.into(),
                summary.last_message_at.into(),
                summary.last_offset.into(),
            ],
        )?;
        Ok(Reply::Done)
    }

    /// The conversations that a caller may search: the rooms that it sees and the direct conversations that it takes
    /// part in, or one room.
    pub(super) fn searchable(&self, asker: &Asker, room: Option<&str>) -> Outcome<Reply> {
        if let Some(room) = room {
            let row = self.seen_room(asker, room.trim())?;
            let name = self.conversation(ConversationKind::Room, &row.room.id);
            return Ok(Reply::Search(Some(vec![name.to_string()])));
        }
        let view = self.view(asker);
        if view.all {
            return Ok(Reply::Search(None));
        }
        let (condition, parameters) = seen(&view);
        let rows = self.sql.run(&format!("SELECT id FROM room WHERE {condition}"), &parameters)?;
        let own = serde_json::to_string(&view.members).unwrap_or_default();
        let dms = self.sql.run(
            "SELECT DISTINCT dm FROM participant WHERE participant IN (SELECT value FROM json_each(?1))",
            &[own.into()],
        )?;
        let names = |kind: ConversationKind, rows: &[Vec<Value>]| -> Vec<String> {
            rows.iter().map(|row| self.conversation(kind, column(row, 0).text()).to_string()).collect()
        };
        let mut all = names(ConversationKind::Room, &rows);
        all.extend(names(ConversationKind::Dm, &dms));
        Ok(Reply::Search(Some(all)))
    }
}
