//! Storing messages: all that wait, in order, in one commit.
//!
//! Each message is checked against the room as the ones before it leave it. What is to be written is gathered first
//! and written as one batch; memory follows only then. Where the batch fails, each message is tried alone, so that
//! one that cannot be stored takes no other with it.

use super::conversation::{Loaded, Room, Turn};
use super::open::{entry_row, to_json, ENTRY};
use super::repeat::{self, Owner};
use crate::sql::{column, Sql, Statement, Value};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::event::EventType;
use moltghost_protocol::moltnet::mention;
use moltghost_protocol::moltnet::message::{Message, MessageAccepted, MAX_STORED_BYTES};
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::moltnet::thread::{DirectConversation, Thread};
use moltghost_protocol::moltnet::{id, member};
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::room::Post;
use moltghost_protocol::time::{rfc3339, Millis};
use std::collections::HashMap;

/// Most participants of a direct conversation, of all its messages together.
pub(super) const MAX_PARTICIPANTS: usize = id::MAX_MEMBERS;

/// How much is written before the size of the database is asked for again.
const MEASURE_AFTER: u64 = 8 * 1024 * 1024;

const MESSAGE: &str = "INSERT INTO log (offset, kind, thread, id, sender, at, artifacts, size, body)
    VALUES (?1, 'message.created', ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const THREAD: &str = "INSERT INTO thread (id, parent, count, last) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (id) DO UPDATE SET count = count + excluded.count, last = excluded.last";

/// What is gathered for one commit.
struct Draft {
    room: Loaded,
    /// How many took part in a direct conversation before.
    joined: usize,
    /// Whose the messages are that are stored already, as far as that was looked up, and those of this commit.
    owners: HashMap<String, Owner>,
    /// Threads that exist.
    threads: Vec<String>,
    /// Messages of this commit by thread: the thread's parent, how many, and when the last.
    counted: HashMap<String, (String, u64, Millis)>,
    statements: Vec<Statement>,
}

impl<S: Sql> Room<S> {
    /// Stores messages in order; one answer for each.
    pub(super) fn store(&mut self, posts: &[Post], turn: &Turn<'_>) -> Vec<Outcome<MessageAccepted>> {
        if posts.is_empty() {
            return Vec::new();
        }
        if let Some(answers) = self.store_new(posts, turn) {
            return answers;
        }
        match self.store_together(posts, turn) {
            Ok(answers) => answers,
            Err(error) if posts.len() == 1 => vec![Err(error)],
            Err(_) => posts.iter().flat_map(|post| self.store(std::slice::from_ref(post), turn)).collect(),
        }
    }

    /// Stores messages if all of them may be stored and are new, as nearly all are: whether one is there already is not
    /// asked then, since an id that is fails the commit.
    fn store_new(&mut self, posts: &[Post], turn: &Turn<'_>) -> Option<Vec<Outcome<MessageAccepted>>> {
        let mut draft = self.blank(posts, HashMap::new(), turn).ok()?;
        let mut answers = Vec::with_capacity(posts.len());
        for post in posts {
            answers.push(Ok(self.draft(&mut draft, post, turn).ok()?));
        }
        self.commit(draft).ok()?;
        Some(answers)
    }

    fn store_together(&mut self, posts: &[Post], turn: &Turn<'_>) -> Outcome<Vec<Outcome<MessageAccepted>>> {
        self.open_one()?;
        let mut draft = self.blank(posts, repeat::owners(&self.sql, posts)?, turn)?;
        let answers = posts.iter().map(|post| self.draft(&mut draft, post, turn)).collect();
        self.commit(draft)?;
        Ok(answers)
    }

    /// A draft in which nothing stands yet.
    fn blank(&self, posts: &[Post], owners: HashMap<String, Owner>, turn: &Turn<'_>) -> Outcome<Draft> {
        let mut room = self.open_one()?.clone();
        room.clock = room.clock.max(turn.now);
        Ok(Draft {
            joined: room.participants.len(),
            room,
            owners,
            threads: self.existing_threads(posts)?,
            counted: HashMap::new(),
            statements: Vec::with_capacity(posts.len() + 1),
        })
    }

    /// Writes a draft; memory follows.
    fn commit(&mut self, mut draft: Draft) -> Outcome<()> {
        if draft.statements.is_empty() {
            return Ok(());
        }
        for (thread, (parent, count, last)) in draft.counted {
            draft.statements.push((THREAD, vec![thread.into(), parent.into(), count.into(), last.into()]));
        }
        if draft.room.participants.len() != draft.joined {
            let participants = to_json(&draft.room.participants);
            draft.statements.push(("UPDATE conversation SET participants = ?1", vec![participants.into()]));
        }
        self.sql.batch(&draft.statements)?;
        self.loaded = Some(draft.room);
        Ok(())
    }

    /// Adds one message to the draft, or says why not.
    fn draft(&self, draft: &mut Draft, post: &Post, turn: &Turn<'_>) -> Outcome<MessageAccepted> {
        self.may_post(&draft.room, post)?;
        let id = &post.message.id;
        if let Some(owner) = draft.owners.get(id) {
            repeat::is_repeat(owner, post)?;
            return Ok(MessageAccepted::new(id.clone(), false, false));
        }
        let target = &post.message.target;
        let participants = self.participants_with(&draft.room, post)?;
        let message = self.message(&draft.room, post);
        let body = to_json(&message);
        if body.len() > MAX_STORED_BYTES {
            return Err(MoltnetError::invalid(format!("message must be {MAX_STORED_BYTES} bytes or fewer")));
        }
        self.has_space(draft, body.len())?;
        let thread = if target.kind == "thread" { target.thread_id.as_str() } else { "" };
        let thread_created = !thread.is_empty() && !draft.threads.iter().any(|known| known == thread);
        let dm_created = self.name.kind == ConversationKind::Dm && draft.room.last == 0;
        let at = draft.room.clock;
        let (network, own) = (self.name.network.as_str(), self.name.id.as_str());
        // That a conversation begins is an entry of its own, before the message.
        let begun = if thread_created {
            let thread = Thread::new(network, own, thread, &target.parent_message_id, 1, at);
            Some((EventType::ThreadCreated, to_json(&thread)))
        } else if dm_created {
            let dm = DirectConversation::new(network, own, participants.clone(), 1, at);
            Some((EventType::DmCreated, to_json(&dm)))
        } else {
            None
        };
        if let Some((kind, document)) = begun {
            let row = entry_row(draft.room.last + 1, kind, at, &document, turn)?;
            draft.statements.push((ENTRY, row));
            draft.room.last += 1;
        }
        draft.room.last += 1;
        let owner = Owner::of(post);
        let artifacts = message.parts.iter().filter(|part| part.is_artifact()).count();
        draft.statements.push((
            MESSAGE,
            vec![
                draft.room.last.into(),
                thread.into(),
                id.as_str().into(),
                owner.sender.into(),
                at.into(),
                size(artifacts).into(),
                size(body.len()).into(),
                body.into(),
            ],
        ));
        if !thread.is_empty() {
            if thread_created {
                draft.threads.push(thread.to_owned());
            }
            let counted = draft.counted.entry(thread.to_owned());
            let counted = counted.or_insert_with(|| (target.parent_message_id.clone(), 0, at));
            counted.1 += 1;
            counted.2 = at;
        }
        draft.owners.insert(id.clone(), owner);
        draft.room.participants = participants;
        Ok(MessageAccepted::new(id.clone(), thread_created, dm_created))
    }

    /// The message as it is stored.
    fn message(&self, room: &Loaded, post: &Post) -> Message {
        let sent = &post.message;
        let members = match self.name.kind {
            ConversationKind::Room => &room.state.members,
            ConversationKind::Dm => &sent.target.participant_ids,
        };
        let candidates = mention::candidates(&sent.parts, &sent.mentions);
        Message {
            id: sent.id.clone(),
            network_id: self.name.network.clone(),
            origin: sent.origin.clone(),
            target: sent.target.clone(),
            from: sent.from.clone(),
            parts: sent.parts.clone(),
            mentions: mention::resolve(&self.name.network, &room.state.aliases, members, &candidates),
            created_at: rfc3339(room.clock),
        }
    }

    /// The participants of a direct conversation once this message is in it: everybody whom a message ever named, and
    /// every sender.
    fn participants_with(&self, room: &Loaded, post: &Post) -> Outcome<Vec<String>> {
        if self.name.kind == ConversationKind::Room {
            return Ok(Vec::new());
        }
        let sender = post.message.from.participant(&self.name.network);
        let named = room.participants.iter().chain(&post.message.target.participant_ids);
        let all: Vec<String> = named.chain(std::iter::once(&sender)).cloned().collect();
        let mut all = member::unique(&all);
        all.sort_unstable();
        if all.len() > MAX_PARTICIPANTS && all.len() > room.participants.len() {
            return Err(MoltnetError::invalid(format!(
                "a direct conversation must have {MAX_PARTICIPANTS} participants or fewer; begin another"
            )));
        }
        Ok(all)
    }

    /// Whether the log may grow. The database is measured now and then; in between, growth is guessed too high.
    fn has_space(&self, draft: &mut Draft, body: usize) -> Outcome<()> {
        let room = &mut draft.room;
        let growth = size(body) * 2 + 512;
        if room.grown > MEASURE_AFTER || room.measured + room.grown + growth > self.limit {
            room.measured = self.sql.size()?;
            // What is drafted and not yet written counts as well.
            let drafted = draft.statements.iter().flat_map(|(_, row)| row.iter());
            room.grown = drafted.map(|value| size(value.text().len())).sum::<u64>() * 2;
        }
        if room.measured + room.grown + growth > self.limit {
            return Err(MoltnetError::invalid(format!(
                "conversation {} is full: its log must be {} bytes or fewer; go on in another",
                quote(&self.name.id),
                self.limit
            )));
        }
        room.grown += growth;
        Ok(())
    }

    /// Which of the threads that messages go to exist.
    fn existing_threads(&self, posts: &[Post]) -> Outcome<Vec<String>> {
        let threads = posts.iter().map(|post| &post.message.target).filter(|target| target.kind == "thread");
        let ids: Vec<&str> = threads.map(|target| target.thread_id.as_str()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = "SELECT id FROM thread WHERE id IN (SELECT value FROM json_each(?1))";
        let rows: Vec<Vec<Value>> = self.sql.run(query, &[to_json(&ids).into()])?;
        Ok(rows.iter().map(|row| column(row, 0).text().to_owned()).collect())
    }
}

fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
