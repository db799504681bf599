//! The directory, its conversations, the hub and D1 as they are joined in production, but by lines that lose messages, lose
//! answers and say things twice.
//!
//! Whoever sends something here learns more than in production: whether it arrived, even where no answer came.

use super::super::super::{Network, World};
use super::super::{block_on, ADMIN, PEPPER};
use super::hub::{hub, Alone};
use crate::hub::Hub;
use crate::room::{stands, Consumer, Push, Room, Turn};
use crate::sql::{Sql, Statement};
use crate::sqlite::Sqlite;
use moltghost_protocol::credential::Pepper;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::message::SendRequest;
use moltghost_protocol::moltnet::settings::Settings;
use moltghost_protocol::name::Conversation;
use moltghost_protocol::object::hub::{HubAsk, Notice};
use moltghost_protocol::object::network::{LeaseAsk, NetworkAsk, NetworkOp, Reply};
use moltghost_protocol::object::room::{lease_key, RoomAsk};
use moltghost_protocol::object::{read, read_outcome, write};
use moltghost_protocol::time::Millis;
use serde::de::DeserializeOwned;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Numbers that a seed decides (splitmix64).
pub struct Dice(Cell<u64>);

impl Dice {
    pub fn below(&self, below: u64) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut mixed = self.0.get();
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }

    /// Once in so many times.
    pub fn once_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }
}

/// What became of something that was sent.
pub struct Sent<T> {
    /// Whether it arrived.
    pub arrived: bool,
    /// Whether it arrived twice; the answer is the second one.
    pub twice: bool,
    /// The answer, if it came.
    pub answer: Option<T>,
}

/// What lies below the directory: everything that outlives its instances.
struct Ground {
    rooms: RefCell<BTreeMap<String, (Sqlite, Room<Sqlite>)>>,
    history: Sqlite,
    search: Sqlite,
    live: Sqlite,
    hub: RefCell<Hub<Sqlite, Alone>>,
    dice: Dice,
    /// Whether lines fail.
    faulty: Cell<bool>,
    now: Cell<Millis>,
    minted: Cell<u128>,
    woken: Cell<bool>,
}

impl Ground {
    /// Sends something over a line.
    fn send<T>(&self, act: impl Fn() -> T) -> Sent<T> {
        let fate = if self.faulty.get() { self.dice.below(10) } else { 9 };
        let (arrived, twice) = (fate != 0, fate == 2);
        let answer = arrived.then(|| {
            if twice {
                act();
            }
            act()
        });
        Sent { arrived, twice, answer: answer.filter(|_| fate != 1) }
    }

    fn random(&self) -> u128 {
        self.minted.set(self.minted.get() + 1);
        self.minted.get().wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }

    /// Something happens in a conversation's object, which is made by it.
    fn with_room<T>(&self, name: &Conversation, act: impl FnOnce(&mut Room<Sqlite>, &Turn<'_>) -> T) -> T {
        let mut rooms = self.rooms.borrow_mut();
        let (_, room) = rooms.entry(name.to_string()).or_insert_with(|| {
            let sql = Sqlite::new();
            let mut room = Room::new(sql.clone(), name.clone());
            room.searchable = true;
            (sql, room)
        });
        act(room, &Turn { now: self.now.get(), random: &|| Some(self.random()) })
    }

    fn ask_room(&self, name: &Conversation, message: &str) -> String {
        self.with_room(name, |room, turn| room.handle(read(message).unwrap(), turn))
    }
}

/// The directory's world.
#[derive(Clone)]
struct Lines(Rc<Ground>);

pub(super) fn lost() -> MoltnetError {
    MoltnetError::unavailable("lost")
}

impl World for Lines {
    fn now(&self) -> Millis {
        self.0.now.get()
    }

    fn random(&self) -> Outcome<u128> {
        Ok(self.0.random())
    }

    fn fault(&self, _: &MoltnetError) {}

    fn wake(&self, _: Millis) {
        self.0.woken.set(true);
    }

    async fn room(&self, conversation: &Conversation, ask: RoomAsk) -> Outcome<()> {
        let message = write(&ask);
        let sent = self.0.send(|| self.0.ask_room(conversation, &message));
        read_outcome(&sent.answer.ok_or_else(lost)?)
    }

    async fn hub(&self, notices: Vec<Notice>) -> Outcome<u64> {
        let message = write(&HubAsk::Notices(notices));
        let sent = self.0.send(|| self.0.hub.borrow().handle(&message));
        read_outcome(&sent.answer.ok_or_else(lost)?)
    }

    async fn project(&self, statements: Vec<Statement>) -> Outcome<()> {
        let sent = self.0.send(|| self.0.history.batch(&statements).unwrap());
        sent.answer.ok_or_else(lost)
    }
}

/// All of it.
pub struct Town {
    ground: Rc<Ground>,
    sql: Sqlite,
    network: Network<Sqlite, Lines>,
    asked: Cell<u64>,
}

fn settings() -> Settings {
    let get = |name: &str| match name {
        "AUTH" => Ok("bearer".to_owned()),
        "ADMIN_TOKEN" => Ok(ADMIN.to_owned()),
        _ => Ok(String::new()),
    };
    Settings::read(get).unwrap()
}

fn directory(sql: &Sqlite, ground: &Rc<Ground>) -> Network<Sqlite, Lines> {
    let pepper = Pepper::parse(PEPPER, None).unwrap();
    Network::new(sql.clone(), Lines(Rc::clone(ground)), pepper, settings())
}

impl Town {
    pub fn new(seed: u64) -> Self {
        let (history, search, sql) = (Sqlite::new(), Sqlite::new(), Sqlite::new());
        history.script(include_str!("../../../../../migrations/0002_history.sql"));
        history.script(include_str!("../../../../../migrations/0003_network.sql"));
        search.script(include_str!("../../../../../migrations/search/0001_search.sql"));
        let live = Sqlite::new();
        let ground = Rc::new(Ground {
            hub: hub(&live, settings()),
            live,
            rooms: RefCell::default(),
            history,
            search,
            dice: Dice(Cell::new(seed)),
            faulty: Cell::new(true),
            now: Cell::new(1_000_000),
            minted: Cell::new(u128::from(seed) << 64),
            woken: Cell::default(),
        });
        let network = directory(&sql, &ground);
        Self { ground, sql, network, asked: Cell::default() }
    }

    pub fn dice(&self) -> &Dice {
        &self.ground.dice
    }

    /// Time goes on.
    pub fn pass(&self) {
        let ms = 1 + self.ground.dice.below(2_000);
        self.ground.now.set(self.ground.now.get() + i64::try_from(ms).unwrap());
    }

    /// Whether lines fail from now on.
    pub fn fail(&self, faulty: bool) {
        self.ground.faulty.set(faulty);
    }

    /// The directory's object vanishes; the next message makes it anew from what it stored.
    pub fn evict_directory(&mut self) {
        self.network = directory(&self.sql, &self.ground);
    }

    /// The same of the hub.
    pub fn evict_hub(&self) {
        self.ground.hub.swap(&hub(&self.ground.live, settings()));
    }

    /// The same of a conversation, if it was ever asked.
    pub fn evict(&self, name: &Conversation) {
        if let Some((sql, room)) = self.ground.rooms.borrow_mut().get_mut(&name.to_string()) {
            *room = Room::new(sql.clone(), name.clone());
            room.searchable = true;
        }
    }

    /// Asks the directory in the name of whoever has this token.
    pub fn ask(&self, credential: &str, op: NetworkOp) -> Sent<Outcome<Reply>> {
        self.ask_for(credential, op, None)
    }

    /// The same, of a message for which the conversation may get a lease.
    pub fn ask_for(&self, credential: &str, op: NetworkOp, lease: Option<LeaseAsk>) -> Sent<Outcome<Reply>> {
        self.asked.set(self.asked.get() + 1);
        let ask = NetworkAsk {
            credential: Some(credential.to_owned()),
            lease,
            ..NetworkAsk::ours(op, format!("nonce-{:020}", self.asked.get()))
        };
        let message = write(&ask);
        self.ground.send(|| {
            let answer = self.network.handle(&message);
            // Nothing is acknowledged before every room has been told; a caller who hears of a failure asks again.
            while let Some(recall) = self.network.recall().unwrap() {
                if block_on(self.network.tell_recall(&recall)).is_ok() {
                    break;
                }
            }
            read_outcome(&answer)
        })
    }

    /// The key of the lease for a message.
    pub fn lease_key(credential: &str, message: &SendRequest) -> String {
        lease_key(&Pepper::parse(PEPPER, None).unwrap(), &settings().id, Some(credential), "", message)
    }

    /// Asks a conversation.
    pub fn converse<T: DeserializeOwned>(&self, name: &Conversation, ask: &RoomAsk) -> Sent<Outcome<T>> {
        let Sent { arrived, twice, answer } = self.converse_as_text(name, ask);
        Sent { arrived, twice, answer: answer.map(|text| read_outcome(&text)) }
    }

    /// The same; its answer as it comes.
    pub fn converse_as_text(&self, name: &Conversation, ask: &RoomAsk) -> Sent<String> {
        let message = write(ask);
        self.ground.send(|| self.ground.ask_room(name, &message))
    }

    /// The directory's alarm rings, if it is set.
    pub fn alarm(&self) {
        if self.ground.woken.take() {
            block_on(self.network.alarm());
        }
    }

    /// Every conversation that was ever asked.
    pub fn conversations(&self) -> Vec<Conversation> {
        let rooms = self.ground.rooms.borrow();
        rooms.keys().map(|name| Conversation::parse(name).unwrap()).collect()
    }

    /// A conversation's alarm rings: its consumers are told what they lack. A crash may come before that is noted.
    pub fn deliver(&self, name: &Conversation, noted: bool) {
        for consumer in Consumer::ALL {
            while let Some(push) = self.ground.with_room(name, |room, _| room.due(consumer)).unwrap() {
                let told = match &push {
                    Push::Hub(message) => {
                        let sent = self.ground.send(|| self.ground.hub.borrow().handle(message));
                        let Some(answer) = sent.answer else { break };
                        let stood = read_outcome(&answer).unwrap();
                        self.ground.with_room(name, |room, _| room.hub_stands(stood));
                        continue;
                    }
                    Push::Entries(statements) => {
                        let database = match consumer {
                            Consumer::Search => &self.ground.search,
                            _ => &self.ground.history,
                        };
                        self.ground.send(|| taken(database, statements)).answer
                    }
                    Push::Summary(summary) => {
                        let op = NetworkOp::DmSummary(summary.clone());
                        self.ask(ADMIN, op).answer.map(|answer| {
                            answer.unwrap();
                            summary.last_offset
                        })
                    }
                };
                let Some(offset) = told else { break };
                self.ground.with_room(name, |room, _| room.told(consumer, offset));
            }
        }
        if noted {
            self.ground.with_room(name, |room, _| room.save_marks()).unwrap();
        }
    }

    /// Everything that is still to be told is told.
    pub fn settle(&self) {
        for _ in 0..20 {
            self.alarm();
            self.conversations().iter().for_each(|name| self.deliver(name, true));
        }
        assert!(!self.ground.woken.get(), "the directory's alarm rings for ever");
    }

    /// Rows of the database `DB`, each as JSON.
    pub fn history(&self, query: &str) -> Vec<String> {
        texts(&self.ground.history, query)
    }

    /// Rows of the database `SEARCH`.
    pub fn search(&self, query: &str) -> Vec<String> {
        texts(&self.ground.search, query)
    }

    /// Rows of the hub's database.
    pub fn live(&self, query: &str) -> Vec<String> {
        texts(&self.ground.live, query)
    }

    /// Rows of a conversation's own database.
    pub fn stored(&self, name: &Conversation, query: &str) -> Vec<String> {
        let rooms = self.ground.rooms.borrow();
        let (sql, _) = rooms.get(&name.to_string()).unwrap();
        let opened = !texts(sql, "SELECT 1 FROM sqlite_master WHERE name = 'log'").is_empty();
        if opened {
            texts(sql, query)
        } else {
            Vec::new()
        }
    }
}

fn texts(sql: &Sqlite, query: &str) -> Vec<String> {
    sql.run(query, &[]).unwrap().iter().map(|row| serde_json::to_string(row).unwrap()).collect()
}

/// Runs a transaction as D1 does; the offset that the database says it has.
fn taken(database: &Sqlite, statements: &[Statement]) -> u64 {
    database.batch(statements).unwrap();
    let (last, parameters) = statements.last().unwrap();
    let rows = database.run(last, parameters).unwrap();
    stands(&format!("[{{\"offset\":{}}}]", rows[0][0].int())).unwrap()
}
