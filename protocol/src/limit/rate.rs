//! What an answer tells its caller of the request limit: the headers that clients of `OpenAI` read, and those of the
//! IETF's draft (draft-ietf-httpapi-ratelimit-headers).

use super::WINDOW;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// A limiter as a caller sees it, right after its own request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Requests in 60 s.
    pub limit: u32,
    /// How many may come at once now.
    pub remaining: u32,
    /// Milliseconds until all of the limit is free again.
    pub reset_ms: u32,
    /// Milliseconds until one more is free than now.
    pub next_ms: u32,
}

impl Rate {
    /// The tighter of two limits that both apply.
    #[must_use]
    pub fn tighter(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if (other.remaining, other.limit) < (self.remaining, self.limit) => other,
            _ => self,
        }
    }

    /// Header lines, `name: value\n` each.
    pub fn lines(&self) -> String {
        let mut lines = String::with_capacity(200);
        let Self { limit, remaining, reset_ms, next_ms } = *self;
        let next = whole(next_ms);
        // Writing to a string does not fail.
        let _ = writeln!(lines, "x-ratelimit-limit-requests: {limit}");
        let _ = writeln!(lines, "x-ratelimit-remaining-requests: {remaining}");
        let _ = writeln!(lines, "x-ratelimit-reset-requests: {}", duration(reset_ms));
        let _ = writeln!(lines, "ratelimit-policy: \"requests\";q={limit};w=60");
        let _ = writeln!(lines, "ratelimit: \"requests\";r={remaining};t={next}");
        lines
    }
}

/// Whole seconds, rounded up, but for the millisecond that the limiter adds to its window: a window of 60 s is told as
/// 60 s. After a crash it may be more.
fn whole(ms: u32) -> u32 {
    if i64::from(ms) == WINDOW {
        60
    } else {
        ms.div_ceil(1_000)
    }
}

/// A duration as `OpenAI` writes it: `20ms`, `7s`, `1m0s`.
fn duration(ms: u32) -> String {
    let seconds = whole(ms);
    match ms {
        0 => "0s".to_owned(),
        1..1_000 => format!("{ms}ms"),
        _ if seconds < 60 => format!("{seconds}s"),
        _ => format!("{}m{}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_have_the_forms_that_clients_read() {
        let rate = Rate { limit: 100, remaining: 42, reset_ms: 59_001, next_ms: 17_200 };
        assert_eq!(
            rate.lines(),
            "x-ratelimit-limit-requests: 100\nx-ratelimit-remaining-requests: 42\n\
             x-ratelimit-reset-requests: 1m0s\nratelimit-policy: \"requests\";q=100;w=60\n\
             ratelimit: \"requests\";r=42;t=18\n"
        );
        assert_eq!(
            [0, 20, 999, 1_000, 59_000, 60_001, 60_002].map(duration),
            ["0s", "20ms", "999ms", "1s", "59s", "1m0s", "1m1s"]
        );
        let fresh = Rate { reset_ms: 60_001, next_ms: 60_001, ..rate };
        assert!(fresh.lines().ends_with(
            "x-ratelimit-reset-requests: 1m0s\n\
             ratelimit-policy: \"requests\";q=100;w=60\nratelimit: \"requests\";r=42;t=60\n"
        ));
    }

    #[test]
    fn of_two_limits_the_tighter_is_told() {
        let rate = |limit, remaining| Rate { limit, remaining, reset_ms: 0, next_ms: 0 };
        assert_eq!(rate(100, 5).tighter(Some(rate(10, 4))), rate(10, 4));
        assert_eq!(rate(100, 5).tighter(Some(rate(10, 6))), rate(100, 5));
        assert_eq!(rate(100, 5).tighter(None), rate(100, 5));
    }
}
