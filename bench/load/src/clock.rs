//! The clock that the upstream and the load generator share.
//!
//! They are two processes on one machine, so the system's monotonic clock is the same for both, and the time
//! that the upstream writes into a chunk can be subtracted from the time at which the load generator reads it.

use rustix::time::{clock_gettime, ClockId};

/// Nanoseconds of the system's monotonic clock.
pub fn nanoseconds() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    let rest = u64::try_from(now.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// Nanoseconds of a number of seconds given on the command line.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn from_seconds(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1e9) as u64
}

/// The other way round, for reports.
#[allow(clippy::cast_precision_loss)]
pub fn to_seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
