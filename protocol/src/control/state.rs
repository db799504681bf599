//! Where an agent stands, and what its owner is to do next.

use super::agent::{AgentRecord, Origin};
use super::fields::wrong;
use crate::error::Problem;
use serde::{Deserialize, Serialize};

/// Where an agent stands. Other names in use are read too: see each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Created; nobody asked for it to run yet. Also `pending`, `provisioning`.
    #[serde(alias = "pending", alias = "provisioning")]
    Deploying,
    /// Asked to run; no probe of its pod has succeeded yet. Also `starting`.
    #[serde(alias = "starting")]
    Initializing,
    /// Serving.
    Running,
    /// Stopped by its owner; keeps its id and keys. Also `stopped`.
    #[serde(alias = "stopped")]
    Paused,
    /// Could not be started.
    Failed,
    /// Ended for ever; its id is never used again.
    Terminated,
}

impl State {
    /// Reads a state by its own name or another in use.
    ///
    /// # Errors
    /// `invalid_request` naming the parameter `state`.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        serde_json::from_value(text.into()).map_err(|_| {
            wrong("state", "it must be deploying, initializing, running, paused, failed or terminated")
        })
    }

    /// The state as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deploying => "deploying",
            Self::Initializing => "initializing",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
        }
    }
}

impl AgentRecord {
    /// What the owner is to do next by hand, where nobody is told to do it; `None` where there is nothing to do.
    pub fn next_step(&self) -> Option<String> {
        let id = &self.id;
        let tunnel = self.settings.origin == Origin::Tunnel;
        Some(match self.state {
            State::Paused | State::Terminated | State::Running => return None,
            State::Deploying | State::Initializing if tunnel => format!(
                "Connect the pod with the agent's connect token (/_connect), or set an http origin with PATCH /api/v1/agents/{id}."
            ),
            State::Deploying => {
                format!("Bring up the pod at its origin, then start the agent with POST /api/v1/agents/{id}/start.")
            }
            State::Failed => {
                format!("Mend the pod as the reason says, then POST /api/v1/agents/{id}/start.")
            }
            State::Initializing => {
                "Bring up the pod at its origin: it is probed until it is ready.".to_owned()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_by_every_name_in_use_and_written_by_their_own() {
        for (name, state) in [
            ("pending", State::Deploying),
            ("provisioning", State::Deploying),
            ("starting", State::Initializing),
            ("stopped", State::Paused),
            ("failed", State::Failed),
        ] {
            assert_eq!(State::parse(name), Ok(state));
            assert_eq!(State::parse(state.as_str()), Ok(state));
        }
        assert_eq!(State::parse("Running").unwrap_err().param.as_deref(), Some("state"));
    }
}
