//! What the provisioner is told: every change of what is wanted, once, in order, for as long as it takes.

use super::*;
use moltghost_protocol::object::worker::Notice;

fn provisioned(sql: &Sqlite) -> Bench {
    let mut bench = Bench::empty();
    bench.sql = sql.clone();
    crash(&mut bench);
    bench
}

/// Loses everything that is not stored.
fn crash(bench: &mut Bench) {
    bench.crash();
    let endpoint = Endpoint::new(bench.sql.clone(), bench.pepper.clone(), name::agent(&bench.id), no_links());
    bench.endpoint = endpoint.provisioned(true);
}

fn next(bench: &mut Bench) -> Option<Notice> {
    bench.endpoint.due_notice(bench.now).unwrap()
}

fn said(notice: &Notice) -> String {
    let body: serde_json::Value = serde_json::from_str(&notice.body).unwrap();
    let desired = &body["data"]["desired"];
    format!(
        "{} {} {}",
        body["type"].as_str().unwrap(),
        desired["state"].as_str().unwrap(),
        desired["replicas"]
    )
}

/// Everything that waits, taken one by one.
fn told(bench: &mut Bench) -> Vec<String> {
    std::iter::from_fn(|| {
        let notice = next(bench)?;
        bench.endpoint.noticed(&notice, true, bench.now).unwrap();
        Some(said(&notice))
    })
    .collect()
}

const BODY: &str = r#"{"name":"a","replicas":2,"origin":{"type":"http","url":"https://pod.example"}}"#;

#[test]
fn every_change_of_what_is_wanted_is_told_and_nothing_else() {
    let mut bench = provisioned(&Sqlite::new());
    bench.create(BODY).unwrap();
    bench.create(BODY).unwrap();
    bench.ok::<Started>(AgentOp::Start);
    bench.ok::<Started>(AgentOp::Start);
    bench.ok::<AgentRecord>(AgentOp::Probed(None));
    let replicas = r#"{"replicas":3}"#;
    let name = r#"{"name":"b"}"#;
    for change in [r#"{"model":"m"}"#, replicas, replicas, name, name] {
        let change = Change::parse(change.as_bytes()).unwrap();
        bench.ok::<AgentRecord>(AgentOp::Change(Box::new(change)));
    }
    bench.ok::<AgentRecord>(AgentOp::Pause);
    bench.ok::<AgentRecord>(AgentOp::PauseNow);
    bench.ok::<Started>(AgentOp::Restart);
    bench.ok::<AgentRecord>(AgentOp::Terminate);
    bench.ok::<AgentRecord>(AgentOp::Terminate);
    let wanted = [
        "agent.create deploying 2",
        "agent.start running 2",
        "agent.change running 3",
        "agent.change running 3",
        "agent.pause paused 0",
        "agent.restart running 3",
        "agent.terminate terminated 0",
    ];
    crash(&mut bench);
    assert!(bench.ok::<AgentRecord>(AgentOp::Show).state == State::Terminated);
    assert!(bench.endpoint.has_notice(bench.now));
    assert_eq!(told(&mut bench), wanted);
    assert_eq!(bench.endpoint.due(), None);
}

#[test]
fn a_notice_keeps_its_id_is_not_sent_twice_at_once_and_waits_ever_longer() {
    let mut bench = provisioned(&Sqlite::new());
    bench.create(BODY).unwrap();
    let first = next(&mut bench).unwrap();
    assert_eq!(next(&mut bench), None);
    // One that comes meanwhile waits behind it.
    bench.ok::<Started>(AgentOp::Start);
    assert_eq!(next(&mut bench), None);
    let mut waits = Vec::new();
    for _ in 0..14 {
        assert!(!bench.endpoint.noticed(&first, false, bench.now).unwrap());
        // An instance that comes after, as after each idle while, sends it at once and waits as long then.
        let due = bench.endpoint.loaded.as_ref().unwrap().notices.due;
        crash(&mut bench);
        assert_eq!(next(&mut bench), Some(first.clone()));
        assert!(!bench.endpoint.noticed(&first, false, bench.now).unwrap());
        assert_eq!(bench.endpoint.loaded.as_ref().unwrap().notices.due, due);
        let due = bench.endpoint.loaded.as_ref().unwrap().notices.due.unwrap();
        waits.push((due - bench.now) / 1_000);
        bench.now = due - 1;
        assert_eq!(next(&mut bench), None);
        bench.now = due;
        assert_eq!(next(&mut bench), Some(first.clone()));
    }
    assert_eq!(waits, [5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600, 3_600, 3_600]);
    crash(&mut bench);
    assert_eq!(next(&mut bench), Some(first.clone()));
    assert!(bench.endpoint.noticed(&first, true, bench.now).unwrap());
    let second = next(&mut bench).unwrap();
    assert_eq!(said(&second), "agent.start running 2");
    assert_ne!(second.id, first.id);
    assert!(!bench.endpoint.noticed(&second, true, bench.now).unwrap());
}

#[test]
fn a_notice_that_nobody_takes_is_dropped_after_three_days() {
    let mut bench = provisioned(&Sqlite::new());
    bench.create(BODY).unwrap();
    let first = next(&mut bench).unwrap();
    bench.endpoint.noticed(&first, false, bench.now).unwrap();
    bench.now += 3 * DAY;
    assert_eq!(next(&mut bench), Some(first.clone()));
    bench.endpoint.noticed(&first, false, bench.now).unwrap();
    bench.now += DAY;
    assert_eq!(next(&mut bench), None);
    assert!(!bench.endpoint.has_notice(bench.now));
}

#[test]
fn nothing_is_written_where_there_is_nobody_to_tell() {
    let mut bench = Bench::running();
    bench.ok::<AgentRecord>(AgentOp::Terminate);
    assert_eq!(next(&mut bench), None);
    assert!(!bench.sql.finds("SELECT 1 FROM notice").unwrap());
}
