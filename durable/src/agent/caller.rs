//! Who calls: the key and the browser, which every reading and every run must pass first (agent-endpoints §4).

use super::endpoint::{terminated, Loaded};
use super::keys::Key;
use moltghost_protocol::control::agent::State;
use moltghost_protocol::credential::{ApiKey, Pepper, Secret, SecretHash};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{Alias, KeyId};
use moltghost_protocol::object::agent::Presented;
use moltghost_protocol::time::Millis;

impl Loaded {
    /// Tombstone, key, browser: what every call with a key goes through.
    pub(super) fn check_caller(
        &mut self,
        key: Option<&Presented>,
        browser: Option<&str>,
        pepper: &Pepper,
        now: Millis,
    ) -> Result<KeyId, Problem> {
        if self.state == State::Terminated {
            return Err(terminated());
        }
        let Some(presented) = key else { return Err(missing_key()) };
        self.check_key(presented, pepper, now)?;
        self.check_browser(browser)?;
        Ok(presented.id.clone())
    }

    /// Whether the agent takes calls from pages of an origin.
    pub(super) fn check_browser(&self, browser: Option<&str>) -> Result<(), Problem> {
        match browser {
            Some(origin) if !self.allows(origin) => Err(Problem::new(
                Code::OriginNotAllowed,
                format!("This agent does not take calls from browsers on {origin}. Its owner can allow it: cors.origins."),
            )),
            _ => Ok(()),
        }
    }

    /// Whether the key opens this agent. Unknown, ended, revoked and foreign keys cost the same work and get the
    /// same answer.
    fn check_key(&mut self, presented: &Presented, pepper: &Pepper, now: Millis) -> Result<(), Problem> {
        let Some(given) = ApiKey::parse(&presented.key) else { return Err(wrong_key()) };
        let known = self.keys.get_mut(&presented.id);
        let matches = opens(known.as_deref(), &given.secret, pepper, now);
        match known {
            Some(key) if matches && key.is_live(now) && presented.account == self.account => {
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

    /// Whether the key opens a path.
    pub(super) fn check_path(&self, key: &KeyId, path: &str) -> Result<(), Problem> {
        let known = self.keys.get(key);
        match known.and_then(|key| key.settings.allowed_paths.as_ref().filter(|_| !key.settings.allows(path)))
        {
            None => Ok(()),
            Some(paths) => Err(Problem::new(
                Code::PathNotAllowed,
                format!(
                    "This key opens {} alone, not {path}. Use another key, or ask its owner.",
                    paths.join(", ")
                ),
            )),
        }
    }

    /// Whether a name in a host is this agent's.
    pub(super) fn is_called(&self, alias: Option<&Alias>) -> bool {
        alias.is_none() || self.settings.alias.as_ref() == alias
    }
}

/// Whether a secret is a key's, or was until a rotation whose grace has not ended. A key that is not there costs the
/// work of one that is.
pub(super) fn opens(key: Option<&Key>, secret: &Secret, pepper: &Pepper, now: Millis) -> bool {
    let none = SecretHash::none(pepper);
    let current = key.map_or(&none, |key| &key.hash);
    let old = key.and_then(|key| key.old_hash(now)).unwrap_or(&none);
    current.matches(secret, pepper) || old.matches(secret, pepper)
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
