//! Threads and the direct conversation itself, as documents. Threads are listed by id.

use super::conversation::{whole, Room};
use super::open::to_json;
use crate::sql::{column, Sql, Value};
use moltghost_protocol::moltnet::cursor;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::page::{fit, write, PageInfo, PageRequest};
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::moltnet::thread::{DirectConversation, Thread};
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::room::DmSummary;

impl<S: Sql> Room<S> {
    /// `{"threads":[…],"page":…}`.
    pub(super) fn threads(&self, page: &PageRequest) -> Outcome<String> {
        let more = u64::from(page.limit) + 1;
        let query = |query: &str, from: &str| self.sql.run(query, &[from.into(), more.into()]);
        let (mut rows, backwards, beyond) = match (&page.before, &page.after) {
            (Some(before), _) => {
                self.known_cursor(before)?;
                let older =
                    "SELECT id, parent, count, last FROM thread WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
                (query(older, before)?, true, true)
            }
            (None, after) => {
                if let Some(after) = after {
                    self.known_cursor(after)?;
                }
                let newer = "SELECT id, parent, count, last FROM thread WHERE id > ?1 ORDER BY id LIMIT ?2";
                (query(newer, after.as_deref().unwrap_or_default())?, false, after.is_some())
            }
        };
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let documents: Vec<String> = rows.iter().take(limit).map(|row| self.thread_document(row)).collect();
        let count = fit(documents.iter().map(String::len));
        let further = rows.len() > count;
        rows.truncate(count);
        let mut documents: Vec<String> = documents.into_iter().take(count).collect();
        if backwards {
            rows.reverse();
            documents.reverse();
        }
        let (precedes, follows) = if backwards { (further, beyond) } else { (beyond, further) };
        let id = |row: Option<&Vec<Value>>| row.map(|row| column(row, 0).text().to_owned());
        let info = PageInfo {
            has_more: precedes || follows,
            next_before: id(rows.first()).filter(|_| precedes),
            next_after: id(rows.last()).filter(|_| follows),
        };
        Ok(write("threads", &documents, &info))
    }

    /// One thread's document.
    pub(super) fn thread(&self, id: &str) -> Outcome<String> {
        Ok(self.thread_document(&self.thread_row(id)?))
    }

    /// The row of a thread.
    pub(super) fn thread_row(&self, id: &str) -> Outcome<Vec<Value>> {
        let rows = self.sql.run("SELECT id, parent, count, last FROM thread WHERE id = ?1", &[id.into()])?;
        let unknown = || MoltnetError::not_found(format!("unknown thread {}", quote(id)));
        rows.into_iter().next().ok_or_else(unknown)
    }

    fn known_cursor(&self, id: &str) -> Outcome<()> {
        self.thread_row(id).map(|_| ()).map_err(|error| match error.status {
            404 => MoltnetError::invalid(cursor::invalid(id)),
            _ => error,
        })
    }

    fn thread_document(&self, row: &[Value]) -> String {
        let (network, room) = (self.name.network.as_str(), self.name.id.as_str());
        let (id, parent) = (column(row, 0).text(), column(row, 1).text());
        to_json(&Thread::new(network, room, id, parent, whole(column(row, 2)), column(row, 3).int()))
    }

    /// The direct conversation's document.
    pub(super) fn direct_conversation(&self) -> Outcome<String> {
        let told = self.summary().ok_or_else(|| self.unknown())?;
        Ok(to_json(&DirectConversation::new(
            &self.name.network,
            &told.id,
            told.participant_ids,
            told.message_count,
            told.last_message_at,
        )))
    }

    /// What the directory lists of the direct conversation; nothing as long as nothing was said.
    pub(super) fn summary(&self) -> Option<DmSummary> {
        let room = self.loaded.as_ref().filter(|room| room.last > 0)?;
        (self.name.kind == ConversationKind::Dm).then(|| DmSummary {
            id: self.name.id.clone(),
            last_offset: room.last,
            participant_ids: room.participants.clone(),
            // Every entry of its log is a message, but the first, which says that it began.
            message_count: room.last - 1,
            last_message_at: room.clock,
        })
    }
}
