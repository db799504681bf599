//! Threads and direct conversations as they are shown.

use super::fqid::{fqid, Collection};
use crate::time::{rfc3339, Millis};
use serde::{Deserialize, Serialize};

/// A thread of a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its id, unique in the network.
    pub id: String,
    /// The network.
    pub network_id: String,
    /// Its full name.
    pub fqid: String,
    /// The room that it belongs to.
    pub room_id: String,
    /// The message that it hangs on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub parent_message_id: String,
    /// How many messages it has.
    pub message_count: u64,
    /// When the last was stored, RFC 3339 in UTC.
    pub last_message_at: String,
}

impl Thread {
    /// A thread as it stands.
    pub fn new(network: &str, room: &str, id: &str, parent: &str, count: u64, last: Millis) -> Self {
        Self {
            id: id.to_owned(),
            network_id: network.to_owned(),
            fqid: fqid(network, Collection::Threads, id),
            room_id: room.to_owned(),
            parent_message_id: parent.to_owned(),
            message_count: count,
            last_message_at: rfc3339(last),
        }
    }
}

/// A direct conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectConversation {
    /// Its id, unique in the network.
    pub id: String,
    /// The network.
    pub network_id: String,
    /// Its full name.
    pub fqid: String,
    /// Who takes part, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participant_ids: Vec<String>,
    /// How many messages it has.
    pub message_count: u64,
    /// When the last was stored, RFC 3339 in UTC.
    pub last_message_at: String,
}

impl DirectConversation {
    /// A direct conversation as it stands; `participants` are sorted.
    pub fn new(network: &str, id: &str, participants: Vec<String>, count: u64, last: Millis) -> Self {
        Self {
            id: id.to_owned(),
            network_id: network.to_owned(),
            fqid: fqid(network, Collection::Dms, id),
            participant_ids: participants,
            message_count: count,
            last_message_at: rfc3339(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_have_the_originals_shape() {
        assert_eq!(
            serde_json::to_string(&Thread::new("n", "r", "t", "", 1, 0)).unwrap(),
            r#"{"id":"t","network_id":"n","fqid":"molt://n/threads/t","room_id":"r","message_count":1,"last_message_at":"1970-01-01T00:00:00.000Z"}"#
        );
        assert_eq!(
            serde_json::to_string(&DirectConversation::new("n", "d", vec!["a".into(), "b".into()], 2, 0))
                .unwrap(),
            r#"{"id":"d","network_id":"n","fqid":"molt://n/dms/d","participant_ids":["a","b"],"message_count":2,"last_message_at":"1970-01-01T00:00:00.000Z"}"#
        );
    }
}
