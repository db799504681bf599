//! Waiting for an agent to be in a state, and saying meanwhile where it stands.

use crate::api::{agent_path, Api, Call};
use crate::failure::{Failure, Kind};
use crate::output::{cell, Output};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How often an agent is looked at.
const EVERY: Duration = Duration::from_millis(500);
/// How often it is said that nothing has changed.
const REPEAT: Duration = Duration::from_secs(15);

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// The agent runs.
    Running {
        /// Longest wait.
        seconds: u64,
    },
}

/// Waits; answers the agent as it is then.
///
/// # Errors
/// It failed, was paused or terminated meanwhile, or the time is over.
pub async fn until(api: &Api, agent: &str, until: Until, output: Output) -> Result<Value, Failure> {
    let Until::Running { seconds } = until;
    let begun = Instant::now();
    let mut said = String::new();
    let mut said_at = begun;
    loop {
        let document = api.ask(Call::get(agent_path(agent))).await?;
        let state = cell(&document, "state");
        let reason = document.get("reason").and_then(Value::as_str).map(str::to_owned);
        let now = match &reason {
            Some(reason) => format!("{state}: {reason}"),
            None => state.clone(),
        };
        match state.as_str() {
            "running" => return Ok(document),
            "failed" | "paused" | "terminated" => {
                let next = if state == "failed" {
                    "Mend the pod, then: moltghost agent start"
                } else {
                    "Look with: moltghost status"
                };
                return Err(Failure::new(Kind::Waited, format!("The agent is {now}."))
                    .next(format!("{next} {agent}")));
            }
            _ => {}
        }
        let waited = begun.elapsed();
        if waited.as_secs() >= seconds {
            return Err(Failure::new(Kind::Waited, format!("After {seconds} s the agent is still {now}."))
                .next(format!("It goes on by itself; look with: moltghost status {agent}")));
        }
        if now != said || said_at.elapsed() >= REPEAT {
            output.say(&format!("· {now} ({} s)", waited.as_secs()));
            said = now;
            said_at = Instant::now();
        }
        tokio::time::sleep(EVERY).await;
    }
}
