//! Slots: at most so many runs at once; who finds none free waits in turn, and not for ever (agent-endpoints §5).
//!
//! A slot is a lease: it is free again when its run is settled, and at the latest when the lease ends. Whatever
//! frees slots or ends somebody's claim to wait is followed by [`Endpoint::advance`], which settles who goes next.

use super::caller::wrong_key;
use super::endpoint::{not_found, Endpoint, Loaded};
use super::queue::Waiter;
use crate::sql::Sql;
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::object::agent::{Admission, Lease, Outcome, Settle};
use moltghost_protocol::object::write_answer;
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;

/// How long a lease outlives its run's wall time, so that a Worker that lives can always settle first.
const GRACE: Millis = 30_000;

/// What a caller is asked to wait where no run has ended yet.
const BUSY_MS: Millis = 5_000;

impl<S: Sql> Endpoint<S> {
    /// Takes a permit and a slot for a call, or a place in the queue (`None`).
    pub(super) fn seat(&mut self, waiter: Waiter, now: Millis) -> Option<Outcome> {
        if self.queue.holds(&waiter.run) {
            return None;
        }
        let Some(loaded) = &mut self.loaded else { return Some(Outcome::Refused(not_found())) };
        let rates = loaded.rates(&waiter.key);
        if let Err(problem) = loaded.permits.check(&waiter.key, rates, now) {
            return Some(Outcome::Refused(problem));
        }
        if loaded.has_slot(now) {
            return Some(self.grant(&waiter, now));
        }
        let room = usize::try_from(loaded.settings.limits.queue).unwrap_or(usize::MAX);
        if self.queue.len() >= room {
            let busy = loaded.busy(self.queue.len());
            let Some(out) = self.queue.displace(&waiter.key) else { return Some(Outcome::Refused(busy)) };
            self.refuse(&out, busy, now);
        }
        if let Some(loaded) = &mut self.loaded {
            loaded.permits.hold(&waiter.key);
        }
        self.queue.push(waiter);
        None
    }

    /// Uses a permit and takes a slot: the run begins.
    fn grant(&mut self, waiter: &Waiter, now: Millis) -> Outcome {
        let Some(loaded) = &mut self.loaded else { return Outcome::Refused(not_found()) };
        let spent = u64::try_from(now - waiter.since).unwrap_or_default();
        let Some(target) = loaded.target(Some(waiter.timeout_ms.saturating_sub(spent).max(1))) else {
            return Outcome::Refused(loaded.unreachable());
        };
        let rates = loaded.rates(&waiter.key);
        let admitted = match loaded.permits.pass(&self.sql, &waiter.key, rates, now) {
            Ok(at) => at,
            Err(problem) => return Outcome::Refused(problem),
        };
        let time = Millis::try_from(target.timeout_ms).unwrap_or(Millis::MAX / 2);
        loaded.runs.admit(Lease {
            run: waiter.run.clone(),
            key: waiter.key.clone(),
            admitted,
            until: now.saturating_add(time).saturating_add(GRACE),
            reserved: waiter.reserve,
        });
        Outcome::Run(Box::new(target))
    }

    /// Ends a run, or the wait of a call whose caller has left.
    pub(super) fn settle(&mut self, settle: &Settle, now: Millis) {
        let Some(loaded) = &mut self.loaded else { return };
        let lease = loaded.runs.settle(settle, now);
        if !self.watches.is_empty() {
            self.watched_to_its_end(&settle.run);
        }
        let Some(loaded) = &mut self.loaded else { return };
        if !settle.unsent {
            return;
        }
        match lease {
            Some(lease) => loaded.permits.give_back(&lease.key, lease.admitted),
            None => {
                for waiter in self.queue.take(|waiter| waiter.run == settle.run) {
                    self.refuse(&waiter, Problem::new(Code::AgentBusy, "The caller left."), now);
                }
            }
        }
    }

    /// Lets those go who may wait no longer, and seats who comes next.
    pub(super) fn advance(&mut self, now: Millis) {
        if self.queue.is_empty() {
            return;
        }
        let Some(loaded) = &mut self.loaded else {
            // What was in memory is read anew; who waited comes again.
            for waiter in self.queue.take(|_| true) {
                let problem = Problem::new(Code::InternalError, "the endpoint was read anew");
                self.refuse(&waiter, problem, now);
            }
            return;
        };
        let over = self.queue.take(|waiter| waiter.until <= now || loaded.may_wait(waiter, now).is_err());
        for waiter in over {
            let problem = match &self.loaded {
                Some(loaded) => match loaded.may_wait(&waiter, now) {
                    Ok(()) => loaded.busy(self.queue.len()),
                    Err(problem) => problem,
                },
                None => not_found(),
            };
            self.refuse(&waiter, problem, now);
        }
        while self.loaded.as_mut().is_some_and(|loaded| loaded.has_slot(now)) {
            let Some(waiter) = self.queue.next() else { return };
            if let Some(loaded) = &mut self.loaded {
                loaded.permits.release(&waiter.key);
            }
            let outcome = self.grant(&waiter, now);
            self.decide(&waiter, outcome, now);
        }
    }

    fn refuse(&mut self, waiter: &Waiter, problem: Problem, now: Millis) {
        if let Some(loaded) = &mut self.loaded {
            loaded.permits.release(&waiter.key);
        }
        self.decide(waiter, Outcome::Refused(problem), now);
    }

    fn decide(&mut self, waiter: &Waiter, outcome: Outcome, now: Millis) {
        let admission = match &mut self.loaded {
            Some(loaded) => {
                loaded.count_refusal(&outcome, now);
                let rate = Some(loaded.permits.rate(&waiter.key, loaded.rates(&waiter.key), now));
                Admission { cors: loaded.settings.cors_origins.clone(), outcome, rate, probe: None }
            }
            None => Admission { cors: Vec::new(), outcome, rate: None, probe: None },
        };
        self.decided.push((waiter.run.clone(), write_answer(&Ok(admission))));
    }

    /// Answers to calls that waited.
    pub fn take_decided(&mut self) -> Vec<(RunId, String)> {
        std::mem::take(&mut self.decided)
    }
}

impl Loaded {
    /// Whether a run may begin. Leases that have ended are let go of first: the alarm may be late.
    fn has_slot(&mut self, now: Millis) -> bool {
        let most = self.settings.limits.concurrency;
        if self.runs.in_flight() >= most {
            self.runs.expire(now);
        }
        self.runs.in_flight() < most
    }

    fn may_wait(&self, waiter: &Waiter, now: Millis) -> Result<(), Problem> {
        self.serving(now)?;
        match self.keys.get(&waiter.key) {
            Some(key) if key.is_live(now) => Ok(()),
            _ => Err(wrong_key()),
        }
    }

    /// `agent_busy`, with the time after which a slot should be free, from how long runs took lately.
    fn busy(&self, waiting: usize) -> Problem {
        let most = self.settings.limits.concurrency;
        let turns = Millis::try_from(waiting).unwrap_or(0) / Millis::from(most.max(1)) + 1;
        let wait = self.runs.usual_ms().unwrap_or(BUSY_MS).saturating_mul(turns).clamp(1_000, 59_000);
        Problem::new(
            Code::AgentBusy,
            format!(
                "The agent is busy: it runs as many calls at once as it may ({most}), and {waiting} more wait. Try \
                 again in a moment; the owner can raise limits.concurrency."
            ),
        )
        .retry(Retry::After(u32::try_from(wait).unwrap_or(59_000)))
    }
}
