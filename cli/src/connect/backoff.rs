//! How long to wait before the next try: exponential, with full jitter, so that many connectors which lost the same
//! deployment do not come back together.

use std::time::{Duration, Instant};

/// Longest first pause.
const FIRST: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(30);
/// A link that held so long was a good one: after it the pauses begin anew.
const GOOD: Duration = Duration::from_secs(30);

/// Pauses between tries.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
    up_since: Option<Instant>,
}

impl Backoff {
    /// A link came up.
    pub fn up(&mut self, now: Instant) {
        self.up_since = Some(now);
    }

    /// A try failed, or a link was lost: the pause before the next try. `random` is uniform in 0..1.
    pub fn pause(&mut self, now: Instant, random: f64) -> Duration {
        if self.up_since.take().is_some_and(|since| now.saturating_duration_since(since) >= GOOD) {
            self.failures = 0;
        }
        let most = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        most.mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_after_a_good_link() {
        let mut backoff = Backoff::default();
        let begin = Instant::now();
        let most: Vec<u128> = (0..9).map(|_| backoff.pause(begin, 1.0).as_millis()).collect();
        assert_eq!(most, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        assert_eq!(backoff.pause(begin, 0.0), Duration::ZERO);
        backoff.up(begin);
        assert_eq!(backoff.pause(begin + Duration::from_secs(29), 1.0), LONGEST);
        backoff.up(begin);
        assert_eq!(backoff.pause(begin + GOOD, 1.0), FIRST);
        for _ in 0..100 {
            assert!(backoff.pause(begin, 1.0) <= LONGEST);
        }
    }
}
