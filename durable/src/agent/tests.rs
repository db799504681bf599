//! The rules of an endpoint over real `SQLite`: the same SQL as in production, with crashes between any two messages.

use super::{no_links, Endpoint, Reply, Turn};
use crate::sql::Sql;
use crate::sqlite::Sqlite;
use moltghost_protocol::control::agent::{AgentRecord, Change, NewAgent, State};
use moltghost_protocol::control::key::{KeyDocument, NewKey};
use moltghost_protocol::credential::{ApiKey, Pepper, Secret, SecretHash};
use moltghost_protocol::endpoint::usage::Usage;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, AgentId, KeyId};
use moltghost_protocol::name;
use moltghost_protocol::object::agent::{
    rider, Admission, Admit, AgentOp, Create, CreateKey, Inspect, Inspection, Outcome, Presented, Read,
    Reading, Settle, Started, Status,
};
use moltghost_protocol::object::{read_answer, write};
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::{Millis, DAY};
use serde::de::DeserializeOwned;

mod availability;
mod callers;
mod keys;
mod leases;
mod limits;
mod notices;
mod order;
mod rotation;
mod slots;
mod sockets;
mod start;
mod states;
mod upgrade;
mod watch;

const START: Millis = 1_795_392_000_000;

/// One endpoint on a database that outlives it.
struct Bench {
    sql: Sqlite,
    pepper: Pepper,
    endpoint: Endpoint<Sqlite>,
    now: Millis,
    id: AgentId,
}

impl Bench {
    fn empty() -> Self {
        let sql = Sqlite::new();
        let pepper = Pepper::parse("a pepper for these tests", None).unwrap();
        let id = AgentId::mint(1);
        let endpoint = Endpoint::new(sql.clone(), pepper.clone(), name::agent(&id), no_links());
        Self { sql, pepper, endpoint, now: START, id }
    }

    fn running() -> Self {
        let mut bench = Self::empty();
        bench.create(r#"{"name":"a","limits":{"concurrency":1000},"origin":{"type":"http","url":"https://pod.example","headers":{"X-Pod":"secret"}}}"#)
            .unwrap();
        bench.ok::<Started>(AgentOp::Start);
        assert_eq!(bench.ok::<AgentRecord>(AgentOp::Probed(None)).state, State::Running);
        bench
    }

    /// Loses everything that is not stored, as a crash or an eviction does.
    fn crash(&mut self) {
        self.endpoint =
            Endpoint::new(self.sql.clone(), self.pepper.clone(), name::agent(&self.id), no_links());
    }

    #[allow(clippy::needless_pass_by_value, reason = "it reads better where it is called")]
    fn ask<T: DeserializeOwned>(&mut self, op: AgentOp, settle: Vec<Settle>) -> Result<T, Problem> {
        let turn = Turn { now: self.now, nonce: &|| Some([7; 12]) };
        let riders = settle.iter().map(|settle| format!("\n{}", rider(settle)));
        let message = std::iter::once(write(&op)).chain(riders).collect::<String>();
        match self.endpoint.handle(&message, &turn) {
            Reply::Now(answer) => read_answer(&answer),
            Reply::Later(run) => panic!("{run} waits"),
        }
    }

    fn ok<T: DeserializeOwned>(&mut self, op: AgentOp) -> T {
        self.ask(op, vec![]).unwrap()
    }

    fn create(&mut self, body: &str) -> Result<AgentRecord, Problem> {
        let create = Create {
            id: self.id.clone(),
            account: AccountId::parse("acme").unwrap(),
            settings: NewAgent::parse(body.as_bytes()).unwrap().settings,
            connect: SecretHash::of(&Secret::mint([9; 32]), &self.pepper),
        };
        self.ask(AgentOp::Create(Box::new(create)), vec![])
    }

    fn key(&mut self, seed: u8) -> ApiKey {
        self.key_with(seed, r#"{"name":"k"}"#)
    }

    fn key_with(&mut self, seed: u8, body: &str) -> ApiKey {
        let key = ApiKey {
            account: AccountId::parse("acme").unwrap(),
            id: KeyId::mint(&self.id, u128::from(seed)),
            secret: Secret::mint([seed; 32]),
        };
        let ask = CreateKey {
            id: key.id.clone(),
            key: NewKey::parse(body.as_bytes(), self.now).unwrap(),
            hash: SecretHash::of(&key.secret, &self.pepper),
        };
        self.ok::<KeyDocument>(AgentOp::CreateKey(Box::new(ask)));
        key
    }

    fn admit_run(&mut self, key: Option<&ApiKey>, run: u128, settle: Vec<Settle>) -> Outcome {
        let admit = Admit { run: RunId::mint(0, run), key: key.map(presented), reserve: 100, ..blank() };
        self.ask::<Admission>(AgentOp::Admit(Box::new(admit)), settle).unwrap().outcome
    }

    /// Admits a run; `None` where it waits.
    fn try_run(&mut self, key: &ApiKey, run: u128) -> Option<Admission> {
        let admit = Admit { run: RunId::mint(0, run), key: Some(presented(key)), reserve: 100, ..blank() };
        let turn = Turn { now: self.now, nonce: &|| Some([7; 12]) };
        match self.endpoint.handle(&write(&AgentOp::Admit(Box::new(admit))), &turn) {
            Reply::Now(answer) => Some(read_answer(&answer).unwrap()),
            Reply::Later(waits) => {
                assert_eq!(waits, RunId::mint(0, run));
                None
            }
        }
    }

    /// Outcomes of the calls that waited, by their run.
    fn decided(&mut self) -> Vec<(u128, Outcome)> {
        let number = |run: &RunId| (0..2_000).find(|n| RunId::mint(0, *n) == *run).unwrap();
        let decided = self.endpoint.take_decided().into_iter();
        decided
            .map(|(run, answer)| (number(&run), read_answer::<Admission>(&answer).unwrap().outcome))
            .collect()
    }

    fn limit(&mut self, limits: &str) {
        let change = Change::parse(format!(r#"{{"limits":{limits}}}"#).as_bytes()).unwrap();
        self.ok::<AgentRecord>(AgentOp::Change(Box::new(change)));
    }

    fn status(&mut self, key: &ApiKey) -> Status {
        let ask = Inspect {
            key: Some(presented(key)),
            alias: None,
            browser: None,
            what: Reading::Status,
            path: "/v1/status".into(),
            ticket: None,
        };
        match self.ok::<Inspection>(AgentOp::Inspect(ask)).outcome {
            Read::Status(status) => *status,
            other => panic!("{other:?}"),
        }
    }
}

fn presented(key: &ApiKey) -> Presented {
    Presented { account: key.account.clone(), id: key.id.clone(), key: key.reveal() }
}

fn blank() -> Admit {
    Admit {
        run: RunId::mint(0, 0),
        key: None,
        alias: None,
        browser: None,
        path: "/v1/chat/completions".into(),
        documented: false,
        body_bytes: 10,
        body_problem: None,
        reserve: 0,
        timeout_ms: None,
        vouched: None,
    }
}

fn settled(run: u128, tokens: u64) -> Settle {
    Settle::new(RunId::mint(0, run), Usage::reported(Some(1), Some(tokens), None))
}

fn refused(outcome: Outcome) -> Code {
    match outcome {
        Outcome::Refused(problem) => problem.code,
        other => panic!("{other:?}"),
    }
}
