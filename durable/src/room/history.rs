//! Pages of messages: of the room itself, of a thread, of a direct conversation. Newest page first, oldest message
//! first within it; cursors go both ways and belong to the list they were read from (rulings #15).

use super::conversation::{whole, Room};
use crate::sql::{column, Sql, Value};
use moltghost_protocol::moltnet::cursor;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::page::{fit, write, PageInfo, PageRequest};

const OLDER: &str =
    "SELECT offset, size FROM log WHERE thread = ?1 AND offset < ?2 ORDER BY offset DESC LIMIT ?3";
const NEWER: &str = "SELECT offset, size FROM log WHERE thread = ?1 AND offset > ?2 ORDER BY offset LIMIT ?3";
const BODIES: &str =
    "SELECT id, body FROM log WHERE thread = ?1 AND offset BETWEEN ?2 AND ?3 ORDER BY offset";

impl<S: Sql> Room<S> {
    /// `{"messages":[…],"page":…}`.
    pub(super) fn messages(&self, thread: Option<&str>, page: &PageRequest) -> Outcome<String> {
        if let Some(thread) = thread {
            self.thread_row(thread)?;
        }
        let thread = Value::from(thread.unwrap_or_default());
        let more = u64::from(page.limit) + 1;
        let query = |query: &str, from: Value| self.sql.run(query, &[thread.clone(), from, more.into()]);
        let rows = match (&page.before, &page.after) {
            (_, Some(after)) => query(NEWER, self.place(&thread, after)?)?,
            (Some(before), None) => query(OLDER, self.place(&thread, before)?)?,
            (None, None) => query(OLDER, Value::Int(i64::MAX >> 10))?,
        };
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let sizes = rows.iter().take(limit).map(|row| usize::try_from(whole(column(row, 1))).unwrap_or(0));
        let count = fit(sizes);
        let has_more = rows.len() > count;
        let ends = (rows.first(), rows.iter().take(count).next_back());
        let (Some(near), Some(far)) = ends else {
            return Ok(write("messages", &[], &PageInfo::default()));
        };
        let (near, far) = (column(near, 0).int(), column(far, 0).int());
        let found = self.sql.run(BODIES, &[thread, near.min(far).into(), near.max(far).into()])?;
        let id = |row: Option<&Vec<Value>>| row.map(|row| column(row, 0).text().to_owned());
        let (first, last) = (id(found.first()), id(found.last()));
        // Towards the cursor there is always something: what the cursor names.
        let (older, newer) = match (&page.before, &page.after) {
            (_, Some(_)) => (true, has_more),
            (before, None) => (has_more, before.is_some()),
        };
        let info =
            PageInfo { has_more, next_before: first.filter(|_| older), next_after: last.filter(|_| newer) };
        let bodies: Vec<String> = found.iter().map(|row| column(row, 1).text().to_owned()).collect();
        Ok(write("messages", &bodies, &info))
    }

    /// Offset of the message that a cursor names, which must be in the same list.
    fn place(&self, thread: &Value, id: &str) -> Outcome<Value> {
        let query = "SELECT offset FROM log WHERE id = ?1 AND sender IS NOT NULL AND thread = ?2";
        let rows = self.sql.run(query, &[id.into(), thread.clone()])?;
        let row = rows.first().ok_or_else(|| MoltnetError::invalid(cursor::invalid(id)))?;
        Ok(column(row, 0).clone())
    }
}
