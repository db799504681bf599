//! Pages of artifacts: whatever messages carry besides plain text, of the room with its threads or of one thread.
//! They are no rows of their own: messages that have any are indexed, and their bodies say which.

use super::conversation::{whole, Room};
use super::open::to_json;
use crate::sql::{column, Sql, Value};
use moltghost_protocol::moltnet::artifact::{artifacts, parse_id, Artifact};
use moltghost_protocol::moltnet::cursor;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::message::{Message, MAX_STORED_BYTES};
use moltghost_protocol::moltnet::page::{fit, write, PageInfo, PageRequest, MAX_BYTES};
use moltghost_protocol::moltnet::part::Part;

const OLDER: &str =
    "SELECT offset, size FROM log WHERE artifacts > 0 AND offset <= ?1 ORDER BY offset DESC LIMIT ?2";
const NEWER: &str =
    "SELECT offset, size FROM log WHERE artifacts > 0 AND offset >= ?1 ORDER BY offset LIMIT ?2";
const OLDER_IN_THREAD: &str = "SELECT offset, size FROM log
    WHERE thread = ?3 AND artifacts > 0 AND offset <= ?1 ORDER BY offset DESC LIMIT ?2";
const NEWER_IN_THREAD: &str = "SELECT offset, size FROM log
    WHERE thread = ?3 AND artifacts > 0 AND offset >= ?1 ORDER BY offset LIMIT ?2";

/// An artifact and where it stands: offset of its message, and which part.
type Placed = ((i64, usize), Artifact);

impl<S: Sql> Room<S> {
    /// `{"artifacts":[…],"page":…}`.
    pub(super) fn artifacts(&self, thread: Option<&str>, page: &PageRequest) -> Outcome<String> {
        if let Some(thread) = thread {
            self.thread_row(thread)?;
        }
        let forwards = page.after.is_some();
        let cursor = page.after.as_ref().or(page.before.as_ref());
        let from = cursor.map(|id| self.artifact_place(thread, id)).transpose()?;
        let (found, mut has_more) = self.placed(thread, forwards, from, page.limit)?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
        // Nearest to the cursor first, until the page is full.
        let documents: Vec<String> =
            found.iter().take(limit).map(|(_, artifact)| to_json(artifact)).collect();
        let count = fit(documents.iter().map(String::len));
        has_more |= found.len() > count;
        let mut page_of: Vec<(String, String)> = documents
            .into_iter()
            .zip(found)
            .take(count)
            .map(|(text, (_, artifact))| (artifact.id, text))
            .collect();
        if !forwards {
            page_of.reverse();
        }
        let (older, newer) = if forwards { (true, has_more) } else { (has_more, page.before.is_some()) };
        let info = PageInfo {
            has_more,
            next_before: page_of.first().map(|(id, _)| id.clone()).filter(|_| older),
            next_after: page_of.last().map(|(id, _)| id.clone()).filter(|_| newer),
        };
        let documents: Vec<String> = page_of.into_iter().map(|(_, text)| text).collect();
        Ok(write("artifacts", &documents, &info))
    }

    /// Artifacts beyond `from` in one direction, the nearest first, and whether messages with more were left out.
    fn placed(
        &self,
        thread: Option<&str>,
        forwards: bool,
        from: Option<(i64, usize)>,
        limit: u32,
    ) -> Outcome<(Vec<Placed>, bool)> {
        let query = match (thread.is_some(), forwards) {
            (false, false) => OLDER,
            (false, true) => NEWER,
            (true, false) => OLDER_IN_THREAD,
            (true, true) => NEWER_IN_THREAD,
        };
        // The cursor's own message may have none left; one more message tells whether there is more.
        let start = from.map_or(i64::MAX >> 10, |(offset, _)| offset);
        let mut parameters: Vec<Value> = vec![start.into(), (u64::from(limit) + 2).into()];
        parameters.extend(thread.map(Value::from));
        let rows = self.sql.run(query, &parameters)?;
        let mut total = 0;
        let mut taken: usize = 0;
        for row in &rows {
            total += usize::try_from(whole(column(row, 1))).unwrap_or(0);
            if taken >= 2 && total > MAX_BYTES.max(2 * MAX_STORED_BYTES) {
                break;
            }
            taken += 1;
        }
        let ends = (rows.first(), rows.iter().take(taken).next_back());
        let (Some(near), Some(far)) = ends else { return Ok((Vec::new(), false)) };
        let (near, far) = (column(near, 0).int(), column(far, 0).int());
        let mut bodies =
            "SELECT offset, body FROM log WHERE artifacts > 0 AND offset BETWEEN ?1 AND ?2".to_owned();
        let mut parameters: Vec<Value> = vec![near.min(far).into(), near.max(far).into()];
        if let Some(thread) = thread {
            bodies.push_str(" AND thread = ?3");
            parameters.push(thread.into());
        }
        bodies.push_str(" ORDER BY offset");
        let mut placed: Vec<Placed> = Vec::new();
        for row in self.sql.run(&bodies, &parameters)? {
            let message: Message = serde_json::from_str(column(&row, 1).text()).map_err(|error| {
                MoltnetError::internal(format!("a message is stored in no known form: {error}"))
            })?;
            let offset = column(&row, 0).int();
            placed.extend(artifacts(&message).map(|artifact| ((offset, artifact.part_index), artifact)));
        }
        placed.retain(|(place, _)| match from {
            None => true,
            Some(from) if forwards => *place > from,
            Some(from) => *place < from,
        });
        if !forwards {
            placed.reverse();
        }
        Ok((placed, taken < rows.len()))
    }

    /// Where the artifact stands that a cursor names, which must be in the same list.
    fn artifact_place(&self, thread: Option<&str>, id: &str) -> Outcome<(i64, usize)> {
        let invalid = || MoltnetError::invalid(cursor::invalid(id));
        let (message, part) = parse_id(id).ok_or_else(invalid)?;
        let rows = self.sql.run(
            "SELECT offset, thread, body FROM log WHERE id = ?1 AND sender IS NOT NULL AND artifacts > 0",
            &[message.into()],
        )?;
        let row = rows.first().ok_or_else(invalid)?;
        let listed = thread.is_none_or(|thread| column(row, 1).text() == thread);
        let stored: Option<Message> = serde_json::from_str(column(row, 2).text()).ok();
        let is_one = stored.is_some_and(|m| m.parts.get(part).is_some_and(Part::is_artifact));
        if listed && is_one {
            Ok((column(row, 0).int(), part))
        } else {
            Err(invalid())
        }
    }
}
