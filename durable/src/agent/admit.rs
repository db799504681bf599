//! May this call run? The checks in the order of the contract (agent-endpoints §4), and the lease of a run that may.

use super::endpoint::{not_found, terminated, Answer, Endpoint, Loaded};
use crate::sql::Sql;
use moltghost_protocol::control::agent::{Origin, State};
use moltghost_protocol::credential::{ApiKey, Pepper, SecretHash};
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::id::Alias;
use moltghost_protocol::object::agent::{Admission, Admit, Lease, Outcome, Presented, Target};
use moltghost_protocol::time::Millis;
use std::collections::BTreeMap;

/// How long a lease outlives its run's wall time, so that a Worker that lives can always settle first.
const GRACE: Millis = 30_000;

/// Seconds that a caller is asked to wait while the agent starts.
const START_RETRY: u32 = 5;

impl<S: Sql> Endpoint<S> {
    /// Admits a run or says why not. The lease is in memory alone until [`Endpoint::flush`].
    pub(super) fn admit(&mut self, ask: &Admit, now: Millis) -> Answer<Admission> {
        let pepper = self.pepper.clone();
        let loaded = self.existing()?;
        if !loaded.is_called(ask.alias.as_ref()) {
            return Err(not_found());
        }
        let outcome = match loaded.check_caller(ask.key.as_ref(), ask.browser.as_deref(), &pepper, now) {
            Err(problem) => Outcome::Refused(problem),
            Ok(()) => loaded.check_run(ask, now),
        };
        if let Outcome::Refused(problem) = &outcome {
            loaded.runs.metrics.count(now, |figures| figures.refused(problem.code.as_str()));
        }
        let probe = if loaded.wants_probe(now) { loaded.target(ask.timeout_ms).map(Box::new) } else { None };
        Ok(Admission { cors: loaded.settings.cors_origins.clone(), outcome, probe })
    }
}

impl Loaded {
    /// Tombstone, key, browser: what every call with a key goes through.
    pub(super) fn check_caller(
        &mut self,
        key: Option<&Presented>,
        browser: Option<&str>,
        pepper: &Pepper,
        now: Millis,
    ) -> Result<(), Problem> {
        if self.state == State::Terminated {
            return Err(terminated());
        }
        let Some(presented) = key else { return Err(missing_key()) };
        self.check_key(presented, pepper, now)?;
        match browser {
            Some(origin) if !self.allows(origin) => Err(Problem::new(
                Code::OriginNotAllowed,
                format!("This agent does not take calls from browsers on {origin}. Its owner can allow it: cors.origins."),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the key opens this agent. Unknown, revoked and foreign keys cost the same work and get the same
    /// answer.
    fn check_key(&mut self, presented: &Presented, pepper: &Pepper, now: Millis) -> Result<(), Problem> {
        let Some(given) = ApiKey::parse(&presented.key) else { return Err(wrong_key()) };
        let none = SecretHash::none(pepper);
        let known = self.keys.get_mut(&presented.id);
        let matches = known.as_ref().map_or(&none, |key| &key.hash).matches(&given.secret, pepper);
        match known {
            Some(key) if matches && key.revoked.is_none() && presented.account == self.account => {
                if key.used(now) {
                    self.used_keys.push(presented.id.clone());
                }
                Ok(())
            }
            _ => Err(wrong_key()),
        }
    }

    fn allows(&self, origin: &str) -> bool {
        self.settings.cors_origins.iter().any(|allowed| allowed == "*" || allowed == origin)
    }

    fn check_run(&mut self, ask: &Admit, now: Millis) -> Outcome {
        match self.serving() {
            Ok(()) => {}
            Err(problem) if problem.code == Code::AgentInitializing && ask.documented => {
                return Outcome::Starting { retry_after: START_RETRY };
            }
            Err(problem) => return Outcome::Refused(problem),
        }
        if ask.body_bytes > self.settings.limits.body_bytes {
            return Outcome::Refused(Problem::new(
                Code::RequestTooLarge,
                format!(
                    "The body is larger than the {} bytes that this agent takes.",
                    self.settings.limits.body_bytes
                ),
            ));
        }
        if let Some(problem) = &ask.body_problem {
            return Outcome::Refused(problem.clone());
        }
        if self.lost {
            return Outcome::Refused(lost());
        }
        let Some(target) = self.target(ask.timeout_ms) else { return Outcome::Refused(unreachable()) };
        if let Some(key) = &ask.key {
            let time = Millis::try_from(target.timeout_ms).unwrap_or(Millis::MAX / 2);
            self.runs.admit(Lease {
                run: ask.run.clone(),
                key: key.id.clone(),
                admitted: now,
                until: now.saturating_add(time).saturating_add(GRACE),
                reserved: ask.reserve,
            });
        }
        Outcome::Run(Box::new(target))
    }

    /// Whether the state lets calls through.
    pub(super) fn serving(&self) -> Result<(), Problem> {
        match self.state {
            State::Running => Ok(()),
            State::Deploying | State::Initializing => Err(Problem::new(
                Code::AgentInitializing,
                format!(
                    "The agent is {} and not ready yet. Try again in a few seconds.",
                    self.state.as_str()
                ),
            )
            .retry(Retry::After(START_RETRY * 1_000))),
            State::Paused => Err(Problem::new(
                Code::AgentPaused,
                "The agent is paused. Its owner can start it with POST /api/v1/agents/{agent}/start.",
            )),
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

    /// Where a call goes; `None` where no link leads to the pod.
    pub(super) fn target(&self, timeout_ms: Option<u64>) -> Option<Target> {
        let Origin::Http { url, headers } = &self.settings.origin else { return None };
        let most = u64::from(self.settings.limits.max_timeout_seconds) * 1_000;
        let usual = u64::from(self.settings.timeout_seconds) * 1_000;
        Some(Target {
            url: url.clone(),
            headers: lines(headers),
            forward: self.settings.forward_headers.clone(),
            model: self.settings.model.clone(),
            models: self.settings.models.clone(),
            capabilities: self.capabilities().unwrap_or_default(),
            early_headers: self.settings.early_headers,
            timeout_ms: timeout_ms.unwrap_or(usual).min(most),
        })
    }

    /// Whether a name in a host is this agent's.
    pub(super) fn is_called(&self, alias: Option<&Alias>) -> bool {
        alias.is_none() || self.settings.alias.as_ref() == alias
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

/// `agent_unreachable`.
pub(super) fn unreachable() -> Problem {
    Problem::new(
        Code::AgentUnreachable,
        "The agent runs, but no link to its pod is up. Connect the pod, or set an http origin.",
    )
}

fn missing_key() -> Problem {
    Problem::new(
        Code::InvalidApiKey,
        "This needs a key of the agent. Add the header `Authorization: Bearer molti_…`; \
         an admin of the account makes one with POST /api/v1/agents/{agent}/keys.",
    )
}

/// `invalid_api_key`: one answer for every key that does not open the agent.
pub(super) fn wrong_key() -> Problem {
    Problem::new(Code::InvalidApiKey, "This key does not open this agent. Check the Authorization header.")
}
