//! Runs that must end before their time, as the Worker is told of them.

use super::*;
use moltghost_protocol::object::agent::Watched;

fn watch(bench: &mut Bench, run: u128) -> Option<Watched> {
    let turn = Turn { now: bench.now, nonce: &|| Some([7; 12]) };
    match bench.endpoint.handle(&write(&AgentOp::Watch(RunId::mint(0, run))), &turn) {
        Reply::Now(answer) => Some(read_answer(&answer).unwrap()),
        Reply::Later(_) => None,
    }
}

fn told(bench: &mut Bench) -> Vec<Watched> {
    let decided = bench.endpoint.take_decided().into_iter();
    decided.map(|(_, answer)| read_answer(&answer).unwrap()).collect()
}

fn code(told: &Watched) -> Code {
    match told {
        Watched::Ended(problem) => problem.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_question_waits_until_the_run_is_settled_or_its_time_is_up() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    assert_eq!(watch(&mut bench, 1), Some(Watched::Done));
    bench.admit_run(Some(&key), 1, vec![]);
    bench.admit_run(Some(&key), 2, vec![]);
    assert_eq!((watch(&mut bench, 1), watch(&mut bench, 2)), (None, None));
    bench.ask::<()>(AgentOp::Settle, vec![settled(1, 1)]).unwrap();
    assert_eq!(told(&mut bench), [Watched::Done]);
    bench.now += 24_999;
    bench.endpoint.tick(bench.now).unwrap();
    assert!(told(&mut bench).is_empty());
    bench.now += 1;
    assert!(bench.endpoint.next_tick().unwrap() <= bench.now);
    bench.endpoint.tick(bench.now).unwrap();
    assert_eq!(told(&mut bench), [Watched::Again]);
}

#[test]
fn whatever_ends_a_run_is_told_at_once_and_after_a_crash() {
    type End = fn(&mut Bench, &ApiKey);
    let ends: [(Code, End); 3] = [
        (Code::InvalidApiKey, |bench, key| {
            bench.ok::<KeyDocument>(AgentOp::RevokeKey(key.id.clone()));
        }),
        (Code::AgentPaused, |bench, _| {
            bench.ok::<AgentRecord>(AgentOp::PauseNow);
        }),
        (Code::AgentTerminated, |bench, _| {
            bench.ok::<AgentRecord>(AgentOp::Terminate);
        }),
    ];
    for (expected, end) in ends {
        let mut bench = Bench::running();
        let key = bench.key(1);
        bench.admit_run(Some(&key), 1, vec![]);
        bench.endpoint.flush(bench.now).unwrap();
        assert_eq!(watch(&mut bench, 1), None);
        end(&mut bench, &key);
        assert_eq!(told(&mut bench).iter().map(code).collect::<Vec<_>>(), [expected]);
        bench.crash();
        assert_eq!(watch(&mut bench, 1).as_ref().map(code), Some(expected));
    }
}

#[test]
fn a_pause_lets_runs_go_on_and_ends_none_that_begin_later() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.admit_run(Some(&key), 1, vec![]);
    assert_eq!(watch(&mut bench, 1), None);
    bench.ok::<AgentRecord>(AgentOp::Pause);
    assert!(told(&mut bench).is_empty());
    bench.ok::<AgentRecord>(AgentOp::PauseNow);
    assert_eq!(told(&mut bench).len(), 1);
    bench.ok::<Started>(AgentOp::Start);
    bench.ok::<AgentRecord>(AgentOp::Probed(None));
    bench.admit_run(Some(&key), 2, vec![]);
    assert_eq!(watch(&mut bench, 2), None);
}

#[test]
fn a_key_that_ends_ends_its_runs() {
    let mut bench = Bench::running();
    let key = bench.key_with(1, r#"{"name":"k","expires_at":"2026-11-23T00:00:10Z"}"#);
    bench.admit_run(Some(&key), 1, vec![]);
    assert_eq!(watch(&mut bench, 1), None);
    bench.now += 10_000;
    bench.endpoint.tick(bench.now).unwrap();
    assert_eq!(told(&mut bench).iter().map(code).collect::<Vec<_>>(), [Code::InvalidApiKey]);
}
