//! Names of Durable Objects, made here and nowhere else, so that two kinds can never meet in one name.

use crate::id::{AccountId, AgentId, Alias};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Name of an object of the `Account` class.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccountName {
    /// `acct:<id>`: one account.
    Account(AccountId),
    /// `alias:<alias>`: who holds an alias. Its own object, since an alias is unique in the whole deployment while
    /// accounts know nothing of each other.
    Alias(Alias),
    /// `accounts`: the list of the deployment's accounts.
    Register,
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(id) => write!(f, "acct:{id}"),
            Self::Alias(alias) => write!(f, "alias:{alias}"),
            Self::Register => f.write_str("accounts"),
        }
    }
}

impl AccountName {
    /// Reads a name that [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "accounts" {
            return Some(Self::Register);
        }
        match text.split_once(':')? {
            ("acct", id) => AccountId::parse(id).ok().map(Self::Account),
            ("alias", alias) => Alias::parse(alias).ok().map(Self::Alias),
            _ => None,
        }
    }
}

/// `net:<network>`: name of an object of the `Network` class.
pub fn network(id: &str) -> String {
    format!("net:{id}")
}

/// The network that an object of the `Network` class is named for.
pub fn parse_network(name: &str) -> Option<&str> {
    name.strip_prefix("net:").filter(|id| !id.is_empty() && !id.contains(':'))
}

/// The hub that delivers a network's events. There is one; names carry its number.
pub const HUB: u32 = 0;

/// `hub:<network>:<n>`: name of an object of the `Hub` class.
pub fn hub(network: &str) -> String {
    format!("hub:{network}:{HUB}")
}

/// The network that an object of the `Hub` class is named for.
pub fn parse_hub(name: &str) -> Option<&str> {
    let (network, number) = name.strip_prefix("hub:")?.split_once(':')?;
    (!network.is_empty() && number.parse() == Ok(HUB)).then_some(network)
}

/// Which of the two kinds of conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// A room.
    Room,
    /// A direct conversation.
    Dm,
}

/// Name of an object of the `Room` class: `room:<network>:<id>` or `dm:<network>:<id>`. The id of a room or a direct
/// conversation may hold colons; the id of a network never does, which the configuration sees to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conversation {
    /// Room or direct conversation.
    pub kind: ConversationKind,
    /// Id of the network.
    pub network: String,
    /// Id of the room or direct conversation.
    pub id: String,
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ConversationKind::Room => "room",
            ConversationKind::Dm => "dm",
        };
        write!(f, "{kind}:{}:{}", self.network, self.id)
    }
}

impl Conversation {
    /// Reads a name that [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let kind = match kind {
            "room" => ConversationKind::Room,
            "dm" => ConversationKind::Dm,
            _ => return None,
        };
        let (network, id) = rest.split_once(':')?;
        if network.is_empty() || id.is_empty() {
            return None;
        }
        Some(Self { kind, network: network.to_owned(), id: id.to_owned() })
    }
}

/// `ep:<agent-id>`: name of an agent's endpoint, an object of the `Agent` class.
pub fn agent(id: &AgentId) -> String {
    format!("ep:{id}")
}

/// The agent that an object of the `Agent` class is named for.
pub fn parse_agent(name: &str) -> Option<AgentId> {
    AgentId::parse(name.strip_prefix("ep:")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_keep_their_kinds_apart() {
        for name in [
            AccountName::Account(AccountId::parse("acme").unwrap()),
            AccountName::Alias(Alias::parse("acme").unwrap()),
            AccountName::Register,
        ] {
            assert_eq!(AccountName::parse(&name.to_string()), Some(name));
        }
        assert_eq!(AccountName::parse("alias:api"), None);
        for (kind, id) in [(ConversationKind::Room, "a:b"), (ConversationKind::Dm, "a")] {
            let name = Conversation { kind, network: "local".into(), id: id.into() };
            assert_eq!(Conversation::parse(&name.to_string()), Some(name));
        }
        for other in ["room:local", "room::x", "dm:local:", "net:local:x", "local"] {
            assert_eq!(Conversation::parse(other), None, "{other}");
        }
        assert_eq!(parse_network(&network("local")), Some("local"));
        assert_eq!(parse_network("net:a:b"), None);
        assert_eq!(parse_hub(&hub("local")), Some("local"));
        assert_eq!(parse_hub("hub:local:1"), None);
        assert_eq!(parse_hub("hub::0"), None);
        let id = AgentId::mint(1);
        assert_eq!(parse_agent(&agent(&id)), Some(id));
    }
}
