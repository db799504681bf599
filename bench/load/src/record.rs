//! What a command measured, and the JSON it prints.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::clock;

/// Longest time that is told apart: two minutes.
const HIGHEST: u64 = 120_000_000_000;

/// Times in nanoseconds, kept to three digits.
#[derive(Debug)]
pub struct Times(Option<Histogram<u64>>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, HIGHEST, 3).ok())
    }
}

impl Times {
    /// Records one time.
    pub fn add(&mut self, nanoseconds: u64) {
        if let Some(histogram) = self.0.as_mut() {
            histogram.saturating_record(nanoseconds.max(1));
        }
    }

    fn merge(&mut self, other: &Self) {
        if let (Some(histogram), Some(other)) = (self.0.as_mut(), other.0.as_ref()) {
            let _ = histogram.add(other);
        }
    }

    fn summary(&self) -> Option<Summary> {
        let histogram = self.0.as_ref().filter(|histogram| !histogram.is_empty())?;
        Some(Summary {
            count: histogram.len(),
            mean_us: round(histogram.mean() / 1e3),
            p50_us: microseconds(histogram.value_at_quantile(0.50)),
            p90_us: microseconds(histogram.value_at_quantile(0.90)),
            p99_us: microseconds(histogram.value_at_quantile(0.99)),
            max_us: microseconds(histogram.max()),
        })
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    round(clock::to_seconds(nanoseconds) * 1e6)
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// What one connection measured.
#[derive(Debug, Default)]
pub struct Record {
    /// From the start that counts to the last byte.
    pub total: Times,
    /// From the same start to the first byte of the body or chunk of text.
    pub first: Times,
    /// From the upstream's write of a chunk to our reading it.
    pub delay: Times,
    /// How late the load generator itself sent calls that were due, while its connection was free.
    pub late: Times,
    /// Calls answered well inside the window.
    pub calls: u64,
    /// Chunks of text read inside the window.
    pub chunks: u64,
    /// Calls that were due but never sent, because every connection was busy until the end.
    pub unserved: u64,
    /// Calls that failed, by what was wrong.
    pub errors: BTreeMap<String, u64>,
}

impl Record {
    /// Counts one failed call.
    pub fn error(&mut self, text: String) {
        *self.errors.entry(text).or_default() += 1;
    }

    /// Takes in what another connection measured.
    pub fn merge(&mut self, other: Self) {
        self.total.merge(&other.total);
        self.first.merge(&other.first);
        self.delay.merge(&other.delay);
        self.late.merge(&other.late);
        self.calls += other.calls;
        self.chunks += other.chunks;
        self.unserved += other.unserved;
        for (text, count) in other.errors {
            *self.errors.entry(text).or_default() += count;
        }
    }

    /// The report of `nanoseconds` of measuring.
    #[allow(clippy::cast_precision_loss)]
    pub fn report(&self, nanoseconds: u64) -> Report {
        let seconds = clock::to_seconds(nanoseconds);
        Report {
            seconds,
            calls: self.calls,
            calls_per_second: round(self.calls as f64 / seconds),
            chunks: self.chunks,
            chunks_per_second: round(self.chunks as f64 / seconds),
            unserved: self.unserved,
            errors: self.errors.clone(),
            total: self.total.summary(),
            first: self.first.summary(),
            delay: self.delay.summary(),
            late: self.late.summary(),
        }
    }
}

/// See the fields of `Record`.
#[derive(Debug, Serialize)]
pub struct Report {
    seconds: f64,
    calls: u64,
    calls_per_second: f64,
    chunks: u64,
    chunks_per_second: f64,
    unserved: u64,
    errors: BTreeMap<String, u64>,
    total: Option<Summary>,
    first: Option<Summary>,
    delay: Option<Summary>,
    late: Option<Summary>,
}

#[derive(Debug, Serialize)]
struct Summary {
    count: u64,
    mean_us: f64,
    p50_us: f64,
    p90_us: f64,
    p99_us: f64,
    max_us: f64,
}
