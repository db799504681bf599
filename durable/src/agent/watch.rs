//! Runs that must end before their time: their key was revoked or has ended, their agent was terminated, or paused
//! at once (agent-endpoints §3, §4).
//!
//! The Worker asks about each run that lives for a while, and gets its answer when there is something to say: at once
//! for a run that must end, when the run was settled, or after a while, to ask again. A watch is in memory alone: if
//! the object goes, the Worker asks the next one, which finds everything in storage.

use super::admit::paused;
use super::caller::wrong_key;
use super::endpoint::{terminated, Endpoint, Loaded};
use crate::sql::Sql;
use moltghost_protocol::control::agent::State;
use moltghost_protocol::error::Problem;
use moltghost_protocol::object::agent::Watched;
use moltghost_protocol::object::write_answer;
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;

/// How long a question about a run waits for an answer.
const WATCH: Millis = 25_000;

impl<S: Sql> Endpoint<S> {
    /// What there is to say of a run; `None` where the question waits.
    pub(super) fn watch(&mut self, run: &RunId, now: Millis) -> Option<Watched> {
        let Some(loaded) = &self.loaded else { return Some(Watched::Done) };
        if !loaded.runs.holds(run) {
            return Some(Watched::Done);
        }
        if let Some(problem) = loaded.must_end(run, now) {
            return Some(Watched::Ended(problem));
        }
        let until = loaded.key_end(run).map_or(now + WATCH, |end| end.min(now + WATCH));
        self.watches.insert(run.clone(), until);
        None
    }

    /// Answers the question about a run that was settled.
    pub(super) fn watched_to_its_end(&mut self, run: &RunId) {
        if self.watches.remove(run).is_some() {
            self.tell(run.clone(), &Watched::Done);
        }
    }

    /// Answers those questions about runs that there is something to say of; looks at all of them.
    pub(super) fn alert(&mut self, now: Millis) {
        let watches = std::mem::take(&mut self.watches);
        for (run, until) in watches {
            let told = match &self.loaded {
                None => Some(Watched::Again),
                Some(loaded) if !loaded.runs.holds(&run) => Some(Watched::Done),
                Some(loaded) => {
                    let again = || (until <= now).then_some(Watched::Again);
                    loaded.must_end(&run, now).map(Watched::Ended).or_else(again)
                }
            };
            match told {
                Some(told) => self.tell(run, &told),
                None => drop(self.watches.insert(run, until)),
            }
        }
    }

    /// When the first question has waited long enough.
    pub(super) fn next_watch(&self) -> Option<Millis> {
        self.watches.values().min().copied()
    }

    fn tell(&mut self, run: RunId, told: &Watched) {
        self.decided.push((run, write_answer(&Ok(told))));
    }
}

impl Loaded {
    /// Why a run in flight must end now, if it must.
    fn must_end(&self, run: &RunId, now: Millis) -> Option<Problem> {
        if self.state == State::Terminated {
            return Some(terminated());
        }
        if self.runs.is_aborted(run) {
            return Some(paused());
        }
        let key = self.keys.get(self.runs.key_of(run)?);
        (!key.is_some_and(|key| key.is_live(now))).then(wrong_key)
    }

    fn key_end(&self, run: &RunId) -> Option<Millis> {
        self.keys.get(self.runs.key_of(run)?)?.expires
    }
}
