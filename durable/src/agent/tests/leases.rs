//! Leases, settlements and what they charge, with crashes in between.

use super::*;
use proptest::prelude::*;

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
    bench.endpoint.flush(bench.now).unwrap();
    let until = START + 330_000;
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
    assert!(bench.endpoint.flush(bench.now).is_err());
    assert!(bench.endpoint.unwritten());
    bench.sql.broken.set(false);
    bench.endpoint.flush(bench.now).unwrap();
    bench.crash();
    assert_eq!(bench.status(&key).in_flight, 1);
}

#[test]
fn a_write_that_fails_half_way_adds_nothing_twice() {
    let mut bench = Bench::running();
    // Blocks of permits that last: they are not what this is about.
    bench.limit(r#"{"rpm":1000000}"#);
    let key = bench.key(1);
    for run in 1..=3 {
        bench.admit_run(Some(&key), run, vec![]);
    }
    bench.endpoint.flush(bench.now).unwrap();
    for writes in 0..8 {
        // Two end, one begins: four statements, of which the first few succeed.
        let run = 10 * (writes + 1);
        bench.admit_run(Some(&key), run, vec![settled(run - 9, 5), settled(run - 8, 5)]);
        bench.admit_run(Some(&key), run + 1, vec![]);
        bench.admit_run(Some(&key), run + 2, vec![]);
        bench.sql.writes.set(Some(u32::try_from(writes).unwrap()));
        let failed = bench.endpoint.flush(bench.now).is_err();
        bench.sql.writes.set(None);
        bench.endpoint.flush(bench.now).unwrap();
        assert_eq!(failed, writes < 6, "{writes}");
    }
    bench.crash();
    let status = bench.status(&key);
    assert_eq!((status.usage.requests, status.usage.total_tokens), (16, 96));
    assert_eq!(status.in_flight, 3 + 24 - 16);
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
                    bench.endpoint.flush(bench.now).unwrap();
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
        bench.endpoint.flush(bench.now).unwrap();
        bench.now += 3_600_000;
        bench.endpoint.alarm(bench.now).unwrap();
        let status = bench.status(&key);
        prop_assert_eq!((status.in_flight, status.usage.requests), (0, runs.len() as u64));
    }
}
