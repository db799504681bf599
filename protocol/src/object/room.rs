//! What a conversation's object, of the class `Room`, is asked. `Network` decides who may read and who a poster is;
//! the room decides, in the very turn that stores a message, whether its own write policy lets the poster in.
//!
//! A message is `object::write(&RoomAsk)`, an answer `object::read_outcome`. Pages and documents are JSON already:
//! read them as a `RawValue` and pass them on.
//!
//! What was never opened answers 404 and leaves no trace. Everything but a message without id may be sent again.

use crate::alphabet::hex;
use crate::credential::Pepper;
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
        /// Lets the conversation take further messages like this one by itself. Where it keeps the lease, a tab stands
        /// before its answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lease: Option<Box<PostLease>>,
    },
    /// Stores a message of a caller for whom the conversation holds a lease, and answers as to [`RoomAsk::Post`];
    /// [`REFER`] where it does not, [`REFER_ONCE`] where it cannot decide alone: then nothing was stored, and the network is
    /// to be asked.
    Leased(Box<LeasedPost>),
    /// Ends every lease of before this revision, those on their way included. Answers `null`.
    Recall {
        /// The network's revision.
        revision: u64,
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
    /// Somebody follows: the hub is to be told at once what it lacks. Answers `null`.
    Followed,
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

/// A network's leave, to one of its rooms, to take messages of one sender without asking the network about each
/// (decision 0021). It stands for what the network found: everything that its answer depends on is in the lease's key,
/// checked by the room itself, or recalls the lease before it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostLease {
    /// Which messages it is for: see [`lease_key`].
    pub key: String,
    /// For so many messages more than it is kept for already: the network has counted them by the caller's limit.
    pub posts: u32,
    /// Until then.
    pub until: Millis,
    /// The network's revision when it was given.
    pub revision: u64,
    /// Who sends.
    pub caller: Caller,
    /// The name under which the sender is registered, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A message of a caller for whom the conversation may hold a lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeasedPost {
    /// The lease's key.
    pub key: String,
    /// The message as the caller sent it, with an id.
    pub message: SendRequest,
}

/// The answer of a conversation that holds no lease for a message.
pub const REFER: &str = "\t";

/// The answer of one that holds a lease and cannot decide about this message alone.
pub const REFER_ONCE: &str = "\t\t";

/// What stands for all messages that the network decides about alike, but for the room: whoever sends the same
/// credential, or none from the same address, in the same sender's name, of the same network. 64 hexadecimal digits,
/// keyed by the pepper: a token cannot be found out from it.
pub fn lease_key(
    pepper: &Pepper,
    network: &str,
    credential: Option<&str>,
    client: &str,
    message: &SendRequest,
) -> String {
    let from = serde_json::to_string(&message.from).unwrap_or_default();
    let who = credential.map_or(["client", client], |token| ["token", token]);
    let [kind, who] = who;
    hex(&pepper.derive("moltghost/post-lease/v1", &[network, kind, who, &from, &message.origin.network_id]))
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
