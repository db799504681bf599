//! What the first version stored and wrote is read by this one.

use super::*;
use crate::agent::schema::STEPS;
use crate::migrate;

#[test]
fn an_endpoint_of_the_first_version_goes_on_with_its_keys_and_its_runs() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let rows = |sql: &Sqlite, query: &str| sql.run(query, &[]).unwrap();
    let agent = rows(&bench.sql, "SELECT * FROM agent");
    let keys = rows(&bench.sql, "SELECT id, name, hash, pepper, created, last_used, revoked FROM key");
    // The same rows as the first version had them.
    bench.sql = Sqlite::new();
    migrate::migrate(&bench.sql, None, &STEPS[..1]).unwrap();
    bench
        .sql
        .run("INSERT INTO agent VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", &agent[0][..10])
        .unwrap();
    let first = r#"{"name":"a","alias":null,"model":null,"origin":{"http":{"url":"https://pod.example","headers":{"x-pod":""}}},"timeout_seconds":300,"cors_origins":["*"],"forward_headers":[],"limits":{"body_bytes":1024,"max_timeout_seconds":300}}"#;
    bench.sql.run("UPDATE agent SET settings = ?1", &[first.into()]).unwrap();
    bench.sql.run("INSERT INTO key VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", &keys[0]).unwrap();
    let lease = [
        RunId::mint(0, 7).as_str().into(),
        key.id.as_str().into(),
        START.into(),
        (START + 330_000).into(),
        50u64.into(),
    ];
    bench.sql.run("INSERT INTO lease VALUES (?1, ?2, ?3, ?4, ?5)", &lease).unwrap();
    bench.crash();
    let limits = bench.ok::<AgentRecord>(AgentOp::Show).settings.limits;
    assert_eq!((limits.rpm, limits.concurrency, limits.queue, limits.body_bytes), (None, 8, 64, 1_024));
    assert_eq!(bench.status(&key).in_flight, 1);
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
    let version = bench.sql.run("SELECT version FROM schema", &[]).unwrap()[0][0].int();
    assert_eq!(usize::try_from(version).unwrap(), STEPS.len());
}

#[test]
fn messages_of_the_first_version_are_understood() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let presented = serde_json::to_string(&presented(&key)).unwrap();
    let turn = Turn { now: START, nonce: &|| None };
    let mut told = |message: &str| match bench.endpoint.handle(message, &turn) {
        Reply::Now(answer) => answer,
        Reply::Later(run) => panic!("{run}"),
    };
    let run = RunId::mint(0, 1);
    let admit = format!(
        r#"{{"v":1,"ask":{{"admit":{{"run":"{run}","key":{presented},"documented":false,"body_bytes":9,"reserve":5}}}}}}"#
    );
    assert!(told(&admit).contains(r#""outcome":{"run":{"url":"https://pod.example""#));
    let settle = format!("{{\"v\":1,\"ask\":\"settle\"}}\n{{\"run\":\"{run}\",\"usage\":null}}");
    assert_eq!(told(&settle), r#"{"Ok":null}"#);
    let inspect = format!(r#"{{"v":1,"ask":{{"inspect":{{"key":{presented},"what":"status"}}}}}}"#);
    assert!(told(&inspect).contains(r#""in_flight":0"#));
}

/// What the first version's Worker reads of an answer.
#[derive(serde::Deserialize)]
struct FirstAdmission {
    cors: Vec<String>,
    outcome: Outcome,
}

#[test]
fn answers_are_understood_by_the_first_version() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let admit = Admit { key: Some(presented(&key)), ..blank() };
    let answer: FirstAdmission = bench.ok(AgentOp::Admit(Box::new(admit)));
    assert!(answer.cors == ["*"] && matches!(answer.outcome, Outcome::Run(_)));
}

#[test]
fn an_endpoint_of_the_version_before_goes_on() {
    let mut bench = Bench::running();
    let key = bench.key_with(1, r#"{"name":"k","expires_at":"2026-11-24T00:00:00.000Z"}"#);
    bench.admit_run(Some(&key), 7, vec![]);
    bench.endpoint.flush(bench.now).unwrap();
    for later in [
        "DROP TABLE availability",
        "DROP TABLE presence",
        "DROP TABLE ticket",
        "DROP TABLE notice",
        "ALTER TABLE agent DROP COLUMN startup",
        "ALTER TABLE key DROP COLUMN end_told",
    ] {
        bench.sql.run(later, &[]).unwrap();
    }
    bench.sql.run("UPDATE schema SET version = ?1", &[5u64.into()]).unwrap();
    bench.crash();
    assert_eq!(bench.status(&key).in_flight, 1);
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
    assert!(bench.endpoint.tell_by().is_some());
}
