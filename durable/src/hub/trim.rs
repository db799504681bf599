//! The log does not grow without end: the alarm takes away what is older than a week or more than the newest fifty
//! thousand, and more than that where the database would be too large otherwise; some at a time, so that no turn is
//! long. A reader who was further back is told of the gap. The newest event always stays, so that the sequence goes on.

use super::{Hub, World};
use crate::sql::{column, Sql, SqlError};
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::time::Millis;

/// Events that are kept, unless they are too old or too large.
pub const KEPT_EVENTS: i64 = 50_000;

/// How many more there may be before the rest is taken away.
const SLACK: i64 = 1_000;

/// Oldest event that is kept.
pub const KEPT_MS: Millis = 7 * 24 * 3_600 * 1_000;

/// Largest database in bytes; the platform's own limit is 10 GB.
pub const KEPT_BYTES: u64 = 6 * 1024 * 1024 * 1024;

/// Events that one alarm takes away.
const STEP: i64 = 2_000;

/// Bytes of events after which the size of the database is looked at.
const GROWN_BYTES: usize = 64 * 1024 * 1024;

impl<S: Sql, W: World> Hub<S, W> {
    /// Whether enough has come for the alarm to be worth its while.
    pub(super) fn trim_is_due(&self) -> bool {
        self.state().is_ok_and(|state| {
            let span = &state.log.span;
            state.log.grown > GROWN_BYTES || span.newest - span.oldest >= KEPT_EVENTS + SLACK
        })
    }

    /// Takes away one step of what is too much; answers when to look again, if at all.
    pub(super) fn trim(&self) -> Outcome<Option<Millis>> {
        let now = self.world.now();
        let (oldest, newest) = {
            let mut state = self.state()?;
            state.log.grown = 0;
            (state.log.span.oldest, state.log.span.newest)
        };
        if oldest >= newest {
            return Ok(None);
        }
        let mut to = (newest - KEPT_EVENTS).max(self.last_before(now - KEPT_MS, oldest)?);
        if self.sql.size()? > KEPT_BYTES {
            to = to.max(oldest + STEP);
        }
        let to = to.min(newest - 1).min(oldest + STEP - 1);
        if to < oldest {
            let rows = self.sql.run("SELECT at FROM event WHERE seq = ?1", &[oldest.into()])?;
            return Ok(rows.first().map(|row| (column(row, 0).int() + KEPT_MS).max(now + 1_000)));
        }
        self.sql.batch(&[
            ("DELETE FROM event WHERE seq <= ?1", vec![to.into()]),
            ("DELETE FROM missed WHERE seq <= ?1", vec![to.into()]),
        ])?;
        self.state()?.log.trimmed(to + 1);
        Ok(Some(now))
    }

    /// The last event of the next step that is older than `end`.
    fn last_before(&self, end: Millis, oldest: i64) -> Result<i64, SqlError> {
        let rows = self.sql.run(
            "SELECT max(seq) FROM event WHERE seq < ?1 AND at < ?2",
            &[(oldest + STEP).into(), end.into()],
        )?;
        Ok(rows.first().map_or(0, |row| column(row, 0).int()))
    }
}
