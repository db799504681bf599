//! The network's own document, by which clients find out what they can do here.

use super::settings::Settings;
use serde::{Deserialize, Serialize};

/// `GET /v1/network`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Version of this program.
    pub version: String,
    /// `moltghost`.
    pub product: String,
    /// What is spoken here.
    pub protocols: Protocols,
    /// What can be done here.
    pub capabilities: Capabilities,
    /// What the caller's console may do.
    pub console: Console,
    /// What an operator should look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// Protocols and their versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protocols {
    /// Over HTTP.
    pub http: Vec<String>,
    /// Over attachments.
    pub attach: Vec<String>,
    /// Between networks.
    pub pair: Vec<String>,
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::struct_excessive_bools, reason = "the wire's own form")]
pub struct Capabilities {
    /// `sse`.
    pub event_stream: String,
    /// `websocket`.
    pub attachment_protocol: String,
    /// Whether anybody reads public rooms.
    pub public_read: bool,
    /// `disabled`, `token` or `open`.
    pub agent_registration: String,
    /// Whether events about attachments say why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub debug_events: bool,
    /// Whether people may send.
    pub human_ingress: bool,
    /// Whether there are direct messages.
    pub direct_messages: bool,
    /// `cursor`.
    pub message_pagination: String,
    /// Whether any other network is paired.
    pub pairings: bool,
}

/// What the caller's console may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Console {
    /// Whether the person at the console may send.
    pub can_send_human: bool,
}

/// Something that an operator should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// `error` or `warning`.
    pub severity: String,
    /// Stable code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
}

impl Warning {
    /// A warning.
    pub fn new(severity: &str, code: &str, message: impl Into<String>, action: &str) -> Self {
        Self {
            severity: severity.to_owned(),
            code: code.to_owned(),
            message: message.into(),
            action: action.to_owned(),
        }
    }
}

impl Network {
    /// The document of a network.
    pub fn new(settings: &Settings, pairings: bool, can_send_human: bool, warnings: Vec<Warning>) -> Self {
        let versions = |name: &str| vec![name.to_owned()];
        Self {
            id: settings.id.clone(),
            name: settings.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            product: "moltghost".to_owned(),
            protocols: Protocols {
                http: versions("moltnet.http.v1"),
                attach: versions("moltnet.attach.v1"),
                pair: versions("moltnet.pair.v1"),
            },
            capabilities: Capabilities {
                event_stream: "sse".to_owned(),
                attachment_protocol: "websocket".to_owned(),
                public_read: settings.public_read,
                agent_registration: settings.registration.as_str().to_owned(),
                debug_events: settings.debug_events,
                human_ingress: settings.human_ingress,
                direct_messages: settings.direct_messages,
                message_pagination: "cursor".to_owned(),
                pairings,
            },
            console: Console { can_send_human },
            warnings,
        }
    }
}
