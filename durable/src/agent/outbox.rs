//! What the account is to be told: events, in the order of the turns that wrote them, and the sum of the numbers.
//!
//! An event is written in the commit of the change that it tells of, and goes once the account has it. Telling begins
//! in the same event; the alarm does it again until it has worked. The account drops what it has already, by the
//! sequence, so that everything arrives once in effect. Numbers are absolute and only grow, so telling them twice adds
//! nothing; they are told some seconds after they changed, and never by an agent at rest.

use super::endpoint::Endpoint;
use crate::sql::{column, Sql, SqlError, Statement, Value};
use moltghost_protocol::control::event::AgentEvent;
use moltghost_protocol::error::Problem;
use moltghost_protocol::id::AccountId;
use moltghost_protocol::object::account::{Report, Reported};
use moltghost_protocol::time::Millis;

/// How long after numbers were written the account is told them.
const REPORT_AFTER: Millis = 20_000;

/// How long the alarm waits before it tells the account again what it could not be told.
const RETRY: Millis = 10_000;

/// Longest wait between two attempts.
const MAX_RETRY: Millis = 600_000;

/// Most events in one report.
const BATCH: i64 = 100;

/// What is known of the outbox without reading it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// Whether an event waits.
    pub waiting: bool,
    /// When the account is to be told at the latest.
    pub due: Option<Millis>,
    /// Attempts that failed in a row.
    failed: u32,
    /// Weight of the numbers that the account has.
    told: u64,
}

impl Outbox {
    /// Looks whether an event waits.
    pub(super) fn load(sql: &impl Sql) -> Result<Self, SqlError> {
        Ok(Self { waiting: sql.finds("SELECT 1 FROM outbox LIMIT 1")?, ..Self::default() })
    }

    /// An event is about to be written.
    pub(super) fn announce(&mut self, event: &AgentEvent, now: Millis) -> Statement {
        self.waiting = true;
        self.due = Some(self.due.unwrap_or(now + RETRY).min(now + RETRY));
        let stored = Value::Text(serde_json::to_string(&(now, event)).unwrap_or_default());
        ("INSERT INTO outbox (event) VALUES (?1)", vec![stored])
    }

    /// Numbers were written.
    pub(super) fn counted(&mut self, at: Millis) {
        self.due = Some(self.due.unwrap_or(at + REPORT_AFTER));
    }
}

impl<S: Sql> Endpoint<S> {
    /// What writes the event that the endpoint is in another state, or there for another reason, than was told last.
    pub(super) fn state_event(&mut self) -> Option<Statement> {
        let loaded = self.loaded.as_mut()?;
        let (state, reason) = (loaded.state, loaded.reason.clone());
        let told = loaded.announced.as_ref().is_some_and(|(s, r)| *s == state && *r == reason);
        if told {
            return None;
        }
        loaded.announced = Some((state, reason.clone()));
        Some(loaded.outbox.announce(&AgentEvent::State { state, reason }, self.now))
    }

    /// What writes another event.
    pub(super) fn event(&mut self, event: &AgentEvent) -> Option<Statement> {
        Some(self.loaded.as_mut()?.outbox.announce(event, self.now))
    }

    /// What the account does not know yet, and whose it is; `None` where there is nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn report(&mut self) -> Result<Option<(AccountId, Report)>, Problem> {
        self.touch()?;
        let Some(loaded) = &mut self.loaded else { return Ok(None) };
        let total = super::metrics::stored_total(&self.sql)?;
        let rows = self.sql.run("SELECT seq, event FROM outbox ORDER BY seq LIMIT ?1", &[BATCH.into()])?;
        loaded.outbox.waiting = !rows.is_empty();
        if rows.is_empty() && total.weight() <= loaded.outbox.told {
            loaded.outbox.due = None;
            return Ok(None);
        }
        let events = rows.iter().map(|row| {
            // What cannot be read any more is told as nothing, so that it does not hold up the rest.
            let event = serde_json::from_str(column(row, 1).text()).ok();
            (column(row, 0).int(), event)
        });
        let report = Report {
            agent: loaded.id.clone(),
            state: loaded.state,
            events: events.map(|(seq, event)| Reported { seq, event }).collect(),
            figures: total,
        };
        Ok(Some((loaded.account.clone(), report)))
    }

    /// The account has a report. Answers whether more waits.
    ///
    /// # Errors
    /// What the database says; the report is made again then.
    pub fn reported(&mut self, report: &Report) -> Result<bool, Problem> {
        let Some(loaded) = &mut self.loaded else { return Ok(false) };
        if let Some(last) = report.events.last() {
            self.sql.run("DELETE FROM outbox WHERE seq <= ?1", &[last.seq.into()])?;
        }
        let outbox = &mut loaded.outbox;
        outbox.told = outbox.told.max(report.figures.weight());
        outbox.failed = 0;
        outbox.waiting = self.sql.finds("SELECT 1 FROM outbox LIMIT 1")?;
        outbox.due = if outbox.waiting { Some(self.now + RETRY) } else { None };
        Ok(outbox.waiting)
    }

    /// The account could not be told. Answers when to try again.
    pub fn unreported(&mut self, now: Millis) -> Option<Millis> {
        let outbox = &mut self.loaded.as_mut()?.outbox;
        outbox.due = Some(now + (RETRY << outbox.failed.min(6)).min(MAX_RETRY));
        outbox.failed += 1;
        outbox.due
    }

    /// When the account is to be told at the latest, by the alarm: of what waits, or of a key that will have ended, be it
    /// only its secret before the last rotation.
    pub fn tell_by(&self) -> Option<Millis> {
        let loaded = self.loaded.as_ref()?;
        loaded.keys.values().filter_map(|key| key.next_end(self.now)).chain(loaded.outbox.due).min()
    }

    /// Whether an event waits that nobody has tried to tell yet.
    pub fn has_news(&self) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.outbox.waiting && loaded.outbox.failed == 0)
    }
}
