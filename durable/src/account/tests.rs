//! Accounts, aliases and the register over real `SQLite`, with every step to another object able to fail.

mod reports;
mod together;
mod tokens;
mod upgrade;

use super::{Account, Answer, World};
use crate::agent::{Endpoint, Reply, Turn};
use crate::sql::{Sql, Statement};
use crate::sqlite::Sqlite;
use crate::stream::link::tests::FakeSocket;
use moltghost_protocol::control::account::{AccountDocument, Name, NewToken, Role, TokenDocument};
use moltghost_protocol::control::agent::{AgentRecord, Change, NewAgent, State};
use moltghost_protocol::control::page::{Page, PageRequest};
use moltghost_protocol::credential::{AccountToken, Pepper, Secret, SecretHash};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, AgentId, Alias, TokenId};
use moltghost_protocol::name::{self, AccountName};
use moltghost_protocol::object::account::{
    AccountAsk, AccountOp, AliasOp, CreateAgent, Created, RegisterOp, Which,
};
use moltghost_protocol::object::agent::AgentOp;
use moltghost_protocol::object::{read_answer, write};
use moltghost_protocol::time::{Millis, DAY};
use serde::de::DeserializeOwned;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A deployment: every object's database by its name.
#[derive(Clone)]
struct Deployment {
    databases: Rc<RefCell<HashMap<String, Sqlite>>>,
    pepper: Pepper,
    now: Rc<Cell<Millis>>,
    /// Calls between objects that still succeed; the one after fails. `None`: all succeed.
    calls: Rc<Cell<Option<u32>>>,
    projected: Rc<RefCell<Vec<Statement>>>,
    alarm: Rc<Cell<Option<Millis>>>,
    /// Links to the account `acme`.
    sockets: Rc<RefCell<Vec<FakeSocket>>>,
    /// Whether each claim of an alias lets other messages go first.
    slow_claims: Rc<Cell<bool>>,
}

/// Nothing in these tests ever waits for anything real.
fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a test waited"),
    }
}

impl Deployment {
    fn new() -> Self {
        Self {
            databases: Rc::default(),
            pepper: Pepper::parse("a pepper for these tests", None).unwrap(),
            now: Rc::new(Cell::new(1_795_392_000_000)),
            calls: Rc::default(),
            projected: Rc::default(),
            alarm: Rc::default(),
            sockets: Rc::default(),
            slow_claims: Rc::default(),
        }
    }

    fn database(&self, name: &str) -> Sqlite {
        self.databases.borrow_mut().entry(name.to_owned()).or_insert_with(Sqlite::new).clone()
    }

    fn object(&self, name: AccountName) -> Account<Sqlite, Deployment> {
        Account::new(self.database(&name.to_string()), self.clone(), self.pepper.clone(), name)
    }

    fn step(&self) -> Answer<()> {
        match self.calls.get() {
            None => Ok(()),
            Some(0) => Err(Problem::new(Code::InternalError, "the object is gone")),
            Some(left) => {
                self.calls.set(Some(left - 1));
                Ok(())
            }
        }
    }

    fn ask<T: DeserializeOwned>(&self, name: AccountName, ask: &AccountAsk) -> Answer<T> {
        read_answer(&now_or_never(self.object(name).handle(&write(ask))))
    }

    fn operator<T: DeserializeOwned>(&self, op: AccountOp) -> Answer<T> {
        self.ask(AccountName::Account(acme()), &AccountAsk::Operator(op))
    }

    fn with_account() -> Self {
        let deployment = Self::new();
        let op = AccountOp::Create { id: acme(), name: name_of("Acme") };
        deployment.operator::<Created<AccountDocument>>(op).unwrap();
        deployment
    }

    fn creation(&self, id: u128, body: &str) -> AccountOp {
        AccountOp::CreateAgent(Box::new(CreateAgent {
            id: AgentId::mint(id),
            settings: NewAgent::parse(body.as_bytes()).unwrap().settings,
            connect: SecretHash::of(&Secret::mint([1; 32]), &self.pepper),
        }))
    }

    fn create_agent(&self, id: u128, body: &str) -> Answer<Created<AgentRecord>> {
        self.operator(self.creation(id, body))
    }

    fn alarm(&self) {
        now_or_never(self.object(AccountName::Account(acme())).alarm());
    }

    fn holder(&self, alias: &str) -> Answer<AgentId> {
        self.ask(AccountName::Alias(Alias::parse(alias).unwrap()), &AccountAsk::Alias(AliasOp::Resolve))
    }

    fn shown(&self, id: u128) -> Answer<AgentRecord> {
        now_or_never(self.agent(&AgentId::mint(id), AgentOp::Show))
    }
}

impl World for Deployment {
    type Socket = FakeSocket;

    fn sockets(&self) -> Vec<FakeSocket> {
        self.sockets.borrow().clone()
    }

    fn now(&self) -> Millis {
        self.now.get()
    }

    fn nonce(&self) -> Answer<[u8; 12]> {
        Ok([5; 12])
    }

    fn wake(&self, time: Millis) {
        self.alarm.set(Some(time));
    }

    async fn alias(&self, alias: &Alias, op: AliasOp) -> Answer<()> {
        self.step()?;
        if self.slow_claims.get() {
            together::give_way().await;
        }
        let object = self.object(AccountName::Alias(alias.clone()));
        read_answer(&Box::pin(object.handle(&write(&AccountAsk::Alias(op)))).await)
    }

    async fn register(&self, op: RegisterOp) -> Answer<()> {
        self.step()?;
        let object = self.object(AccountName::Register);
        read_answer(&Box::pin(object.handle(&write(&AccountAsk::Register(op)))).await)
    }

    async fn agent(&self, id: &AgentId, op: AgentOp) -> Answer<AgentRecord> {
        self.step()?;
        let name = name::agent(id);
        let mut endpoint =
            Endpoint::new(self.database(&name), self.pepper.clone(), name, crate::agent::no_links());
        let turn = Turn { now: self.now.get(), nonce: &|| Some([6; 12]) };
        match endpoint.handle(&write(&op), &turn) {
            Reply::Now(answer) => read_answer(&answer),
            Reply::Later(run) => panic!("{run} waits"),
        }
    }

    async fn project(&self, statements: Vec<Statement>) -> Answer<()> {
        self.step()?;
        self.projected.borrow_mut().extend(statements);
        Ok(())
    }
}

fn acme() -> AccountId {
    AccountId::parse("acme").unwrap()
}

fn name_of(text: &str) -> Name {
    Name::try_from(text.to_owned()).unwrap()
}

fn listed(deployment: &Deployment) -> Vec<AccountId> {
    let ask = AccountAsk::Register(RegisterOp::List(PageRequest::default()));
    let page: Page<AccountDocument> = deployment.ask(AccountName::Register, &ask).unwrap();
    page.data.into_iter().map(|account| account.id).collect()
}

#[test]
fn a_session_that_was_signed_out_of_is_remembered_until_its_time_is_over() {
    let deployment = Deployment::new();
    let ask = |op| deployment.ask(AccountName::Register, &AccountAsk::Register(op));
    let is_ended = |id: &str| -> bool {
        deployment
            .ask(AccountName::Register, &AccountAsk::Register(RegisterOp::IsEnded(id.to_owned())))
            .unwrap()
    };
    assert!(!is_ended("one"));
    let ends = deployment.now.get() + 10;
    for _ in 0..2 {
        let () = ask(RegisterOp::EndSession { id: "one".to_owned(), ends }).unwrap();
    }
    assert!(is_ended("one") && !is_ended("other"));
    deployment.now.set(ends);
    let () = ask(RegisterOp::EndSession { id: "other".to_owned(), ends: ends + 10 }).unwrap();
    assert!(is_ended("other") && !is_ended("one"));
}

#[test]
fn what_was_never_created_leaves_no_trace() {
    let deployment = Deployment::new();
    assert_eq!(deployment.operator::<AccountDocument>(AccountOp::Show).unwrap_err().code, Code::NotFound);
    assert_eq!(deployment.holder("nobody").unwrap_err().code, Code::AgentNotFound);
    assert!(listed(&deployment).is_empty());
    let token = AccountToken { account: acme(), id: TokenId::mint(1), secret: Secret::mint([1; 32]) };
    let ask = AccountAsk::Token { id: token.id.clone(), token: token.reveal(), op: AccountOp::Show };
    let refused = deployment.ask::<AccountDocument>(AccountName::Account(acme()), &ask).unwrap_err();
    assert_eq!(refused.code, Code::InvalidToken);
    for database in deployment.databases.borrow().values() {
        assert!(database.run("SELECT name FROM sqlite_master", &[]).unwrap().is_empty());
    }
}

#[test]
fn an_account_that_was_stored_gets_into_the_register_whatever_fails() {
    let deployment = Deployment::new();
    let create = || AccountOp::Create { id: acme(), name: name_of("Acme") };
    deployment.calls.set(Some(0));
    assert!(deployment.operator::<Created<AccountDocument>>(create()).is_err());
    assert!(deployment.alarm.get().is_some());
    deployment.calls.set(None);
    deployment.alarm();
    assert_eq!(listed(&deployment), [acme()]);
    assert!(!deployment.operator::<Created<AccountDocument>>(create()).unwrap().new);
    let other = AccountOp::Create { id: acme(), name: name_of("Other") };
    let taken = deployment.operator::<Created<AccountDocument>>(other).unwrap_err();
    assert_eq!(taken.code, Code::NameTaken);
}

#[test]
fn an_agent_is_whole_or_nothing_whichever_step_fails() {
    let body = r#"{"name":"bot","alias":"bot"}"#;
    for calls in 0..4 {
        let deployment = Deployment::with_account();
        deployment.calls.set(Some(calls));
        let first = deployment.create_agent(1, body);
        deployment.calls.set(None);
        deployment.alarm();
        // The same call again finds the agent that the first one promised.
        let again = deployment.create_agent(2, body).unwrap();
        assert_eq!(again.document.id, AgentId::mint(1), "{calls}: {first:?}");
        assert!(!again.new);
        assert_eq!(deployment.holder("bot").unwrap(), AgentId::mint(1));
        assert_eq!(deployment.shown(2).unwrap_err().code, Code::AgentNotFound);
    }
}

#[test]
fn names_are_unique_in_an_account_and_aliases_in_the_deployment() {
    let deployment = Deployment::with_account();
    deployment.create_agent(1, r#"{"name":"a","alias":"one"}"#).unwrap();
    let taken = deployment.create_agent(2, r#"{"name":"b","alias":"one"}"#).unwrap_err();
    assert_eq!((taken.code, taken.param.as_deref()), (Code::NameTaken, Some("alias")));
    // The refused agent left nothing: its name is free, its endpoint was never made.
    assert!(deployment.create_agent(3, r#"{"name":"b"}"#).unwrap().new);
    assert_eq!(deployment.shown(2).unwrap_err().code, Code::AgentNotFound);
    let other = deployment.create_agent(4, r#"{"name":"a","alias":"two"}"#).unwrap_err();
    assert_eq!(other.code, Code::NameTaken);
}

#[test]
fn an_alias_that_was_given_up_is_closed_to_others_for_thirty_days() {
    let deployment = Deployment::with_account();
    deployment.create_agent(1, r#"{"name":"a","alias":"one"}"#).unwrap();
    let change = Change::parse(br#"{"alias":"two","name":"c"}"#).unwrap();
    let op = AccountOp::ChangeAgent { agent: AgentId::mint(1), change: Box::new(change) };
    let changed: AgentRecord = deployment.operator(op).unwrap();
    assert_eq!(changed.settings.alias.as_ref().map(Alias::as_str), Some("two"));
    assert_eq!(changed.settings.name, name_of("c"));
    assert_eq!(deployment.holder("one").unwrap_err().code, Code::AgentNotFound);
    assert_eq!(deployment.holder("two").unwrap(), AgentId::mint(1));
    let take = r#"{"name":"b","alias":"one"}"#;
    deployment.now.set(deployment.now.get() + 30 * DAY - 1);
    assert_eq!(deployment.create_agent(2, take).unwrap_err().code, Code::NameTaken);
    deployment.now.set(deployment.now.get() + 1);
    assert!(deployment.create_agent(2, take).unwrap().new);
}

#[test]
fn a_change_is_whole_or_nothing_whichever_step_fails() {
    for calls in 0..5 {
        let deployment = Deployment::with_account();
        deployment.create_agent(1, r#"{"name":"a","alias":"one"}"#).unwrap();
        deployment.calls.set(Some(calls));
        let change = Change::parse(br#"{"alias":"two"}"#).unwrap();
        let op = AccountOp::ChangeAgent { agent: AgentId::mint(1), change: Box::new(change) };
        let _ = deployment.operator::<AgentRecord>(op);
        deployment.calls.set(None);
        deployment.alarm();
        let alias = deployment.shown(1).unwrap().settings.alias.unwrap();
        assert_eq!(alias.as_str(), "two", "{calls}");
        assert_eq!(deployment.holder("two").unwrap(), AgentId::mint(1));
        assert!(deployment.holder("one").is_err());
    }
}

#[test]
fn a_refused_change_leaves_everything_as_it_was() {
    let deployment = Deployment::with_account();
    deployment.create_agent(1, r#"{"name":"a","alias":"one"}"#).unwrap();
    deployment.create_agent(2, r#"{"name":"b","alias":"two"}"#).unwrap();
    for (body, param) in [(r#"{"alias":"two","name":"z"}"#, "alias"), (r#"{"name":"b"}"#, "name")] {
        let change = Change::parse(body.as_bytes()).unwrap();
        let op = AccountOp::ChangeAgent { agent: AgentId::mint(1), change: Box::new(change) };
        assert_eq!(deployment.operator::<AgentRecord>(op).unwrap_err().param.as_deref(), Some(param));
    }
    let find = |text: &str| {
        let agent = Which::Name(text.to_owned());
        deployment.operator::<AgentId>(AccountOp::Find { agent, role: Role::Viewer })
    };
    assert_eq!(find("a").unwrap(), AgentId::mint(1));
    assert_eq!(find("one").unwrap(), AgentId::mint(1));
    assert!(find("z").is_err());
    assert_eq!(deployment.holder("two").unwrap(), AgentId::mint(2));
}

#[test]
fn a_terminated_agent_frees_its_name_and_is_ended_whichever_step_fails() {
    for calls in 0..3 {
        let deployment = Deployment::with_account();
        deployment.create_agent(1, r#"{"name":"a","alias":"one"}"#).unwrap();
        deployment.calls.set(Some(calls));
        let _ = deployment.operator::<AgentRecord>(AccountOp::TerminateAgent(AgentId::mint(1)));
        deployment.calls.set(None);
        deployment.alarm();
        assert_eq!(deployment.shown(1).unwrap().state, State::Terminated, "{calls}");
        assert!(deployment.holder("one").is_err());
        assert!(deployment.create_agent(2, r#"{"name":"a"}"#).unwrap().new);
        let ids: Page<AgentId> = deployment.operator(AccountOp::Agents(PageRequest::default())).unwrap();
        assert_eq!(ids.data, [AgentId::mint(2)]);
        let again = deployment.operator::<AgentRecord>(AccountOp::TerminateAgent(AgentId::mint(1)));
        assert_eq!(again.unwrap().state, State::Terminated);
    }
}

#[test]
fn the_projection_catches_up_after_an_outage_and_writes_nothing_twice() {
    let deployment = Deployment::with_account();
    deployment.create_agent(1, r#"{"name":"a"}"#).unwrap();
    deployment.calls.set(Some(0));
    deployment.alarm();
    assert!(deployment.projected.borrow().is_empty());
    deployment.calls.set(None);
    for _ in 0..2 {
        deployment.alarm();
    }
    assert_eq!(deployment.projected.borrow().len(), 2);
}
