//! Keys of agents (agent-endpoints §4).

use super::account::Name;
use super::fields::Fields;
use crate::error::Problem;
use crate::id::{AccountId, AgentId, KeyId};
use serde::{Deserialize, Serialize};

/// Days after which a key should be changed for a new one.
pub const ROTATE_AFTER_DAYS: i64 = 30;

/// `POST /agents/{…}/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// What the key is for.
    pub name: Name,
}

impl NewKey {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request`.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let key = Self { name: fields.required("name")? };
        fields.finish()?;
        Ok(key)
    }
}

/// `POST /keys/revoke`: the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokeByKey {
    /// The key as its holder writes it.
    pub key: String,
}

impl RevokeByKey {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request`.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let request = Self { key: fields.required("key")? };
        fields.finish()?;
        Ok(request)
    }
}

/// A key as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDocument {
    /// Public id.
    pub id: KeyId,
    /// The agent it opens.
    pub agent: AgentId,
    /// The account of that agent.
    pub account: AccountId,
    /// What it is for.
    pub name: Name,
    /// The key itself: in the answer that created it, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its public part, for people to tell keys apart.
    pub masked: String,
    /// When it was created, RFC 3339.
    pub created_at: String,
    /// When it last opened a call, RFC 3339, to the minute.
    pub last_used_at: Option<String>,
    /// When it was revoked, RFC 3339.
    pub revoked_at: Option<String>,
    /// Whole days since it was created.
    pub age_days: i64,
    /// Whether it is older than 30 days and still in use.
    pub rotate_due: bool,
}
