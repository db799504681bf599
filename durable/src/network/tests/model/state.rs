//! What the network is, as a few plain maps; each operation changes them as it must change the network.

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A room, removed or not.
#[derive(Default)]
pub struct Room {
    pub name: String,
    pub members: BTreeSet<String>,
    pub removed: bool,
}

/// What the network is.
#[derive(Default)]
pub struct Model {
    pub rooms: BTreeMap<String, Room>,
    /// Rooms of threads.
    pub threads: BTreeMap<String, String>,
    /// Who takes part in direct conversations, as the directory has bound them.
    pub dms: BTreeMap<String, BTreeSet<String>>,
    /// Who takes part in what was said.
    pub talkers: BTreeMap<String, BTreeSet<String>>,
    /// Messages in order, by room, thread or direct conversation.
    pub said: BTreeMap<String, Vec<String>>,
    /// Registered agents.
    pub agents: BTreeSet<String>,
}

impl Model {
    /// A room that is there.
    pub fn room(&mut self, id: &str) -> Option<&mut Room> {
        self.rooms.get_mut(id).filter(|room| !room.removed)
    }

    pub fn is_member(&self, room: &str, agent: &str) -> bool {
        self.rooms.get(room).is_some_and(|room| room.members.contains(agent))
    }

    /// The refusal of a message that the directory owes, if any; binds what is new otherwise.
    pub fn admit(&mut self, to: &To, sender: &str) -> Option<u16> {
        if self.agents.contains(sender) {
            return Some(409);
        }
        match to {
            To::Dm(dm) => {
                if self.dms.get(dm).is_some_and(|known| !known.contains(sender)) {
                    return Some(403);
                }
                let named = to.participants().into_iter().chain([sender.to_owned()]);
                self.dms.entry(dm.clone()).or_default().extend(named);
            }
            To::Room(room) | To::Thread(_, room) if self.room(room).is_none() => return Some(404),
            To::Room(_) => {}
            To::Thread(thread, room) => match self.threads.get(thread) {
                Some(bound) if bound != room => return Some(422),
                Some(_) => {}
                None if !self.is_member(room, sender) => return Some(403),
                None => {
                    self.threads.insert(thread.clone(), room.clone());
                }
            },
        }
        None
    }

    /// The status of a message that the conversation owes.
    pub fn store(&mut self, to: &To, sender: &str, id: &str) -> u16 {
        let may = match to {
            To::Room(room) | To::Thread(_, room) => self.is_member(room, sender),
            To::Dm(dm) => self.talkers.get(dm).is_none_or(|talkers| talkers.contains(sender)),
        };
        if !may {
            return 403;
        }
        self.keep(to, sender, id);
        202
    }

    /// A message was stored, unless it was there before.
    pub fn keep(&mut self, to: &To, sender: &str, id: &str) {
        let said = self.said.entry(to.key()).or_default();
        if said.iter().any(|known| known == id) {
            return;
        }
        said.push(id.to_owned());
        if let To::Dm(dm) = to {
            let all = to.participants().into_iter().chain([sender.to_owned()]);
            self.talkers.entry(dm.clone()).or_default().extend(all);
        }
    }

    pub fn rooms_of(&self, agent: &str) -> Vec<&str> {
        let of = |(_, room): &(&String, &Room)| !room.removed && room.members.contains(agent);
        self.rooms.iter().filter(of).map(|(id, _)| id.as_str()).collect()
    }
}

/// Where a message goes.
#[derive(Clone)]
pub enum To {
    Room(String),
    /// A thread, and the room that the message names.
    Thread(String, String),
    Dm(String),
}

impl To {
    pub fn key(&self) -> String {
        let (Self::Room(id) | Self::Thread(id, _) | Self::Dm(id)) = self;
        id.clone()
    }

    /// The room that it names; empty for a direct conversation.
    pub fn room(&self) -> String {
        match self {
            Self::Room(room) | Self::Thread(_, room) => room.clone(),
            Self::Dm(_) => String::new(),
        }
    }

    pub fn participants(&self) -> Vec<String> {
        match self {
            Self::Dm(dm) => vec![format!("{dm}-one"), "agent-0".to_owned(), "agent-1".to_owned()],
            _ => vec![],
        }
    }

    pub fn target(&self) -> serde_json::Value {
        match self {
            Self::Room(room) => json!({ "kind": "room", "room_id": room }),
            Self::Thread(thread, room) => json!({ "kind": "thread", "room_id": room, "thread_id": thread }),
            Self::Dm(dm) => json!({ "kind": "dm", "dm_id": dm, "participant_ids": self.participants() }),
        }
    }
}
