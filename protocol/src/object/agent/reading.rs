//! What is read of an endpoint: by whom, its health, and its status.

use super::{Presented, Target};
use crate::control::agent::{Limits, State};
use crate::control::link::LinkStatus;
use crate::error::Problem;
use crate::id::{AgentId, Alias};
use crate::limit::Rate;
use crate::region::Region;
use serde::{Deserialize, Serialize};

/// Asks whether a key may read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Inspect {
    /// The key.
    pub key: Option<Presented>,
    /// The alias in the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Alias>,
    /// The browser's origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// What is to be read.
    pub what: Reading,
    /// The route; empty in messages of the first version.
    #[serde(default)]
    pub path: String,
    /// The ticket to keep, of [`Reading::Ticket`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// What is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// `/v1/models`: needs a pod, so the state must allow it.
    Models,
    /// `/v1/status`.
    Status,
    /// `/v1/health` with a key.
    Health,
    /// `/v1/ws-ticket`: keeps a ticket for the key.
    Ticket,
}

/// What may be read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Inspection {
    /// Origins of browsers that may read the answer.
    pub cors: Vec<String>,
    /// The reading, or why not.
    pub outcome: Read,
    /// What is left of the request limit; `None` where no key was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

/// The outcome of a reading.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Read {
    /// The pod to ask for its models.
    Models(Box<Target>),
    /// The whole status.
    Status(Box<Status>),
    /// Health with detail.
    Health(Box<HealthDetail>),
    /// The ticket is kept.
    Ticket,
    /// Refused.
    Refused(Problem),
}

/// Public health.
#[derive(Debug, Serialize, Deserialize)]
pub struct Health {
    /// Origins of browsers that may read the answer.
    pub cors: Vec<String>,
    /// The one word, or why not.
    pub status: Result<String, Problem>,
    /// The agent's alias, empty where it has none; `None` in answers of the version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
}

impl Health {
    /// Whether the agent has the name that it was called by; `None` for its id.
    pub fn is_called(&self, alias: Option<&Alias>) -> bool {
        match (alias, &self.alias) {
            (Some(called), Some(own)) => own == called.as_str(),
            _ => true,
        }
    }
}

/// `/v1/health` with a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthDetail {
    /// The one word.
    pub status: String,
    /// The state.
    pub state: State,
    /// Since when, RFC 3339.
    pub since: String,
    /// Replicas with a link that is up.
    pub replicas_up: u32,
    /// Version of the access layer.
    pub version: String,
}

/// `/v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The agent's id.
    pub agent: AgentId,
    /// Its state.
    pub state: State,
    /// Since when, RFC 3339.
    pub since: String,
    /// The default model.
    pub model: Option<String>,
    /// Version of the access layer.
    pub version: String,
    /// The ways to the pod.
    pub links: Vec<LinkStatus>,
    /// Where the agent's pods are, as its owner has set.
    #[serde(default)]
    pub region: Option<Region>,
    /// Runs whose lease is held.
    pub in_flight: u32,
    /// Calls that wait for one of them to end.
    #[serde(default)]
    pub queued: u32,
    /// The agent's limits.
    #[serde(default)]
    pub limits: Limits,
    /// The request limit that binds this key, and what is left of it.
    #[serde(default)]
    pub requests: Option<Rate>,
    /// Usage of the current month, UTC.
    pub usage: MonthUsage,
    /// How much of the last 30 days it was there.
    #[serde(default)]
    pub availability: Availability,
    /// Wall time of a run that asks for none.
    pub timeout_seconds: u32,
}

/// How much of the time in which an agent was to be there for its callers it was.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// The beginning of the first day that counts, RFC 3339.
    pub from: String,
    /// Seconds in which it was running and its pod connected.
    pub up_seconds: u32,
    /// Seconds in which it should have been: running without a link, or failed.
    pub down_seconds: u32,
    /// The share of the first in both, 0 to 1; `None` where both are 0.
    pub ratio: Option<f64>,
}

impl Availability {
    /// The share of these seconds.
    pub fn of(from: String, up_seconds: u32, down_seconds: u32) -> Self {
        let (up, all) = (f64::from(up_seconds), f64::from(up_seconds) + f64::from(down_seconds));
        let ratio = (all > 0.0).then(|| (up / all * 1e6).round() / 1e6);
        Self { from, up_seconds, down_seconds, ratio }
    }
}

/// What was used in a month.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthUsage {
    /// The month, `2026-11`.
    pub month: String,
    /// Runs that reached the pod.
    pub requests: u64,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// Their sum.
    pub total_tokens: u64,
    /// Total tokens by where the figure comes from.
    pub by_source: BySource,
}

/// Total tokens by where the figure comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BySource {
    /// Told by the pod.
    pub reported: u64,
    /// Counted pieces of content.
    pub counted: u64,
    /// Estimated from bytes, or reserved by a run that was never settled.
    pub estimated: u64,
}
