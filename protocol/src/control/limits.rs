//! The limits of an agent that its owner sets (agent-endpoints §5, §10), their defaults and their edges.

use super::fields::wrong;
use crate::error::Problem;
use crate::limit::MAX_RPM;
use serde::{Deserialize, Serialize};

/// What each limit must be, as a refusal says it.
pub(super) const RPM: &str = "it must be a whole number from 1 to 1000000, or null";
pub(super) const CONCURRENCY: &str = "it must be a whole number from 1 to 1000";
pub(super) const QUEUE: &str = "it must be a whole number from 0 to 64";
pub(super) const BODY_BYTES: &str = "it must be a whole number from 1 to 26214400 (25 MiB)";
pub(super) const MAX_TIMEOUT: &str = "it must be a whole number from 1 to 3600";

/// The limits of an agent. What a stored row or a message does not name is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Requests in 60 s of all its keys together, and of a key without a limit of its own. `None`: each key has 100,
    /// and there is no limit on all of them.
    pub rpm: Option<u32>,
    /// Runs at once.
    pub concurrency: u32,
    /// Calls that wait for a run to end.
    pub queue: u32,
    /// Largest request body in bytes.
    pub body_bytes: u64,
    /// Largest `timeout_seconds` that a caller may ask for.
    pub max_timeout_seconds: u32,
}

impl Limits {
    /// Largest `concurrency` that can be set.
    pub const MAX_CONCURRENCY: u32 = 1_000;
    /// Largest `queue` that can be set.
    pub const MAX_QUEUE: u32 = 64;
    /// Largest `body_bytes` that can be set: 25 MiB.
    pub const MAX_BODY_BYTES: u64 = 25 * 1024 * 1024;
    /// Largest `max_timeout_seconds` that can be set: an hour.
    pub const MAX_TIMEOUT_SECONDS: u32 = 3_600;

    /// Refuses what is beyond an edge.
    ///
    /// # Errors
    /// `invalid_request` naming the field.
    pub fn check(&self) -> Result<(), Problem> {
        check_rpm(self.rpm, "limits.rpm")?;
        if !(1..=Self::MAX_CONCURRENCY).contains(&self.concurrency) {
            return Err(wrong("limits.concurrency", CONCURRENCY));
        }
        if self.queue > Self::MAX_QUEUE {
            return Err(wrong("limits.queue", QUEUE));
        }
        if !(1..=Self::MAX_BODY_BYTES).contains(&self.body_bytes) {
            return Err(wrong("limits.body_bytes", BODY_BYTES));
        }
        if !(1..=Self::MAX_TIMEOUT_SECONDS).contains(&self.max_timeout_seconds) {
            return Err(wrong("limits.max_timeout_seconds", MAX_TIMEOUT));
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rpm: None,
            concurrency: 8,
            queue: Self::MAX_QUEUE,
            body_bytes: 10 * 1024 * 1024,
            max_timeout_seconds: 300,
        }
    }
}

/// Refuses a request limit beyond its edges.
///
/// # Errors
/// `invalid_request` naming the field.
pub fn check_rpm(rpm: Option<u32>, field: &str) -> Result<(), Problem> {
    if rpm.is_some_and(|rpm| !(1..=MAX_RPM).contains(&rpm)) {
        return Err(wrong(field, RPM));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_refused_by_name_at_its_edges() {
        let usual = Limits::default();
        let at = |limits: Limits| limits.check().map_err(|problem| problem.param.unwrap_or_default());
        for rpm in [None, Some(1), Some(MAX_RPM)] {
            assert_eq!(at(Limits { rpm, ..usual }), Ok(()));
        }
        for rpm in [Some(0), Some(MAX_RPM + 1)] {
            assert_eq!(at(Limits { rpm, ..usual }), Err("limits.rpm".to_owned()));
        }
        for (concurrency, ok) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
            assert_eq!(at(Limits { concurrency, ..usual }).is_ok(), ok);
        }
        for (queue, ok) in [(0, true), (64, true), (65, false)] {
            assert_eq!(at(Limits { queue, ..usual }).is_ok(), ok);
        }
        assert_eq!(at(Limits { body_bytes: 0, ..usual }), Err("limits.body_bytes".to_owned()));
        assert_eq!(
            at(Limits { max_timeout_seconds: 3_601, ..usual }),
            Err("limits.max_timeout_seconds".to_owned())
        );
    }

    #[test]
    fn a_row_of_the_first_version_has_the_defaults_of_what_it_does_not_name() {
        let stored = r#"{"body_bytes":5,"max_timeout_seconds":60}"#;
        let limits: Limits = serde_json::from_str(stored).unwrap();
        assert_eq!(limits, Limits { body_bytes: 5, max_timeout_seconds: 60, ..Limits::default() });
    }
}
