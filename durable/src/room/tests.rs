//! The rules over real SQL, and the statements for D1 over the schemas in `migrations/`.

mod begin;
mod leases;
mod model;
mod outbox;
mod pages;
mod post;
mod stored;

use super::conversation::{Room, Turn};
use crate::sqlite::Sqlite;
use moltghost_protocol::moltnet::access::{Caller, Mode, Scopes};
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::message::{MessageAccepted, SendRequest};
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::policy::WritePolicy;
use moltghost_protocol::name::Conversation;
use moltghost_protocol::object::read_outcome;
use moltghost_protocol::object::room::{Open, Post, RoomAsk, State};
use serde_json::Value;
use std::cell::Cell;

/// A conversation on a database that outlives it.
struct Scene {
    sql: Sqlite,
    room: Room<Sqlite>,
    now: Cell<i64>,
    random: Cell<u128>,
}

impl Scene {
    fn new(name: &str) -> Self {
        let (sql, name) = (Sqlite::new(), Conversation::parse(name).unwrap());
        Self { room: Room::new(sql.clone(), name), sql, now: Cell::new(1_000), random: Cell::new(0) }
    }

    /// A room with members `alpha`, `beta` and `far:gamma`.
    fn room() -> Self {
        let mut scene = Self::new("room:home:general");
        let open = scene.opening(state(1, &["alpha", "beta", "far:gamma"]));
        assert_eq!(scene.ask::<()>(RoomAsk::Open(Box::new(open))), Ok(()));
        scene
    }

    fn dm() -> Self {
        Self::new("dm:home:d1")
    }

    fn opening(&self, state: State) -> Open {
        Open { conversation: self.room.name.clone(), created_at: 500, state }
    }

    /// What an eviction or a crash leaves: the database.
    fn evict(&mut self) {
        let mut room = Room::new(self.sql.clone(), self.room.name.clone());
        (room.limit, room.searchable) = (self.room.limit, self.room.searchable);
        self.room = room;
    }

    fn turn<T>(&mut self, act: impl FnOnce(&mut Room<Sqlite>, &Turn<'_>) -> T) -> T {
        let random = || {
            self.random.set(self.random.get() + 1);
            Some(self.random.get())
        };
        self.now.set(self.now.get() + 1);
        act(&mut self.room, &Turn { now: self.now.get(), random: &random })
    }

    #[allow(clippy::needless_pass_by_value, reason = "each is made for its call")]
    fn ask<T: serde::de::DeserializeOwned>(&mut self, ask: RoomAsk) -> Outcome<T> {
        let ask = moltghost_protocol::object::read(&moltghost_protocol::object::write(&ask)).unwrap();
        read_outcome(&self.turn(|room, turn| room.handle(ask, turn)))
    }

    /// Posts as several messages that waited for each other.
    fn post_all(&mut self, posts: Vec<Post>) -> Vec<Outcome<MessageAccepted>> {
        let open = (self.room.name.kind == moltghost_protocol::name::ConversationKind::Dm)
            .then(|| Box::new(self.opening(State { version: 1, ..State::default() })));
        let waiting = posts.into_iter().map(|post| (open.clone(), vec![post])).collect();
        let answers = self.turn(|room, turn| room.post_all(waiting, turn));
        answers
            .iter()
            .map(|text| read_outcome::<Vec<Outcome<MessageAccepted>>>(text).unwrap().remove(0))
            .collect()
    }

    fn post(&mut self, post: Post) -> Outcome<MessageAccepted> {
        self.post_all(vec![post]).remove(0)
    }

    fn page(&mut self, thread: Option<&str>, page: PageRequest) -> Outcome<Value> {
        self.ask(RoomAsk::Messages { thread: thread.map(str::to_owned), page })
    }

    /// Ids of the newest messages.
    fn ids(&mut self, thread: Option<&str>) -> Vec<String> {
        ids(&self.page(thread, newest(500)).unwrap(), "messages")
    }
}

fn ids(page: &Value, collection: &str) -> Vec<String> {
    page[collection].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

fn newest(limit: u32) -> PageRequest {
    PageRequest { limit, ..PageRequest::default() }
}

fn before(id: &str, limit: u32) -> PageRequest {
    PageRequest { before: Some(id.into()), after: None, limit }
}

fn after(id: &str, limit: u32) -> PageRequest {
    PageRequest { before: None, after: Some(id.into()), limit }
}

fn state(version: u64, members: &[&str]) -> State {
    let members = members.iter().map(ToString::to_string).collect();
    State { version, name: "General".into(), members, ..State::default() }
}

fn policy(version: u64, write_policy: WritePolicy) -> State {
    State { write_policy, ..state(version, &["alpha", "beta", "far:gamma"]) }
}

/// An agent's own token.
fn agent(id: &str) -> Caller {
    Caller {
        unauthenticated: false,
        scopes: Scopes::WRITE.and(Scopes::ATTACH),
        agent: Some(id.into()),
        principal: format!("agent:{id}"),
    }
}

fn token(id: &str, scopes: Scopes) -> Caller {
    Caller { unauthenticated: false, scopes, agent: None, principal: format!("token:{id}") }
}

fn nobody() -> Caller {
    Caller::anonymous(Mode::None)
}

/// A message as the directory hands it on, from a JSON text in which everything but the target may be left out.
fn said(caller: Caller, json: &str) -> Post {
    let mut message: SendRequest = serde_json::from_str(json).unwrap();
    if message.from.id.is_empty() {
        message.from.id = caller.agent.clone().unwrap_or_else(|| "alpha".into());
        message.from.kind = "agent".into();
    }
    if message.parts.is_empty() {
        message.parts = serde_json::from_str(r#"[{"kind":"text","text":"hi"}]"#).unwrap();
    }
    Post { caller, message: message.normalised("home", String::new) }
}

/// A plain message to the room.
fn hi(id: &str) -> Post {
    said(agent("alpha"), &format!(r#"{{"id":"{id}","target":{{"kind":"room","room_id":"general"}}}}"#))
}

fn in_thread(id: &str, thread: &str) -> Post {
    let target =
        format!(r#"{{"kind":"thread","room_id":"general","thread_id":"{thread}","parent_message_id":"p"}}"#);
    said(agent("alpha"), &format!(r#"{{"id":"{id}","target":{target}}}"#))
}

fn in_dm(caller: Caller, id: &str, participants: &str) -> Post {
    let target = format!(r#"{{"kind":"dm","dm_id":"d1","participant_ids":{participants}}}"#);
    said(caller, &format!(r#"{{"id":"{id}","target":{target}}}"#))
}
