//! Artifacts: what messages carry besides plain text, listed by itself.

use super::fqid::{fqid, Collection};
use super::message::Message;
use super::target::Target;
use serde::{Deserialize, Serialize};

/// One artifact: a part of a message, without its data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// `art_<message>_<part>`.
    pub id: String,
    /// The network.
    pub network_id: String,
    /// Its full name.
    pub fqid: String,
    /// The message.
    pub message_id: String,
    /// Where that went.
    pub target: Target,
    /// Which of the message's parts it is, from 0.
    pub part_index: usize,
    /// Kind of the part.
    pub kind: String,
    /// Type of what `url` points at.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// Its file name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filename: String,
    /// Where it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// When the message was stored, RFC 3339 in UTC.
    pub created_at: String,
}

/// Id of the artifact that part `index` of a message is.
pub fn artifact_id(message: &str, index: usize) -> String {
    format!("art_{message}_{index}")
}

/// The message and the part of an artifact's id.
pub fn parse_id(id: &str) -> Option<(&str, usize)> {
    let (message, index) = id.strip_prefix("art_")?.rsplit_once('_')?;
    let part = index.parse().ok()?;
    (artifact_id(message, part) == id).then_some((message, part))
}

/// The artifacts of a message, in the order of its parts.
pub fn artifacts(message: &Message) -> impl Iterator<Item = Artifact> + '_ {
    let parts = message.parts.iter().enumerate().filter(|(_, part)| part.is_artifact());
    parts.map(|(index, part)| {
        let id = artifact_id(&message.id, index);
        Artifact {
            fqid: fqid(&message.network_id, Collection::Artifacts, &id),
            id,
            network_id: message.network_id.clone(),
            message_id: message.id.clone(),
            target: message.target.clone(),
            part_index: index,
            kind: part.kind.clone(),
            media_type: part.media_type.clone(),
            filename: part.filename.clone(),
            url: part.url.clone(),
            created_at: message.created_at.clone(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moltnet::part::Part;

    #[test]
    fn each_part_but_plain_text_is_listed() {
        let part = |json: &str| serde_json::from_str::<Part>(json).unwrap();
        let message = Message {
            id: "m_1".into(),
            network_id: "n".into(),
            parts: vec![
                part(r#"{"kind":"text","text":"x"}"#),
                part(r#"{"kind":"url","url":"https://a","data":{"x":1}}"#),
            ],
            created_at: "1970-01-01T00:00:00.000Z".into(),
            ..Message::default()
        };
        let listed: Vec<_> = artifacts(&message).map(|a| serde_json::to_string(&a).unwrap()).collect();
        assert_eq!(
            listed,
            [
                r#"{"id":"art_m_1_1","network_id":"n","fqid":"molt://n/artifacts/art_m_1_1","message_id":"m_1","target":{"kind":""},"part_index":1,"kind":"url","url":"https://a","created_at":"1970-01-01T00:00:00.000Z"}"#
            ]
        );
        assert_eq!(parse_id("art_m_1_1"), Some(("m_1", 1)));
        for none in ["art_m_01", "m_1", "art_m", "art_m_x", "art_m_+1"] {
            assert_eq!(parse_id(none), None, "{none}");
        }
    }
}
