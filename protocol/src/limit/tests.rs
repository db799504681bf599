//! The limiter against a plain model: a list of everything that passed. Storage is a map of rows that outlives it.

use super::{Block, Limiter, LEASE, REST, WINDOW};
use crate::time::Millis;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A limiter, the rows it would have, and everything that passed.
struct Driven {
    limiter: Limiter,
    rows: BTreeMap<i64, Block>,
    limit: u32,
    /// The latest that the clock showed when anything passed.
    high: Millis,
    /// When everything passed: as the limiter counts it, and as the clock showed it.
    passed: Vec<(Millis, Millis)>,
}

impl Driven {
    fn new(limit: u32) -> Self {
        Self { limiter: Limiter::default(), rows: BTreeMap::new(), limit, high: 0, passed: Vec::new() }
    }

    fn write(&mut self, block: Option<Block>) {
        if let Some(block) = block {
            self.rows.insert(block.number, block);
        }
    }

    /// Renews the block; `stop` is how many of its writes reach the disk.
    fn renew(&mut self, now: Millis, stop: usize) {
        let (new, old) = self.limiter.renew(self.limit, now);
        if stop > 0 {
            self.write(new);
        }
        if stop > 1 {
            self.write(old);
            if let Some(new) = new {
                self.limiter.stored(new);
            }
        }
    }

    /// One request, which comes back at once if there is no permit.
    fn request(&mut self, now: Millis) -> Result<(), Millis> {
        self.limiter.check(self.limit, now)?;
        self.pass(now);
        Ok(())
    }

    fn pass(&mut self, now: Millis) {
        if !self.limiter.is_leased(now) {
            self.renew(now, 2);
        }
        assert!(self.limiter.is_leased(now), "a permit that is free can be leased");
        let at = self.limiter.pass(self.limit, now);
        self.high = self.high.max(now);
        assert!(at >= self.high);
        self.passed.push((at, now));
    }

    fn crash(&mut self) {
        self.limiter = Limiter::restore(self.rows.values().copied().collect());
    }

    /// Most that passed within any 60 s, by one of the two clocks.
    fn most(&self, clock: fn(&(Millis, Millis)) -> Millis) -> usize {
        let mut times: Vec<Millis> = self.passed.iter().map(clock).collect();
        times.sort_unstable();
        let within = |(at, from): (usize, &Millis)| times.partition_point(|time| *time <= from + 60_000) - at;
        times.iter().enumerate().map(within).max().unwrap_or(0)
    }
}

#[test]
fn of_ten_thousand_at_once_exactly_the_limit_passes() {
    let mut driven = Driven::new(100);
    let passed = (0..10_000).filter(|_| driven.request(5).is_ok()).count();
    assert_eq!(passed, 100);
}

#[test]
fn the_next_permit_is_free_exactly_when_it_was_said_to_be() {
    let mut driven = Driven::new(3);
    for at in [0, 10, 20] {
        driven.request(at).unwrap();
    }
    let wait = driven.request(1_000).unwrap_err();
    assert_eq!(wait, WINDOW - 1_000);
    assert_eq!(driven.request(1_000 + wait - 1), Err(1));
    assert_eq!(driven.request(1_000 + wait), Ok(()));
    assert_eq!(driven.request(1_000 + wait), Err(10));
}

#[test]
fn a_crash_counts_the_open_block_in_full_and_a_rest_gives_it_back() {
    let mut driven = Driven::new(100);
    driven.request(0).unwrap();
    driven.crash();
    // Seven were leased, one was used.
    assert_eq!(driven.limiter.rate(100, 1).remaining, 93);
    let mut driven = Driven::new(100);
    driven.request(0).unwrap();
    assert_eq!(driven.limiter.rest(REST - 1), None);
    let row = driven.limiter.rest(REST);
    driven.write(row);
    driven.crash();
    assert_eq!(driven.limiter.rate(100, REST).remaining, 99);
    assert_eq!(driven.limiter.rate(100, WINDOW).remaining, 100);
}

#[test]
fn a_limit_of_one_and_a_large_limit_work_alike() {
    for limit in [1, 2, 7, 8, 1_001, 50_000] {
        let mut driven = Driven::new(limit);
        let passed = (0..2 * limit).filter(|n| driven.request(Millis::from(*n) / 5_000).is_ok()).count();
        assert_eq!(passed, limit as usize, "{limit}");
        assert!(driven.limiter.slots_held() <= 1_002, "{limit}");
        driven.passed.clear();
        let free = WINDOW + Millis::from(2 * limit) / 5_000 + 60;
        assert_eq!(driven.request(free), Ok(()), "{limit}");
    }
}

#[test]
fn permits_that_are_given_back_are_free_again_and_held_ones_are_not() {
    let mut driven = Driven::new(2);
    driven.request(5).unwrap();
    driven.limiter.hold();
    assert!(driven.request(6).is_err());
    driven.limiter.give_back(5);
    driven.request(7).unwrap();
    assert!(driven.request(8).is_err());
    driven.limiter.release();
    driven.request(9).unwrap();
}

#[test]
fn a_lower_limit_binds_at_once() {
    let mut driven = Driven::new(10);
    for _ in 0..6 {
        driven.request(0).unwrap();
    }
    driven.limit = 6;
    assert!(driven.request(1).is_err());
    driven.limit = 7;
    assert_eq!(driven.request(1), Ok(()));
}

#[test]
fn a_block_is_not_used_after_its_time() {
    let mut driven = Driven::new(100);
    driven.request(0).unwrap();
    assert!(driven.limiter.is_leased(LEASE));
    assert!(!driven.limiter.is_leased(LEASE + 1));
}

#[derive(Debug, Clone)]
enum Step {
    Requests(u16),
    /// The caller waits exactly as long as it is told to, and comes again.
    Obey,
    Later(u32),
    Back(u32),
    Renew(usize),
    Rest(bool),
    Crash,
    Hold,
    Granted,
    Left,
    GiveBack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u16..300).prop_map(Step::Requests),
        2 => Just(Step::Obey),
        4 => (0u32..40_000).prop_map(Step::Later),
        1 => (0u32..90_000).prop_map(Step::Back),
        3 => (0usize..3).prop_map(Step::Renew),
        2 => any::<bool>().prop_map(Step::Rest),
        2 => Just(Step::Crash),
        2 => Just(Step::Hold),
        2 => Just(Step::Granted),
        1 => Just(Step::Left),
        1 => Just(Step::GiveBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever comes, in whatever order, and whichever writes are lost: no 60 s hold more than the limit.
    #[test]
    fn no_trailing_minute_holds_more_than_the_limit(
        limit in prop_oneof![1u32..20, Just(100), Just(1_500)],
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let mut driven = Driven::new(limit);
        let mut now: Millis = 1_000_000;
        let mut held = 0;
        let mut steady = true;
        for step in steps {
            match step {
                Step::Requests(count) => {
                    for _ in 0..count {
                        if driven.request(now).is_err() {
                            break;
                        }
                    }
                }
                Step::Obey => {
                    if let Err(wait) = driven.limiter.check(limit, now) {
                        now += wait;
                        // Whoever waits holds a permit for a time that nobody knows.
                        prop_assert!(held > 0 || driven.request(now).is_ok());
                    }
                }
                Step::Later(ms) => now += Millis::from(ms),
                Step::Back(ms) => {
                    now -= Millis::from(ms);
                    steady = false;
                }
                Step::Renew(stop) => driven.renew(now, stop),
                Step::Rest(written) => {
                    let row = driven.limiter.rest(now);
                    if written {
                        driven.write(row);
                    }
                }
                Step::Crash => {
                    driven.crash();
                    held = 0;
                }
                Step::Hold => {
                    if driven.limiter.check(limit, now).is_ok() {
                        driven.limiter.hold();
                        held += 1;
                    }
                }
                Step::Granted if held > 0 => {
                    held -= 1;
                    driven.limiter.release();
                    driven.pass(now);
                }
                Step::Left if held > 0 => {
                    held -= 1;
                    driven.limiter.release();
                }
                // The last one that passed did not reach the pod.
                Step::GiveBack => {
                    if let Some((at, _)) = driven.passed.pop() {
                        driven.limiter.give_back(at);
                    }
                }
                Step::Granted | Step::Left => {}
            }
            let counted = driven.most(|passed| passed.0);
            let shown = if steady { driven.most(|passed| passed.1) } else { 0 };
            prop_assert!(counted.max(shown) <= limit as usize, "{} and {} of {}", counted, shown, limit);
        }
    }
}
