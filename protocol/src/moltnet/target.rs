//! Where a message goes.

use super::actor::Actor;
use super::{id, member, nullable, nullable_list, quote::quote};
use serde::{Deserialize, Serialize};

/// A room, a thread of a room, or a direct conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Target {
    /// `room`, `thread` or `dm`.
    #[serde(deserialize_with = "nullable")]
    pub kind: String,
    /// The room, for the first two.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub room_id: String,
    /// The thread.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub thread_id: String,
    /// The message that the thread hangs on; it need not exist.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub parent_message_id: String,
    /// The direct conversation.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    pub dm_id: String,
    /// Who takes part in it.
    #[serde(deserialize_with = "nullable_list", skip_serializing_if = "Vec::is_empty")]
    pub participant_ids: Vec<String>,
}

impl Target {
    /// Checks that the target names what its kind needs.
    ///
    /// # Errors
    /// The original's words, the first fault first.
    pub fn check(&self) -> Result<(), String> {
        let fault = |name: &'static str| move |fault: &'static str| format!("target.{name} {fault}");
        match self.kind.as_str() {
            "room" => {
                require(&self.room_id, "target.room_id is required for room messages")?;
                id::check(self.room_id.trim()).map_err(fault("room_id room id"))
            }
            "thread" => {
                require(&self.thread_id, "target.thread_id is required for thread messages")?;
                require(&self.room_id, "target.room_id is required for thread messages")?;
                id::check(self.room_id.trim()).map_err(fault("room_id room id"))?;
                id::check(self.thread_id.trim()).map_err(fault("thread_id"))?;
                match self.parent_message_id.trim() {
                    "" => Ok(()),
                    parent => id::check(parent).map_err(fault("parent_message_id")),
                }
            }
            "dm" => {
                require(&self.dm_id, "target.dm_id is required for direct messages")?;
                if member::unique(&self.participant_ids).len() < 2 {
                    return Err(
                        "target.participant_ids must declare at least two direct-message participants".into(),
                    );
                }
                id::check(self.dm_id.trim()).map_err(fault("dm_id"))?;
                member::check_list("target.participant_ids", &self.participant_ids)
            }
            kind => Err(format!("unsupported target kind {}", quote(kind))),
        }
    }

    /// The target as it is stored: without white space around ids, and with participants in one spelling where any
    /// of them names its network. Such a list loses its plain entries but the sender's (original, §5.3).
    #[must_use]
    pub fn normalised(mut self, home: &str, from: &Actor) -> Self {
        for id in [&mut self.room_id, &mut self.thread_id, &mut self.parent_message_id, &mut self.dm_id] {
            if id.trim().len() != id.len() {
                *id = id.trim().to_owned();
            }
        }
        if self.kind == "dm" && self.participant_ids.iter().any(|id| member::parse_foreign(id).is_some()) {
            let network = if from.network_id.trim().is_empty() { home } else { from.network_id.trim() };
            let spelled: Vec<String> = self
                .participant_ids
                .iter()
                .filter_map(|participant| {
                    if member::matches(network, &from.id, participant) {
                        return Some(member::scoped(network, &from.id));
                    }
                    member::parse_foreign(participant).map(|(network, agent)| member::scoped(network, agent))
                })
                .collect();
            self.participant_ids = member::unique(&spelled);
        }
        self
    }
}

fn require(value: &str, or: &str) -> Result<(), String> {
    if value.trim().is_empty() {
        Err(or.to_owned())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(json: &str) -> Target {
        serde_json::from_str(json).unwrap()
    }

    fn refusal(json: &str) -> String {
        target(json).check().unwrap_err()
    }

    #[test]
    fn faults_come_in_the_originals_order_and_words() {
        let pattern = "id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}";
        assert_eq!(refusal(r#"{"kind":"room"}"#), "target.room_id is required for room messages");
        assert_eq!(refusal(r#"{"kind":"room","room_id":"-"}"#), format!("target.room_id room id {pattern}"));
        assert_eq!(refusal(r#"{"kind":"thread"}"#), "target.thread_id is required for thread messages");
        assert_eq!(
            refusal(r#"{"kind":"thread","thread_id":"-"}"#),
            "target.room_id is required for thread messages"
        );
        assert_eq!(
            refusal(r#"{"kind":"thread","thread_id":"-","room_id":"r"}"#),
            format!("target.thread_id {pattern}")
        );
        assert_eq!(
            refusal(r#"{"kind":"thread","thread_id":"t","room_id":"r","parent_message_id":"/"}"#),
            format!("target.parent_message_id {pattern}")
        );
        assert_eq!(refusal(r#"{"kind":"dm"}"#), "target.dm_id is required for direct messages");
        assert_eq!(
            refusal(r#"{"kind":"dm","dm_id":"-","participant_ids":["a"," a"]}"#),
            "target.participant_ids must declare at least two direct-message participants"
        );
        assert_eq!(
            refusal(r#"{"kind":"dm","dm_id":"-","participant_ids":["a","b"]}"#),
            format!("target.dm_id {pattern}")
        );
        assert_eq!(
            refusal(r#"{"kind":"dm","dm_id":"d","participant_ids":["a","é"]}"#),
            format!("target.participant_ids[1] {pattern}")
        );
        assert_eq!(refusal(r#"{"kind":" room"}"#), "unsupported target kind \" room\"");
        assert_eq!(target(r#"{"kind":"room","room_id":" r "}"#).check(), Ok(()));
    }

    #[test]
    fn participants_are_respelled_only_where_one_names_its_network() {
        let from = Actor { id: "a".into(), network_id: "home".into(), ..Actor::default() };
        let normal = |ids: &str| {
            let json = format!(r#"{{"kind":"dm","dm_id":" d ","participant_ids":{ids}}}"#);
            target(&json).normalised("home", &from)
        };
        assert_eq!(normal(r#"["a","b"]"#).participant_ids, ["a", "b"]);
        assert_eq!(normal(r#"["a","n:b","c"]"#).participant_ids, ["home:a", "n:b"]);
        assert_eq!(normal(r#"["molt://home/agents/a","home:a","n:b"]"#).participant_ids, ["home:a", "n:b"]);
        assert_eq!(normal(r#"["a","b"]"#).dm_id, "d");
    }
}
