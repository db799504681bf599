//! A hub over a real database, its world in the hands of the test.

mod handshake;
mod observers;

use super::*;
use crate::network::tests::block_on;
use crate::sqlite::Sqlite;
use crate::stream::link::tests::FakeSocket;
use moltghost_protocol::moltnet::delivery::{Audience, Standing};
use moltghost_protocol::moltnet::id::event_of_message;
use moltghost_protocol::name::{Conversation, ConversationKind};
use moltghost_protocol::object::hub::{Admitted, News, Notice, Observe, Observing, Push, Stood};
use moltghost_protocol::object::{read_outcome, write};
use serde_json::value::RawValue;
use serde_json::{json, Value};
use std::rc::Rc;

#[derive(Clone, Default)]
struct Stage {
    now: Rc<Cell<Millis>>,
    minted: Rc<Cell<u128>>,
    woken: Rc<Cell<Option<Millis>>>,
    later: Rc<Cell<Option<Millis>>>,
    timers: Rc<Cell<usize>>,
    sockets: Rc<RefCell<Vec<FakeSocket>>>,
    faults: Rc<RefCell<Vec<String>>>,
    /// Conversations that were told that somebody follows.
    followed: Rc<RefCell<Vec<String>>>,
    /// What the directory answers; without one it cannot be reached.
    directory: Rc<RefCell<Option<Directory>>>,
}

type Directory = Box<dyn FnMut(NetworkOp, String) -> Outcome<Reply>>;

impl World for Stage {
    type Socket = FakeSocket;

    fn now(&self) -> Millis {
        self.now.get()
    }

    fn random(&self) -> Outcome<u128> {
        self.minted.set(self.minted.get() + 1);
        Ok(self.minted.get())
    }

    fn fault(&self, error: &MoltnetError) {
        self.faults.borrow_mut().push(error.to_string());
    }

    fn wake(&self, time: Millis) {
        self.woken.set(Some(self.woken.get().map_or(time, |set| set.min(time))));
    }

    fn later(&self, ms: Millis) {
        self.later.set(Some(self.now.get() + ms));
        self.timers.set(self.timers.get() + 1);
    }

    fn followed(&self, conversations: Vec<String>) {
        self.followed.borrow_mut().extend(conversations);
    }

    async fn network(&self, op: NetworkOp, nonce: String) -> Outcome<Reply> {
        match &mut *self.directory.borrow_mut() {
            Some(directory) => directory(op, nonce),
            None => Err(MoltnetError::unavailable("nobody is there")),
        }
    }

    fn sockets(&self) -> Vec<FakeSocket> {
        self.sockets.borrow().iter().filter(|socket| socket.0.borrow().closed.is_none()).cloned().collect()
    }
}

/// A hub that can be thrown away and opened again on what it stored.
struct Bench {
    sql: Sqlite,
    world: Stage,
    hub: Hub<Sqlite, Stage>,
}

fn settings() -> Settings {
    let of = |name: &str| match name {
        "AUTH" => "open",
        "STREAMS_PER_IDENTITY" => "3",
        _ => "",
    };
    Settings::read(|name| Ok(of(name).to_owned())).unwrap()
}

fn everything() -> Audience {
    Audience {
        all: true,
        agents: moltghost_protocol::moltnet::delivery::AgentEvents::All,
        ..Audience::default()
    }
}

fn anybody() -> Audience {
    Audience { public: true, ..Audience::default() }
}

/// An entry of a room's log as JSON: `kind` is a message's id, or the members of a room that is made or changed.
fn entry(offset: u64, what: &str, members: &[&str], public: bool) -> Value {
    let visibility = if public { "public" } else { "private" };
    match what {
        "room.created" | "room.members.updated" | "room.updated" | "room.removed" => json!([
            offset, what, null, format!("evt_{offset}"), offset,
            { "id": "r", "members": members, "visibility": visibility }
        ]),
        id => json!([offset, "message.created", "", id, offset, { "id": id }]),
    }
}

impl Bench {
    fn new() -> Self {
        let (sql, world) = (Sqlite::new(), Stage::default());
        world.now.set(1_000_000);
        let hub = Hub::new(sql.clone(), world.clone(), settings());
        Self { sql, world, hub }
    }

    /// The object leaves memory; sockets stay.
    fn evict(&mut self) {
        self.hub = Hub::new(self.sql.clone(), self.world.clone(), settings());
    }

    fn push(&self, room: &str, after: u64, standing: Option<Standing>, entries: &[Value]) -> Outcome<Stood> {
        self.push_of(false, room, after, standing, entries)
    }

    fn push_of(
        &self,
        may_gather: bool,
        room: &str,
        after: u64,
        standing: Option<Standing>,
        entries: &[Value],
    ) -> Outcome<Stood> {
        let conversation =
            Conversation { kind: ConversationKind::Room, network: "local".into(), id: room.into() };
        let entries = RawValue::from_string(serde_json::to_string(entries).unwrap()).unwrap();
        let push = Push { conversation, after, standing, may_gather, entries };
        read_outcome(&self.hub.handle(&write(&HubAsk::Push(Box::new(push)))))
    }

    fn notices(&self, notices: Vec<Notice>) -> u64 {
        read_outcome(&self.hub.handle(&write(&HubAsk::Notices(notices)))).unwrap()
    }

    /// A link that says this first; the answer, and the socket.
    fn link(&self, cursor: &str, observe: Observe) -> (Outcome<Observing>, FakeSocket) {
        let socket = FakeSocket::default();
        self.world.sockets.borrow_mut().push(socket.clone());
        self.hub.frame(&socket, &format!("{cursor}\n{}", write(&HubAsk::Observe(Box::new(observe)))));
        let word = socket.0.borrow_mut().sent.remove(0);
        (read_outcome(&word), socket)
    }

    fn observe(&self, audience: Audience, last: &str) -> FakeSocket {
        let (opened, socket) = self.link("", observing(audience, last));
        opened.unwrap();
        socket
    }

    /// Lets the time pass that observers are told later.
    fn settle(&self) {
        self.world.now.set(self.world.now.get() + 100);
        self.hub.flush();
    }

    /// Ids that have come to a socket, its reader having taken everything; and the last cursor.
    fn take(&self, socket: &FakeSocket) -> (Vec<String>, Option<String>) {
        let (mut ids, mut cursor) = (Vec::new(), None);
        loop {
            let frames = std::mem::take(&mut socket.0.borrow_mut().sent);
            if frames.is_empty() {
                return (ids, cursor);
            }
            let mut bytes = 0;
            for frame in frames {
                let (at, events) = frame.split_once('\n').unwrap();
                cursor = Some(at.to_owned());
                bytes += events.len();
                for event in events.split_terminator("\n\n") {
                    let id = event.lines().next().unwrap().strip_prefix("id: ").unwrap();
                    let data = event.lines().nth(2).unwrap().strip_prefix("data: ").unwrap();
                    assert_eq!(serde_json::from_str::<Value>(data).unwrap()["id"], id);
                    ids.push(id.to_owned());
                }
            }
            self.hub.frame(socket, &bytes.to_string());
        }
    }
}

fn observing(audience: Audience, last: &str) -> Observe {
    let admitted = Admitted { audience, identity: "token:t".into(), since: 0, ends: None };
    Observe { admitted, last_event_id: last.to_owned() }
}

fn of(messages: &[&str]) -> Vec<String> {
    messages.iter().map(|id| event_of_message(id)).collect()
}
