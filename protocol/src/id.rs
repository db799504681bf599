//! Ids that come from outside, parsed once at the door into types that cannot be wrong.

use crate::alphabet::{self, BASE36};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdError(pub &'static str);

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for IdError {}

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

/// Id of an agent: twelve of `[a-z0-9]`, the last two check characters (ISO/IEC 7064, MOD 1271-36), so that a
/// random host is refused without asking anybody (agent-endpoints §1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentId(String);
text_id!(AgentId);

impl AgentId {
    /// Length in characters.
    pub const LENGTH: usize = 12;

    /// A new id from 128 random bits.
    pub fn mint(random: u128) -> Self {
        let mut id = alphabet::encode(BASE36, random, Self::LENGTH - 2);
        id.push_str(&check_characters(&id));
        Self(id)
    }

    /// Reads an id; its check characters must be right.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let error =
            IdError("an agent id is twelve lower-case letters and digits, two of them check characters");
        let (payload, check) = text.split_at_checked(Self::LENGTH - 2).ok_or(error.clone())?;
        if text.len() == Self::LENGTH && alphabet::is_base36(payload) && check_characters(payload) == check {
            Ok(Self(text.to_owned()))
        } else {
            Err(error)
        }
    }
}

/// The two check characters of ISO/IEC 7064 MOD 1271-36 for a text of `[0-9a-z]`.
fn check_characters(payload: &str) -> String {
    const MODULUS: u32 = 1271;
    let sum = payload.bytes().filter_map(alphabet::base36_value).fold(0, |p, v| (p + v) * 36 % MODULUS);
    let check = (MODULUS + 1 - sum * 36 % MODULUS) % MODULUS;
    alphabet::encode(BASE36, u128::from(check), 2)
}

/// Id of an account: 1 to 32 of `[a-z0-9]`. It never holds `_`, so a key splits from the left.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);
text_id!(AccountId);

impl AccountId {
    /// Longest id in characters.
    pub const MAX_LENGTH: usize = 32;

    /// A new id from 128 random bits.
    pub fn mint(random: u128) -> Self {
        Self(alphabet::encode(BASE36, random, 10))
    }

    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && alphabet::is_base36(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError("an account id is 1 to 32 lower-case letters and digits"))
        }
    }
}

/// Another name for an agent's host, unique in the deployment: `[a-z0-9](-?[a-z0-9]){2,38}` without the reserved
/// names, and never twelve letters and digits in a row:
/// what looks like an agent id is one, or is refused without asking anybody (agent-endpoints §1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Alias(String);
text_id!(Alias);

impl Alias {
    /// Names that other surfaces use.
    pub const RESERVED: [&'static str; 4] = ["api", "net", "agent", "www"];

    /// Reads an alias.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if Self::RESERVED.contains(&text) || text.starts_with("pending-") || text.starts_with("agent-") {
            return Err(IdError(
                "that alias is reserved: api, net, agent, www, and what begins with pending- or agent-",
            ));
        }
        if text.len() == AgentId::LENGTH && alphabet::is_base36(text) {
            return Err(IdError(
                "an alias of twelve letters and digits needs a hyphen: without one it looks like an id",
            ));
        }
        let characters = text.bytes().filter(|b| *b != b'-').count();
        let well_formed = alphabet::is_base36(&text.replace('-', ""))
            && (3..=39).contains(&characters)
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--");
        if well_formed && text.len() <= 63 {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError(
                "an alias is 3 to 39 lower-case letters and digits with single hyphens between them, and at \
                 most 63 characters long",
            ))
        }
    }
}

/// What stands for `<agent>` in a host or a path: an id or an alias.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AgentRef {
    /// The agent's own id.
    Id(AgentId),
    /// An alias, which `alias:<alias>` resolves.
    Alias(Alias),
}

impl AgentRef {
    /// Reads an id or an alias; an id is tried first.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        AgentId::parse(text).map(Self::Id).or_else(|_| Alias::parse(text).map(Self::Alias))
    }
}

/// Public id of a key: the agent's id and eight of `[a-z0-9]`, so that a key names its agent without a look-up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);
text_id!(KeyId);

impl KeyId {
    /// Length in characters.
    pub const LENGTH: usize = AgentId::LENGTH + 8;

    /// A new id for a key of `agent` from 128 random bits.
    pub fn mint(agent: &AgentId, random: u128) -> Self {
        Self(format!("{agent}{}", alphabet::encode(BASE36, random, 8)))
    }

    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let error =
            IdError("a key id is twenty lower-case letters and digits that begin with the agent's id");
        let (agent, rest) = text.split_at_checked(AgentId::LENGTH).ok_or(error.clone())?;
        if text.len() == Self::LENGTH && AgentId::parse(agent).is_ok() && alphabet::is_base36(rest) {
            Ok(Self(text.to_owned()))
        } else {
            Err(error)
        }
    }

    /// The agent that the key belongs to.
    pub fn agent(&self) -> AgentId {
        AgentId(self.0.chars().take(AgentId::LENGTH).collect())
    }
}

/// Id of an account token: eight of `[a-z0-9]`, unique in its account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId(String);
text_id!(TokenId);

impl TokenId {
    /// Length in characters.
    pub const LENGTH: usize = 8;

    /// A new id from 128 random bits.
    pub fn mint(random: u128) -> Self {
        Self(alphabet::encode(BASE36, random, Self::LENGTH))
    }

    /// Reads an id.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() == Self::LENGTH && alphabet::is_base36(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError("a token id is eight lower-case letters and digits"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn aliases_follow_the_documented_form() {
        for good in ["abc", "demo-agent", "a-b-c", &"a".repeat(39), "000"] {
            assert!(Alias::parse(good).is_ok(), "{good}");
        }
        for bad in
            ["ab", "-abc", "abc-", "a--bc", "Abc", "www", "pending-x1", "agent-abc", &"a".repeat(40), "a.b"]
        {
            assert!(Alias::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_alias_never_has_the_form_of_an_id() {
        let id = AgentId::mint(42);
        assert!(Alias::parse(id.as_str()).is_err());
        assert!(Alias::parse("productionai").is_err());
        assert!(Alias::parse("production-ai").is_ok());
        assert!(AgentRef::parse("aaaaaaaaaaaa").is_err());
        assert_eq!(AgentRef::parse(id.as_str()), Ok(AgentRef::Id(id)));
    }

    #[test]
    fn account_ids_are_checked_at_their_edges() {
        assert!(AccountId::parse("").is_err());
        assert!(AccountId::parse(&"a".repeat(32)).is_ok());
        assert!(AccountId::parse(&"a".repeat(33)).is_err());
        assert!(AccountId::parse("a_b").is_err());
    }

    proptest! {
        #[test]
        fn minted_ids_parse_and_every_single_error_is_found(random: u128, at in 0usize..12, with in 0u8..36) {
            let id = AgentId::mint(random);
            prop_assert_eq!(AgentId::parse(id.as_str()), Ok(id.clone()));
            let mut typo = id.as_str().as_bytes().to_vec();
            let other = BASE36[usize::from(with)];
            prop_assume!(typo[at] != other);
            typo[at] = other;
            prop_assert!(AgentId::parse(std::str::from_utf8(&typo).unwrap()).is_err());
        }

        #[test]
        fn a_key_id_names_its_agent(agent: u128, key: u128) {
            let agent = AgentId::mint(agent);
            let key = KeyId::mint(&agent, key);
            prop_assert_eq!(KeyId::parse(key.as_str()).unwrap().agent(), agent);
        }

        #[test]
        fn parsing_never_panics(text in ".*") {
            let _ = (AgentId::parse(&text), AccountId::parse(&text), Alias::parse(&text));
            let _ = (KeyId::parse(&text), TokenId::parse(&text), AgentRef::parse(&text));
        }
    }
}
