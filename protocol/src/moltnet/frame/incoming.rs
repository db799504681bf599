//! Frames from an agent.

use super::{cut, MAX_EVENTS, PROTOCOL};
use crate::moltnet::actor::Actor;
use crate::moltnet::decode::decode;
use crate::moltnet::quote::quote;
use crate::moltnet::{id, nullable};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What an agent wishes beyond the original's protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Mentions and direct messages that no attachment of the agent has acknowledged, before anything else.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "std::ops::Not::not")]
    pub missed_mentions: bool,
    /// Most events in one frame, at most [`MAX_EVENTS`]; from 2 on they come in `EVENTS` frames, and an `ACK`
    /// acknowledges everything up to its cursor. 0 and 1: one event in each frame.
    #[serde(deserialize_with = "nullable", skip_serializing_if = "is_zero")]
    pub events_per_frame: u32,
}

/// The member `capabilities`: what is wished, and the original's own, which change nothing, but must be what they are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(clippy::struct_excessive_bools, reason = "the wire format")]
struct Told {
    #[serde(deserialize_with = "nullable")]
    missed_mentions: bool,
    #[serde(deserialize_with = "nullable")]
    events_per_frame: u32,
    #[serde(rename = "rooms", deserialize_with = "nullable")]
    _rooms: bool,
    #[serde(rename = "threads", deserialize_with = "nullable")]
    _threads: bool,
    #[serde(rename = "dms", deserialize_with = "nullable")]
    _dms: bool,
    #[serde(rename = "artifacts", deserialize_with = "nullable")]
    _artifacts: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The first frame: who attaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identify {
    /// The handle, in the pattern of ids.
    pub agent: String,
    /// The name to show; blank: the one that is registered.
    pub name: String,
    /// After which event it goes on; blank: with what comes from now on.
    pub cursor: String,
    /// What it wishes.
    pub capabilities: Capabilities,
}

/// What an attached agent says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It has taken the event of this cursor.
    Ack(String),
    /// It is there and wants to know whether we are.
    Ping,
    /// It is there.
    Pong,
    /// It cannot go on, and why.
    Error(String),
}

/// Any frame of a client. Members that only a server's frames need must be what they are all the same; what is not
/// named here is not looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Frame {
    #[serde(deserialize_with = "nullable")]
    op: String,
    #[serde(deserialize_with = "nullable")]
    version: String,
    #[serde(deserialize_with = "nullable")]
    network_id: String,
    #[serde(deserialize_with = "nullable")]
    agent: Option<Actor>,
    #[serde(deserialize_with = "nullable")]
    capabilities: Told,
    #[serde(deserialize_with = "nullable")]
    cursor: String,
    #[serde(deserialize_with = "nullable")]
    error: String,
    #[serde(rename = "heartbeat_interval_ms", deserialize_with = "nullable")]
    _heartbeat_interval_ms: i64,
    #[serde(rename = "agent_id", deserialize_with = "nullable")]
    _agent_id: String,
    #[serde(rename = "actor_uid", deserialize_with = "nullable")]
    _actor_uid: String,
    #[serde(rename = "actor_uri", deserialize_with = "nullable")]
    _actor_uri: String,
    #[serde(rename = "agent_token", deserialize_with = "nullable")]
    _agent_token: String,
    #[serde(rename = "event", deserialize_with = "nullable")]
    _event: Option<Map<String, Value>>,
}

impl Frame {
    fn read(text: &str) -> Result<Self, String> {
        decode(text.as_bytes()).map_err(|_| "attachment frame must be valid JSON".to_owned())
    }

    fn require_version(&self) -> Result<(), String> {
        let op = match self.op.trim() {
            "" => "frame",
            op => cut(op),
        };
        match self.version.trim() {
            "" => Err(format!("attachment {op} version is required")),
            PROTOCOL => Ok(()),
            _ => Err(format!(
                "attachment {op} version {} does not match {}",
                quote(cut(&self.version)),
                quote(PROTOCOL)
            )),
        }
    }
}

/// Reads the first frame of an attachment to `network`.
///
/// # Errors
/// The text of the `ERROR` frame to answer with.
pub fn identify(text: &str, network: &str) -> Result<Identify, String> {
    let frame = Frame::read(text)?;
    if frame.op != "IDENTIFY" {
        return Err("expected IDENTIFY frame".to_owned());
    }
    frame.require_version()?;
    if frame.network_id.trim() != network {
        let (told, own) = (quote(cut(&frame.network_id)), quote(network));
        return Err(format!("attachment network_id {told} does not match {own}"));
    }
    let agent = frame.agent.unwrap_or_default();
    let handle = agent.id.trim();
    if handle.is_empty() {
        return Err("attachment agent.id is required".to_owned());
    }
    id::check(handle).map_err(|fault| format!("attachment agent.id {fault}"))?;
    let Told { missed_mentions, events_per_frame, .. } = frame.capabilities;
    let capabilities = Capabilities { missed_mentions, events_per_frame: events_per_frame.min(MAX_EVENTS) };
    Ok(Identify {
        agent: handle.to_owned(),
        name: agent.name.trim().to_owned(),
        cursor: frame.cursor.trim().to_owned(),
        capabilities,
    })
}

/// Reads a frame of an agent that is attached.
///
/// # Errors
/// The text of the `ERROR` frame to answer with.
pub fn live(text: &str) -> Result<Said, String> {
    let frame = Frame::read(text)?;
    let may_omit = matches!(frame.op.as_str(), "ACK" | "PONG");
    if !(may_omit && frame.version.trim().is_empty()) {
        frame.require_version()?;
    }
    match frame.op.as_str() {
        "ACK" => Ok(Said::Ack(frame.cursor.trim().to_owned())),
        "PONG" => Ok(Said::Pong),
        "PING" => Ok(Said::Ping),
        "ERROR" => Ok(Said::Error(cut(frame.error.trim()).to_owned())),
        op => Err(format!("unexpected frame op {}", quote(cut(op)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INVALID: &str = "attachment frame must be valid JSON";

    fn first(json: &str) -> Result<Identify, String> {
        identify(json, "local")
    }

    #[test]
    fn the_first_frame_of_the_originals_client_is_read() {
        let text = r#"{"op":"IDENTIFY","version":"moltnet.attach.v1","network_id":"local",
            "agent":{"type":"agent","id":" alpha ","name":"Alpha"},
            "capabilities":{"rooms":true,"threads":true,"dms":true,"artifacts":true},"cursor":" evt_1 "}"#;
        let read = first(text).unwrap();
        assert_eq!(
            (read.agent.as_str(), read.name.as_str(), read.cursor.as_str()),
            ("alpha", "Alpha", "evt_1")
        );
        assert_eq!(read.capabilities, Capabilities::default());
        let wishes = r#"{"OP":"IDENTIFY","Version":" moltnet.attach.v1 ","network_id":" local ","agent":{"ID":"a"},
            "capabilities":{"missed_mentions":true,"events_per_frame":100000},"event":null,"cursor":null}"#;
        let read = first(wishes).unwrap();
        assert_eq!(read.capabilities, Capabilities { missed_mentions: true, events_per_frame: 256 });
    }

    #[test]
    fn each_check_of_the_first_frame_in_its_order() {
        let v = r#""version":"moltnet.attach.v1""#;
        let long = "a".repeat(129);
        for (json, message) in [
            ("{", INVALID),
            ("", INVALID),
            ("[]", INVALID),
            ("{} {}", INVALID),
            (r#"{"op":1}"#, INVALID),
            (r#"{"op":"IDENTIFY","agent":["agent","a"]}"#, INVALID),
            (r#"{"op":"IDENTIFY","capabilities":[true]}"#, INVALID),
            (r#"{"op":"IDENTIFY","capabilities":{"events_per_frame":-1}}"#, INVALID),
            (r#"{"op":"IDENTIFY","capabilities":{"rooms":"x"}}"#, INVALID),
            (r#"{"op":"IDENTIFY","event":"x"}"#, INVALID),
            (r#"{"op":"IDENTIFY","heartbeat_interval_ms":"1"}"#, INVALID),
            ("null", "expected IDENTIFY frame"),
            (r#"{"op":"READY"}"#, "expected IDENTIFY frame"),
            (r#"{"op":"identify"}"#, "expected IDENTIFY frame"),
            (r#"{"op":"IDENTIFY"}"#, "attachment IDENTIFY version is required"),
            (
                r#"{"op":"IDENTIFY","version":"v2"}"#,
                r#"attachment IDENTIFY version "v2" does not match "moltnet.attach.v1""#,
            ),
            (
                &format!(r#"{{"op":"IDENTIFY",{v},"network_id":"x\n"}}"#),
                r#"attachment network_id "x\n" does not match "local""#,
            ),
            (&format!(r#"{{"op":"IDENTIFY",{v}}}"#), r#"attachment network_id "" does not match "local""#),
            (&format!(r#"{{"op":"IDENTIFY",{v},"network_id":"local"}}"#), "attachment agent.id is required"),
            (
                &format!(r#"{{"op":"IDENTIFY",{v},"network_id":"local","agent":{{"id":" "}}}}"#),
                "attachment agent.id is required",
            ),
            (
                &format!(r#"{{"op":"IDENTIFY",{v},"network_id":"local","agent":{{"id":"a b"}}}}"#),
                "attachment agent.id id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}",
            ),
            (
                &format!(r#"{{"op":"IDENTIFY",{v},"network_id":"local","agent":{{"id":"{long}"}}}}"#),
                "attachment agent.id id must be 128 characters or fewer",
            ),
        ] {
            assert_eq!(first(json).unwrap_err(), message, "{json}");
        }
    }

    #[test]
    fn each_frame_of_an_attached_agent() {
        let ok = |json: &str| live(json).unwrap();
        assert_eq!(ok(r#"{"op":"ACK","cursor":" a-1 "}"#), Said::Ack("a-1".into()));
        assert_eq!(ok(r#"{"op":"PONG"}"#), Said::Pong);
        assert_eq!(ok(r#"{"op":"PING","version":"moltnet.attach.v1"}"#), Said::Ping);
        assert_eq!(
            ok(r#"{"op":"ERROR","version":"moltnet.attach.v1","error":" no "}"#),
            Said::Error("no".into())
        );
        for (json, message) in [
            ("x", INVALID),
            (
                r#"{"op":"ACK","version":"v2"}"#,
                r#"attachment ACK version "v2" does not match "moltnet.attach.v1""#,
            ),
            (r#"{"op":"PING"}"#, "attachment PING version is required"),
            (r#"{"op":"ERROR"}"#, "attachment ERROR version is required"),
            ("{}", "attachment frame version is required"),
            ("null", "attachment frame version is required"),
            (r#"{"version":"moltnet.attach.v1"}"#, r#"unexpected frame op """#),
            (r#"{"op":"EVENT","version":"moltnet.attach.v1"}"#, r#"unexpected frame op "EVENT""#),
            (r#"{"op":"IDENTIFY","version":"moltnet.attach.v1"}"#, r#"unexpected frame op "IDENTIFY""#),
        ] {
            assert_eq!(live(json).unwrap_err(), message, "{json}");
        }
    }

    #[test]
    fn what_a_client_wrote_is_repeated_in_part_only() {
        let op = "é".repeat(10_000);
        let refusal = live(&format!(r#"{{"op":"{op}","version":"moltnet.attach.v1"}}"#)).unwrap_err();
        assert_eq!(refusal, format!("unexpected frame op \"{}\"", "é".repeat(128)));
        let told = live(&format!(r#"{{"op":"ERROR","version":"moltnet.attach.v1","error":"{op}"}}"#));
        assert_eq!(told, Ok(Said::Error("é".repeat(128))));
    }

    proptest! {
        #[test]
        fn no_frame_panics(text: String) {
            let _ = (identify(&text, "local"), live(&text));
        }
    }
}
