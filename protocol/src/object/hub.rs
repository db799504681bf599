//! What a network's hub is asked: by conversations and by `Network`, which tell it what happened, and by the Worker,
//! for those who follow.
//!
//! A message is `object::write(&HubAsk)`, an answer `object::read_outcome`. Whoever tells keeps telling until it is
//! answered; the hub knows by offset and by number what it has.

use crate::moltnet::delivery::{Audience, Standing};
use crate::moltnet::event::EventType;
use crate::name::Conversation;
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What a hub is asked.
#[derive(Debug, Serialize, Deserialize)]
pub enum HubAsk {
    /// A conversation's entries. Answers a [`Stood`].
    Push(Box<Push>),
    /// What happened to the network itself. Answers the number of the last notice that is known.
    Notices(Vec<Notice>),
    /// The first frame of an observer's link. Answers [`Observing`] as the first frame back.
    Observe(Box<Observe>),
    /// Answers the ids of the agents that are attached, as a list.
    Presence,
    /// Answers [`Figures`].
    Figures,
}

/// Entries of a conversation's log, in order and without a hole.
#[derive(Debug, Serialize, Deserialize)]
pub struct Push {
    /// Whose.
    pub conversation: Conversation,
    /// The offset before the first.
    pub after: u64,
    /// What the conversation is at that place; only where the hub said that it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Whether the teller knows [`Stood::Quiet`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_gather: bool,
    /// A list of [`Entry`].
    pub entries: Box<RawValue>,
}

/// One entry of a log.
#[derive(Debug, Serialize, Deserialize)]
pub struct Entry(
    /// Its offset.
    pub u64,
    /// Its type.
    pub EventType,
    /// The thread, of a message.
    pub Option<String>,
    /// The message's id, or the event's own.
    pub String,
    /// When it was stored.
    pub Millis,
    /// What it carries.
    pub Box<RawValue>,
);

/// How far a hub knows a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stood {
    /// Up to this offset; what comes after it is to be told, again if need be.
    At(u64),
    /// The same, and nobody follows: what comes may gather before it is told, until the hub says that somebody does.
    Quiet(u64),
    /// Not at all: tell again with the conversation's standing.
    Unknown,
}

/// Something that happened to the network itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Counts a network's notices, from 1.
    pub number: u64,
    /// When it happened.
    pub at: Millis,
    /// What.
    pub news: News,
}

/// What a notice tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// An agent was removed.
    AgentRemoved {
        /// Its id.
        agent: String,
        /// Its name to show.
        name: String,
    },
    /// What this principal opened before this notice ends: its token was revoked, replaced or given other rights.
    Ended(String),
}

/// Somebody wants to follow the event stream, as `Network` let it in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observe {
    /// Who, and what it is told.
    pub admitted: Admitted,
    /// Id of the last event that it saw; empty: it wants what comes from now on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_event_id: String,
}

/// Somebody whom `Network` let in to follow the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted {
    /// What is told.
    pub audience: Audience,
    /// Who it is, for the number of streams: `token:<id>`, `agent:<actor_uid>`, else `addr:<address>`.
    pub identity: String,
    /// The newest notice when it was let in: what ends it comes later.
    pub since: u64,
    /// When its credential expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Millis>,
}

/// An observer's link is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observing {
    /// Where it begins, for a link that must be made anew before anything has come; empty where a gap is about to be
    /// told.
    pub cursor: String,
}

/// What a hub counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Agents' attachments that are ready.
    pub attachments: u64,
    /// Observers.
    pub observers: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ConversationKind;
    use crate::object::{read, write};

    #[test]
    fn messages_keep_their_form() {
        let conversation = Conversation { kind: ConversationKind::Room, network: "n".into(), id: "r".into() };
        let entries = r#"[[4,"message.created","","m",7,{"id":"m"}]]"#;
        let entries = RawValue::from_string(entries.to_owned()).unwrap();
        let push = Push { conversation, after: 3, standing: None, may_gather: false, entries };
        let text = write(&HubAsk::Push(Box::new(push)));
        assert_eq!(
            text,
            r#"{"v":1,"ask":{"Push":{"conversation":{"kind":"room","network":"n","id":"r"},"after":3,"entries":[[4,"message.created","","m",7,{"id":"m"}]]}}}"#
        );
        let Ok(HubAsk::Push(push)) = read::<HubAsk>(&text) else { panic!() };
        let entries: Vec<Entry> = serde_json::from_str(push.entries.get()).unwrap();
        let Entry(offset, kind, thread, id, at, body) = &entries[0];
        assert_eq!(
            (*offset, *kind, thread.as_deref(), id.as_str(), *at),
            (4, EventType::MessageCreated, Some(""), "m", 7)
        );
        assert_eq!(body.get(), r#"{"id":"m"}"#);
        let notice = Notice { number: 1, at: 2, news: News::Ended("token:t".into()) };
        assert_eq!(
            write(&HubAsk::Notices(vec![notice])),
            r#"{"v":1,"ask":{"Notices":[{"number":1,"at":2,"news":{"ended":"token:t"}}]}}"#
        );
        assert_eq!(serde_json::to_string(&Stood::At(3)).unwrap(), r#"{"at":3}"#);
    }
}
