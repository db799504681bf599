//! The request limit: per key and for all keys, across crashes.

use super::*;

/// How many of `calls` at once pass.
fn passed(bench: &mut Bench, key: &ApiKey, from: u128, calls: u128) -> usize {
    (from..from + calls)
        .filter(|run| match bench.try_run(key, *run).unwrap().outcome {
            Outcome::Run(_) => true,
            other => {
                assert_eq!(refused(other), Code::RateLimited);
                false
            }
        })
        .count()
}

#[test]
fn of_ten_thousand_calls_at_once_exactly_the_limit_passes() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    assert_eq!(passed(&mut bench, &key, 0, 10_000), 100);
    bench.endpoint.flush(bench.now).unwrap();
    bench.crash();
    assert_eq!(passed(&mut bench, &key, 10_000, 100), 0);
    // Blocks of a crashed endpoint count as late as their leases ended.
    bench.now += 65_001;
    assert_eq!(passed(&mut bench, &key, 20_000, 200), 100);
}

#[test]
fn a_crash_at_any_point_lets_nothing_more_pass() {
    for calls in 1..=30 {
        let mut bench = Bench::running();
        let key = bench.key(1);
        let before = passed(&mut bench, &key, 0, calls);
        if calls % 2 == 0 {
            bench.endpoint.flush(bench.now).unwrap();
        }
        bench.crash();
        let after = passed(&mut bench, &key, 1_000, 200);
        // The rest of one block, and of one whose row was written and not used yet, is all that a crash can cost.
        assert!((86..=100).contains(&(before + after)), "{calls}: {before} + {after}");
    }
}

#[test]
fn an_endpoint_that_rests_loses_nothing_to_an_eviction() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    assert_eq!(passed(&mut bench, &key, 0, 10), 10);
    bench.endpoint.flush(bench.now).unwrap();
    let due = bench.endpoint.flush(bench.now).unwrap().unwrap();
    assert_eq!(due, START + 5_000);
    bench.now = due;
    assert_eq!(bench.endpoint.alarm(due).unwrap(), Some(START + 330_000));
    bench.crash();
    assert_eq!(passed(&mut bench, &key, 100, 200), 90);
}

#[test]
fn a_key_has_its_own_limit_else_the_agents_else_a_hundred() {
    let mut bench = Bench::running();
    let usual = bench.key(1);
    let own = bench.key_with(2, r#"{"name":"k","limits":{"rpm":3}}"#);
    let rate = bench.try_run(&usual, 1).unwrap().rate.unwrap();
    assert_eq!((rate.limit, rate.remaining, rate.reset_ms, rate.next_ms), (100, 99, 60_001, 60_001));
    let rate = bench.try_run(&own, 2).unwrap().rate.unwrap();
    assert_eq!((rate.limit, rate.remaining), (3, 2));
    bench.limit(r#"{"rpm":5}"#);
    // The limit on all keys counts from when it was set.
    assert_eq!(passed(&mut bench, &own, 10, 10), 2);
    assert_eq!(passed(&mut bench, &usual, 20, 10), 3);
    let refusal = bench.try_run(&usual, 30).unwrap();
    assert_eq!(refusal.rate.unwrap().remaining, 0);
    bench.limit(r#"{"rpm":null}"#);
    assert_eq!(passed(&mut bench, &usual, 40, 200), 96);
}

#[test]
fn the_time_of_the_next_permit_is_exact() {
    let mut bench = Bench::running();
    let key = bench.key_with(1, r#"{"name":"k","limits":{"rpm":1}}"#);
    assert_eq!(passed(&mut bench, &key, 0, 1), 1);
    bench.now += 10_000;
    let Outcome::Refused(problem) = bench.try_run(&key, 1).unwrap().outcome else { panic!() };
    let headers = problem.retry_headers();
    assert_eq!(headers[1], ("retry-after", "51".to_owned()));
    assert_eq!(headers[2], ("retry-after-ms", "50001".to_owned()));
    bench.now += 50_000;
    assert_eq!(passed(&mut bench, &key, 2, 1), 0);
    bench.now += 1;
    assert_eq!(passed(&mut bench, &key, 3, 1), 1);
}

#[test]
fn what_did_not_reach_the_pod_gives_its_permit_back_and_what_may_have_does_not() {
    let mut bench = Bench::running();
    let key = bench.key_with(1, r#"{"name":"k","limits":{"rpm":2}}"#);
    assert_eq!(passed(&mut bench, &key, 1, 2), 2);
    let settle = |run, unsent| Settle { unsent, ..Settle::new(RunId::mint(0, run), None) };
    bench.ask::<()>(AgentOp::Settle, vec![settle(1, true), settle(1, true)]).unwrap();
    assert_eq!(passed(&mut bench, &key, 3, 5), 1);
    bench.ask::<()>(AgentOp::Settle, vec![settle(2, false), settle(3, false)]).unwrap();
    assert_eq!(passed(&mut bench, &key, 10, 5), 0);
}

#[test]
fn a_body_that_cannot_be_read_and_a_repeated_admission_cost_no_permit() {
    let mut bench = Bench::running();
    let key = bench.key_with(1, r#"{"name":"k","limits":{"rpm":2}}"#);
    for _ in 0..5 {
        let bad = Some(Problem::new(Code::InvalidJson, "bad"));
        let admit = Admit { key: Some(presented(&key)), body_problem: bad, ..blank() };
        let admission = bench.ok::<Admission>(AgentOp::Admit(Box::new(admit)));
        assert_eq!(admission.rate.unwrap().remaining, 2);
        assert_eq!(refused(admission.outcome), Code::InvalidJson);
    }
    for _ in 0..5 {
        let again = bench.try_run(&key, 1).unwrap();
        assert_eq!(again.rate.unwrap().remaining, 1);
        assert!(matches!(again.outcome, Outcome::Run(_)));
    }
}

#[test]
fn a_block_that_cannot_be_written_lets_nothing_pass() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.sql.broken.set(true);
    assert_eq!(refused(bench.try_run(&key, 1).unwrap().outcome), Code::InternalError);
    bench.sql.broken.set(false);
    assert_eq!(passed(&mut bench, &key, 2, 200), 100);
}
