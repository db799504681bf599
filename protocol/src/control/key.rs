//! Keys of agents (agent-endpoints §4).

use super::account::Name;
use super::fields::{wrong, Fields};
use super::limits::{check_rpm, RPM};
use crate::error::Problem;
use crate::id::{AccountId, AgentId, KeyId};
use crate::time::{self, Millis};
use serde::{Deserialize, Serialize};

/// Days after which a key's secret should be changed for a new one.
pub const ROTATE_AFTER_DAYS: i64 = 30;

/// What `grace_seconds` must be, as a refusal says it.
const GRACE: &str = "it must be a whole number from 0 to 2592000 (30 days)";

/// Paths that a key can be confined to; `/v1/models` stands for each model too.
pub const PATHS: [&str; 11] = [
    "/v1/chat",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/models",
    "/v1/responses",
    "/v1/runs",
    "/v1/status",
    "/v1/tools",
    "/v1/ws-ticket",
    "/ws",
];

/// What a key may do, as far as its owner said so. What a stored row does not name is not confined.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeySettings {
    /// Paths that it opens; `None`: all.
    pub allowed_paths: Option<Vec<String>>,
    /// Limits of this key alone.
    pub limits: KeyLimits,
}

/// Limits of one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyLimits {
    /// Requests in 60 s; `None`: what the agent sets, else 100.
    pub rpm: Option<u32>,
}

impl KeySettings {
    /// Whether the key opens a path of the route table. `/v1/health` is open to everybody.
    pub fn allows(&self, path: &str) -> bool {
        let path = if path.starts_with("/v1/models/") { "/v1/models" } else { path };
        path == "/v1/health"
            || self.allowed_paths.as_ref().is_none_or(|paths| paths.iter().any(|p| p == path))
    }
}

/// `POST /agents/{…}/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKey {
    /// What the key is for.
    pub name: Name,
    /// When it ends, if ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Millis>,
    /// What it may do.
    #[serde(default)]
    pub settings: KeySettings,
}

impl NewKey {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request`; an end that has passed is refused.
    pub fn parse(body: &[u8], now: Millis) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let name = fields.required("name")?;
        let expires_at = match fields.optional::<String>("expires_at")? {
            None => None,
            Some(text) => {
                let time = time::parse_rfc3339(&text)
                    .ok_or_else(|| wrong("expires_at", "it must be a time such as 2027-01-31T12:00:00Z"))?;
                if time <= now {
                    return Err(wrong("expires_at", "it has passed"));
                }
                Some(time)
            }
        };
        let allowed_paths = fields.optional("allowed_paths")?.map(check_paths).transpose()?;
        let mut limits = KeyLimits::default();
        if let Some(mut given) = fields.nested("limits")? {
            limits.rpm = given.number("rpm", RPM)?;
            check_rpm(limits.rpm, "limits.rpm")?;
            given.finish()?;
        }
        fields.finish()?;
        Ok(Self { name, expires_at, settings: KeySettings { allowed_paths, limits } })
    }
}

fn check_paths(mut paths: Vec<String>) -> Result<Vec<String>, Problem> {
    if paths.is_empty() || !paths.iter().all(|path| PATHS.contains(&path.as_str())) {
        let why = format!("it must list at least one of {}", PATHS.join(", "));
        return Err(wrong("allowed_paths", &why));
    }
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

/// `POST /agents/{…}/keys/{id}/rotate`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// How long the old secret stays valid, in seconds.
    pub grace_seconds: u32,
    /// The same id again is the same rotation; `None`: each call is one.
    pub rotation_id: Option<String>,
}

impl Rotation {
    /// Grace of a rotation that asks for none: an hour.
    pub const DEFAULT_GRACE: u32 = 3_600;
    /// Longest grace: 30 days.
    pub const MAX_GRACE: u32 = 30 * 86_400;

    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request`.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let grace_seconds = fields.number("grace_seconds", GRACE)?.unwrap_or(Self::DEFAULT_GRACE);
        if grace_seconds > Self::MAX_GRACE {
            return Err(wrong("grace_seconds", GRACE));
        }
        let rotation_id: Option<String> = fields.optional("rotation_id")?;
        if rotation_id.as_ref().is_some_and(|id| !(1..=255).contains(&id.len())) {
            return Err(wrong("rotation_id", "it must have 1 to 255 bytes"));
        }
        fields.finish()?;
        Ok(Self { grace_seconds, rotation_id })
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
    /// The key itself: in the answer that created or rotated it, and never again.
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
    /// When it ends, RFC 3339, if ever.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// When its secret was last changed, RFC 3339.
    #[serde(default)]
    pub rotated_at: Option<String>,
    /// Until when the secret before that is valid too, RFC 3339; `None` once it is not.
    #[serde(default)]
    pub old_secret_until: Option<String>,
    /// What it may do.
    #[serde(flatten)]
    pub settings: KeySettings,
    /// Whole days since it was created.
    pub age_days: i64,
    /// Whether its secret is older than 30 days and still in use.
    pub rotate_due: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(body: &str) -> String {
        NewKey::parse(body.as_bytes(), 0).unwrap_err().param.unwrap()
    }

    #[test]
    fn a_key_needs_a_name_and_every_wrong_field_is_named() {
        let key = NewKey::parse(br#"{"name":"k"}"#, 0).unwrap();
        assert_eq!((key.expires_at, key.settings), (None, KeySettings::default()));
        assert_eq!(param(r"{}"), "name");
        assert_eq!(param(r#"{"name":"k","expires_at":"tomorrow"}"#), "expires_at");
        assert_eq!(param(r#"{"name":"k","allowed_paths":[]}"#), "allowed_paths");
        assert_eq!(param(r#"{"name":"k","allowed_paths":["/v1/chat","/x"]}"#), "allowed_paths");
        assert_eq!(param(r#"{"name":"k","limits":{"rpm":0}}"#), "limits.rpm");
        assert_eq!(param(r#"{"name":"k","limits":{"rps":1}}"#), "limits.rps");
        let late = NewKey::parse(br#"{"name":"k","expires_at":"2026-01-01T00:00:00Z"}"#, i64::MAX);
        assert_eq!(late.unwrap_err().param.as_deref(), Some("expires_at"));
    }

    #[test]
    fn a_key_opens_the_paths_that_it_lists_and_health() {
        let body = br#"{"name":"k","allowed_paths":["/v1/models","/v1/chat","/v1/chat"]}"#;
        let settings = NewKey::parse(body, 0).unwrap().settings;
        assert_eq!(settings.allowed_paths.as_deref().map(<[String]>::len), Some(2));
        for path in ["/v1/chat", "/v1/models", "/v1/models/{id}", "/v1/health"] {
            assert!(settings.allows(path), "{path}");
            assert!(KeySettings::default().allows(path), "{path}");
        }
        assert!(!settings.allows("/v1/chat/completions") && !settings.allows("/v1/status"));
    }

    #[test]
    fn a_rotation_has_an_hour_of_grace_unless_it_says_so() {
        let rotation = |body: &str| Rotation::parse(body.as_bytes());
        assert_eq!(rotation("").unwrap(), Rotation { grace_seconds: 3_600, rotation_id: None });
        assert_eq!(rotation(r#"{"grace_seconds":0}"#).unwrap().grace_seconds, 0);
        assert_eq!(rotation(r#"{"grace_seconds":2592000}"#).unwrap().grace_seconds, 2_592_000);
        let wrong = |body: &str| rotation(body).unwrap_err().param.unwrap();
        assert_eq!(wrong(r#"{"grace_seconds":2592001}"#), "grace_seconds");
        assert_eq!(wrong(r#"{"rotation_id":""}"#), "rotation_id");
    }

    #[test]
    fn a_message_of_the_first_version_makes_a_key_without_bounds() {
        let new: NewKey = serde_json::from_str(r#"{"name":"k"}"#).unwrap();
        assert_eq!((new.expires_at, new.settings), (None, KeySettings::default()));
    }
}
