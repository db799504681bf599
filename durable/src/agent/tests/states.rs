//! An endpoint from its creation to its end, and what its states answer.

use super::*;

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
