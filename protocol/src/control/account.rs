//! Accounts and their tokens.

use super::fields::{wrong, Fields};
use crate::error::Problem;
use crate::id::{AccountId, TokenId};
use crate::time::{self, Millis};
use serde::{Deserialize, Serialize};

/// A name that people give to an account, agent, key or token: `[A-Za-z][A-Za-z0-9 ._-]{0,62}`, with no space at
/// its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
        let well_formed = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.len() <= 63
            && text.chars().all(allowed)
            && !text.ends_with(' ');
        if well_formed {
            Ok(Self(text))
        } else {
            Err("a name is a letter and up to 62 more letters, digits, spaces, dots, underscores or hyphens")
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

/// What a holder of an account token may do; each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Read.
    Viewer,
    /// Start and pause agents, make and revoke keys.
    Operator,
    /// Everything in the account.
    Admin,
}

impl Role {
    /// The role as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// `POST /accounts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewAccount {
    /// The id wanted; made by us where none is given.
    pub id: Option<AccountId>,
    /// The account's name.
    pub name: Name,
}

impl NewAccount {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request`.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let account = Self { id: fields.optional("id")?, name: fields.required("name")? };
        fields.finish()?;
        Ok(account)
    }
}

/// An account as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountDocument {
    /// Its id, part of every key.
    pub id: AccountId,
    /// Its name.
    pub name: Name,
    /// When it was created, RFC 3339.
    pub created_at: String,
}

/// `POST /accounts/{id}/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewToken {
    /// What the token is for.
    pub name: Name,
    /// What its holder may do.
    pub role: Role,
    /// When it ends, if ever.
    pub expires_at: Option<Millis>,
}

impl NewToken {
    /// Reads a body; a role that is not given is `admin`.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request`; an end that has passed is refused.
    pub fn parse(body: &[u8], now: Millis) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let name = fields.required("name")?;
        let role = fields.optional("role")?.unwrap_or(Role::Admin);
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
        fields.finish()?;
        Ok(Self { name, role, expires_at })
    }
}

/// A token as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDocument {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub name: Name,
    /// What its holder may do.
    pub role: Role,
    /// The token itself: in the answer that created it, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// When it was created, RFC 3339.
    pub created_at: String,
    /// When it ends, RFC 3339, if ever.
    pub expires_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_their_edges() {
        let ok = |text: &str| Name::try_from(text.to_owned()).is_ok();
        assert!(ok("a") && ok("Production API") && ok(&"a".repeat(63)) && ok("a.b_c-d"));
        assert!(
            !ok("") && !ok("1a") && !ok(" a") && !ok("a ") && !ok(&"a".repeat(64)) && !ok("ä") && !ok("a\n")
        );
    }

    #[test]
    fn a_token_that_has_ended_already_is_refused() {
        let body = br#"{"name":"ci","expires_at":"2026-01-01T00:00:00Z"}"#;
        assert!(NewToken::parse(body, 0).is_ok());
        assert_eq!(NewToken::parse(body, i64::MAX).unwrap_err().param.as_deref(), Some("expires_at"));
    }
}
