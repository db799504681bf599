//! Events: what happened in a network, as observers and attachments are told.

use serde::{Deserialize, Serialize};

/// Types of events: first those that a conversation's log holds, then those of the network as a whole, then what is
/// made for one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A room was created.
    #[serde(rename = "room.created")]
    RoomCreated,
    /// A room's members changed.
    #[serde(rename = "room.members.updated")]
    RoomMembersUpdated,
    /// A room changed in a way that clients are not told of; deliveries heed it all the same.
    #[serde(rename = "room.updated")]
    RoomUpdated,
    /// A room was removed.
    #[serde(rename = "room.removed")]
    RoomRemoved,
    /// The first message of a thread is about to come.
    #[serde(rename = "thread.created")]
    ThreadCreated,
    /// The first message of a direct conversation is about to come.
    #[serde(rename = "dm.created")]
    DmCreated,
    /// A message was stored.
    #[serde(rename = "message.created")]
    MessageCreated,
    /// An agent attached.
    #[serde(rename = "agent.connected")]
    AgentConnected,
    /// An agent's last attachment ended.
    #[serde(rename = "agent.disconnected")]
    AgentDisconnected,
    /// An agent was removed.
    #[serde(rename = "agent.removed")]
    AgentRemoved,
    /// An agent has taken a message that was meant for it.
    #[serde(rename = "agent.wake.delivered")]
    AgentWakeDelivered,
    /// A message that was meant for an agent was sent to it and not taken.
    #[serde(rename = "agent.wake.failed")]
    AgentWakeFailed,
    /// A pairing's state changed.
    #[serde(rename = "pairing.updated")]
    PairingUpdated,
    /// Events are missing between what the reader saw last and what follows.
    #[serde(rename = "stream.replay_gap")]
    ReplayGap,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 14] = [
        Self::RoomCreated,
        Self::RoomMembersUpdated,
        Self::RoomUpdated,
        Self::RoomRemoved,
        Self::ThreadCreated,
        Self::DmCreated,
        Self::MessageCreated,
        Self::AgentConnected,
        Self::AgentDisconnected,
        Self::AgentRemoved,
        Self::AgentWakeDelivered,
        Self::AgentWakeFailed,
        Self::PairingUpdated,
        Self::ReplayGap,
    ];

    /// The type as clients read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RoomCreated => "room.created",
            Self::RoomMembersUpdated => "room.members.updated",
            Self::RoomUpdated => "room.updated",
            Self::RoomRemoved => "room.removed",
            Self::ThreadCreated => "thread.created",
            Self::DmCreated => "dm.created",
            Self::MessageCreated => "message.created",
            Self::AgentConnected => "agent.connected",
            Self::AgentDisconnected => "agent.disconnected",
            Self::AgentRemoved => "agent.removed",
            Self::AgentWakeDelivered => "agent.wake.delivered",
            Self::AgentWakeFailed => "agent.wake.failed",
            Self::PairingUpdated => "pairing.updated",
            Self::ReplayGap => "stream.replay_gap",
        }
    }

    /// Member of an event that holds what the type tells of.
    pub const fn payload(self) -> &'static str {
        match self {
            Self::RoomCreated | Self::RoomMembersUpdated | Self::RoomUpdated | Self::RoomRemoved => "room",
            Self::ThreadCreated => "thread",
            Self::DmCreated => "dm",
            Self::MessageCreated => "message",
            Self::AgentConnected
            | Self::AgentDisconnected
            | Self::AgentRemoved
            | Self::AgentWakeDelivered
            | Self::AgentWakeFailed => "agent",
            Self::PairingUpdated => "pairing",
            Self::ReplayGap => "replay_gap",
        }
    }

    /// Reads a type.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// `{"id","type","network_id","<payload>":…,"created_at"}` from a payload that is JSON already.
pub fn write(id: &str, kind: EventType, network: &str, payload: &str, created_at: &str) -> String {
    let (kind, member) = (kind.as_str(), kind.payload());
    // Ids and times hold nothing that JSON escapes.
    format!(
        r#"{{"id":"{id}","type":"{kind}","network_id":"{network}","{member}":{payload},"created_at":"{created_at}"}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_serialise_as_they_are_written() {
        for kind in EventType::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
            assert_eq!(EventType::parse(kind.as_str()), Some(kind));
        }
    }

    #[test]
    fn an_event_has_the_originals_members() {
        assert_eq!(
            write("evt_1", EventType::DmCreated, "n", "{\"id\":\"d\"}", "1970-01-01T00:00:00.000Z"),
            r#"{"id":"evt_1","type":"dm.created","network_id":"n","dm":{"id":"d"},"created_at":"1970-01-01T00:00:00.000Z"}"#
        );
    }
}
