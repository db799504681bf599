//! A histogram of durations over bounds that never change, so that histograms of any two minutes, agents or accounts
//! can be added.

use serde::{Deserialize, Serialize};

/// Upper bounds in milliseconds, each included; what is longer falls into one more bucket.
pub const BOUNDS_MS: [u64; 11] = [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000];

/// Buckets: one for each bound and one beyond.
pub const BUCKETS: usize = BOUNDS_MS.len() + 1;

/// How many durations fell between which bounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    /// One count for each bucket, not cumulative.
    pub counts: [u64; BUCKETS],
    /// Sum of the durations in milliseconds.
    pub sum_ms: u64,
}

impl Histogram {
    /// Counts a duration.
    pub fn observe(&mut self, ms: u64) {
        let at = BOUNDS_MS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS_MS.len());
        if let Some(count) = self.counts.get_mut(at) {
            *count = count.saturating_add(1);
        }
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    /// How many durations were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Adds another histogram.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count = count.saturating_add(*more);
        }
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_own_bucket_and_the_last_bucket_has_no_end() {
        let mut histogram = Histogram::default();
        for ms in [0, 50, 51, 300_000, 300_001, u64::MAX] {
            histogram.observe(ms);
        }
        assert_eq!(histogram.counts[0], 2);
        assert_eq!(histogram.counts[1], 1);
        assert_eq!(histogram.counts[10], 1);
        assert_eq!(histogram.counts[11], 2);
        assert_eq!((histogram.count(), histogram.sum_ms), (6, u64::MAX));
    }

    #[test]
    fn the_stored_form_stays() {
        let mut histogram = Histogram::default();
        histogram.observe(70);
        let stored = r#"{"counts":[0,1,0,0,0,0,0,0,0,0,0,0],"sum_ms":70}"#;
        assert_eq!(serde_json::to_string(&histogram).unwrap(), stored);
        assert_eq!(serde_json::from_str::<Histogram>(stored).unwrap(), histogram);
    }
}
