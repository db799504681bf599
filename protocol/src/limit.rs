//! Limits of use: the arithmetic of the request limiter, and what callers are told of it (agent-endpoints §5).

mod limiter;
mod rate;
#[cfg(test)]
mod tests;

pub use limiter::{Block, Limiter};
pub use rate::Rate;

use crate::time::Millis;

/// Requests in 60 s that a key may make where nobody set a limit.
pub const DEFAULT_RPM: u32 = 100;

/// Largest limit of requests in 60 s that can be set.
pub const MAX_RPM: u32 = 1_000_000;

/// The time that a permit stays used. One millisecond more than 60 s: clocks show whole milliseconds, so two points
/// that they show 60,000 ms apart may be closer than that.
pub const WINDOW: Millis = 60_001;

/// How long a block of permits may be used after it was leased.
pub const LEASE: Millis = 5_000;

/// How long a limiter is not used before the rest of its block is given back.
pub const REST: Millis = 5_000;
