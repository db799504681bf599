//! Names of Durable Objects, made here and nowhere else, so that two kinds can never meet in one name.

use crate::id::{AccountId, AgentId, Alias};
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
        let id = AgentId::mint(1);
        assert_eq!(parse_agent(&agent(&id)), Some(id));
    }
}
