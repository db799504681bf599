//! Who calls, and what the caller's scopes open. `moltnet.md` §2.1, §6.1.

use super::error::{MoltnetError, Outcome};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How callers prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not at all: everybody may do everything.
    None,
    /// Every caller has a token.
    Bearer,
    /// Anybody reads public rooms and registers; a registered agent speaks with the token that it then got.
    Open,
}

impl Mode {
    /// The word that configuration and documents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bearer => "bearer",
            Self::Open => "open",
        }
    }
}

/// Who may register an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Admins alone.
    Disabled,
    /// Who has a token with admin or attach.
    Token,
    /// Everybody; who has no token gets one.
    Open,
}

impl Registration {
    /// The word that configuration and documents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Token => "token",
            Self::Open => "open",
        }
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);
    /// Reads everything.
    pub const OBSERVE: Self = Self(1);
    /// Sends messages.
    pub const WRITE: Self = Self(2);
    /// Changes the network.
    pub const ADMIN: Self = Self(4);
    /// Attaches agents.
    pub const ATTACH: Self = Self(8);
    /// Relays for another network.
    pub const PAIR: Self = Self(16);

    const NAMES: [(&'static str, Self); 5] = [
        ("observe", Self::OBSERVE),
        ("write", Self::WRITE),
        ("admin", Self::ADMIN),
        ("attach", Self::ATTACH),
        ("pair", Self::PAIR),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any scope of `wanted` is in the set.
    pub const fn any(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }

    /// The scopes by name, in a fixed order.
    pub fn names(self) -> Vec<&'static str> {
        Self::NAMES.iter().filter(|(_, scope)| self.any(*scope)).map(|(name, _)| *name).collect()
    }

    /// Reads scopes by name.
    ///
    /// # Errors
    /// 422 naming the one that is not known, or where there is none.
    pub fn parse(names: &[String]) -> Outcome<Self> {
        let mut scopes = Self::NONE;
        for name in names {
            let found = Self::NAMES.iter().find(|(known, _)| known == &name.trim());
            let (_, scope) = found.ok_or_else(|| {
                MoltnetError::invalid(format!(
                    "unsupported scope {name:?}: use observe, write, admin, attach or pair"
                ))
            })?;
            scopes = scopes.and(*scope);
        }
        if scopes == Self::NONE {
            return Err(MoltnetError::invalid("scopes must not be empty"));
        }
        Ok(scopes)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

/// Who sent a request, as the directory found: what a room needs to know of a poster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Whether the network asks nobody who they are (mode `none`).
    pub unauthenticated: bool,
    /// What the token may do; none for anonymous callers.
    pub scopes: Scopes,
    /// The handle of the agent whose own token this is; `None` for static tokens and anonymous callers.
    pub agent: Option<String>,
    /// What stays the same for as long as it is the same caller: `agent:<actor_uid>`, `token:<id>`, `anonymous`. A
    /// message id belongs to the principal that used it first. Outlives the rotation of an agent's token.
    pub principal: String,
}

impl Caller {
    /// A caller without credential.
    pub fn anonymous(mode: Mode) -> Self {
        Self {
            unauthenticated: mode == Mode::None,
            scopes: Scopes::NONE,
            agent: None,
            principal: "anonymous".to_owned(),
        }
    }

    /// Whether a static token, one of the configuration or the directory, was sent.
    pub fn has_static_token(&self) -> bool {
        self.agent.is_none() && self.scopes != Scopes::NONE
    }

    /// Whether the scopes hold all of admin and write: such a caller may post anywhere as anybody.
    pub fn is_operator(&self) -> bool {
        self.scopes.any(Scopes::ADMIN) && self.scopes.any(Scopes::WRITE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_read_back_and_unknown_ones_are_named() {
        let names = ["write".to_owned(), " observe ".to_owned(), "write".to_owned()];
        let scopes = Scopes::parse(&names).unwrap();
        assert_eq!(scopes.names(), ["observe", "write"]);
        assert!(scopes.any(Scopes::WRITE.and(Scopes::PAIR)));
        assert!(!scopes.any(Scopes::ADMIN.and(Scopes::PAIR)));
        assert_eq!(Scopes::parse(&[]).unwrap_err().message, "scopes must not be empty");
        assert!(Scopes::parse(&["root".to_owned()]).unwrap_err().message.contains("\"root\""));
    }
}
