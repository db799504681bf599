//! What the hub asks of `Network` for those who attach: who they are and what they are told. Asked anew for every
//! attachment, so that a token which was revoked after the upgrade opens nothing.

use crate::moltnet::agent::Registration;
use crate::moltnet::delivery::Audience;
use crate::moltnet::frame::Identify;
use crate::object::hub::Admitted;
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// Somebody who was let in says who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identifying {
    /// How it was let in.
    pub admitted: Admitted,
    /// What it says.
    pub identify: Identify,
}

/// It is who it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attached {
    /// Its registration; with a token where attaching made one.
    pub registration: Registration,
    /// What it is told.
    pub audience: Audience,
    /// What other attachments of the agent must have been made with; `None`: nothing that can be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// When its credential ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends: Option<Millis>,
}

/// A claim of a handle that was never answered: `Network` undoes it, unless its token has been used since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// The handle.
    pub agent: String,
    /// The nonce that its token was made of.
    pub nonce: String,
}
