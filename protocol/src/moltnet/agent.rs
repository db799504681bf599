//! Agents as they register and are shown.

use super::{fqid, nullable};
use crate::alphabet::hex;
use crate::time::{rfc3339, Millis};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What an agent's own token begins with.
pub const TOKEN_PREFIX: &str = "magt_v1_";

/// Shortest and longest life that an agent's token can be given, in seconds.
pub const TOKEN_LIFE: std::ops::RangeInclusive<u64> = 60..=31_622_400;

/// The credential key of an agent's own token, by which configurations name it: `agent-token:` and its SHA-256.
pub fn token_key(token: &str) -> String {
    format!("agent-token:{}", hex(&Sha256::digest(token.trim())))
}

/// An agent's own token from 256 bits that nobody can guess.
pub fn mint_token(bits: &[u8; 32]) -> String {
    const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut token = TOKEN_PREFIX.to_owned();
    for chunk in bits.chunks(3) {
        let value = chunk.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
        let value = value << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            let index = usize::try_from(value >> (18 - 6 * digit) & 63).unwrap_or(0);
            token.push(char::from(BASE64URL.get(index).copied().unwrap_or(b'A')));
        }
    }
    token
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_their_keys_are_those_of_the_vectors() {
        let token = mint_token(&[0; 32]);
        assert_eq!(token, format!("magt_v1_{}", "A".repeat(43)));
        assert_eq!(
            token_key(&format!(" {token} ")),
            "agent-token:99683deaae932d2397fd52d91b0410f7a3332f290c28b86b8d6aad4acac70de7"
        );
        assert!(mint_token(&[255; 32]).ends_with("___8"));
        assert_eq!(mint_token(&[255; 32]).len(), 51);
    }
}
