//! Runs in flight, their leases, and what they used.
//!
//! A lease is held from admission to settlement. One that ends unsettled, because its Worker died, is charged with
//! all that it reserved, so nothing is used for free and no slot is lost. Settling is idempotent: only a lease that
//! is held can be settled, and only once.

use super::metrics::Metrics;
use crate::sql::{column, Sql, SqlError, Statement, Value};
use moltghost_protocol::endpoint::usage::{Usage, UsageSource};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::KeyId;
use moltghost_protocol::metrics::figures::Ending;
use moltghost_protocol::object::agent::{Lease, Settle};
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::{self, Millis};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What some runs used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Used {
    requests: u64,
    prompt: u64,
    completion: u64,
}

/// Runs in flight, and what is not written of them yet.
#[derive(Debug, Default)]
pub(super) struct Runs {
    leases: HashMap<RunId, Lease>,
    /// Runs that were told to end.
    aborted: HashSet<RunId>,
    /// Leases that have no row yet.
    fresh: Vec<RunId>,
    /// Runs whose row is to go.
    ended: Vec<RunId>,
    /// Usage to add, by day and source.
    used: BTreeMap<(String, &'static str), Used>,
    /// Numbers of calls.
    pub metrics: Metrics,
    /// How long runs took lately, in milliseconds; `None` before the first has ended.
    usual: Option<Millis>,
}

impl Runs {
    pub(super) fn load(sql: &impl Sql) -> Result<Self, Problem> {
        let rows = sql.run("SELECT run, key, admitted, until, reserved, aborted FROM lease", &[])?;
        let unreadable = || Problem::new(Code::InternalError, "a stored lease cannot be read");
        let mut runs = Self { metrics: Metrics::load(sql)?, ..Self::default() };
        for row in &rows {
            let run: RunId =
                serde_json::from_value(column(row, 0).text().into()).map_err(|_| unreadable())?;
            let lease = Lease {
                run: run.clone(),
                key: KeyId::parse(column(row, 1).text()).map_err(|_| unreadable())?,
                admitted: column(row, 2).int(),
                until: column(row, 3).int(),
                reserved: u64::try_from(column(row, 4).int()).unwrap_or_default(),
            };
            if column(row, 5).int() != 0 {
                runs.aborted.insert(run.clone());
            }
            runs.leases.insert(run, lease);
        }
        Ok(runs)
    }

    /// Takes a lease; for a run that holds one already it is that one.
    pub(super) fn admit(&mut self, lease: Lease) {
        if !self.leases.contains_key(&lease.run) {
            let admitted = lease.admitted;
            self.fresh.push(lease.run.clone());
            self.leases.insert(lease.run.clone(), lease);
            let in_flight = self.in_flight();
            self.metrics.count(admitted, |figures| figures.admitted(in_flight));
        }
    }

    /// Whether a run holds a lease.
    pub(super) fn holds(&self, run: &RunId) -> bool {
        self.leases.contains_key(run)
    }

    /// The key that a run in flight was admitted for.
    pub(super) fn key_of(&self, run: &RunId) -> Option<&KeyId> {
        self.leases.get(run).map(|lease| &lease.key)
    }

    /// Whether a run was told to end.
    pub(super) fn is_aborted(&self, run: &RunId) -> bool {
        self.aborted.contains(run)
    }

    /// Tells all runs in flight to end; all their leases must be written.
    pub(super) fn abort(&mut self, sql: &impl Sql) -> Result<(), SqlError> {
        sql.run("UPDATE lease SET aborted = 1", &[])?;
        self.aborted = self.leases.keys().cloned().collect();
        Ok(())
    }

    /// Ends a run with what it used, and answers its lease; a run that holds none was settled or charged before.
    pub(super) fn settle(&mut self, settle: &Settle, now: Millis) -> Option<Lease> {
        let lease = self.end(&settle.run)?;
        let ending = settle.ending.unwrap_or(Ending::Ok);
        self.metrics.end(now, |figures| figures.ended(ending, settle.latency_ms, settle.first_token_ms));
        if let Some(usage) = &settle.usage {
            self.add(usage, now);
            let took = (now - lease.admitted).max(0);
            self.usual = Some(self.usual.map_or(took, |usual| (usual * 7 + took) / 8));
        }
        Some(lease)
    }

    /// How long runs took lately, in milliseconds.
    pub(super) fn usual_ms(&self) -> Option<Millis> {
        self.usual
    }

    /// Charges every lease that has ended with all that it reserved.
    pub(super) fn expire(&mut self, now: Millis) {
        let over: Vec<RunId> =
            self.leases.values().filter(|l| l.until <= now).map(|l| l.run.clone()).collect();
        for run in over {
            if let Some(lease) = self.end(&run) {
                let usage = Usage {
                    prompt_tokens: 0,
                    completion_tokens: lease.reserved,
                    total_tokens: lease.reserved,
                    source: UsageSource::Estimated,
                };
                self.add(&usage, now);
                self.metrics.end(now, |figures| figures.ended(Ending::Lost, None, None));
            }
        }
    }

    fn end(&mut self, run: &RunId) -> Option<Lease> {
        let lease = self.leases.remove(run)?;
        self.aborted.remove(run);
        match self.fresh.iter().position(|fresh| fresh == run) {
            Some(at) => drop(self.fresh.swap_remove(at)),
            None => self.ended.push(run.clone()),
        }
        Some(lease)
    }

    fn add(&mut self, usage: &Usage, now: Millis) {
        self.metrics.count(now, |figures| figures.used(usage));
        let used = self.used.entry((time::day(now), usage.source.as_str())).or_default();
        used.requests += 1;
        used.prompt = used.prompt.saturating_add(usage.prompt_tokens);
        used.completion = used.completion.saturating_add(usage.completion_of_total());
    }

    /// Runs in flight.
    pub(super) fn in_flight(&self) -> u32 {
        u32::try_from(self.leases.len()).unwrap_or(u32::MAX)
    }

    /// Whether numbers are to be written with the next flush.
    pub(super) fn counted(&self) -> bool {
        self.metrics.due(self.leases.is_empty())
    }

    /// Whether something is not written yet.
    pub(super) fn unwritten(&self) -> bool {
        !(self.fresh.is_empty() && self.ended.is_empty() && self.used.is_empty()) || self.counted()
    }

    /// Writes what is not written, and `more`. Answers when the next lease ends.
    ///
    /// Statements run one by one, and what ran is forgotten one by one: after a failure exactly the rest is left for
    /// the next time, so nothing is added twice. What ran is committed with the turn.
    pub(super) fn flush(&mut self, sql: &impl Sql, more: Vec<Statement>) -> Result<Option<Millis>, SqlError> {
        let ended =
            self.ended.iter().map(|run| ("DELETE FROM lease WHERE run = ?1", vec![run.as_str().into()]));
        let mut statements: Vec<Statement> = ended.collect();
        let leases = self.fresh.iter().filter_map(|run| self.leases.get(run));
        statements.extend(leases.map(|lease| (INSERT, row(lease))));
        let used = self.used.iter().map(|((day, source), used)| {
            let figures = [used.requests.into(), used.prompt.into(), used.completion.into()];
            let key = [day.as_str().into(), (*source).into()];
            (ADD, key.into_iter().chain(figures).collect())
        });
        statements.extend(used);
        let own = statements.len();
        statements.extend(more);
        let counted = self.counted();
        if counted {
            statements.extend(self.metrics.statements());
        }
        if statements.is_empty() {
            return Ok(self.next_end());
        }
        let (ran, result) = sql.apply(&statements);
        let mut left = ran.min(own);
        left -= self.ended.drain(..left.min(self.ended.len())).len();
        left -= self.fresh.drain(..left.min(self.fresh.len())).len();
        for _ in 0..left {
            self.used.pop_first();
        }
        result?;
        if counted {
            self.metrics.written();
        }
        Ok(self.next_end())
    }

    /// When the first lease ends.
    pub(super) fn next_end(&self) -> Option<Millis> {
        self.leases.values().map(|lease| lease.until).min()
    }
}

const INSERT: &str = "INSERT INTO lease (run, key, admitted, until, reserved) VALUES (?1, ?2, ?3, ?4, ?5)";

const ADD: &str = "INSERT INTO usage (day, source, requests, prompt, completion) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (day, source) DO UPDATE SET requests = requests + excluded.requests,
    prompt = prompt + excluded.prompt, completion = completion + excluded.completion";

fn row(lease: &Lease) -> Vec<Value> {
    vec![
        lease.run.as_str().into(),
        lease.key.as_str().into(),
        lease.admitted.into(),
        lease.until.into(),
        lease.reserved.into(),
    ]
}
