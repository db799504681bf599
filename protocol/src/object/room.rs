//! What a conversation's object, of the class `Room`, is asked. `Network` decides who may read and who a poster is;
//! the room decides, in the very turn that stores a message, whether its own write policy lets the poster in.
//!
//! A message is `object::write(&RoomAsk)`, an answer `object::read_outcome`. Pages and documents are JSON already:
//! read them as a `RawValue` and pass them on.
//!
//! What was never opened answers 404 and leaves no trace. Everything but a message without id may be sent again.

use crate::moltnet::access::Caller;
use crate::moltnet::mention::NetworkAlias;
use crate::moltnet::message::SendRequest;
use crate::moltnet::page::PageRequest;
use crate::moltnet::policy::{Visibility, WritePolicy};
use crate::name::Conversation;
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// What a conversation is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum RoomAsk {
    /// Makes the conversation, once; a second time it is [`RoomAsk::Configure`]. Answers `null`. A conversation that
    /// was closed stays so: 404.
    Open(Box<Open>),
    /// Takes over the state if its version is newer. Answers `null`.
    Configure(Box<State>),
    /// Removes the room for good: from now on everything answers 404. Answers `null`.
    Close {
        /// As in [`State::version`].
        version: u64,
    },
    /// Stores messages. Answers a list: for each, [`MessageAccepted`](crate::moltnet::message::MessageAccepted) or
    /// its own refusal.
    Post {
        /// The conversation, for the case that its object does not know yet that it was made: always for direct
        /// conversations, which begin with their first message.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        open: Option<Box<Open>>,
        /// The messages, in order.
        posts: Vec<Post>,
    },
    /// `{"messages":[…],"page":…}`: of the room itself or of one thread.
    Messages {
        /// The thread.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<String>,
        /// Which page.
        page: PageRequest,
    },
    /// `{"threads":[…],"page":…}`.
    Threads(PageRequest),
    /// One thread's document.
    Thread(String),
    /// `{"artifacts":[…],"page":…}`: of the room with its threads, or of one thread.
    Artifacts {
        /// The thread.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<String>,
        /// Which page.
        page: PageRequest,
    },
    /// The direct conversation's document.
    Summary {},
    /// Sends everything to D1 again, history and search, from the beginning. Answers `null`; the work is done by the
    /// object's alarm.
    Reproject,
}

/// Makes a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Which one.
    pub conversation: Conversation,
    /// When it was created.
    pub created_at: Millis,
    /// How it begins.
    pub state: State,
}

/// A room's state as `Network` has decided it; of a direct conversation only the version and the aliases count, since
/// its participants come with its messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Grows with every change; what is not newer changes nothing.
    pub version: u64,
    /// The name to show.
    #[serde(default)]
    pub name: String,
    /// Members, sorted, each once.
    #[serde(default)]
    pub members: Vec<String>,
    /// Who sees it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Who may post.
    #[serde(default)]
    pub write_policy: WritePolicy,
    /// Whether clients are not told of the change, as when a configuration is brought in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// Other names of this network and those of its pairings, for `@name:agent`. This network's id needs none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<NetworkAlias>,
}

/// A message to store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Post {
    /// Who sends it, as the directory found.
    pub caller: Caller,
    /// The message, checked and normalised.
    pub message: SendRequest,
}

/// What a direct conversation tells `Network` of itself, at least once and in any order: `last_offset` says which is
/// newer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmSummary {
    /// Its id.
    pub id: String,
    /// Offset of its last entry; a summary with a lower one is out of date.
    pub last_offset: u64,
    /// Who takes part, sorted.
    pub participant_ids: Vec<String>,
    /// How many messages it has.
    pub message_count: u64,
    /// When the last was stored.
    pub last_message_at: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::ConversationKind;
    use crate::object::{read, write};

    #[test]
    fn messages_keep_their_form() {
        let state =
            State { version: 1, name: "General".into(), members: vec!["a".into()], ..State::default() };
        let conversation = Conversation { kind: ConversationKind::Room, network: "n".into(), id: "r".into() };
        let open = Open { conversation, created_at: 5, state };
        let ask = write(&RoomAsk::Open(Box::new(open.clone())));
        assert_eq!(
            ask,
            r#"{"v":1,"ask":{"Open":{"conversation":{"kind":"room","network":"n","id":"r"},"created_at":5,"state":{"version":1,"name":"General","members":["a"],"visibility":"private","write_policy":"members"}}}}"#
        );
        assert!(matches!(read::<RoomAsk>(&ask), Ok(RoomAsk::Open(read)) if *read == open));
        let page = RoomAsk::Messages { thread: None, page: PageRequest::default() };
        assert_eq!(write(&page), r#"{"v":1,"ask":{"Messages":{"page":{"limit":0}}}}"#);
    }
}
