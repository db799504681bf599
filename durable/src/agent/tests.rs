//! The rules of an endpoint over real `SQLite`: the same SQL as in production, with crashes between any two messages.

use super::{Endpoint, Turn};
use crate::sql::Sql;
use crate::sqlite::Sqlite;
use moltghost_protocol::control::agent::{AgentRecord, NewAgent, State};
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
use proptest::prelude::*;
use serde::de::DeserializeOwned;

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
        let endpoint = Endpoint::new(sql.clone(), pepper.clone(), name::agent(&id));
        Self { sql, pepper, endpoint, now: START, id }
    }

    fn running() -> Self {
        let mut bench = Self::empty();
        bench.create(r#"{"name":"a","origin":{"type":"http","url":"https://pod.example","headers":{"X-Pod":"secret"}}}"#)
            .unwrap();
        bench.ok::<Started>(AgentOp::Start);
        assert_eq!(bench.ok::<AgentRecord>(AgentOp::Probed(None)).state, State::Running);
        bench
    }

    /// Loses everything that is not stored, as a crash or an eviction does.
    fn crash(&mut self) {
        self.endpoint = Endpoint::new(self.sql.clone(), self.pepper.clone(), name::agent(&self.id));
    }

    #[allow(clippy::needless_pass_by_value, reason = "it reads better where it is called")]
    fn ask<T: DeserializeOwned>(&mut self, op: AgentOp, settle: Vec<Settle>) -> Result<T, Problem> {
        let turn = Turn { now: self.now, nonce: &|| Some([7; 12]) };
        let riders = settle.iter().map(|settle| format!("\n{}", rider(settle)));
        let message = std::iter::once(write(&op)).chain(riders).collect::<String>();
        read_answer(&self.endpoint.handle(&message, &turn))
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
        let key = ApiKey {
            account: AccountId::parse("acme").unwrap(),
            id: KeyId::mint(&self.id, u128::from(seed)),
            secret: Secret::mint([seed; 32]),
        };
        let ask = CreateKey {
            id: key.id.clone(),
            key: NewKey::parse(br#"{"name":"k"}"#).unwrap(),
            hash: SecretHash::of(&key.secret, &self.pepper),
        };
        self.ok::<KeyDocument>(AgentOp::CreateKey(Box::new(ask)));
        key
    }

    fn admit_run(&mut self, key: Option<&ApiKey>, run: u128, settle: Vec<Settle>) -> Outcome {
        let admit = Admit { run: RunId::mint(0, run), key: key.map(presented), reserve: 100, ..blank() };
        self.ask::<Admission>(AgentOp::Admit(Box::new(admit)), settle).unwrap().outcome
    }

    fn status(&mut self, key: &ApiKey) -> Status {
        let ask = Inspect { key: Some(presented(key)), alias: None, browser: None, what: Reading::Status };
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
        documented: false,
        body_bytes: 10,
        body_problem: None,
        reserve: 0,
        timeout_ms: None,
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

#[test]
fn an_endpoint_that_was_never_created_leaves_no_trace() {
    let mut bench = Bench::empty();
    for op in [
        AgentOp::Health,
        AgentOp::Show,
        AgentOp::Start,
        AgentOp::Pause,
        AgentOp::Terminate,
        AgentOp::Cors(None),
    ] {
        assert_eq!(bench.ask::<serde_json::Value>(op, vec![]).unwrap_err().code, Code::AgentNotFound);
    }
    let admit = AgentOp::Admit(Box::new(blank()));
    assert_eq!(bench.ask::<Admission>(admit, vec![]).unwrap_err().code, Code::AgentNotFound);
    assert!(bench.sql.run("SELECT name FROM sqlite_master", &[]).unwrap().is_empty());
}

#[test]
fn creating_again_is_the_same_endpoint_or_a_taken_name() {
    let mut bench = Bench::empty();
    let body =
        r#"{"name":"a","origin":{"type":"http","url":"https://p.example","headers":{"x-pod":"secret"}}}"#;
    let first = bench.create(body).unwrap();
    bench.crash();
    assert_eq!(bench.create(body).unwrap(), first);
    let other = body.replace("secret", "other");
    assert_eq!(bench.create(&other).unwrap_err().code, Code::NameTaken);
}

#[test]
fn origin_headers_are_stored_sealed_shown_blank_and_given_to_calls() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.crash();
    let stored = format!("{:?}", bench.sql.run("SELECT * FROM agent", &[]).unwrap());
    let shown = serde_json::to_string(&bench.ok::<AgentRecord>(AgentOp::Show)).unwrap();
    assert!(!stored.contains("secret") && !shown.contains("secret"), "{stored} {shown}");
    match bench.admit_run(Some(&key), 1, vec![]) {
        Outcome::Run(target) => assert_eq!(target.headers, "x-pod: secret\n"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_key_that_does_not_open_the_agent_gets_the_same_answer() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let revoked = bench.key(2);
    bench.ok::<KeyDocument>(AgentOp::RevokeKey(revoked.id.clone()));
    let unknown = ApiKey { id: KeyId::mint(&bench.id, 99), ..key.clone() };
    let forged = ApiKey { secret: Secret::mint([3; 32]), ..key.clone() };
    let foreign = ApiKey { id: KeyId::mint(&AgentId::mint(2), 1), ..key.clone() };
    let renamed = ApiKey { account: AccountId::parse("other").unwrap(), ..key.clone() };
    let answers: Vec<String> = [unknown, forged, foreign, renamed, revoked]
        .iter()
        .map(|key| format!("{:?}", bench.admit_run(Some(key), 1, vec![])))
        .collect();
    assert!(
        answers.iter().all(|answer| *answer == answers[0] && answer.contains("InvalidApiKey")),
        "{answers:?}"
    );
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
}

#[test]
fn revoking_binds_the_very_next_call_and_outlives_a_crash() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
    let ask = AgentOp::RevokeByKey { id: key.id.clone(), secret: key.reveal() };
    assert!(bench.ok::<KeyDocument>(ask).revoked_at.is_some());
    assert_eq!(refused(bench.admit_run(Some(&key), 2, vec![])), Code::InvalidApiKey);
    bench.crash();
    assert_eq!(refused(bench.admit_run(Some(&key), 2, vec![])), Code::InvalidApiKey);
}

#[test]
fn a_key_is_not_revoked_by_one_who_does_not_hold_it() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let forged = ApiKey { secret: Secret::mint([3; 32]), ..key.clone() };
    let ask = AgentOp::RevokeByKey { id: key.id.clone(), secret: forged.reveal() };
    assert_eq!(bench.ask::<KeyDocument>(ask, vec![]).unwrap_err().code, Code::InvalidApiKey);
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
}

#[test]
fn states_answer_calls_as_documented() {
    let mut bench = Bench::empty();
    bench.create(r#"{"name":"a","origin":{"type":"http","url":"https://pod.example"}}"#).unwrap();
    let key = bench.key(1);
    let documented = |bench: &mut Bench| {
        let admit = Admit { key: Some(presented(&key)), documented: true, ..blank() };
        bench.ask::<Admission>(AgentOp::Admit(Box::new(admit)), vec![]).unwrap().outcome
    };
    for _ in ["deploying", "initializing"] {
        assert_eq!(refused(bench.admit_run(Some(&key), 1, vec![])), Code::AgentInitializing);
        assert!(matches!(documented(&mut bench), Outcome::Starting { .. }));
        bench.ok::<Started>(AgentOp::Start);
    }
    let failed = bench.ok::<AgentRecord>(AgentOp::Probed(Some("no answer".into())));
    assert_eq!((failed.state, failed.reason.as_deref()), (State::Initializing, Some("no answer")));
    assert_eq!(bench.ok::<AgentRecord>(AgentOp::Probed(None)).state, State::Running);
    assert_eq!(bench.ok::<AgentRecord>(AgentOp::Pause).state, State::Paused);
    assert_eq!(refused(bench.admit_run(Some(&key), 1, vec![])), Code::AgentPaused);
    assert_eq!(refused(documented(&mut bench)), Code::AgentPaused);
    bench.ok::<Started>(AgentOp::Start);
    bench.ok::<AgentRecord>(AgentOp::Probed(None));
    bench.ok::<AgentRecord>(AgentOp::Terminate);
    bench.crash();
    assert_eq!(refused(bench.admit_run(None, 1, vec![])), Code::AgentTerminated);
    for op in [AgentOp::Start, AgentOp::Pause] {
        assert_eq!(bench.ask::<serde_json::Value>(op, vec![]).unwrap_err().code, Code::InvalidState);
    }
    assert_eq!(bench.ok::<AgentRecord>(AgentOp::Terminate).state, State::Terminated);
}

#[test]
fn a_late_probe_does_not_wake_a_paused_agent() {
    let mut bench = Bench::running();
    bench.ok::<AgentRecord>(AgentOp::Pause);
    assert_eq!(bench.ok::<AgentRecord>(AgentOp::Probed(None)).state, State::Paused);
}

#[test]
fn checks_come_in_the_documented_order() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let bad = Some(Problem::new(Code::InvalidJson, "bad"));
    let ask = |bench: &mut Bench, key: Option<&ApiKey>, bytes| {
        let admit =
            Admit { key: key.map(presented), body_problem: bad.clone(), body_bytes: bytes, ..blank() };
        bench.ask::<Admission>(AgentOp::Admit(Box::new(admit)), vec![]).unwrap().outcome
    };
    assert_eq!(refused(ask(&mut bench, None, 1)), Code::InvalidApiKey);
    assert_eq!(refused(ask(&mut bench, Some(&key), 10 * 1024 * 1024 + 1)), Code::RequestTooLarge);
    assert_eq!(refused(ask(&mut bench, Some(&key), 10 * 1024 * 1024)), Code::InvalidJson);
    bench.ok::<AgentRecord>(AgentOp::Pause);
    assert_eq!(refused(ask(&mut bench, Some(&key), 1)), Code::AgentPaused);
}

#[test]
fn admitting_a_run_twice_is_one_lease_and_settling_it_twice_is_one_charge() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    for _ in 0..2 {
        assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
    }
    assert_eq!(bench.status(&key).in_flight, 1);
    bench.ask::<()>(AgentOp::Settle, vec![settled(1, 5), settled(1, 5)]).unwrap();
    bench.ask::<()>(AgentOp::Settle, vec![settled(1, 5)]).unwrap();
    let status = bench.status(&key);
    assert_eq!((status.in_flight, status.usage.requests, status.usage.total_tokens), (0, 1, 6));
}

#[test]
fn a_lease_survives_a_crash_and_is_charged_in_full_when_it_ends() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.admit_run(Some(&key), 1, vec![]);
    let until = bench.endpoint.flush().unwrap().unwrap();
    assert_eq!(until, START + 330_000);
    bench.crash();
    assert_eq!(bench.status(&key).in_flight, 1);
    bench.now = until - 1;
    assert_eq!(bench.endpoint.alarm(bench.now).unwrap(), Some(until));
    assert_eq!(bench.status(&key).in_flight, 1);
    bench.now = until;
    for _ in 0..2 {
        assert_eq!(bench.endpoint.alarm(bench.now).unwrap(), None);
    }
    bench.ask::<()>(AgentOp::Settle, vec![settled(1, 5)]).unwrap();
    let status = bench.status(&key);
    assert_eq!((status.in_flight, status.usage.requests), (0, 1));
    assert_eq!(status.usage.by_source.estimated, 100);
}

#[test]
fn a_write_that_fails_keeps_leases_for_the_next_time() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.admit_run(Some(&key), 1, vec![]);
    bench.sql.broken.set(true);
    assert!(bench.endpoint.flush().is_err());
    assert!(bench.endpoint.unwritten());
    bench.sql.broken.set(false);
    bench.endpoint.flush().unwrap();
    bench.crash();
    assert_eq!(bench.status(&key).in_flight, 1);
}

#[test]
fn a_write_that_fails_half_way_adds_nothing_twice() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    for run in 1..=3 {
        bench.admit_run(Some(&key), run, vec![]);
    }
    bench.endpoint.flush().unwrap();
    for writes in 0..8 {
        // Two end, one begins: four statements, of which the first few succeed.
        let run = 10 * (writes + 1);
        bench.admit_run(Some(&key), run, vec![settled(run - 9, 5), settled(run - 8, 5)]);
        bench.admit_run(Some(&key), run + 1, vec![]);
        bench.admit_run(Some(&key), run + 2, vec![]);
        bench.sql.writes.set(Some(u32::try_from(writes).unwrap()));
        let failed = bench.endpoint.flush().is_err();
        bench.sql.writes.set(None);
        bench.endpoint.flush().unwrap();
        assert_eq!(failed, writes < 6, "{writes}");
    }
    bench.crash();
    let status = bench.status(&key);
    assert_eq!((status.usage.requests, status.usage.total_tokens), (16, 96));
    assert_eq!(status.in_flight, 3 + 24 - 16);
}

#[test]
fn keys_are_shown_with_their_age_and_last_use() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.now += 31 * DAY + 1_234;
    bench.admit_run(Some(&key), 1, vec![]);
    bench.endpoint.flush().unwrap();
    bench.crash();
    let page: moltghost_protocol::control::page::Page<KeyDocument> =
        bench.ok(AgentOp::Keys(moltghost_protocol::control::page::PageRequest::default()));
    let shown = &page.data[0];
    assert_eq!((shown.age_days, shown.rotate_due), (31, true));
    assert_eq!(shown.last_used_at.as_deref(), Some("2026-12-24T00:00:00.000Z"));
    assert!(shown.key.is_none());
}

/// What can happen to an endpoint between calls.
#[derive(Debug, Clone)]
enum Step {
    Admit(u8),
    Settle(u8, u8),
    Flush,
    Crash,
    Later(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..12).prop_map(Step::Admit),
        4 => (0u8..12, 1u8..50).prop_map(|(run, tokens)| Step::Settle(run, tokens)),
        2 => Just(Step::Flush),
        1 => Just(Step::Crash),
        1 => (0u16..400).prop_map(Step::Later),
    ]
}

proptest! {
    /// However admissions, settlements, flushes, crashes and time fall: a run of which anything was written is
    /// counted exactly once in the end, with what it used or with all that it reserved.
    #[test]
    fn every_stored_run_is_charged_exactly_once(steps in proptest::collection::vec(step(), 1..60)) {
        let mut bench = Bench::running();
        let key = bench.key(1);
        let mut seen = std::collections::BTreeSet::new();
        // Runs that are not lost, and whether anything of them is written.
        let mut runs: std::collections::BTreeMap<u8, bool> = std::collections::BTreeMap::new();
        for step in steps {
            match step {
                Step::Admit(run) => {
                    if seen.insert(run) {
                        bench.admit_run(Some(&key), u128::from(run), vec![]);
                        runs.insert(run, false);
                    }
                }
                Step::Settle(run, tokens) => {
                    // It rides on a read, so that the message itself writes nothing.
                    let settle = settled(u128::from(run), u64::from(tokens));
                    prop_assert!(bench.ask::<serde_json::Value>(AgentOp::Health, vec![settle]).is_ok());
                }
                Step::Flush => {
                    bench.endpoint.flush().unwrap();
                    for written in runs.values_mut() {
                        *written = true;
                    }
                }
                Step::Crash => {
                    bench.crash();
                    runs.retain(|_, written| *written);
                }
                Step::Later(seconds) => bench.now += i64::from(seconds) * 1_000,
            }
        }
        bench.ok::<serde_json::Value>(AgentOp::Health);
        bench.endpoint.flush().unwrap();
        bench.now += 3_600_000;
        bench.endpoint.alarm(bench.now).unwrap();
        let status = bench.status(&key);
        prop_assert_eq!((status.in_flight, status.usage.requests), (0, runs.len() as u64));
    }
}
