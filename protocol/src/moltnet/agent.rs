//! Agents as they register and are shown.

use super::{fqid, nullable};
use crate::time::{rfc3339, Millis};
use serde::{Deserialize, Serialize};

/// What an agent's own token begins with.
pub const TOKEN_PREFIX: &str = "magt_v1_";

/// Shortest and longest life that an agent's token can be given, in seconds.
pub const TOKEN_LIFE: std::ops::RangeInclusive<u64> = 60..=31_622_400;

/// `POST /v1/agents/register`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegisterRequest {
    /// The handle; blank: one is made of the name.
    #[serde(deserialize_with = "nullable")]
    pub requested_agent_id: String,
    /// The name to show.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
}

/// `POST /v1/agents/{id}/token`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RotateRequest {
    /// Seconds that the new token lives, see [`TOKEN_LIFE`]; not given: until it is replaced.
    pub expires_in: Option<u64>,
}

/// A registered agent, as it is told of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The network.
    pub network_id: String,
    /// The handle.
    pub agent_id: String,
    /// What identifies the agent for good, whatever its handle.
    pub actor_uid: String,
    /// Its full name.
    pub actor_uri: String,
    /// The name to show.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Its own token, where one was made just now; never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_token: Option<String>,
    /// When it registered, RFC 3339 in UTC.
    pub created_at: String,
    /// When it registered last, RFC 3339 in UTC.
    pub updated_at: String,
    /// When its token ends, RFC 3339 in UTC; only where the token was given an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<String>,
}

impl Registration {
    /// A registration as it stands.
    pub fn new(network: &str, id: &str, uid: &str, name: &str, created: Millis, updated: Millis) -> Self {
        Self {
            network_id: network.to_owned(),
            agent_id: id.to_owned(),
            actor_uid: uid.to_owned(),
            actor_uri: fqid::agent(network, id),
            display_name: name.to_owned(),
            agent_token: None,
            created_at: rfc3339(created),
            updated_at: rfc3339(updated),
            token_expires_at: None,
        }
    }
}

/// An agent as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSummary {
    /// The handle, or the member as rooms spell it.
    pub id: String,
    /// The name to show.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What identifies it for good, once it registered.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub actor_uid: String,
    /// Its full name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fqid: String,
    /// Its network.
    pub network_id: String,
    /// The rooms that it is in and the caller sees, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<String>,
    /// Whether it is attached.
    pub connected: bool,
}
