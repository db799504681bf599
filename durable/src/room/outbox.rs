//! What follows from the log elsewhere: deliveries by the hub, the history and the search in D1, and the directory's
//! list of direct conversations. None of them is asked for anything that a caller waits for, so an outage delays them and nothing
//! else.
//!
//! D1 keeps its own mark for each conversation and moves it in the transaction that takes entries in, which takes
//! only what lies beyond it. So entries that come twice are taken once, and a database that was emptied or brought
//! back from a copy says where to go on. The hub does the same. Our marks only remember what was said last.

use super::conversation::{whole, Followers, Marks, Room};
use super::open::to_json;
use crate::search;
use crate::sql::{column, Sql, Statement};
use moltghost_protocol::moltnet::delivery::Standing;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::event::EventType;
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::hub::{HubAsk, Push as HubPush, Stood};
use moltghost_protocol::object::room::DmSummary;
use moltghost_protocol::object::write;
use serde_json::value::RawValue;

/// Most entries in one transaction, and most bytes of their bodies (architecture rule 15).
const MAX_ENTRIES: u64 = 500;
const MAX_BYTES: u64 = 1_000_000;

/// Who follows the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// The hub.
    Hub,
    /// The history in D1.
    History,
    /// The search in D1.
    Search,
    /// The directory.
    Network,
}

impl Consumer {
    /// Every consumer.
    pub const ALL: [Self; 4] = [Self::Hub, Self::History, Self::Search, Self::Network];
}

/// What a consumer is to be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Push {
    /// A message for the hub.
    Hub(String),
    /// Statements for its database, as one transaction. The last answers one row whose `offset` is how far it got.
    Entries(Vec<Statement>),
    /// A summary for the directory, and the offset that it is of.
    Summary(DmSummary),
}

/// Takes entries that lie beyond the database's mark, provided that none is missing in between. What fails takes the whole
/// transaction with it: `OR FAIL` spares `SQLite` the journal by which it could take back the statement alone.
const HISTORY: &str = "INSERT OR FAIL INTO history (conversation, offset, network, kind, thread, id, at, body)
    SELECT ?1, e.value ->> 0, ?2, e.value ->> 1, e.value ->> 2, e.value ->> 3, e.value ->> 4, e.value -> 5
    FROM json_each(?3) e, (SELECT coalesce((SELECT offset FROM history_mark WHERE conversation = ?1), 0) AS offset) m
    WHERE m.offset >= ?4 AND e.value ->> 0 > m.offset";
const HISTORY_MARK: &str = "INSERT INTO history_mark (conversation, offset)
    SELECT ?1, ?2 WHERE coalesce((SELECT offset FROM history_mark WHERE conversation = ?1), 0) BETWEEN ?3 AND ?2
    ON CONFLICT (conversation) DO UPDATE SET offset = excluded.offset";
const HISTORY_STANDS: &str =
    "SELECT coalesce((SELECT offset FROM history_mark WHERE conversation = ?1), 0) AS offset";

impl<S: Sql> Room<S> {
    /// Whether any consumer lacks anything.
    pub fn lags(&self) -> bool {
        Consumer::ALL.iter().any(|consumer| self.lacks(*consumer))
    }

    /// Whether the hub lacks anything.
    pub fn hub_lags(&self) -> bool {
        self.lacks(Consumer::Hub)
    }

    /// Offset of the last entry.
    pub(super) fn last(&self) -> u64 {
        self.loaded.as_ref().map_or(0, |room| room.last)
    }

    /// Whether a consumer has everything up to an offset. What is not loaded is not known.
    pub(super) fn has_told(&self, consumer: Consumer, offset: u64) -> bool {
        self.loaded.as_ref().is_some_and(|room| offset > 0 && room.marks.of(consumer) >= offset)
    }

    fn lacks(&self, consumer: Consumer) -> bool {
        let Some(room) = &self.loaded else { return false };
        let told = match consumer {
            Consumer::Hub | Consumer::History => true,
            Consumer::Search => self.searchable,
            Consumer::Network => self.name.kind == ConversationKind::Dm,
        };
        told && room.marks.of(consumer) < room.last
    }

    /// What a consumer is to be told next, if anything.
    ///
    /// # Errors
    /// What the database says.
    pub fn due(&mut self, consumer: Consumer) -> Outcome<Option<Push>> {
        self.touch()?;
        if !self.lacks(consumer) {
            return Ok(None);
        }
        let Some(room) = &self.loaded else { return Ok(None) };
        let name = self.name.to_string();
        match consumer {
            Consumer::Hub => {
                let after = room.marks.hub;
                let standing = if self.hub_asked { Some(self.standing_at(after)?) } else { None };
                let quiet = self.hub_is_quiet();
                let (entries, _) = if quiet { self.shared_entries(after) } else { self.entries(after) }?;
                let unreadable = |error: serde_json::Error| MoltnetError::internal(error.to_string());
                let entries = RawValue::from_string(entries).map_err(unreadable)?;
                let conversation = self.name.clone();
                let push = HubPush { conversation, after, standing, may_gather: true, entries };
                Ok(Some(Push::Hub(write(&HubAsk::Push(Box::new(push))))))
            }
            Consumer::Network => Ok(self.summary().map(Push::Summary)),
            Consumer::History => {
                let from = room.marks.history;
                let (entries, to) = self.shared_entries(from)?;
                let network = self.name.network.as_str();
                Ok(Some(Push::Entries(vec![
                    (HISTORY, vec![name.as_str().into(), network.into(), entries.into(), from.into()]),
                    (HISTORY_MARK, vec![name.as_str().into(), to.into(), from.into()]),
                    (HISTORY_STANDS, vec![name.into()]),
                ])))
            }
            Consumer::Search => {
                let from = room.marks.search;
                let (entries, to) = self.shared_entries(from)?;
                Ok(Some(Push::Entries(search::feed(&name, &entries, from, to))))
            }
        }
    }

    /// A consumer has everything up to `offset`; or, where that is less than before, lacks what comes after it.
    pub fn told(&mut self, consumer: Consumer, offset: u64) {
        if let Some(room) = &mut self.loaded {
            let mark = match consumer {
                Consumer::Hub => &mut room.marks.hub,
                Consumer::History => &mut room.marks.history,
                Consumer::Search => &mut room.marks.search,
                Consumer::Network => &mut room.marks.network,
            };
            *mark = offset.min(room.last);
        }
    }

    /// What the hub said to a push.
    pub fn hub_stands(&mut self, stood: Stood) {
        self.hub_asked = stood == Stood::Unknown;
        let nobody = matches!(stood, Stood::Quiet(_)) && self.followers != Followers::Begun;
        self.followers = if nobody { Followers::Nobody } else { Followers::Some };
        if let Stood::At(offset) | Stood::Quiet(offset) = stood {
            self.told(Consumer::Hub, offset);
        }
    }

    /// Whether nobody followed when the hub was last told and only messages have come since, so that it need not be
    /// told at once.
    pub fn hub_is_quiet(&self) -> bool {
        self.followers == Followers::Nobody
    }

    /// Somebody follows from now on. An answer of the hub that is on its way may still say that nobody does.
    pub(super) fn followed(&mut self) {
        self.followers = Followers::Begun;
    }

    /// What has come is not to wait: it says who may see what.
    pub(super) fn hurries(&mut self) {
        if self.followers == Followers::Nobody {
            self.followers = Followers::Some;
        }
    }

    /// What the conversation was at an offset, as deliveries ask. Participants only ever join, so those of now do.
    fn standing_at(&self, offset: u64) -> Outcome<Standing> {
        if self.name.kind == ConversationKind::Dm {
            let participants = self.loaded.as_ref().map(|room| room.participants.clone());
            return Ok(Standing::Dm { participants: participants.unwrap_or_default() });
        }
        let rows = self.sql.run(
            "SELECT kind, body FROM log WHERE offset <= ?1 AND kind IN
             ('room.created', 'room.members.updated', 'room.updated', 'room.removed') ORDER BY offset DESC LIMIT 1",
            &[offset.into()],
        )?;
        let row = rows.first().map(Vec::as_slice).unwrap_or_default();
        let kind = EventType::parse(column(row, 0).text()).unwrap_or(EventType::RoomUpdated);
        let standing = Standing::after(None, &self.name.network, kind, column(row, 1).text());
        let unsaid = || MoltnetError::internal("the log does not say what the room is");
        standing.map_err(MoltnetError::internal)?.ok_or_else(unsaid)
    }

    /// A round of telling begins, for which the log is read anew.
    pub(super) fn reads_anew(&mut self) {
        self.taken = None;
    }

    /// Writes the marks, at the end of a round of telling. What happens before that is told again after a crash.
    ///
    /// # Errors
    /// What the database says.
    pub fn save_marks(&mut self) -> Outcome<()> {
        self.reads_anew();
        let Some(room) = &self.loaded else { return Ok(()) };
        let marks = room.marks;
        let marks = [marks.history, marks.search, marks.network, marks.hub].map(Into::into);
        self.sql.run("UPDATE mark SET history = ?1, search = ?2, network = ?3, hub = ?4", &marks)?;
        Ok(())
    }

    /// Lets D1 be asked anew how far it is, and so be given whatever it lacks.
    pub(super) fn rewind(&mut self) -> Outcome<()> {
        let unknown = self.unknown();
        let room = self.loaded.as_mut().ok_or(unknown)?;
        room.marks = Marks { hub: room.marks.hub, ..Marks::default() };
        self.save_marks()
    }

    /// As [`Room::entries`], for consumers that are told the same one after the other.
    fn shared_entries(&mut self, from: u64) -> Outcome<(String, u64)> {
        if let Some((_, entries, to)) = self.taken.as_ref().filter(|(of, ..)| *of == from) {
            return Ok((entries.clone(), *to));
        }
        let (entries, to) = self.entries(from)?;
        self.taken = Some((from, entries.clone(), to));
        Ok((entries, to))
    }

    /// Entries after `from` as a JSON array of arrays, as many as one transaction takes, and the offset of the last.
    fn entries(&self, from: u64) -> Outcome<(String, u64)> {
        let sizes = self.sql.run(
            "SELECT offset, size FROM log WHERE offset > ?1 ORDER BY offset LIMIT ?2",
            &[from.into(), MAX_ENTRIES.into()],
        )?;
        let mut total = 0;
        let mut to = from;
        for row in &sizes {
            total += whole(column(row, 1));
            if total > MAX_BYTES && to > from {
                break;
            }
            to = whole(column(row, 0));
        }
        // Bodies are JSON, and need not be read to be put together.
        let rows = self.sql.run(
            "SELECT group_concat('[' || offset || ',' || json_quote(kind) || ',' || json_quote(thread) || ',' ||
                                 json_quote(id) || ',' || at || ',' || body || ']', ',' ORDER BY offset)
             FROM log WHERE offset > ?1 AND offset <= ?2",
            &[from.into(), to.into()],
        )?;
        let entries = rows.first().map(|row| column(row, 0).text()).unwrap_or_default();
        Ok((format!("[{entries}]"), to))
    }
}

/// How far a database says that it got: `[{"offset":7}]`.
///
/// # Errors
/// 500 for any other answer.
pub fn stands(answer: &str) -> Outcome<u64> {
    #[derive(serde::Deserialize)]
    struct Stand {
        offset: u64,
    }
    let stands: Vec<Stand> = serde_json::from_str(answer).unwrap_or_default();
    stands
        .first()
        .map(|stand| stand.offset)
        .ok_or_else(|| MoltnetError::internal(format!("D1 did not say how far it is: {}", to_json(&answer))))
}
