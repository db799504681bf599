//! The log: every event in one sequence, and the newest of them in memory.
//!
//! Appending is one commit with what the events follow from. Events that are new carry their conversation's standing at
//! their own place; those that are read back carry the one that it has now (architecture rule 10).

use super::conversations::Conversations;
use super::unacked::mark;
use crate::sql::{column, Sql, SqlError, Statement};
use crate::stream::log::Span;
use moltghost_protocol::moltnet::delivery::Standing;
use moltghost_protocol::moltnet::event::EventType;
use moltghost_protocol::time::Millis;
use std::collections::VecDeque;
use std::rc::Rc;

/// Most events in memory, and most bytes of them.
const TAIL_EVENTS: usize = 1_024;
const TAIL_BYTES: usize = 2 * 1024 * 1024;

/// Most events that are read at once, and most bytes of them, the last left aside.
const READ_EVENTS: i64 = 128;
const READ_BYTES: i64 = 128 * 1024;

impl Event {
    /// What its conversation is for a reader to whom what stands up to `told` is told again: now; else at its place.
    pub fn standing(
        &self,
        sql: &impl Sql,
        conversations: &mut Conversations,
        told: i64,
    ) -> Result<Option<Rc<Standing>>, SqlError> {
        match &self.conversation {
            Some((number, _)) if self.seq <= told => conversations.standing(sql, *number).map(Some),
            Some((_, standing)) => Ok(Some(Rc::clone(standing))),
            None => Ok(None),
        }
    }
}

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place.
    pub seq: i64,
    /// Its id, which clients name as a cursor.
    pub id: String,
    /// Its type.
    pub kind: EventType,
    /// Number of its conversation, and what that is; `None` for what happened to the network itself.
    pub conversation: Option<(i64, Rc<Standing>)>,
    /// The event as clients read it: a JSON object on one line.
    pub body: String,
    /// Stands for its id, see [`mark`].
    pub mark: u64,
}

/// An event that is to be appended.
#[derive(Debug)]
pub struct Draft {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: EventType,
    /// Number of its conversation, and what that is there.
    pub conversation: Option<(i64, Rc<Standing>)>,
    /// When it happened.
    pub at: Millis,
    /// As [`Event::body`].
    pub body: String,
}

/// The log.
pub struct Log {
    /// What it holds.
    pub span: Span,
    /// Bytes that were appended since the size of the database was looked at.
    pub grown: usize,
    tail: VecDeque<Rc<Event>>,
    bytes: usize,
}

impl Log {
    /// The log as it is stored.
    pub fn read(sql: &impl Sql) -> Result<Self, SqlError> {
        Ok(Self { span: Span::read(sql)?, grown: 0, tail: VecDeque::new(), bytes: 0 })
    }

    /// Appends events in one commit with other statements; answers them.
    pub fn append(
        &mut self,
        sql: &impl Sql,
        mut statements: Vec<Statement>,
        drafts: Vec<Draft>,
    ) -> Result<Vec<Rc<Event>>, SqlError> {
        let mut events = Vec::with_capacity(drafts.len());
        for (draft, seq) in drafts.into_iter().zip(self.span.newest + 1..) {
            statements.push((
                "INSERT INTO event (seq, id, kind, conversation, at, size, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                vec![
                    seq.into(),
                    draft.id.as_str().into(),
                    draft.kind.as_str().into(),
                    draft.conversation.as_ref().map(|(number, _)| *number).into(),
                    draft.at.into(),
                    i64::try_from(draft.body.len()).unwrap_or(i64::MAX).into(),
                    draft.body.as_str().into(),
                ],
            ));
            let Draft { id, kind, conversation, body, .. } = draft;
            events.push(Rc::new(Event { seq, mark: mark(&id), id, kind, conversation, body }));
        }
        if !statements.is_empty() {
            sql.batch(&statements)?;
        }
        for event in &events {
            self.span.newest = event.seq;
            self.bytes += event.body.len();
            self.grown += event.body.len();
            self.tail.push_back(Rc::clone(event));
        }
        while self.tail.len() > TAIL_EVENTS || self.bytes > TAIL_BYTES {
            let Some(event) = self.tail.pop_front() else { break };
            self.bytes -= event.body.len();
        }
        Ok(events)
    }

    /// The log no longer holds what comes before an event.
    pub fn trimmed(&mut self, oldest: i64) {
        self.span.oldest = oldest;
    }

    /// Events after a place, in order: some, and at least one where there is any.
    pub fn after(
        &self,
        sql: &impl Sql,
        conversations: &mut Conversations,
        at: i64,
    ) -> Result<Vec<Rc<Event>>, SqlError> {
        if at >= self.span.newest {
            return Ok(Vec::new());
        }
        match self.tail.front() {
            Some(first) if first.seq <= at + 1 => {
                let skipped = usize::try_from(at + 1 - first.seq).unwrap_or(usize::MAX);
                let most = usize::try_from(READ_EVENTS).unwrap_or(usize::MAX);
                Ok(self.tail.iter().skip(skipped).take(most).cloned().collect())
            }
            _ => stored(sql, conversations, at),
        }
    }

    /// The event at a place, with what its conversation is now.
    pub fn exactly(
        sql: &impl Sql,
        conversations: &mut Conversations,
        seq: i64,
    ) -> Result<Option<Rc<Event>>, SqlError> {
        Ok(between(sql, conversations, seq - 1, seq)?.pop())
    }

    /// The place of the event with this id; the first, where there are several, so that nothing is left out.
    pub fn find(sql: &impl Sql, id: &str) -> Result<Option<i64>, SqlError> {
        let rows = sql.run("SELECT min(seq) FROM event WHERE id = ?1", &[id.into()])?;
        Ok(rows.first().and_then(|row| column(row, 0).maybe_int()))
    }

    /// The id of the event at a place.
    pub fn id_at(sql: &impl Sql, seq: i64) -> Result<Option<String>, SqlError> {
        let rows = sql.run("SELECT id FROM event WHERE seq = ?1", &[seq.into()])?;
        Ok(rows.first().and_then(|row| column(row, 0).maybe_text()))
    }
}

fn stored(sql: &impl Sql, conversations: &mut Conversations, at: i64) -> Result<Vec<Rc<Event>>, SqlError> {
    let sizes = sql.run(
        "SELECT seq, size FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        &[at.into(), READ_EVENTS.into()],
    )?;
    let (mut to, mut bytes) = (at, 0);
    for row in &sizes {
        if bytes >= READ_BYTES {
            break;
        }
        to = column(row, 0).int();
        bytes += column(row, 1).int();
    }
    between(sql, conversations, at, to)
}

fn between(
    sql: &impl Sql,
    conversations: &mut Conversations,
    after: i64,
    to: i64,
) -> Result<Vec<Rc<Event>>, SqlError> {
    let rows = sql.run(
        "SELECT seq, id, kind, conversation, body FROM event WHERE seq > ?1 AND seq <= ?2 ORDER BY seq",
        &[after.into(), to.into()],
    )?;
    let mut events = Vec::with_capacity(rows.len());
    for row in &rows {
        let kind = EventType::parse(column(row, 2).text())
            .ok_or_else(|| SqlError(format!("no event is of the type {}", column(row, 2).text())))?;
        let conversation = match column(row, 3).maybe_int() {
            Some(number) => Some((number, conversations.standing(sql, number)?)),
            None => None,
        };
        events.push(Rc::new(Event {
            seq: column(row, 0).int(),
            mark: mark(column(row, 1).text()),
            id: column(row, 1).text().to_owned(),
            kind,
            conversation,
            body: column(row, 4).text().to_owned(),
        }));
    }
    Ok(events)
}
