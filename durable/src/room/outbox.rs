//! What follows from the log elsewhere: the history and the search in D1, and the directory's list of direct
//! conversations. None of them is asked for anything that a caller waits for, so an outage delays them and nothing
//! else.
//!
//! D1 keeps its own mark for each conversation and moves it in the transaction that takes entries in, which takes
//! only what lies beyond it. So entries that come twice are taken once, and a database that was emptied or brought
//! back from a copy says where to go on. Our marks only remember what D1 said last.

use super::conversation::{whole, Room};
use super::open::to_json;
use crate::search;
use crate::sql::{column, Sql, Statement};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::room::DmSummary;

/// Most entries in one transaction, and most bytes of their bodies (architecture rule 15).
const MAX_ENTRIES: u64 = 500;
const MAX_BYTES: u64 = 1_000_000;

/// Who follows the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// The history in D1.
    History,
    /// The search in D1.
    Search,
    /// The directory.
    Network,
}

impl Consumer {
    /// Every consumer.
    pub const ALL: [Self; 3] = [Self::History, Self::Search, Self::Network];
}

/// What a consumer is to be told.
#[derive(Debug, Clone, PartialEq)]
pub enum Push {
    /// Statements for its database, as one transaction. The last answers one row whose `offset` is how far it got.
    Entries(Vec<Statement>),
    /// A summary for the directory, and the offset that it is of.
    Summary(DmSummary),
}

/// Takes entries that lie beyond the database's mark, provided that none is missing in between.
const HISTORY: &str = "INSERT INTO history (conversation, offset, network, kind, thread, id, at, body)
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

    fn lacks(&self, consumer: Consumer) -> bool {
        let Some(room) = &self.loaded else { return false };
        match consumer {
            Consumer::History => room.marks.history < room.last,
            Consumer::Search => self.searchable && room.marks.search < room.last,
            Consumer::Network => self.name.kind == ConversationKind::Dm && room.marks.network < room.last,
        }
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
            Consumer::Network => Ok(self.summary().map(Push::Summary)),
            Consumer::History => {
                let from = room.marks.history;
                let (entries, to) = self.entries(from)?;
                let network = self.name.network.as_str();
                Ok(Some(Push::Entries(vec![
                    (HISTORY, vec![name.as_str().into(), network.into(), entries.into(), from.into()]),
                    (HISTORY_MARK, vec![name.as_str().into(), to.into(), from.into()]),
                    (HISTORY_STANDS, vec![name.into()]),
                ])))
            }
            Consumer::Search => {
                let from = room.marks.search;
                let (entries, to) = self.entries(from)?;
                Ok(Some(Push::Entries(search::feed(&name, &entries, from, to))))
            }
        }
    }

    /// A consumer has everything up to `offset`; or, where that is less than before, lacks what comes after it.
    pub fn told(&mut self, consumer: Consumer, offset: u64) {
        if let Some(room) = &mut self.loaded {
            let mark = match consumer {
                Consumer::History => &mut room.marks.history,
                Consumer::Search => &mut room.marks.search,
                Consumer::Network => &mut room.marks.network,
            };
            *mark = offset.min(room.last);
        }
    }

    /// Writes the marks. What happens before that is told again after a crash.
    ///
    /// # Errors
    /// What the database says.
    pub fn save_marks(&self) -> Outcome<()> {
        let Some(room) = &self.loaded else { return Ok(()) };
        let marks = [room.marks.history, room.marks.search, room.marks.network].map(Into::into);
        self.sql.run("UPDATE mark SET history = ?1, search = ?2, network = ?3", &marks)?;
        Ok(())
    }

    /// Lets D1 be asked anew how far it is, and so be given whatever it lacks.
    pub(super) fn rewind(&mut self) -> Outcome<()> {
        let unknown = self.unknown();
        let room = self.loaded.as_mut().ok_or(unknown)?;
        room.marks = super::conversation::Marks::default();
        self.save_marks()
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
        let rows = self.sql.run(
            "SELECT json_group_array(json_array(offset, kind, thread, id, at, json(body)) ORDER BY offset)
             FROM log WHERE offset > ?1 AND offset <= ?2",
            &[from.into(), to.into()],
        )?;
        let entries = rows.first().map(|row| column(row, 0).text().to_owned()).unwrap_or_default();
        Ok((entries, to))
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
