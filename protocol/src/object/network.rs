//! What the Worker asks of the `Network` object. The object resolves the credential and applies the gate of what is
//! asked in the same turn, so that a revoked token is dead at once; the Worker decides nothing about callers.
//!
//! A message is `object::write(&NetworkAsk)`, an answer `object::read_outcome::<Reply>`.

use crate::moltnet::access::Caller;
use crate::moltnet::agent::{RegisterRequest, RotateRequest};
use crate::moltnet::apply::ApplyRequest;
use crate::moltnet::gate::Gate;
use crate::moltnet::limits::ChangeLimits;
use crate::moltnet::message::SendRequest;
use crate::moltnet::metrics::Sample;
use crate::moltnet::page::PageRequest;
use crate::moltnet::pairing::NewPairing;
use crate::moltnet::room::{CreateRoom, UpdateMembers};
use crate::moltnet::token::NewToken;
use crate::name::Conversation;
use crate::object::attach::{Attached, Identifying, Unanswered};
use crate::object::hub::Admitted;
use crate::object::room::{DmSummary, Open, PostLease};
use serde::{Deserialize, Serialize};

/// One request.
#[derive(Debug, Serialize, Deserialize)]
pub struct NetworkAsk {
    /// The token that the caller sent; the object hashes it and never stores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The caller's address, for limits.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// Random text that stays the same where the same request is sent again, so that it makes the same things and
    /// removes them once; only where something is made or removed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub nonce: String,
    /// Requests that the Worker has answered and not told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<Sample>,
    /// Whether a message that may be sent is answered with a referral to its conversation, which is given the message.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refer: bool,
    /// The lease that the conversation of a message may have, if the Worker can use one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseAsk>,
    /// What is asked.
    pub op: NetworkOp,
}

/// Which lease a conversation may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseAsk {
    /// See [`PostLease::key`].
    pub key: String,
    /// Whether the conversation has referred the message here: what was leased to it under the key is used up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spent: bool,
}

impl NetworkAsk {
    /// What a part of ours asks, in no caller's name.
    pub fn ours(op: NetworkOp, nonce: String) -> Self {
        Self {
            credential: None,
            client: String::new(),
            nonce,
            answered: vec![],
            refer: false,
            lease: None,
            op,
        }
    }
}

/// What can be asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkOp {
    /// Lets the caller in, or not. Answers [`Reply::Done`].
    Enter(Gate),
    /// Answers the network's document.
    Network,
    /// Answers a page of rooms.
    Rooms(PageRequest),
    /// Creates a room. Answers its document.
    CreateRoom(CreateRoom),
    /// Answers a room's document.
    Room(String),
    /// Removes a room for good.
    RemoveRoom(String),
    /// Changes who is in a room. Answers its document.
    UpdateMembers {
        /// The room.
        room: String,
        /// The change.
        change: UpdateMembers,
    },
    /// May the caller read this, and which object has it? Answers [`Reply::Read`].
    Read(What),
    /// Answers a page of direct conversations.
    Dms(PageRequest),
    /// Answers a page of agents.
    Agents(PageRequest),
    /// Answers an agent's document.
    Agent(String),
    /// Removes an agent: its token is dead at once, its memberships follow.
    RemoveAgent(String),
    /// Registers an agent, at once and as a whole.
    Register(RegisterRequest),
    /// Makes a new token for an agent; the one before is dead at once.
    Rotate {
        /// The agent.
        agent: String,
        /// How long it lives.
        request: RotateRequest,
    },
    /// Brings a configuration in.
    Apply(ApplyRequest),
    /// May the caller send this? Binds a new thread or direct conversation. Answers [`Reply::Ticket`], or refers to the
    /// conversation.
    Send(Box<SendRequest>),
    /// Answers a page of pairings.
    Pairings(PageRequest),
    /// Asks a paired network about itself.
    Pairing(String),
    /// A document for agents.
    Document {
        /// Which.
        document: Document,
        /// Where this network is served, `https://host`.
        base: String,
    },
    /// Answers the metrics as text.
    Metrics,
    /// Which conversations may the caller search? Answers [`Reply::Search`].
    Search {
        /// Only this room.
        room: Option<String>,
    },
    /// May the caller follow the event stream, and what is it told? Answers [`Reply::Admitted`].
    Observe,
    /// May the caller attach? Answers [`Reply::Admitted`].
    Attach,
    /// Who attaches? From the hub, not from callers. Answers [`Reply::Attached`].
    Identify(Box<Identifying>),
    /// Undoes a claim. From the hub, not from callers.
    Unclaim(Unanswered),
    /// How many of these agents are in no room? From the Worker, for the network's warnings, not from callers. Answers
    /// [`Reply::Roomless`].
    Roomless(Vec<String>),
    /// A direct conversation tells what became of it; from the conversation's own object, not from callers.
    DmSummary(DmSummary),
    /// What the deployment's operator asks, whose token the Worker has checked.
    Operator(OperatorOp),
}

/// What only the deployment's operator may ask.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorOp {
    /// Answers tokens, pairings and limits.
    Show,
    /// Makes a static token, or replaces it.
    PutToken(NewToken),
    /// Ends a static token.
    RemoveToken(String),
    /// Makes a pairing, or replaces it.
    PutPairing(NewPairing),
    /// Ends a pairing.
    RemovePairing(String),
    /// Changes limits.
    ChangeLimits(ChangeLimits),
    /// Writes the whole directory to D1 again.
    Reproject,
}

/// Something to be read from a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A room's messages or threads.
    Room(String),
    /// A thread, or its messages.
    Thread(String),
    /// A direct conversation, or its messages.
    Dm(String),
    /// Artifacts. Where several are named, the most precise counts: thread, direct conversation, room.
    Artifacts {
        /// Of this room and its threads.
        room: String,
        /// Of this thread.
        thread: String,
        /// Of this direct conversation.
        dm: String,
    },
}

/// The documents that agents read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// `/install.md`.
    Install,
    /// `/skill.md`.
    Skill,
    /// `/llms.txt`.
    Llms,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is done, or allowed.
    Done,
    /// A document, written already.
    Document {
        /// HTTP status.
        status: u16,
        /// Its text.
        body: String,
    },
    /// The message may be sent: to this room.
    Ticket(Box<Ticket>),
    /// It may be read: there.
    Read(Box<Place>),
    /// The caller may follow the network.
    Admitted(Box<Admitted>),
    /// This agent attaches.
    Attached(Box<Attached>),
    /// So many agents are in no room.
    Roomless(u64),
    /// These conversations may be searched, by the names of their objects; `None`: all.
    Search(Option<Vec<String>>),
}

/// What a room needs for a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// The room or direct conversation.
    pub conversation: Conversation,
    /// The conversation itself, where its object may not know its newest state yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Box<Open>>,
    /// Who sends it.
    pub caller: Caller,
    /// The message, checked and normalised.
    pub message: SendRequest,
    /// Lets the conversation take further messages like this one by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Box<PostLease>>,
}

/// Where something is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The room or direct conversation; `None`: nothing was ever said there.
    pub conversation: Option<Conversation>,
    /// The thread in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// Whether its object may not have been told yet that it was made, so that its 404 means: nothing said yet.
    #[serde(default)]
    pub unopened: bool,
}
