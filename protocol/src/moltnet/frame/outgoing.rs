//! Frames to an agent. Each names the protocol; after `READY` only `EVENT`, `EVENTS`, `PING`, `PONG` and `ERROR` are
//! sent, and `EVENTS` and `PONG` only to who asked.

use super::{MAX_EVENTS, PROTOCOL};
use serde::Serialize;

/// Asks whether the agent is there.
pub const PING: &str = r#"{"op":"PING","version":"moltnet.attach.v1"}"#;

/// Answers the agent's own `PING`.
pub const PONG: &str = r#"{"op":"PONG","version":"moltnet.attach.v1"}"#;

/// The first word; `heartbeat_ms` is how often the agent hears of us at least. Says what `IDENTIFY` may ask for.
pub fn hello(heartbeat_ms: u32) -> String {
    format!(
        r#"{{"op":"HELLO","version":"{PROTOCOL}","heartbeat_interval_ms":{heartbeat_ms},"capabilities":{{"missed_mentions":true,"events_per_frame":{MAX_EVENTS}}}}}"#
    )
}

/// Who the agent is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ready<'a> {
    /// The network.
    pub network_id: &'a str,
    /// The handle.
    pub agent_id: &'a str,
    /// What identifies the agent for good.
    pub actor_uid: &'a str,
    /// Its full name.
    pub actor_uri: &'a str,
    /// Its own token, where attaching made one; never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_token: Option<&'a str>,
}

/// The agent is attached.
pub fn ready(ready: &Ready<'_>) -> String {
    #[derive(Serialize)]
    struct Frame<'a> {
        op: &'static str,
        version: &'static str,
        #[serde(flatten)]
        ready: &'a Ready<'a>,
    }
    let frame = Frame { op: "READY", version: PROTOCOL, ready };
    serde_json::to_string(&frame).unwrap_or_default()
}

/// An event that is JSON already. Networks' ids and cursors hold nothing that JSON escapes.
pub fn event(network: &str, cursor: &str, event: &str) -> String {
    let mut frame = String::with_capacity(event.len() + cursor.len() + network.len() + 96);
    for part in [
        r#"{"op":"EVENT","version":""#,
        PROTOCOL,
        r#"","network_id":""#,
        network,
        r#"","cursor":""#,
        cursor,
        r#"","event":"#,
        event,
        "}",
    ] {
        frame.push_str(part);
    }
    frame
}

/// Several events in order, for who asked: `cursor` is that of the last.
pub fn events<'a>(network: &str, cursor: &str, events: impl IntoIterator<Item = &'a str>) -> String {
    let mut frame = format!(
        r#"{{"op":"EVENTS","version":"{PROTOCOL}","network_id":"{network}","cursor":"{cursor}","events":["#
    );
    for (at, event) in events.into_iter().enumerate() {
        if at > 0 {
            frame.push(',');
        }
        frame.push_str(event);
    }
    frame.push_str("]}");
    frame
}

/// Why the attachment ends.
pub fn error(message: &str) -> String {
    serde_json::json!({ "op": "ERROR", "version": PROTOCOL, "error": message.trim() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_keep_their_form() {
        let one = r#"{"id":"evt_1"}"#;
        for (frame, golden) in [
            (
                hello(5_000),
                r#"{"op":"HELLO","version":"moltnet.attach.v1","heartbeat_interval_ms":5000,"capabilities":{"missed_mentions":true,"events_per_frame":256}}"#,
            ),
            (
                ready(&Ready {
                    network_id: "local",
                    agent_id: "a",
                    actor_uid: "actor_1",
                    actor_uri: "molt://local/agents/a",
                    agent_token: None,
                }),
                r#"{"op":"READY","version":"moltnet.attach.v1","network_id":"local","agent_id":"a","actor_uid":"actor_1","actor_uri":"molt://local/agents/a"}"#,
            ),
            (
                ready(&Ready { agent_token: Some("magt_v1_x"), ..Ready::default() }),
                r#"{"op":"READY","version":"moltnet.attach.v1","network_id":"","agent_id":"","actor_uid":"","actor_uri":"","agent_token":"magt_v1_x"}"#,
            ),
            (
                event("local", "ab-1", one),
                r#"{"op":"EVENT","version":"moltnet.attach.v1","network_id":"local","cursor":"ab-1","event":{"id":"evt_1"}}"#,
            ),
            (
                events("local", "ab-2", [one, one]),
                r#"{"op":"EVENTS","version":"moltnet.attach.v1","network_id":"local","cursor":"ab-2","events":[{"id":"evt_1"},{"id":"evt_1"}]}"#,
            ),
            (error(" no \"x\"\n"), r#"{"error":"no \"x\"","op":"ERROR","version":"moltnet.attach.v1"}"#),
        ] {
            assert_eq!(frame, golden);
            assert!(serde_json::from_str::<serde_json::Value>(&frame).unwrap()["version"] == PROTOCOL);
        }
        for frame in [PING, PONG] {
            assert!(serde_json::from_str::<serde_json::Value>(frame).unwrap()["version"] == PROTOCOL);
        }
    }
}
