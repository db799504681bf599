//! Limits that an operator may change. What is over one is refused with 429 and the limit's name.

use super::error::{MoltnetError, Outcome};
use serde::{Deserialize, Serialize};

/// The network's limits; what is not given stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Messages that one credential may send in a minute; without a credential, that one client address may.
    pub posts_per_minute: u32,
    /// Registrations that one client address may make in an hour, unless an admin makes them.
    pub registrations_per_hour: u32,
    /// Rooms of the network, removed ones included, since their ids are never used again.
    pub rooms: u32,
    /// Memberships of the network: the sum of all rooms' members.
    pub members: u32,
    /// Registered agents of the network.
    pub agents: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            posts_per_minute: 30_000,
            registrations_per_hour: 600,
            rooms: 100_000,
            members: 1_000_000,
            agents: 100_000,
        }
    }
}

/// `PATCH /api/v1/network/limits`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeLimits {
    /// See [`Limits::posts_per_minute`].
    pub posts_per_minute: Option<u32>,
    /// See [`Limits::registrations_per_hour`].
    pub registrations_per_hour: Option<u32>,
    /// See [`Limits::rooms`].
    pub rooms: Option<u32>,
    /// See [`Limits::members`].
    pub members: Option<u32>,
    /// See [`Limits::agents`].
    pub agents: Option<u32>,
}

/// Highest value of any limit.
pub const MAX_LIMIT: u32 = 10_000_000;

impl ChangeLimits {
    /// The limits after the change.
    ///
    /// # Errors
    /// 422 for a limit of 0 or over [`MAX_LIMIT`].
    pub fn applied(&self, to: Limits) -> Outcome<Limits> {
        let pick = |name: &str, new: Option<u32>, old: u32| match new {
            None => Ok(old),
            Some(new) if (1..=MAX_LIMIT).contains(&new) => Ok(new),
            Some(_) => Err(MoltnetError::invalid(format!("{name} must be 1 to {MAX_LIMIT}"))),
        };
        Ok(Limits {
            posts_per_minute: pick("posts_per_minute", self.posts_per_minute, to.posts_per_minute)?,
            registrations_per_hour: pick(
                "registrations_per_hour",
                self.registrations_per_hour,
                to.registrations_per_hour,
            )?,
            rooms: pick("rooms", self.rooms, to.rooms)?,
            members: pick("members", self.members, to.members)?,
            agents: pick("agents", self.agents, to.agents)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_given_changes_and_edges_hold() {
        let change = ChangeLimits { rooms: Some(MAX_LIMIT), ..ChangeLimits::default() };
        let limits = change.applied(Limits::default()).unwrap();
        assert_eq!(limits, Limits { rooms: MAX_LIMIT, ..Limits::default() });
        for bad in [0, MAX_LIMIT + 1] {
            let change = ChangeLimits { posts_per_minute: Some(bad), ..ChangeLimits::default() };
            assert!(change.applied(limits).unwrap_err().message.starts_with("posts_per_minute"));
        }
    }
}
