//! The ways to a pod, as `/v1/status` and the control API show them.

use crate::endpoint::capability::Capabilities;
use serde::{Deserialize, Serialize};

/// Whether a link is given calls, as far as its last ones tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    /// It is.
    Closed,
    /// It rests: calls go there only where no other link is left.
    Open,
    /// It has rested: the next call goes there, and tells.
    HalfOpen,
}

/// One way to the pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkStatus {
    /// `http` or `tunnel`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether the last probe succeeded; of a tunnel, whether it takes calls.
    pub up: bool,
    /// Of a tunnel: which replica it leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica: Option<String>,
    /// Of a tunnel: the replica's share of the calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u16>,
    /// Of a tunnel: where the replica runs, as it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Of a tunnel: since when it is up (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Calls in flight on it.
    #[serde(default)]
    pub in_flight: u32,
    /// Of a tunnel: whether it is given calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker>,
    /// Of a tunnel: it only ends what it has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draining: bool,
    /// Why its last probe failed.
    pub last_error: Option<String>,
    /// What the pod serves; `None` until it was asked.
    #[serde(default)]
    pub capabilities: Option<Capabilities>,
}
