//! What happens to the agents of an account, as `GET /events` tells it.

use crate::control::account::Name;
use crate::control::agent::State;
use crate::id::{AccountId, AgentId, KeyId};
use crate::time::{rfc3339, Millis};
use serde::{Deserialize, Serialize};

/// Something that happened to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AgentEvent {
    /// It is in another state now, or is there for another reason.
    #[serde(rename = "agent.state")]
    State {
        /// The state.
        state: State,
        /// Why, where something is wrong.
        reason: Option<String>,
    },
    /// A link to a replica of its pod is up.
    #[serde(rename = "replica.up")]
    ReplicaUp {
        /// The replica.
        replica: String,
    },
    /// A link to a replica of its pod is gone.
    #[serde(rename = "replica.down")]
    ReplicaDown {
        /// The replica.
        replica: String,
    },
    /// A key was made.
    #[serde(rename = "key.created")]
    KeyCreated {
        /// The key.
        key: KeyRef,
    },
    /// A key got a new secret under its id.
    #[serde(rename = "key.rotated")]
    KeyRotated {
        /// The key.
        key: KeyRef,
        /// Until when the secret before it is valid, too (RFC 3339).
        old_secret_until: String,
    },
    /// The time of a key is over.
    #[serde(rename = "key.expired")]
    KeyExpired {
        /// The key.
        key: KeyRef,
        /// Since when it opens nothing (RFC 3339).
        expires_at: String,
    },
    /// A key was revoked.
    #[serde(rename = "key.revoked")]
    KeyRevoked {
        /// The key.
        key: KeyRef,
    },
}

/// A key, as events name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef {
    /// Its public id.
    pub id: KeyId,
    /// Its name.
    pub name: Name,
}

impl AgentEvent {
    /// Its type, as the `event:` field of the stream has it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::State { .. } => "agent.state",
            Self::ReplicaUp { .. } => "replica.up",
            Self::ReplicaDown { .. } => "replica.down",
            Self::KeyCreated { .. } => "key.created",
            Self::KeyRotated { .. } => "key.rotated",
            Self::KeyExpired { .. } => "key.expired",
            Self::KeyRevoked { .. } => "key.revoked",
        }
    }

    /// The event as a JSON object, without its id.
    pub fn body(&self, account: &AccountId, agent: &AgentId, at: Millis) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(flatten)]
            event: &'a AgentEvent,
            account: &'a AccountId,
            agent: &'a AgentId,
            created_at: String,
        }
        let body = Body { event: self, account, agent, created_at: rfc3339(at) };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_flat_objects_of_their_type() {
        let agent = AgentId::mint(1);
        let account = AccountId::parse("acme").unwrap();
        let key = KeyRef { id: KeyId::mint(&agent, 1), name: "k".to_owned().try_into().unwrap() };
        for event in [
            AgentEvent::State { state: State::Paused, reason: None },
            AgentEvent::ReplicaUp { replica: "default".into() },
            AgentEvent::ReplicaDown { replica: "default".into() },
            AgentEvent::KeyCreated { key: key.clone() },
            AgentEvent::KeyRotated { key: key.clone(), old_secret_until: rfc3339(1) },
            AgentEvent::KeyExpired { key: key.clone(), expires_at: rfc3339(2) },
            AgentEvent::KeyRevoked { key },
        ] {
            let body: serde_json::Value = serde_json::from_str(&event.body(&account, &agent, 0)).unwrap();
            assert_eq!(body["type"], event.kind());
            assert_eq!(body["account"], "acme");
            assert_eq!(body["agent"], agent.as_str());
            assert_eq!(body["created_at"], "1970-01-01T00:00:00.000Z");
            let stored = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<AgentEvent>(&stored).unwrap(), event);
        }
    }
}
