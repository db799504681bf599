//! May this call run? The checks in the order of the contract (agent-endpoints §4): agent, key, browser, state,
//! path, body, request limit, slot. What follows, the lease of a run that may, is in [`super::grant`].

use super::endpoint::{not_found, terminated, Answer, Endpoint, Loaded};
use super::queue::Waiter;
use crate::sql::Sql;
use moltghost_protocol::control::agent::{Origin, State};
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::id::KeyId;
use moltghost_protocol::object::agent::{Admission, Admit, Outcome, Target};
use moltghost_protocol::object::tunnel::address;
use moltghost_protocol::time::Millis;
use std::collections::BTreeMap;

/// Longest time that a call waits for a slot.
const QUEUE_MS: Millis = 10_000;

/// What the checks of a call came to.
enum Checked {
    /// It may run, if a slot is free.
    May(Waiter),
    /// It may not, or not yet.
    Ended(Outcome),
}

impl<S: Sql> Endpoint<S> {
    /// Admits a run or says why not; `None` where it waits for a slot, and is answered by
    /// [`Endpoint::take_decided`]. The lease is in memory alone until [`Endpoint::flush`].
    pub(super) fn admit(&mut self, ask: &Admit, now: Millis) -> Option<Answer<Admission>> {
        let pepper = self.pepper.clone();
        let loaded = match self.existing() {
            Ok(loaded) if loaded.is_called(ask.alias.as_ref()) => loaded,
            _ => return Some(Err(not_found())),
        };
        let browser = ask.browser.as_deref();
        let caller = match &ask.vouched {
            Some(vouched) => loaded.check_vouched(vouched, browser, now),
            None => loaded.check_caller(ask.key.as_ref(), browser, &pepper, now),
        };
        let (key, checked) = match caller {
            Err(problem) => (None, Checked::Ended(Outcome::Refused(problem))),
            Ok(key) => {
                let checked = loaded.check_run(ask, &key, now);
                (Some(key), checked)
            }
        };
        let outcome = match checked {
            Checked::Ended(outcome) => outcome,
            Checked::May(waiter) => self.seat(waiter, now)?,
        };
        Some(self.existing().map(|loaded| {
            let outcome = loaded.in_legacy_form(outcome, path(ask));
            loaded.count_refusal(&outcome, now);
            let rate = key.map(|key| loaded.permits.rate(&key, loaded.rates(&key), now));
            let probe = if loaded.wants_probe(now) { loaded.hand_out_probe(now).map(Box::new) } else { None };
            Admission { cors: loaded.settings.cors_origins.clone(), outcome, rate, probe }
        }))
    }
}

impl Loaded {
    fn check_run(&mut self, ask: &Admit, key: &KeyId, now: Millis) -> Checked {
        let refused = |problem| Checked::Ended(Outcome::Refused(problem));
        match self.serving(now) {
            Ok(()) => {}
            Err(problem) if problem.code == Code::AgentInitializing && ask.documented => {
                return Checked::Ended(Outcome::Starting { retry_after: self.start_retry(now) });
            }
            Err(problem) => return refused(problem),
        }
        if let Err(problem) = self.check_path(key, path(ask)) {
            return refused(problem);
        }
        if ask.body_bytes > self.settings.limits.body_bytes {
            return refused(Problem::new(
                Code::RequestTooLarge,
                format!(
                    "The body is larger than the {} bytes that this agent takes.",
                    self.settings.limits.body_bytes
                ),
            ));
        }
        if let Some(problem) = &ask.body_problem {
            return refused(problem.clone());
        }
        if self.lost {
            return refused(lost());
        }
        let Some(target) = self.target(ask.timeout_ms) else { return refused(self.unreachable()) };
        if self.runs.holds(&ask.run) {
            return Checked::Ended(Outcome::Run(Box::new(target)));
        }
        let time = Millis::try_from(target.timeout_ms).unwrap_or(Millis::MAX / 2);
        Checked::May(Waiter {
            run: ask.run.clone(),
            key: key.clone(),
            reserve: ask.reserve,
            timeout_ms: target.timeout_ms,
            since: now,
            until: now.saturating_add(time.min(QUEUE_MS)),
        })
    }

    /// Whether the state lets calls through.
    pub(super) fn serving(&self, now: Millis) -> Result<(), Problem> {
        match self.state {
            State::Running => Ok(()),
            State::Deploying | State::Initializing => Err(Problem::new(
                Code::AgentInitializing,
                format!(
                    "The agent is {} and not ready yet. Try again in a few seconds.",
                    self.state.as_str()
                ),
            )
            .retry(Retry::After(self.start_retry(now) * 1_000))),
            State::Paused => Err(paused()),
            State::Failed => Err(Problem::new(
                Code::AgentFailed,
                format!(
                    "The agent could not be started: {}.",
                    self.reason.as_deref().unwrap_or("no reason is known")
                ),
            )),
            State::Terminated => Err(terminated()),
        }
    }

    /// The form in which a call of `/v1/chat` over the request limit is refused where the owner asked for it: with 403.
    fn in_legacy_form(&self, outcome: Outcome, path: &str) -> Outcome {
        match outcome {
            Outcome::Refused(problem)
                if self.settings.legacy_403 && problem.code == Code::RateLimited && path == "/v1/chat" =>
            {
                Outcome::Refused(problem.answered_with(403))
            }
            outcome => outcome,
        }
    }

    /// Counts a refusal.
    pub(super) fn count_refusal(&mut self, outcome: &Outcome, now: Millis) {
        if let Outcome::Refused(problem) = outcome {
            self.runs.metrics.count(now, |figures| figures.refused(problem.code.as_str()));
        }
    }

    /// Where a call goes; `None` where no link leads to the pod.
    pub(super) fn target(&self, timeout_ms: Option<u64>) -> Option<Target> {
        let (url, headers) = match &self.settings.origin {
            Origin::Http { url, headers } => (url.clone(), lines(headers)),
            Origin::Tunnel if !self.links.any() => return None,
            Origin::Tunnel => (address(&self.id, None), String::new()),
        };
        let most = u64::from(self.settings.limits.max_timeout_seconds) * 1_000;
        let usual = u64::from(self.settings.timeout_seconds) * 1_000;
        Some(Target {
            url,
            headers,
            forward: self.settings.forward_headers.clone(),
            model: self.settings.model.clone(),
            models: self.settings.models.clone(),
            capabilities: self.capabilities().unwrap_or_default(),
            early_headers: self.settings.early_headers,
            timeout_ms: timeout_ms.unwrap_or(usual).min(most),
        })
    }
}

/// The route of a call; the first version's messages only say whether it is the documented one.
fn path(ask: &Admit) -> &str {
    match (ask.path.as_str(), ask.documented) {
        ("", true) => "/v1/chat",
        ("", false) => "/v1/chat/completions",
        (path, _) => path,
    }
}

/// `not_configured`: the origin's headers cannot be opened.
pub(super) fn lost() -> Problem {
    Problem::new(
        Code::NotConfigured,
        "The origin's headers cannot be opened: the pepper that they were sealed under is gone. The operator can set \
         KEY_PEPPER_PREVIOUS to it; the owner can set the agent's origin again.",
    )
}

/// Headers as `name: value\n` lines.
fn lines(headers: &BTreeMap<String, String>) -> String {
    let mut lines = String::new();
    for (name, value) in headers {
        for part in [name, ": ", value, "\n"] {
            lines.push_str(part);
        }
    }
    lines
}

/// `agent_paused`.
pub(super) fn paused() -> Problem {
    Problem::new(
        Code::AgentPaused,
        "The agent is paused. Its owner can start it with POST /api/v1/agents/{agent}/start.",
    )
}
