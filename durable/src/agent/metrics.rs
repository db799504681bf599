//! Numbers of an agent's calls in buckets of a minute, kept for 48 hours, and their sum since the beginning.
//!
//! Counting is in memory. The open minute is written along with settlements and leases, when its last run in flight
//! has ended or ten seconds after it was written last, so counting costs no commit of its own while calls flow. An
//! object that vanishes loses what it counted since then: at most ten seconds of one minute's numbers, never usage,
//! which settlements carry.

use crate::sql::{column, Sql, SqlError, Statement, Value};
use moltghost_protocol::metrics::figures::Figures;
use moltghost_protocol::metrics::range::{minute, MetricsRange, KEPT};
use moltghost_protocol::time::Millis;
use std::collections::BTreeMap;

/// How long what was counted may wait in memory while events come.
const EVERY: Millis = 10_000;

/// Most minutes that wait to be written, which only a broken disk can bring about.
const MOST_WAITING: usize = 60;

const WRITE: &str = "REPLACE INTO metrics (minute, figures, total) VALUES (?1, ?2, ?3)";
const TRIM: &str = "DELETE FROM metrics WHERE minute < ?1";

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    /// The minute that is counted into.
    minute: Millis,
    open: Figures,
    /// Everything since the beginning.
    total: Figures,
    /// Minutes that are over and not written yet, oldest first.
    over: Vec<(Millis, Figures)>,
    /// Whether the open minute has what its row has not.
    unwritten: bool,
    /// Whether a minute began since the last writing.
    began: bool,
    /// Whether a run has ended since then.
    ended: bool,
    /// When was last counted, and when was last written.
    counted: Millis,
    written: Millis,
}

impl Metrics {
    /// Goes on from the newest minute that is stored.
    pub(super) fn load(sql: &impl Sql) -> Result<Self, SqlError> {
        let rows = sql.run("SELECT minute, figures, total FROM metrics ORDER BY minute DESC LIMIT 1", &[])?;
        let Some(row) = rows.first() else { return Ok(Self::default()) };
        Ok(Self {
            minute: column(row, 0).int(),
            open: figures(column(row, 1)),
            total: figures(column(row, 2)),
            ..Self::default()
        })
    }

    /// Counts something now. A clock that goes back counts into the newest minute there is.
    pub(super) fn count(&mut self, now: Millis, count: impl Fn(&mut Figures)) {
        let current = minute(now);
        if current > self.minute {
            let over = std::mem::take(&mut self.open);
            if std::mem::take(&mut self.unwritten) && self.over.len() < MOST_WAITING {
                self.over.push((self.minute, over));
            }
            self.minute = current;
            self.began = true;
        }
        count(&mut self.open);
        count(&mut self.total);
        self.unwritten = true;
        self.counted = self.counted.max(now);
    }

    /// The same for the end of a run.
    pub(super) fn end(&mut self, now: Millis, count: impl Fn(&mut Figures)) {
        self.count(now, count);
        self.ended = true;
    }

    /// Whether it is time to write; `idle` says that no run is in flight.
    pub(super) fn due(&self, idle: bool) -> bool {
        let waited = self.counted - self.written >= EVERY;
        !self.over.is_empty() || (self.unwritten && (waited || (idle && self.ended)))
    }

    /// What writes the numbers that are only in memory.
    pub(super) fn statements(&self) -> Vec<Statement> {
        let total = text(&self.total);
        let row = |minute: Millis, figures| (WRITE, vec![minute.into(), text(figures), total.clone()]);
        let mut statements: Vec<Statement> =
            self.over.iter().map(|(minute, over)| row(*minute, over)).collect();
        if self.began {
            statements.push((TRIM, vec![(self.minute - KEPT).into()]));
        }
        if self.unwritten {
            statements.push(row(self.minute, &self.open));
        }
        statements
    }

    /// Everything of [`Metrics::statements`] was written.
    pub(super) fn written(&mut self) {
        self.over.clear();
        self.unwritten = false;
        self.began = false;
        self.ended = false;
        self.written = self.counted;
    }
}

/// The stored sum of everything since the beginning.
pub(super) fn stored_total(sql: &impl Sql) -> Result<Figures, SqlError> {
    let rows = sql.run("SELECT total FROM metrics ORDER BY minute DESC LIMIT 1", &[])?;
    Ok(rows.first().map(|row| figures(column(row, 0))).unwrap_or_default())
}

/// The stored figures of a span, by step; what is only in memory must be written first.
pub(super) fn steps(sql: &impl Sql, range: &MetricsRange) -> Result<BTreeMap<Millis, Figures>, SqlError> {
    let rows = sql.run(
        "SELECT minute, figures FROM metrics WHERE minute >= ?1 AND minute < ?2",
        &[range.from.into(), range.to.into()],
    )?;
    let mut steps: BTreeMap<Millis, Figures> = BTreeMap::new();
    for row in &rows {
        steps.entry(range.step_of(column(row, 0).int())).or_default().add(&figures(column(row, 1)));
    }
    Ok(steps)
}

fn text(figures: &Figures) -> Value {
    Value::Text(serde_json::to_string(figures).unwrap_or_default())
}

/// Stored figures. What cannot be read counts as nothing: numbers are no ground to refuse a call.
fn figures(stored: &Value) -> Figures {
    serde_json::from_str(stored.text()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::schema::STEPS;
    use crate::migrate;
    use crate::sqlite::Sqlite;
    use moltghost_protocol::metrics::figures::Ending;

    const MINUTE: Millis = 60_000;
    const START: Millis = 1_000 * MINUTE;

    fn stored() -> Sqlite {
        let sql = Sqlite::new();
        migrate::migrate(&sql, None, STEPS).unwrap();
        sql
    }

    fn write(sql: &Sqlite, metrics: &mut Metrics) {
        sql.apply(&metrics.statements()).1.unwrap();
        metrics.written();
    }

    fn range(from: Millis, to: Millis, step: i64) -> MetricsRange {
        MetricsRange { from, to, step }
    }

    #[test]
    fn a_minute_goes_on_after_a_crash_where_it_was_written_last() {
        let sql = stored();
        let mut metrics = Metrics::load(&sql).unwrap();
        metrics.count(START, |figures| figures.admitted(1));
        write(&sql, &mut metrics);
        metrics.count(START + 1, |figures| figures.refused("rate_limited"));
        // Here the object vanishes.
        let mut metrics = Metrics::load(&sql).unwrap();
        metrics.count(START + 2, |figures| figures.admitted(2));
        write(&sql, &mut metrics);
        let steps = steps(&sql, &range(START, START + MINUTE, 60)).unwrap();
        let only = steps.get(&START).unwrap();
        assert_eq!((only.requests, only.in_flight_max, only.refused.len()), (2, 2, 0));
        assert_eq!(Metrics::load(&sql).unwrap().total.requests, 2);
    }

    #[test]
    fn writing_waits_for_the_last_run_or_ten_seconds_or_the_next_minute() {
        let sql = stored();
        let mut metrics = Metrics::load(&sql).unwrap();
        metrics.count(START, |figures| figures.admitted(1));
        write(&sql, &mut metrics);
        assert!(!metrics.due(true), "nothing is new");
        metrics.end(START + 1, |figures| figures.ended(Ending::Ok, Some(1), None));
        assert!(!metrics.due(false), "others run");
        assert!(metrics.due(true), "the last has ended");
        write(&sql, &mut metrics);
        metrics.count(START + 2, |figures| figures.refused("agent_busy"));
        assert!(!metrics.due(true), "a refusal alone waits");
        metrics.count(START + EVERY + 1, |figures| figures.refused("agent_busy"));
        assert!(metrics.due(false));
        write(&sql, &mut metrics);
        metrics.count(START + EVERY + 2, |figures| figures.refused("agent_busy"));
        metrics.count(START + MINUTE, |figures| figures.refused("agent_busy"));
        assert!(metrics.due(false), "a minute is over");
        write(&sql, &mut metrics);
        let steps = steps(&sql, &range(START, START + 2 * MINUTE, 60)).unwrap();
        let refused = |at| steps.get(&at).and_then(|step: &Figures| step.refused.get("agent_busy").copied());
        assert_eq!((refused(START), refused(START + MINUTE)), (Some(3), Some(1)));
    }

    #[test]
    fn minutes_older_than_48_hours_go_and_the_sum_stays() {
        let sql = stored();
        let mut metrics = Metrics::load(&sql).unwrap();
        for minute in 0..3_000 {
            metrics.count(START + minute * MINUTE, |figures| figures.admitted(1));
            write(&sql, &mut metrics);
        }
        let rows = sql.run("SELECT count(*) FROM metrics", &[]).unwrap();
        assert_eq!(column(&rows[0], 0).int(), KEPT / MINUTE + 1);
        assert_eq!(Metrics::load(&sql).unwrap().total.requests, 3_000);
        let all = steps(&sql, &range(0, Millis::MAX, 3_600)).unwrap();
        assert_eq!(all.values().map(|step| step.requests).sum::<u64>(), 2_881);
        assert!(all.keys().all(|start| start % 3_600_000 == 0));
    }

    #[test]
    fn a_clock_that_goes_back_and_a_broken_disk_lose_nothing() {
        let sql = stored();
        let mut metrics = Metrics::load(&sql).unwrap();
        metrics.count(START + MINUTE, |figures| figures.admitted(1));
        metrics.count(START, |figures| figures.admitted(1));
        sql.broken.set(true);
        assert!(sql.apply(&metrics.statements()).1.is_err());
        sql.broken.set(false);
        metrics.count(START + 2 * MINUTE, |figures| figures.admitted(1));
        write(&sql, &mut metrics);
        let steps = steps(&sql, &range(0, Millis::MAX, 60)).unwrap();
        assert_eq!(steps.get(&(START + MINUTE)).unwrap().requests, 2);
        assert_eq!(steps.get(&(START + 2 * MINUTE)).unwrap().requests, 1);
    }
}
