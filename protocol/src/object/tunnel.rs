//! The sockets that the Worker opens to an `Agent` object for the tunnel, and how a tunnel is named where the address
//! of an origin stands.

use super::agent::Target;
use super::agent::Upgrade;
use crate::id::AgentId;
use crate::request_id::RunId;
use serde::{Deserialize, Serialize};

/// Who a socket is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Socket {
    /// A caller on `/ws`.
    Caller(Box<Upgrade>),
    /// A pod's connector, with its connect token as it was written.
    Connect(String),
    /// A request to the pod: of a run, or a question of the Worker's own. The socket carries one stream of the
    /// tunnel's protocol, under the id [`STREAM`]; a text [`AGAIN`] asks for the whole request once more.
    Call(Option<RunId>),
    /// The same for a question of the Worker's own that only one link can answer, by its number.
    Question(u64),
}

/// The id of the one stream on a call's socket.
pub const STREAM: u32 = 1;

/// Asks the Worker to send its request once more: another link takes it.
pub const AGAIN: &str = "again";

/// What stands before a message that asks to run a call and, where it may run, for the socket that it goes over.
pub const RUN: &str = "run ";

const SCHEME: &str = "tunnel:";

/// What stands for the address of an agent's tunnel, or of one link of it.
pub fn address(agent: &AgentId, link: Option<u64>) -> String {
    match link {
        Some(link) => format!("{SCHEME}{agent}/{link}"),
        None => format!("{SCHEME}{agent}"),
    }
}

/// What an [`address`] stands for; `None` for the address of an origin.
pub fn read_address(url: &str) -> Option<(AgentId, Option<u64>)> {
    let text = url.strip_prefix(SCHEME)?;
    let (agent, link) = match text.split_once('/') {
        Some((agent, link)) => (agent, Some(link.parse().ok()?)),
        None => (text, None),
    };
    Some((AgentId::parse(agent).ok()?, link))
}

impl Target {
    /// The agent whose tunnel leads to the pod, and the link if it must be one; `None` where an address does.
    pub fn tunnel(&self) -> Option<(AgentId, Option<u64>)> {
        read_address(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_keep_their_form() {
        let run = RunId::mint(0, 1);
        let written = serde_json::to_string(&Socket::Call(Some(run.clone()))).unwrap();
        assert_eq!(written, format!(r#"{{"call":"{}"}}"#, run.as_str()));
        let connect: Socket = serde_json::from_str(r#"{"connect":"moltc_x"}"#).unwrap();
        assert_eq!(connect, Socket::Connect("moltc_x".into()));
    }

    #[test]
    fn addresses_read_back() {
        let agent = AgentId::mint(1);
        for link in [None, Some(7)] {
            assert_eq!(read_address(&address(&agent, link)), Some((agent.clone(), link)));
        }
        for wrong in ["https://pod.example", "tunnel:", "tunnel:nobody/1"] {
            assert_eq!(read_address(wrong), None);
        }
        assert_eq!(read_address(&format!("tunnel:{agent}/x")), None);
    }
}
