//! Messages: as a client sends them, as they are stored and shown, and what the sender is told.

use super::actor::Actor;
use super::part::Part;
use super::target::Target;
use super::{id, member, nullable, nullable_list};
use serde::{Deserialize, Serialize};

/// Largest message as it is stored, in bytes of its JSON.
pub const MAX_STORED_BYTES: usize = 256 * 1024;

/// Where a message was said first. Blank members mean: here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The network.
    #[serde(deserialize_with = "nullable")]
    pub network_id: String,
    /// Its id there.
    #[serde(deserialize_with = "nullable")]
    pub message_id: String,
}

/// `POST /v1/messages`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendRequest {
    /// The message's id; blank: one is made.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Where it was said first.
    #[serde(deserialize_with = "nullable")]
    pub origin: Origin,
    /// Where it goes.
    #[serde(deserialize_with = "nullable")]
    pub target: Target,
    /// Who says it.
    #[serde(deserialize_with = "nullable")]
    pub from: Actor,
    /// What it says.
    #[serde(deserialize_with = "nullable_list")]
    pub parts: Vec<Part>,
    /// Whom it mentions besides those named in its text.
    #[serde(deserialize_with = "nullable_list", skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
}

impl SendRequest {
    /// Checks everything that can be checked without knowing the network.
    ///
    /// # Errors
    /// The original's words, in its order.
    pub fn check(&self) -> Result<(), String> {
        member::check(&self.from.id).map_err(|fault| format!("from.id {fault}"))?;
        if self.parts.is_empty() {
            return Err("parts must not be empty".to_owned());
        }
        for (index, part) in self.parts.iter().enumerate() {
            part.check().map_err(|fault| format!("parts[{index}]: {fault}"))?;
        }
        if !self.id.trim().is_empty() {
            id::check(self.id.trim())?;
        }
        self.target.check()
    }

    /// The request with everything that follows from it filled in: the message's id (`minted` where it has none),
    /// actor, target and origin. Doing it twice changes nothing.
    #[must_use]
    pub fn normalised(mut self, home: &str, minted: impl FnOnce() -> String) -> Self {
        self.id = match self.id.trim() {
            "" => minted(),
            id => id.to_owned(),
        };
        self.from = self.from.normalised(home);
        self.target = self.target.normalised(home, &self.from);
        if self.origin.network_id.trim().is_empty() {
            home.clone_into(&mut self.origin.network_id);
        }
        if self.origin.message_id.trim().is_empty() {
            self.origin.message_id.clone_from(&self.id);
        }
        self
    }
}

/// A message as it is stored and shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// The network that stores it.
    pub network_id: String,
    /// Where it was said first.
    pub origin: Origin,
    /// Where it went.
    pub target: Target,
    /// Who said it.
    pub from: Actor,
    /// What it says.
    pub parts: Vec<Part>,
    /// Full names of the agents that it mentions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    /// When it was stored, RFC 3339 in UTC.
    pub created_at: String,
}

/// What the sender of a message is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAccepted {
    /// The message's id.
    pub message_id: String,
    /// Id of the event that tells of it.
    pub event_id: String,
    /// Always true.
    pub accepted: bool,
    /// Whether it was the first message of its thread.
    pub thread_created: bool,
    /// Whether it was the first message of its direct conversation.
    pub dm_created: bool,
}

impl MessageAccepted {
    /// What the sender of the message `id` is told.
    pub fn new(id: String, thread_created: bool, dm_created: bool) -> Self {
        let event_id = id::event_of_message(&id);
        Self { message_id: id, event_id, accepted: true, thread_created, dm_created }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> SendRequest {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn faults_come_in_the_originals_order() {
        let refusal = |json: &str| request(json).check().unwrap_err();
        assert_eq!(refusal("{}"), "from.id is required");
        assert_eq!(
            refusal(r#"{"from":{"id":"-"}}"#),
            "from.id id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
        );
        assert_eq!(refusal(r#"{"from":{"id":"a"},"parts":null}"#), "parts must not be empty");
        assert_eq!(
            refusal(r#"{"id":"-","from":{"id":"a"},"parts":[{"kind":"text"},{"kind":"x"}]}"#),
            "parts[1]: unsupported part kind \"x\""
        );
        assert_eq!(
            refusal(r#"{"id":"-","from":{"id":"a"},"parts":[{"kind":"text"}]}"#),
            "id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
        );
        assert_eq!(
            refusal(r#"{"id":" ","from":{"id":"a"},"parts":[{"kind":"text"}]}"#),
            "unsupported target kind \"\""
        );
    }

    #[test]
    fn normalising_fills_in_what_follows_and_is_done_once() {
        let sent = request(
            r#"{"from":{"type":"agent","id":"a"},"target":{"kind":"room","room_id":" r "},
                "parts":[{"kind":"text","text":"hi"}],"origin":{"network_id":"","message_id":""},"unknown":1}"#,
        );
        let full = sent.normalised("home", || "msg_1".into());
        assert_eq!(
            serde_json::to_string(&full).unwrap(),
            r#"{"id":"msg_1","origin":{"network_id":"home","message_id":"msg_1"},"target":{"kind":"room","room_id":"r"},"from":{"type":"agent","id":"a","network_id":"home","fqid":"molt://home/agents/a"},"parts":[{"kind":"text","text":"hi"}]}"#
        );
        assert_eq!(full.clone().normalised("home", String::new), full);
    }

    #[test]
    fn messages_and_receipts_have_the_originals_shape() {
        let message = Message {
            id: "m".into(),
            network_id: "n".into(),
            target: Target { kind: "room".into(), room_id: "r".into(), ..Target::default() },
            created_at: "2026-11-24T00:00:00.000Z".into(),
            ..Message::default()
        };
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"id":"m","network_id":"n","origin":{"network_id":"","message_id":""},"target":{"kind":"room","room_id":"r"},"from":{"type":"","id":""},"parts":[],"created_at":"2026-11-24T00:00:00.000Z"}"#
        );
        assert_eq!(
            serde_json::to_string(&MessageAccepted::new("msg_1".into(), true, false)).unwrap(),
            r#"{"message_id":"msg_1","event_id":"evt_116b88f1-7300-4be5-a05d-f2a87105f095","accepted":true,"thread_created":true,"dm_created":false}"#
        );
    }
}
