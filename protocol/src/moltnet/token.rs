//! Static tokens of the directory, which an operator makes: what they may do, and for which agents they speak.

use super::access::Scopes;
use super::error::{MoltnetError, Outcome};
use super::{id, member, nullable};
use crate::alphabet::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Shortest token that an operator may choose, in bytes.
pub const MIN_VALUE: usize = 16;

/// Longest token, in bytes.
pub const MAX_VALUE: usize = 256;

/// Most static tokens of a network.
pub const MAX_TOKENS: i64 = 1_000;

/// Id of a static token that was given none: `tok_` and the first 16 digits of its SHA-256.
pub fn id_of(value: &str) -> String {
    let sum = hex(&Sha256::digest(value.trim()));
    format!("tok_{}", sum.get(..16).unwrap_or_default())
}

/// `POST /api/v1/network/tokens`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewToken {
    /// Its id; blank: one is made. An id that is there is replaced.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    /// The token; blank: one is made, and shown once.
    #[serde(deserialize_with = "nullable")]
    pub value: String,
    /// What it may do: `observe`, `write`, `admin`, `attach`, `pair`.
    #[serde(deserialize_with = "nullable")]
    pub scopes: Vec<String>,
    /// The agents that it may speak for; none: all.
    #[serde(deserialize_with = "nullable")]
    pub agents: Vec<String>,
    /// For a token with the scope `pair`: the network that will use it.
    #[serde(deserialize_with = "nullable")]
    pub network_id: String,
}

impl NewToken {
    /// Checks what is asked for.
    ///
    /// # Errors
    /// 422 naming the field.
    pub fn check(&self) -> Outcome<Scopes> {
        let invalid = |fault: String| Err(MoltnetError::invalid(fault));
        if !self.id.trim().is_empty() {
            id::check(self.id.trim()).map_err(MoltnetError::invalid)?;
        }
        let value = self.value.trim();
        if !value.is_empty() && !(MIN_VALUE..=MAX_VALUE).contains(&value.len()) {
            return invalid(format!("value must have {MIN_VALUE} to {MAX_VALUE} characters"));
        }
        if value.starts_with(super::agent::TOKEN_PREFIX) || !value.bytes().all(|b| b.is_ascii_graphic()) {
            return invalid(format!(
                "value must be printable ASCII without spaces, and not begin with {}",
                super::agent::TOKEN_PREFIX
            ));
        }
        member::check_list("agents", &self.agents).map_err(MoltnetError::invalid)?;
        if !self.network_id.trim().is_empty() {
            id::check(self.network_id.trim())
                .map_err(|fault| MoltnetError::invalid(format!("network_id {fault}")))?;
        }
        Scopes::parse(&self.scopes)
    }
}

/// A static token as it is shown: never the token itself, but when it was made just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDocument {
    /// Its id.
    pub id: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The agents that it may speak for; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<String>,
    /// The network that uses it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub network_id: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// The token, where it was made just now; never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_is_checked_at_its_edge() {
        let token = |value: &str| NewToken {
            value: value.into(),
            scopes: vec!["write".into()],
            ..NewToken::default()
        };
        for good in ["", &"x".repeat(16), &"x".repeat(256)] {
            assert_eq!(token(good).check(), Ok(Scopes::WRITE));
        }
        for bad in ["x".repeat(15), "x".repeat(257), format!("magt_v1_{}", "x".repeat(43)), "é".repeat(16)] {
            assert_eq!(token(&bad).check().unwrap_err().status, 422, "{bad}");
        }
        let bad = NewToken { id: "a b".into(), ..token("") };
        assert!(bad.check().unwrap_err().message.starts_with("id must match"));
        let bad = NewToken { agents: vec!["!".into()], ..token("") };
        assert!(bad.check().unwrap_err().message.starts_with("agents[0]"));
        let bad = NewToken { network_id: "!".into(), ..token("") };
        assert!(bad.check().unwrap_err().message.starts_with("network_id"));
        assert_eq!(id_of(" secret "), "tok_2bb80d537b1da3e3");
        assert!(NewToken::default().check().unwrap_err().message.contains("scopes"));
    }
}
