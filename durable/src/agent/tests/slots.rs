//! Slots and the queue for them.

use super::*;

fn running_with(limits: &str) -> Bench {
    let mut bench = Bench::running();
    bench.limit(limits);
    bench
}

fn runs(outcome: Option<Admission>) -> bool {
    matches!(outcome.map(|admission| admission.outcome), Some(Outcome::Run(_)))
}

fn end(bench: &mut Bench, run: u128) {
    bench.ask::<()>(AgentOp::Settle, vec![settled(run, 5)]).unwrap();
}

fn order(decided: &[(u128, Outcome)]) -> Vec<u128> {
    decided.iter().map(|(run, _)| *run).collect()
}

#[test]
fn who_finds_no_slot_waits_and_keys_take_turns() {
    let mut bench = running_with(r#"{"concurrency":1}"#);
    let (one, two) = (bench.key(1), bench.key(2));
    assert!(runs(bench.try_run(&one, 1)));
    for (key, run) in [(&one, 2), (&one, 3), (&two, 4), (&one, 5)] {
        assert!(bench.try_run(key, run).is_none(), "{run}");
    }
    assert!(bench.decided().is_empty());
    let mut seen = vec![];
    for run in [1, 2, 4, 3] {
        end(&mut bench, run);
        let decided = bench.decided();
        assert!(decided.iter().all(|(_, outcome)| matches!(outcome, Outcome::Run(_))));
        seen.extend(order(&decided));
    }
    assert_eq!(seen, [2, 4, 3, 5]);
}

#[test]
fn a_wait_ends_after_ten_seconds_or_the_calls_own_time() {
    let mut bench = running_with(r#"{"concurrency":1}"#);
    let key = bench.key(1);
    assert!(runs(bench.try_run(&key, 1)));
    assert!(bench.try_run(&key, 2).is_none());
    assert_eq!(bench.endpoint.next_tick(), Some(START + 10_000));
    bench.now += 9_999;
    bench.endpoint.tick(bench.now).unwrap();
    assert!(bench.decided().is_empty());
    assert_eq!(bench.endpoint.next_tick(), Some(START + 10_000));
    bench.now += 1;
    bench.endpoint.tick(bench.now).unwrap();
    let (run, outcome) = bench.decided().remove(0);
    let Outcome::Refused(problem) = outcome else { panic!() };
    assert_eq!((run, problem.code), (2, Code::AgentBusy));
    assert_eq!(problem.retry_headers()[0], ("x-should-retry", "true".to_owned()));
    // Its permit is free again.
    assert_eq!(bench.try_run(&key, 1).unwrap().rate.unwrap().remaining, 99);
    let admit =
        Admit { run: RunId::mint(0, 3), key: Some(presented(&key)), timeout_ms: Some(3_000), ..blank() };
    let turn = Turn { now: bench.now, nonce: &|| None };
    let reply = bench.endpoint.handle(&write(&AgentOp::Admit(Box::new(admit))), &turn);
    assert!(matches!(reply, Reply::Later(_)));
    bench.now += 3_000;
    bench.endpoint.tick(bench.now).unwrap();
    assert_eq!(order(&bench.decided()), [3]);
}

#[test]
fn the_time_in_the_queue_is_part_of_the_calls_time() {
    let mut bench = running_with(r#"{"concurrency":1}"#);
    let key = bench.key(1);
    assert!(runs(bench.try_run(&key, 1)));
    assert!(bench.try_run(&key, 2).is_none());
    bench.now += 4_000;
    end(&mut bench, 1);
    match bench.decided().remove(0) {
        (2, Outcome::Run(target)) => assert_eq!(target.timeout_ms, 296_000),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_queue_has_its_length_and_a_key_that_fills_it_makes_room() {
    let mut bench = running_with(r#"{"concurrency":1,"queue":3}"#);
    let (one, two) = (bench.key(1), bench.key(2));
    assert!(runs(bench.try_run(&one, 1)));
    for run in 2..=4 {
        assert!(bench.try_run(&one, run).is_none());
    }
    assert_eq!(refused(bench.try_run(&one, 5).unwrap().outcome), Code::AgentBusy);
    assert!(bench.try_run(&two, 6).is_none());
    assert_eq!(order(&bench.decided()), [4]);
    bench.limit(r#"{"queue":0}"#);
    assert_eq!(refused(bench.try_run(&two, 7).unwrap().outcome), Code::AgentBusy);
}

#[test]
fn who_leaves_leaves_the_queue_and_gives_the_permit_back() {
    let mut bench = running_with(r#"{"concurrency":1}"#);
    let key = bench.key_with(1, r#"{"name":"k","limits":{"rpm":3}}"#);
    assert!(runs(bench.try_run(&key, 1)));
    assert!(bench.try_run(&key, 2).is_none());
    assert!(bench.try_run(&key, 3).is_none());
    assert_eq!(refused(bench.try_run(&key, 4).unwrap().outcome), Code::RateLimited);
    let left = Settle::unsent(RunId::mint(0, 2));
    bench.ask::<()>(AgentOp::Settle, vec![left]).unwrap();
    assert_eq!(order(&bench.decided()), [2]);
    assert!(bench.try_run(&key, 4).is_none());
    end(&mut bench, 1);
    assert_eq!(order(&bench.decided()), [3]);
}

#[test]
fn a_pause_a_revoked_key_and_a_higher_limit_are_told_to_those_who_wait() {
    let mut bench = running_with(r#"{"concurrency":1}"#);
    let (one, two) = (bench.key(1), bench.key(2));
    assert!(runs(bench.try_run(&one, 1)));
    for (key, run) in [(&one, 2), (&two, 3), (&two, 4), (&two, 5)] {
        assert!(bench.try_run(key, run).is_none());
    }
    bench.ok::<KeyDocument>(AgentOp::RevokeKey(one.id.clone()));
    let (run, outcome) = bench.decided().remove(0);
    assert_eq!((run, refused(outcome)), (2, Code::InvalidApiKey));
    bench.limit(r#"{"concurrency":2}"#);
    let (run, outcome) = bench.decided().remove(0);
    assert!(run == 3 && matches!(outcome, Outcome::Run(_)));
    bench.ok::<AgentRecord>(AgentOp::Pause);
    let codes: Vec<Code> = bench.decided().into_iter().map(|(_, outcome)| refused(outcome)).collect();
    assert_eq!(codes, [Code::AgentPaused, Code::AgentPaused]);
}

#[test]
fn fifty_runs_that_are_never_settled_hold_their_slots_no_longer_than_their_leases() {
    let mut bench = running_with(r#"{"concurrency":50}"#);
    let key = bench.key(1);
    for run in 0..50 {
        assert!(runs(bench.try_run(&key, run)));
    }
    bench.endpoint.flush(bench.now).unwrap();
    bench.crash();
    assert!(bench.try_run(&key, 100).is_none());
    bench.now += 330_000 - 5_000;
    assert!(bench.try_run(&key, 101).is_none());
    bench.now += 5_000;
    // The alarm may be late: the tick that ends the wait, or any message, finds the slots free.
    bench.endpoint.tick(bench.now).unwrap();
    let decided = bench.decided();
    assert!(decided.iter().any(|(run, outcome)| *run == 101 && matches!(outcome, Outcome::Run(_))));
    end(&mut bench, 101);
    let usage = bench.status(&key).usage;
    assert_eq!((usage.requests, usage.by_source.estimated), (51, 5_000));
}

#[test]
fn a_run_that_is_asked_for_again_keeps_its_place() {
    let mut bench = running_with(r#"{"concurrency":1}"#);
    let key = bench.key(1);
    assert!(runs(bench.try_run(&key, 1)));
    for run in [2, 3, 2] {
        assert!(bench.try_run(&key, run).is_none());
    }
    end(&mut bench, 1);
    assert_eq!(order(&bench.decided()), [2]);
}
