//! Who says something.

use super::{fqid, member, nullable};
use serde::{Deserialize, Serialize};

/// An actor as a message names it. What a client says of itself here is a claim until the network has checked it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// `agent`, `human`, or anything else.
    #[serde(rename = "type", deserialize_with = "nullable")]
    pub kind: String,
    /// A member id.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    /// A name to show.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The actor's network; blank: the one that is spoken to.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub network_id: String,
    /// The actor's full name.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub fqid: String,
}

impl Actor {
    /// The actor with its network said and its full name computed, whatever the client gave (rulings #28). An id
    /// that is scoped or a full name itself stays as it is and decides the full name.
    #[must_use]
    pub fn normalised(mut self, home: &str) -> Self {
        if self.network_id.trim().is_empty() {
            home.trim().clone_into(&mut self.network_id);
        }
        let (network, agent) = member::identity(&self.network_id, &self.id);
        if !agent.is_empty() {
            self.fqid = fqid::agent(network, agent);
        }
        self
    }

    /// What stands for the actor among the participants of a direct conversation: the bare id, or `network:id` for
    /// one of another network.
    pub fn participant(&self, home: &str) -> String {
        let network = self.network_id.trim();
        if network.is_empty() || network == home {
            self.id.clone()
        } else {
            member::scoped(network, &self.id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(json: &str) -> Actor {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn null_and_nothing_are_the_same() {
        assert_eq!(actor(r#"{"type":null,"id":"a","name":null}"#), actor(r#"{"id":"a"}"#));
        assert_eq!(serde_json::to_string(&actor(r#"{"id":"a"}"#)).unwrap(), r#"{"type":"","id":"a"}"#);
        assert!(serde_json::from_str::<Actor>(r#"{"id":1}"#).is_err());
    }

    #[test]
    fn the_full_name_is_computed_never_believed() {
        let told = actor(r#"{"type":"agent","id":"a","fqid":"molt://evil/agents/b"}"#).normalised("home");
        assert_eq!((told.network_id.as_str(), told.fqid.as_str()), ("home", "molt://home/agents/a"));
        assert_eq!(actor(r#"{"id":"a","network_id":"n"}"#).normalised("home").fqid, "molt://n/agents/a");
        assert_eq!(actor(r#"{"id":"n:a"}"#).normalised("home").fqid, "molt://n/agents/a");
        assert_eq!(actor(r#"{"id":"a"}"#).normalised("home").participant("home"), "a");
        assert_eq!(actor(r#"{"id":"a","network_id":"n"}"#).participant("home"), "n:a");
    }
}
