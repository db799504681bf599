//! `POST /v1/apply`: rooms and agents of a configuration, brought into the network. What the configuration does not
//! name stays as it is.

use super::agent::Registration;
use super::quote::quote;
use super::room::{check_name, CreateRoom, NewRoom, Room};
use super::{member, nullable, nullable_list};
use serde::{Deserialize, Serialize};

/// The request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplyRequest {
    /// The network that is meant; blank: this one.
    #[serde(deserialize_with = "nullable")]
    pub network_id: String,
    /// Rooms as they are to be.
    #[serde(deserialize_with = "nullable_list")]
    pub rooms: Vec<CreateRoom>,
    /// Agents and the credentials that they are to be registered with.
    #[serde(deserialize_with = "nullable_list")]
    pub agents: Vec<ApplyAgent>,
}

/// An agent of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApplyAgent {
    /// Its handle.
    #[serde(deserialize_with = "nullable")]
    pub id: String,
    /// The name to show.
    #[serde(deserialize_with = "nullable")]
    pub name: String,
    /// `token:<id>` of a static token, or `agent-token:<SHA-256>` of an agent's own.
    #[serde(deserialize_with = "nullable")]
    pub credential_key: String,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyResult {
    /// Always true.
    pub applied: bool,
    /// The rooms as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<Room>,
    /// The agents as they are now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<Registration>,
    /// Rooms that were left out, and why: an id that was removed is never used again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
}

/// A room that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its id.
    pub room_id: String,
    /// Why.
    pub error: String,
}

/// A request that was checked.
#[derive(Debug)]
pub struct Applied {
    /// Rooms.
    pub rooms: Vec<NewRoom>,
    /// Agents: handle, name, credential.
    pub agents: Vec<(String, String, String)>,
}

impl ApplyRequest {
    /// Checks everything before anything is done.
    ///
    /// # Errors
    /// The original's words, the first fault first.
    pub fn check(&self, home: &str) -> Result<Applied, String> {
        let named = self.network_id.trim();
        if !named.is_empty() && named != home {
            return Err(format!("network_id {} does not match server network {}", quote(named), quote(home)));
        }
        let mut agents: Vec<(String, String, String)> = Vec::with_capacity(self.agents.len());
        for (at, agent) in self.agents.iter().enumerate() {
            let (id, key) = (agent.id.trim(), agent.credential_key.trim());
            member::check(id).map_err(|fault| format!("agents[{at}].id {fault}"))?;
            let name = check_name(&agent.name).map_err(|fault| format!("agents[{at}]: {fault}"))?;
            if key.is_empty() {
                return Err(format!("agents[{at}].credential_key is required"));
            }
            match agents.iter().find(|(known, _, _)| known == id) {
                Some((_, _, other)) if other != key => {
                    return Err(format!("agent {} has multiple credential keys", quote(id)));
                }
                Some(_) => {}
                None => agents.push((id.to_owned(), name.to_owned(), key.to_owned())),
            }
        }
        let rooms = self.rooms.iter().enumerate();
        let rooms = rooms.map(|(at, room)| room.check().map_err(|fault| format!("rooms[{at}]: {fault}")));
        Ok(Applied { rooms: rooms.collect::<Result<_, _>>()?, agents })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_found_before_anything_is_done() {
        let agent = |id: &str, key: &str| ApplyAgent {
            id: id.into(),
            credential_key: key.into(),
            ..ApplyAgent::default()
        };
        let agents = |agents| ApplyRequest { agents, ..ApplyRequest::default() };
        for (request, fault) in [
            (
                ApplyRequest { network_id: "far".into(), ..ApplyRequest::default() },
                "network_id \"far\" does not match server network \"local\"",
            ),
            (agents(vec![agent("", "token:t")]), "agents[0].id is required"),
            (agents(vec![agent("a", " ")]), "agents[0].credential_key is required"),
            (
                agents(vec![agent("a", "token:t"), agent("a", "token:u")]),
                "agent \"a\" has multiple credential keys",
            ),
            (
                ApplyRequest { rooms: vec![CreateRoom::default()], ..ApplyRequest::default() },
                "rooms[0]: room id is required",
            ),
        ] {
            assert_eq!(request.check("local").unwrap_err(), fault);
        }
        let twice = agents(vec![agent("a", "token:t"), agent(" a ", "token:t")]);
        assert_eq!(twice.check("local").unwrap().agents.len(), 1);
    }
}
