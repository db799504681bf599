//! A conversation in memory, how it is loaded, and the ways in: a message, and the posts that wait.

use super::leases::{Leased, Leases};
use super::outbox::Consumer;
use super::schema::STEPS;
use crate::migrate;
use crate::sql::{column, Sql, Value};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::name::{Conversation, ConversationKind};
use moltghost_protocol::object::room::{Open, Post, RoomAsk, State, REFER, REFER_ONCE};
use moltghost_protocol::object::write_outcome;
use moltghost_protocol::time::Millis;

/// Largest log of a conversation in bytes. The platform's own limit is 10 GB; what is left is for the last
/// entries, the marks and the indexes.
pub const MAX_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// What one event has of the world.
pub struct Turn<'a> {
    /// Now.
    pub now: Millis,
    /// 128 fresh random bits; `None` where the runtime gives none.
    pub random: &'a dyn Fn() -> Option<u128>,
}

/// How far each consumer of the log got: offsets of the last entries that they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Marks {
    /// The history in D1.
    pub history: u64,
    /// The search in D1.
    pub search: u64,
    /// The directory, which lists direct conversations.
    pub network: u64,
    /// The hub, which delivers.
    pub hub: u64,
}

impl Marks {
    /// A consumer's.
    pub fn of(self, consumer: Consumer) -> u64 {
        match consumer {
            Consumer::Hub => self.hub,
            Consumer::History => self.history,
            Consumer::Search => self.search,
            Consumer::Network => self.network,
        }
    }
}

/// Whether anybody follows, and so the hub must be told at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Followers {
    /// Somebody does, or it is not known, or something has come for which that does not count.
    #[default]
    Some,
    /// Somebody has begun to: if the hub's next word says that nobody does, it is of before.
    Begun,
    /// Nobody did when the hub was last told, and only messages have come since.
    Nobody,
}

/// What is in memory once the conversation exists.
#[derive(Debug, Clone)]
pub(super) struct Loaded {
    pub created: Millis,
    pub state: State,
    /// Who takes part in a direct conversation, sorted.
    pub participants: Vec<String>,
    pub closed: bool,
    /// Offset of the last entry.
    pub last: u64,
    /// When it was stored. Time never goes back within a log.
    pub clock: Millis,
    pub marks: Marks,
    /// Size of the database when it was last asked for, and what was written since, roughly.
    pub measured: u64,
    pub grown: u64,
}

/// One conversation.
pub struct Room<S> {
    pub(super) sql: S,
    pub(super) name: Conversation,
    /// Largest log in bytes, [`MAX_BYTES`] but for tests.
    pub limit: u64,
    /// Whether there is a search to be fed.
    pub searchable: bool,
    /// Whether the hub asked what the conversation is.
    pub(super) hub_asked: bool,
    /// Whether anybody follows, as far as is known.
    pub(super) followers: Followers,
    pub(super) loaded: Option<Loaded>,
    pub(super) leases: Leases,
    /// Entries that consumers are being told: after which offset, the entries, the offset of the last.
    pub(super) taken: Option<(u64, String, u64)>,
}

impl<S: Sql> Room<S> {
    /// The conversation on a database; reads nothing yet.
    pub fn new(sql: S, name: Conversation) -> Self {
        Self {
            sql,
            name,
            limit: MAX_BYTES,
            searchable: false,
            hub_asked: false,
            followers: Followers::default(),
            loaded: None,
            leases: Leases::default(),
            taken: None,
        }
    }

    /// Takes one message that is no post and gives its answer as text; everything that the answer depends on is
    /// written before this returns.
    pub fn handle(&mut self, ask: RoomAsk, turn: &Turn<'_>) -> String {
        match ask {
            RoomAsk::Open(open) => write_outcome(&self.touch().and_then(|()| self.open(&open, turn))),
            RoomAsk::Configure(state) => {
                write_outcome(&self.touch().and_then(|()| self.configure(&state, turn)))
            }
            RoomAsk::Close { version } => {
                write_outcome(&self.touch().and_then(|()| self.close(version, turn)))
            }
            RoomAsk::Post { open, posts, lease } => {
                let answer = write_outcome(&Outcome::Ok(self.post(open.as_deref(), &posts, turn)));
                let kept = lease.is_some_and(|lease| self.keep(*lease, turn.now));
                if kept {
                    format!("{REFER}{answer}")
                } else {
                    answer
                }
            }
            RoomAsk::Leased(post) => match self.leased(*post, turn.now) {
                Leased::Refer => REFER.to_owned(),
                Leased::ReferOnce => REFER_ONCE.to_owned(),
                Leased::Refused(error) => write_outcome::<()>(&Err(error)),
                Leased::Post(post) => {
                    write_outcome(&Outcome::Ok(self.post(None, std::slice::from_ref(&post), turn)))
                }
            },
            RoomAsk::Recall { revision } => write_outcome(&self.touch().and_then(|()| self.recall(revision))),
            RoomAsk::Messages { thread, page } => {
                written(self.reading().and_then(|()| self.messages(thread.as_deref(), &page)))
            }
            RoomAsk::Threads(page) => written(self.reading().and_then(|()| self.threads(&page))),
            RoomAsk::Thread(id) => written(self.reading().and_then(|()| self.thread(&id))),
            RoomAsk::Artifacts { thread, page } => {
                written(self.reading().and_then(|()| self.artifacts(thread.as_deref(), &page)))
            }
            RoomAsk::Summary {} => written(self.reading().and_then(|()| self.direct_conversation())),
            RoomAsk::Reproject => write_outcome(&self.touch().and_then(|()| self.rewind())),
            RoomAsk::Followed => write_outcome(&self.touch().map(|()| self.followed())),
        }
    }

    /// Stores posts that came one after the other, opening the conversation first where it says how; one answer for
    /// each.
    fn post(
        &mut self,
        open: Option<&Open>,
        posts: &[Post],
        turn: &Turn<'_>,
    ) -> Vec<Outcome<moltghost_protocol::moltnet::message::MessageAccepted>> {
        // What is loaded needs no look at the storage here: storing is one.
        let loaded = if self.loaded.is_some() { Ok(()) } else { self.touch() };
        let ready = loaded.and_then(|()| match open {
            Some(open) => self.open(open, turn),
            None => Ok(()),
        });
        match ready {
            Ok(()) => self.store(posts, turn),
            Err(error) => posts.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Takes messages with posts that waited for each other, in order, in one turn and so in one commit. The answers,
    /// in the same order, may leave once this has returned.
    pub fn post_all(&mut self, waiting: Vec<(Option<Box<Open>>, Vec<Post>)>, turn: &Turn<'_>) -> Vec<String> {
        let sizes: Vec<usize> = waiting.iter().map(|(_, posts)| posts.len()).collect();
        let mut answers = Vec::new();
        let mut together = Vec::new();
        for (open, posts) in waiting {
            // A conversation is opened by its first message alone; whatever stands before it is stored first.
            if let Some(open) = open.filter(|open| self.is_news(open)) {
                answers.extend(self.post(None, &std::mem::take(&mut together), turn));
                answers.extend(self.post(Some(&open), &posts, turn));
            } else {
                together.extend(posts);
            }
        }
        answers.extend(self.post(None, &together, turn));
        let mut answers = answers.into_iter();
        sizes
            .iter()
            .map(|size| write_outcome(&Outcome::Ok(answers.by_ref().take(*size).collect::<Vec<_>>())))
            .collect()
    }

    /// Whether what a message says of its conversation is newer than what is known.
    fn is_news(&self, open: &Open) -> bool {
        self.loaded.as_ref().is_none_or(|loaded| !loaded.closed && loaded.state.version < open.state.version)
    }

    /// Reads the database, loading the conversation the first time. One that was never opened stays empty.
    pub(super) fn touch(&mut self) -> Outcome<()> {
        if self.loaded.is_some() {
            if !self.sql.finds("SELECT 1 FROM conversation")? {
                self.loaded = None;
            }
            return Ok(());
        }
        let Some(version) = migrate::version(&self.sql)? else { return Ok(()) };
        migrate::migrate(&self.sql, Some(version), STEPS)?;
        self.load()
    }

    pub(super) fn load(&mut self) -> Outcome<()> {
        let rows = self.sql.run(
            "SELECT c.created, c.state, c.participants, c.closed, m.history, m.search, m.network, m.hub,
                    l.offset, l.at
             FROM conversation c, mark m
             LEFT JOIN (SELECT offset, at FROM log ORDER BY offset DESC LIMIT 1) l",
            &[],
        )?;
        let Some(row) = rows.first() else { return Ok(()) };
        let stored = |at: usize| column(row, at);
        self.loaded = Some(Loaded {
            created: stored(0).int(),
            state: parsed(stored(1))?,
            participants: parsed(stored(2))?,
            closed: stored(3).int() != 0,
            marks: Marks {
                history: whole(stored(4)),
                search: whole(stored(5)),
                network: whole(stored(6)),
                hub: whole(stored(7)),
            },
            last: whole(stored(8)),
            clock: stored(9).int(),
            measured: self.sql.size()?,
            grown: 0,
        });
        Ok(())
    }

    /// The conversation, if it may be spoken to.
    pub(super) fn open_one(&self) -> Outcome<&Loaded> {
        self.loaded.as_ref().filter(|loaded| !loaded.closed).ok_or_else(|| self.unknown())
    }

    /// Touches the storage and sees to it that there is something to be read.
    fn reading(&mut self) -> Outcome<()> {
        self.touch()?;
        self.open_one().map(|_| ())
    }

    /// The refusal of a conversation that is not there.
    pub(super) fn unknown(&self) -> MoltnetError {
        let kind = match self.name.kind {
            ConversationKind::Room => "room",
            ConversationKind::Dm => "direct conversation",
        };
        MoltnetError::not_found(format!("unknown {kind} {}", quote(&self.name.id)))
    }
}

/// A stored whole number that is never negative.
pub(super) fn whole(value: &Value) -> u64 {
    u64::try_from(value.int()).unwrap_or(0)
}

fn parsed<T: serde::de::DeserializeOwned>(value: &Value) -> Outcome<T> {
    serde_json::from_str(value.text()).map_err(|error| {
        MoltnetError::internal(format!("a conversation is stored in no known form: {error}"))
    })
}

/// An answer whose document is JSON already.
fn written(outcome: Outcome<String>) -> String {
    match outcome {
        Ok(document) => format!("{{\"Ok\":{document}}}"),
        Err(error) => write_outcome::<()>(&Err(error)),
    }
}
