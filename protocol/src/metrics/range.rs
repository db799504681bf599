//! Over which time usage and metrics are asked for, and the documents that answer.

use super::figures::{Endings, Figures};
use super::histogram::{Histogram, BOUNDS_MS};
use crate::control::fields::wrong;
use crate::endpoint::usage::UsageSource;
use crate::error::Problem;
use crate::id::AgentId;
use crate::object::agent::MonthUsage;
use crate::time::{day, month, parse_rfc3339, rfc3339, Millis, DAY};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Milliseconds of a bucket, the least step.
pub const MINUTE: Millis = 60_000;
/// How long buckets are kept.
pub const KEPT: Millis = 2 * DAY;
/// Largest step in seconds.
pub const MAX_STEP: i64 = 86_400;
/// Most days of usage in one answer.
pub const MAX_DAYS: i64 = 366;

/// Days of usage, both included, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRange {
    /// The first day, `2026-11-01`.
    pub from: String,
    /// The last day.
    pub to: String,
}

impl UsageRange {
    /// Reads `from` and `to` as they stand in a query. Without `to` it is today; without `from`, the first day of the
    /// month of `to`.
    ///
    /// # Errors
    /// `invalid_request` naming the parameter.
    pub fn parse(from: Option<&str>, to: Option<&str>, now: Millis) -> Result<Self, Problem> {
        let to = to.map_or(Ok(now), |text| date("to", text))?;
        let first = format!("{}-01", month(to));
        let from = date("from", from.unwrap_or(&first))?;
        if from > to {
            return Err(wrong("from", "it must not be after `to`"));
        }
        if (to - from) / DAY >= MAX_DAYS {
            return Err(wrong("from", "one answer holds at most 366 days"));
        }
        Ok(Self { from: day(from), to: day(to) })
    }
}

fn date(name: &str, text: &str) -> Result<Millis, Problem> {
    let time = if text.len() == 10 { parse_rfc3339(&format!("{text}T00:00:00Z")) } else { None };
    time.ok_or_else(|| wrong(name, "it must be a day of the calendar in UTC, such as 2026-11-23"))
}

/// A span of metrics, cut into steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsRange {
    /// Where it begins, at a whole minute.
    pub from: Millis,
    /// Where it ends; what begins there is not in it.
    pub to: Millis,
    /// Seconds of one step, a multiple of 60.
    pub step: i64,
}

impl MetricsRange {
    /// Reads `from`, `to` (RFC 3339) and `step` (seconds) as they stand in a query. Without `to` it is now; without
    /// `from`, an hour before; without `step`, 60. What is older than 48 hours is left out.
    ///
    /// # Errors
    /// `invalid_request` naming the parameter.
    pub fn parse(
        from: Option<&str>,
        to: Option<&str>,
        step: Option<&str>,
        now: Millis,
    ) -> Result<Self, Problem> {
        let time = |name: &str, text: &str| {
            parse_rfc3339(text)
                .ok_or_else(|| wrong(name, "it must be a time of RFC 3339, such as 2026-11-23T12:00:00Z"))
        };
        let to = to.map_or(Ok(now), |text| time("to", text))?;
        let from = from.map_or(Ok(to - 60 * MINUTE), |text| time("from", text))?;
        if from >= to {
            return Err(wrong("from", "it must be before `to`"));
        }
        let step = match step {
            None => 60,
            Some(text) => {
                text.parse()
                    .ok()
                    .filter(|step| (60..=MAX_STEP).contains(step) && step % 60 == 0)
                    .ok_or_else(|| wrong("step", "it must be a multiple of 60 from 60 to 86400 seconds"))?
            }
        };
        let oldest = now - KEPT;
        Ok(Self { from: minute(from.max(oldest)), to: to.max(oldest).min(now + MINUTE), step })
    }

    /// Where the step begins that a minute falls into. Steps begin at multiples of their length since 1970.
    pub fn step_of(&self, minute: Millis) -> Millis {
        minute - minute.rem_euclid(self.step * 1_000)
    }
}

/// The whole minute that a time falls into.
pub fn minute(time: Millis) -> Millis {
    time - time.rem_euclid(MINUTE)
}

/// `GET /agents/{…}/usage`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageDocument {
    /// The agent.
    pub agent: AgentId,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// One item for each day and source on which there was any, in the order of days.
    pub data: Vec<DayUsage>,
    /// Totals of each whole month that a day of the span belongs to and that has any usage.
    pub months: Vec<MonthUsage>,
}

/// What was used on a day, by where the figures come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayUsage {
    /// The day in UTC.
    pub day: String,
    /// Where the figures come from.
    pub source: UsageSource,
    /// Runs that reached the pod.
    pub requests: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// Their sum.
    pub total_tokens: u64,
}

/// `GET /agents/{…}/metrics`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsDocument {
    /// The agent.
    pub agent: AgentId,
    /// Where the span begins, RFC 3339.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Seconds of a step.
    pub step: i64,
    /// Upper bounds of the histograms' buckets in milliseconds; the last bucket has none.
    pub bounds_ms: Vec<u64>,
    /// The steps in which something happened, in the order of time.
    pub data: Vec<Step>,
}

impl MetricsDocument {
    /// The document of figures by the start of their step.
    pub fn new(agent: AgentId, range: &MetricsRange, steps: BTreeMap<Millis, Figures>) -> Self {
        Self {
            agent,
            from: rfc3339(range.from),
            to: rfc3339(range.to),
            step: range.step,
            bounds_ms: BOUNDS_MS.to_vec(),
            data: steps.into_iter().map(|(time, figures)| Step::new(time, figures)).collect(),
        }
    }
}

/// One step of metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Where it begins, RFC 3339.
    pub time: String,
    /// Runs that were admitted.
    pub requests: u64,
    /// Calls that were refused, by code.
    pub refused: BTreeMap<String, u64>,
    /// Runs that ended, by how.
    pub endings: Endings,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// Most runs in flight at once.
    pub in_flight_max: u32,
    /// From admission to the last byte.
    pub latency_ms: Durations,
    /// From admission to the pod's first piece of a stream; plain answers have none.
    pub time_to_first_token_ms: Durations,
}

impl Step {
    fn new(time: Millis, figures: Figures) -> Self {
        Self {
            time: rfc3339(time),
            requests: figures.requests,
            refused: figures.refused,
            endings: figures.endings,
            prompt_tokens: figures.prompt_tokens,
            completion_tokens: figures.completion_tokens,
            in_flight_max: figures.in_flight_max,
            latency_ms: Durations::of(&figures.latency),
            time_to_first_token_ms: Durations::of(&figures.first_token),
        }
    }
}

/// A histogram as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// How many.
    pub count: u64,
    /// Their sum in milliseconds.
    pub sum: u64,
    /// How many in each bucket; `bounds_ms` has the bounds.
    pub counts: Vec<u64>,
}

impl Durations {
    fn of(histogram: &Histogram) -> Self {
        Self { count: histogram.count(), sum: histogram.sum_ms, counts: histogram.counts.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_435_230_000; // 2026-11-23T12:00:30Z

    fn at_fault<T: std::fmt::Debug>(result: Result<T, Problem>) -> String {
        result.unwrap_err().param.unwrap()
    }

    #[test]
    fn usage_is_of_this_month_unless_days_are_named() {
        let range = |from, to| UsageRange::parse(from, to, NOW);
        let days = |from: &str, to: &str| UsageRange { from: from.into(), to: to.into() };
        assert_eq!(range(None, None).unwrap(), days("2026-11-01", "2026-11-23"));
        assert_eq!(range(None, Some("2026-02-03")).unwrap(), days("2026-02-01", "2026-02-03"));
        assert_eq!(range(Some("2026-11-23"), None).unwrap(), days("2026-11-23", "2026-11-23"));
        assert_eq!(at_fault(range(Some("2026-11-24"), None)), "from");
        assert_eq!(at_fault(range(Some("2026-02-29"), None)), "from");
        for bad in
            ["", "2026-11", "2026-11-3", "2026-11-23T00:00:00Z", "yesterday", "2026/11/23", "+026-11-23"]
        {
            assert_eq!(at_fault(range(None, Some(bad))), "to", "{bad}");
        }
        assert!(range(Some("2024-01-01"), Some("2024-12-31")).is_ok(), "366 days");
        assert_eq!(at_fault(range(Some("2024-01-01"), Some("2025-01-01"))), "from");
    }

    #[test]
    fn metrics_are_of_the_last_hour_unless_times_are_named() {
        let range = |from, to, step| MetricsRange::parse(from, to, step, NOW);
        let hour = range(None, None, None).unwrap();
        assert_eq!((hour.from, hour.to, hour.step), (NOW - 30_000 - 60 * MINUTE, NOW, 60));
        let old = range(Some("2020-01-01T00:00:00Z"), None, Some("3600")).unwrap();
        assert_eq!(old.from, minute(NOW - KEPT));
        assert_eq!(old.step_of(NOW), NOW - 30_000);
        assert_eq!(at_fault(range(Some("2026-11-23"), None, None)), "from");
        assert_eq!(at_fault(range(None, Some("now"), None)), "to");
        assert_eq!(at_fault(range(Some("2026-11-23T12:00:30Z"), None, None)), "from");
        for (step, ok) in
            [("59", false), ("60", true), ("90", false), ("86400", true), ("86460", false), ("x", false)]
        {
            assert_eq!(range(None, None, Some(step)).is_ok(), ok, "{step}");
        }
    }
}
