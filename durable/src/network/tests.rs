//! The rules of the directory over a real database, with rooms and D1 that fail on request.

mod directory;
mod leases;
mod model;
mod sending;
mod tokens;

use super::{Network, World};
use crate::sql::{Sql, Statement};
use crate::sqlite::Sqlite;
use moltghost_protocol::credential::Pepper;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::limits::ChangeLimits;
use moltghost_protocol::moltnet::room::CreateRoom;
use moltghost_protocol::moltnet::settings::Settings;
use moltghost_protocol::moltnet::token::NewToken;
use moltghost_protocol::name::Conversation;
use moltghost_protocol::object::hub::Notice;
use moltghost_protocol::object::network::{NetworkAsk, NetworkOp, OperatorOp, Reply};
use moltghost_protocol::object::room::RoomAsk;
use moltghost_protocol::object::{read_outcome, write};
use moltghost_protocol::time::Millis;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// What the world saw and how it behaves.
pub(super) struct Seen {
    pub now: Cell<Millis>,
    pub minted: Cell<u128>,
    pub woken: Cell<Option<Millis>>,
    pub told: RefCell<Vec<(String, RoomAsk)>>,
    pub rooms_down: Cell<bool>,
    pub hub_down: Cell<bool>,
    pub heard: RefCell<Vec<Notice>>,
    pub d1_down: Cell<bool>,
    pub d1: Sqlite,
}

impl Seen {
    fn new() -> Self {
        Self {
            now: Cell::new(1_000_000),
            minted: Cell::default(),
            woken: Cell::default(),
            told: RefCell::default(),
            rooms_down: Cell::default(),
            hub_down: Cell::default(),
            heard: RefCell::default(),
            d1_down: Cell::default(),
            d1: Sqlite::new(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Stage(pub Rc<Seen>);

impl World for Stage {
    fn now(&self) -> Millis {
        self.0.now.get()
    }

    fn random(&self) -> Outcome<u128> {
        // Spread over all bits, so that no prefix of it repeats.
        self.0.minted.set(self.0.minted.get() + 1);
        Ok(self.0.minted.get().wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    fn fault(&self, _: &MoltnetError) {}

    fn wake(&self, time: Millis) {
        let sooner = self.0.woken.get().is_none_or(|set| set > time);
        if sooner {
            self.0.woken.set(Some(time));
        }
    }

    async fn room(&self, conversation: &Conversation, ask: RoomAsk) -> Outcome<()> {
        if self.0.rooms_down.get() {
            return Err(MoltnetError::unavailable("down"));
        }
        self.0.told.borrow_mut().push((conversation.to_string(), ask));
        Ok(())
    }

    async fn hub(&self, notices: Vec<Notice>) -> Outcome<u64> {
        if self.0.hub_down.get() {
            return Err(MoltnetError::unavailable("down"));
        }
        let last = notices.last().map_or(0, |notice| notice.number);
        self.0.heard.borrow_mut().extend(notices);
        Ok(last)
    }

    async fn project(&self, statements: Vec<Statement>) -> Outcome<()> {
        if self.0.d1_down.get() {
            return Err(MoltnetError::unavailable("down"));
        }
        self.0.d1.batch(&statements).map_err(MoltnetError::from)
    }
}

/// A network under test, which can be thrown away and opened again on what it stored.
pub(super) struct Bench {
    pub sql: Sqlite,
    pub world: Stage,
    pub variables: Vec<(&'static str, &'static str)>,
    pub pepper: (&'static str, Option<&'static str>),
    pub network: Network<Sqlite, Stage>,
    pub nonce: Cell<u32>,
}

const PEPPER: &str = "1:a pepper for tests only";
pub(super) const ADMIN: &str = "the first admin token";

fn open(
    bench: (&Sqlite, &Stage),
    variables: &[(&str, &str)],
    pepper: (&str, Option<&str>),
) -> Network<Sqlite, Stage> {
    let get = |name: &str| {
        Ok(variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()).unwrap_or_default())
    };
    let pepper = Pepper::parse(pepper.0, pepper.1).unwrap();
    Network::new(bench.0.clone(), bench.1.clone(), pepper, Settings::read(get).unwrap())
}

impl Bench {
    pub fn new(variables: &[(&'static str, &'static str)]) -> Self {
        let (sql, world) = (Sqlite::new(), Stage(Rc::new(Seen::new())));
        for statement in include_str!("../../../migrations/0003_network.sql").split(';') {
            if statement.contains("CREATE") {
                world.0.d1.run(statement, &[]).unwrap();
            }
        }
        let mut variables = variables.to_vec();
        variables.push(("ADMIN_TOKEN", ADMIN));
        let pepper = (PEPPER, None);
        let network = open((&sql, &world), &variables, pepper);
        Self { sql, world, variables, pepper, network, nonce: Cell::new(0) }
    }

    /// The object vanishes and is opened again, as after a crash.
    pub fn restart(&mut self) {
        self.network = open((&self.sql, &self.world), &self.variables, self.pepper);
    }

    pub fn ask_from(&self, client: &str, credential: Option<&str>, op: NetworkOp) -> Outcome<Reply> {
        self.nonce.set(self.nonce.get() + 1);
        self.ask_again(&format!("nonce-{:020}", self.nonce.get()), client, credential, op)
    }

    pub fn ask_again(
        &self,
        nonce: &str,
        client: &str,
        credential: Option<&str>,
        op: NetworkOp,
    ) -> Outcome<Reply> {
        let ask = NetworkAsk {
            credential: credential.map(str::to_owned),
            client: client.to_owned(),
            ..NetworkAsk::ours(op, nonce.to_owned())
        };
        read_outcome(&self.network.handle(&write(&ask)))
    }

    pub fn ask(&self, credential: Option<&str>, op: NetworkOp) -> Outcome<Reply> {
        self.ask_from("10.0.0.1", credential, op)
    }

    /// A document that the admin gets.
    pub fn get(&self, op: NetworkOp) -> Value {
        body(self.ask(Some(ADMIN), op).unwrap()).1
    }

    pub fn status(&self, credential: Option<&str>, op: NetworkOp) -> u16 {
        match self.ask(credential, op) {
            Ok(Reply::Document { status, .. }) => status,
            Ok(_) => 200,
            Err(error) => error.status,
        }
    }

    pub fn room(&self, id: &str, members: &[&str], visibility: &str) {
        let room = CreateRoom {
            id: id.into(),
            members: members.iter().map(|m| (*m).to_owned()).collect(),
            visibility: visibility.into(),
            ..CreateRoom::default()
        };
        assert_eq!(self.status(Some(ADMIN), NetworkOp::CreateRoom(room)), 201);
    }

    pub fn token(&self, value: &str, scopes: &[&str], agents: &[&str]) {
        let texts = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect();
        let token = NewToken {
            value: value.into(),
            scopes: texts(scopes),
            agents: texts(agents),
            ..NewToken::default()
        };
        assert_eq!(self.status(None, NetworkOp::Operator(OperatorOp::PutToken(token))), 201);
    }

    pub fn limit(&self, change: ChangeLimits) {
        assert_eq!(self.status(None, NetworkOp::Operator(OperatorOp::ChangeLimits(change))), 200);
    }

    /// The alarm rings, if it is due.
    pub fn alarm(&self) {
        if self.world.0.woken.get().is_some_and(|time| time <= self.world.0.now.get()) {
            self.world.0.woken.set(None);
            block_on(self.network.alarm());
        }
    }
}

pub(super) fn body(reply: Reply) -> (u16, Value) {
    match reply {
        Reply::Document { status, body } => (status, serde_json::from_str(&body).unwrap()),
        other => panic!("a document was expected, not {other:?}"),
    }
}

/// Runs a future that never waits.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing in these tests waits"),
    }
}
