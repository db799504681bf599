//! An agent that starts: probed in the background until its pod is ready, and failed where it was not in time
//! (agent-endpoints §3).
//!
//! The deadline follows from what is stored, the time of the start and the owner's setting, so it holds however often
//! the object goes; the next probe is in memory alone, and is due at once after a crash. The alarm is stored and wakes
//! for both. A probe that comes back late counts only for a start that still goes on and for the address that was asked.

use super::endpoint::{Answer, Endpoint, Loaded};
use crate::sql::Sql;
use moltghost_protocol::control::agent::{AgentRecord, Origin, State};
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::object::agent::{ProbeReport, Target};
use moltghost_protocol::object::tunnel::address;
use moltghost_protocol::time::Millis;

/// Wall time of a probe.
const PROBE_TIMEOUT_MS: u64 = 5_000;

/// How long a probe that was handed out is waited for before another is.
const LOST_AFTER: Millis = 7_000;

/// Time from a probe that failed to the next: the first, and the longest.
const BACKOFF: Millis = 1_000;
const MAX_BACKOFF: Millis = 15_000;

/// Seconds that a caller is asked to wait where nothing is known of how long the agent takes to start.
const USUAL_RETRY: u32 = 5;

/// The probes of the start that goes on.
#[derive(Debug, Default)]
pub(super) struct Starting {
    /// When the next is due.
    next: Millis,
    /// Those that failed in a row.
    failed: u32,
}

impl<S: Sql> Endpoint<S> {
    /// Fails a start whose time is over.
    pub(super) fn give_up(&mut self, now: Millis) -> Answer<()> {
        let Some(loaded) = &mut self.loaded else { return Ok(()) };
        if loaded.start_deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let seconds = loaded.settings.start_deadline_seconds;
        let last = match (&loaded.reason, &loaded.settings.origin) {
            (Some(reason), _) => reason.clone(),
            (None, Origin::Tunnel) => "no link to it came up".to_owned(),
            (None, Origin::Http { .. }) => "no probe of it has come back".to_owned(),
        };
        let reason = format!("its pod was not ready within {seconds} s: {last}");
        loaded.enter(State::Failed, Some(reason), now);
        self.store(None)
    }

    /// The pod to probe now, if the agent starts and a probe is due.
    pub fn due_probe(&mut self, now: Millis) -> Option<Target> {
        let loaded = self.loaded.as_mut()?;
        if loaded.state != State::Initializing || loaded.starting.next > now {
            return None;
        }
        loaded.hand_out_probe(now)
    }

    /// Takes what a probe in the background came to; `None` where it did not come back.
    ///
    /// # Errors
    /// What the database says.
    pub fn take_probe(&mut self, report: Option<&ProbeReport>, now: Millis) -> Answer<()> {
        self.now = now;
        self.touch()?;
        if let Some(report) = report {
            return self.hear_probe(report, now).map(|_| ());
        }
        if let Some(loaded) = &mut self.loaded {
            loaded.starting.failed(now);
        }
        Ok(())
    }

    /// Takes what a probe came to.
    pub(super) fn hear_probe(&mut self, report: &ProbeReport, now: Millis) -> Answer<AgentRecord> {
        if self.existing()?.learn(report, now) {
            self.probed(report.error.clone(), now)
        } else {
            self.record()
        }
    }
}

impl Starting {
    /// The next probe is due now.
    pub(super) fn at_once(&mut self) {
        self.next = 0;
    }

    fn failed(&mut self, now: Millis) {
        self.next = now + (BACKOFF << self.failed.min(4)).min(MAX_BACKOFF);
        self.failed += 1;
    }
}

impl Loaded {
    /// When the start that goes on has failed; `None` where none does.
    fn start_deadline(&self) -> Option<Millis> {
        let seconds = Millis::from(self.settings.start_deadline_seconds);
        (self.state == State::Initializing).then(|| self.since.saturating_add(seconds * 1_000))
    }

    /// When the alarm is to look after the start that goes on.
    pub(super) fn start_wake(&self) -> Option<Millis> {
        let deadline = self.start_deadline()?;
        Some(match self.settings.origin {
            Origin::Tunnel if !self.links.any() => deadline,
            Origin::Http { .. } | Origin::Tunnel => deadline.min(self.starting.next),
        })
    }

    /// The pod to probe, and no other probe for a while; `None` where no link leads to it.
    pub(super) fn hand_out_probe(&mut self, now: Millis) -> Option<Target> {
        self.probed = now;
        self.starting.next = now + LOST_AFTER;
        let target = self.target(Some(PROBE_TIMEOUT_MS))?;
        if self.settings.origin != Origin::Tunnel {
            return Some(target);
        }
        // One link after the other: each leads to a pod of its own.
        let link = self.links.hand_out(now);
        Some(Target { url: address(&self.id, link), ..target })
    }

    /// Ends the start that goes on, or notes that its pod is not ready yet.
    pub(super) fn probed(&mut self, error: Option<String>, now: Millis) {
        if self.state != State::Initializing {
            return;
        }
        match error {
            None => {
                let took = (now - self.since).max(0);
                self.startup = Some(self.startup.map_or(took, |usual| (usual * 3 + took) / 4));
                self.enter(State::Running, None, now);
            }
            Some(why) => {
                self.reason = Some(why);
                self.starting.failed(now);
            }
        }
    }

    /// Seconds that a caller is asked to wait: what is left of the time that the agent usually takes to start.
    pub(super) fn start_retry(&self, now: Millis) -> u32 {
        let gone = if self.state == State::Initializing { now - self.since } else { 0 };
        let left = self.startup.map(|usual| (usual - gone + 999) / 1_000).filter(|left| *left > 0);
        let known = left.and_then(|left| u32::try_from(left).ok());
        match (known, self.startup, gone) {
            (Some(left), ..) => left.clamp(1, 59),
            // It usually starts at once.
            (None, Some(_), 0) => 1,
            (None, ..) => USUAL_RETRY,
        }
    }

    /// `agent_unreachable`.
    pub(super) fn unreachable(&self) -> Problem {
        let after = self.startup.map_or(i64::from(USUAL_RETRY) * 1_000, |usual| usual.clamp(1_000, 59_000));
        Problem::new(
            Code::AgentUnreachable,
            "The agent runs, but no link to its pod is up. Connect the pod, or set an http origin.",
        )
        .retry(Retry::After(u32::try_from(after).unwrap_or(59_000)))
    }
}
