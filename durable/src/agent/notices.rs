//! What the deployment's provisioner is to be told: which state an agent is to be in, and with how many replicas
//! (agent-endpoints §3).
//!
//! A notice is written in the commit of the change that it tells of, where the deployment has a provisioner, and goes once
//! that has taken it: at least once, in order, under an id that is made of its place and so stays the same. Telling
//! begins in the same event and is gone on with by the alarm; how long it waits follows from the notice's age, so that an
//! instance that comes after goes on with the same waits. A notice that nobody took for three days is dropped, and
//! logged: by then the owner has noticed.

use super::endpoint::{Answer, Endpoint};
use crate::sql::{column, Sql, SqlError, Statement};
use moltghost_protocol::control::agent::State;
use moltghost_protocol::object::worker::Notice;
use moltghost_protocol::time::{rfc3339, Millis};
use serde_json::json;

/// Time from an attempt that failed to the next: the first, and the longest.
const RETRY: Millis = 5_000;
const MAX_RETRY: Millis = 3_600_000;

/// How long a notice is tried.
const TRIED_FOR: Millis = 3 * 24 * 3_600_000;

/// What is known of the notices without reading them.
#[derive(Debug, Default)]
pub(super) struct Notices {
    /// What was just done and is to be told with the next write.
    pub done: Option<&'static str>,
    /// When the next attempt is due; `None` where none waits.
    pub due: Option<Millis>,
    /// When the one that is on its way was written.
    created: Millis,
}

impl Notices {
    /// None that waits, and one to be written for what was just done.
    pub(super) fn of(done: &'static str) -> Self {
        Self { done: Some(done), ..Self::default() }
    }

    /// Looks whether one waits.
    pub(super) fn load(sql: &impl Sql) -> Result<Self, SqlError> {
        let waits = sql.finds("SELECT 1 FROM notice LIMIT 1")?;
        Ok(Self { due: waits.then_some(0), ..Self::default() })
    }
}

impl<S: Sql> Endpoint<S> {
    /// What writes the notice of what was just done.
    pub(super) fn notice(&mut self) -> Option<Statement> {
        let loaded = self.loaded.as_mut()?;
        let done = loaded.notices.done.take().filter(|_| self.provisioned)?;
        let desired = match loaded.state {
            State::Deploying => State::Deploying,
            State::Initializing | State::Running | State::Failed => State::Running,
            State::Paused => State::Paused,
            State::Terminated => State::Terminated,
        };
        let runs = matches!(desired, State::Deploying | State::Running);
        let body = json!({
            "type": format!("agent.{done}"),
            "timestamp": rfc3339(self.now),
            "data": {
                "agent": loaded.id,
                "account": loaded.account,
                "name": loaded.settings.name,
                "desired": { "state": desired, "replicas": if runs { loaded.settings.replicas } else { 0 } },
            },
        });
        // Behind one that waits or is on its way it has to wait, too.
        loaded.notices.due = Some(loaded.notices.due.unwrap_or(self.now));
        Some((
            "INSERT INTO notice (created, body) VALUES (?1, ?2)",
            vec![self.now.into(), body.to_string().into()],
        ))
    }

    /// Whether a notice is to be sent now.
    pub fn has_notice(&self, now: Millis) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| loaded.notices.due.is_some_and(|due| due <= now))
    }

    /// The notice that is to be sent now, if one waits and its time has come; it is not handed out again for a while.
    ///
    /// # Errors
    /// What the database says.
    pub fn due_notice(&mut self, now: Millis) -> Answer<Option<Notice>> {
        self.touch()?;
        let Some(loaded) = &mut self.loaded else { return Ok(None) };
        if loaded.notices.due.is_none_or(|due| due > now) {
            return Ok(None);
        }
        self.sql.run("DELETE FROM notice WHERE created < ?1", &[(now - TRIED_FOR).into()])?;
        let rows = self.sql.run("SELECT seq, body, created FROM notice ORDER BY seq LIMIT 1", &[])?;
        let Some(row) = rows.first() else {
            loaded.notices = Notices::default();
            return Ok(None);
        };
        let (seq, body) = (column(row, 0).int(), column(row, 1).text().to_owned());
        loaded.notices.created = column(row, 2).int();
        loaded.notices.due = Some(now + 4 * RETRY);
        Ok(Some(Notice { seq, id: format!("msg_{}_{seq}", loaded.id), body }))
    }

    /// What became of a notice that was sent. Answers whether the next can go at once.
    ///
    /// # Errors
    /// What the database says; the notice is sent again then.
    pub fn noticed(&mut self, notice: &Notice, taken: bool, now: Millis) -> Answer<bool> {
        self.touch()?;
        let Some(loaded) = &mut self.loaded else { return Ok(false) };
        if !taken {
            // Each wait is as long as all before it, and a first one more.
            let wait = now - loaded.notices.created + RETRY;
            loaded.notices.due = Some(now + wait.clamp(RETRY, MAX_RETRY));
            return Ok(false);
        }
        self.sql.run("DELETE FROM notice WHERE seq = ?1", &[notice.seq.into()])?;
        let more = Notices::load(&self.sql)?;
        loaded.notices = Notices { done: loaded.notices.done, ..more };
        Ok(loaded.notices.due.is_some())
    }
}
