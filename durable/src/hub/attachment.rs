//! One attachment: a state machine that takes frames and says what follows. Sockets, log and directory are its
//! caller's; the transport only encodes.
//!
//! `HELLO` is said when the socket opens. What follows in order: the agent says `IDENTIFY` within ten seconds, the
//! directory is asked, `READY`, then events and heartbeats until either side ends it. Whatever is refused is answered
//! with `ERROR` and the end. Everything that must outlive the hub's sleep is kept with the socket; while the directory
//! is asked the hub does not sleep.

use super::unacked::{Sent, Unacked};
use moltghost_protocol::moltnet::delivery::Reader;
use moltghost_protocol::moltnet::frame::{self, Identify, Said};
use moltghost_protocol::object::hub::Admitted;
use moltghost_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::rc::Rc;

/// How long an agent may take to say who it is.
pub const IDENTIFY_MS: Millis = 10_000;

/// Frames that may come before `READY` has been said.
pub const MAX_EARLY: usize = 64;

/// `PING` and `PONG` frames that one attachment may send in a second.
pub const MAX_BEATS: u32 = 100;

/// Close codes. None is 1000 or 1001, which the original's programs take for an end that is meant to last.
pub mod code {
    /// A frame was refused.
    pub const REFUSED: u16 = 4_400;
    /// The credential has ended.
    pub const ENDED: u16 = 4_401;
    /// Nothing was heard for too long.
    pub const SILENT: u16 = 4_408;
    /// The agent was removed.
    pub const REMOVED: u16 = 4_410;
    /// Too many frames.
    pub const FLOOD: u16 = 4_429;
    /// A frame is too large.
    pub const TOO_LARGE: u16 = 1_009;
}

/// What came over a socket.
#[derive(Debug, Clone, Copy)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary,
    /// A message over the limit.
    TooLarge,
}

/// Why an attachment ends; what events say of it where `DEBUG_EVENTS` is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// The client closed it.
    ClientClosed,
    /// The client closed it to come back later.
    ClientGoingAway,
    /// The client said that it cannot go on.
    ClientError(String),
    /// A frame was refused, or the connection broke.
    ReadError(String),
    /// Nothing was heard for too long.
    ReadTimeout,
    /// The agent was removed.
    AgentRemoved,
    /// The credential has ended.
    CredentialEnded,
}

impl Cause {
    /// The original's word for it.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::ClientClosed => "client_closed",
            Self::ClientGoingAway => "client_going_away",
            Self::ClientError(_) => "client_error",
            Self::ReadError(_) => "read_error",
            Self::ReadTimeout => "read_timeout",
            Self::AgentRemoved => "agent_removed",
            Self::CredentialEnded => "credential_ended",
        }
    }

    /// The error that belongs to it, for `agent.disconnected`.
    pub fn error(&self) -> String {
        match self {
            Self::ClientError(text) if text.is_empty() => "attachment client error".to_owned(),
            Self::ClientError(text) => format!("attachment client error: {text}"),
            Self::ReadError(text) => text.clone(),
            Self::ReadTimeout => "nothing was heard of the agent for too long".to_owned(),
            Self::ClientClosed | Self::ClientGoingAway | Self::AgentRemoved | Self::CredentialEnded => {
                String::new()
            }
        }
    }

    /// Why a wake was not delivered, for `agent.wake.failed`.
    pub fn wake_error(&self) -> String {
        match self {
            Self::ClientClosed => "websocket: close 1000 (normal)".to_owned(),
            Self::ClientGoingAway => "websocket: close 1001 (going away)".to_owned(),
            Self::CredentialEnded => "the credential of the attachment has ended".to_owned(),
            other => other.error(),
        }
    }

    /// The client, or the network in between, closed with this code.
    pub fn of_close(code: u16) -> Self {
        match code {
            1_000 => Self::ClientClosed,
            1_001 => Self::ClientGoingAway,
            1_006 => Self::ReadError("websocket: close 1006 (abnormal closure): unexpected EOF".to_owned()),
            code => Self::ReadError(format!("websocket: close {code}")),
        }
    }
}

/// How an attachment ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What the agent is told before the socket closes.
    pub error: Option<String>,
    /// The close code.
    pub code: u16,
    /// Why.
    pub cause: Cause,
}

impl End {
    /// A frame was refused in these words.
    pub fn refused(error: impl Into<String>) -> Self {
        let error = error.into();
        Self { cause: Cause::ReadError(error.clone()), error: Some(error), code: code::REFUSED }
    }

    /// Nothing was heard for too long.
    pub fn silent() -> Self {
        Self { error: None, code: code::SILENT, cause: Cause::ReadTimeout }
    }

    /// The agent was removed.
    pub fn removed() -> Self {
        let error = Some("agent was removed from the network".to_owned());
        Self { error, code: code::REMOVED, cause: Cause::AgentRemoved }
    }

    /// The credential has ended.
    pub fn ended() -> Self {
        let error = Some("the credential of this attachment has ended".to_owned());
        Self { error, code: code::ENDED, cause: Cause::CredentialEnded }
    }
}

/// What follows from a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// This is said.
    Say(&'static str),
    /// The directory is asked who it is.
    Ask,
    /// These events were taken.
    Acked(Vec<Sent>),
    /// It ends.
    End(End),
}

/// Where an attachment stands.
#[derive(Debug)]
pub enum Phase {
    /// It has not said who it is; by then it must have.
    Hello(Millis),
    /// The directory is asked; what comes meanwhile waits.
    Asking(Box<Asking>),
    /// It is attached.
    Live(Box<Live>),
}

/// An agent that the directory is asked about.
#[derive(Debug)]
pub struct Asking {
    /// What it said.
    pub identify: Identify,
    /// What its token is made of, should one be made.
    pub nonce: String,
    /// Frames that came too early.
    pub early: Vec<String>,
}

/// An agent that is attached.
#[derive(Debug)]
pub struct Live {
    /// Who, and how it came, as it is kept.
    pub kept: KeptLive,
    /// What it is told.
    pub reader: Rc<Reader>,
    /// What was sent and not acknowledged.
    pub unacked: Unacked,
    /// Messages that it missed and is sent before anything else.
    pub missed: VecDeque<i64>,
    /// The cursor that the log did not reach back to, until it is told.
    pub gap: Option<String>,
    /// What stands up to there is told again, so that what its conversations are now counts.
    pub told: i64,
    /// Its reader is behind: it is sent nothing until it has caught up with what is on the way.
    pub slow: bool,
    /// At most so many bytes are on their way to it.
    pub on_way: u64,
    /// `PING` and `PONG` frames since then.
    beats: (Millis, u32),
}

/// What is kept of an attached agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeptLive {
    /// The handle.
    pub agent: String,
    /// The name to show.
    pub name: String,
    /// What other attachments of the agent must have been made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// The claim that made its token, until anything was heard after `READY`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub claim: String,
    /// Most events in one frame; 1: single `EVENT` frames.
    pub per_frame: u32,
    /// After which event it goes on.
    pub at: i64,
    /// What was sent and not acknowledged, see [`Unacked::write`].
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unacked: String,
    /// `PING`s since anything was heard.
    #[serde(skip_serializing_if = "is_zero")]
    pub unanswered: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Live {
    /// An agent that is attached, or was when the hub fell asleep.
    pub fn new(kept: KeptLive, reader: Rc<Reader>) -> Self {
        let unacked = Unacked::read(&kept.unacked);
        Self {
            kept,
            reader,
            unacked,
            missed: VecDeque::new(),
            gap: None,
            told: 0,
            slow: false,
            // That is not known: its socket is asked.
            on_way: u64::MAX,
            beats: (0, 0),
        }
    }

    /// Takes a frame.
    pub fn take(&mut self, text: &str, now: Millis) -> Step {
        match frame::live(text) {
            Ok(Said::Ack(cursor)) => {
                let taken = if self.kept.per_frame > 1 {
                    self.unacked.take_through(&cursor)
                } else {
                    self.unacked.take(&cursor).map(|sent| vec![sent])
                };
                taken.map_or_else(|| Step::End(End::refused("unexpected ACK cursor")), Step::Acked)
            }
            Ok(Said::Pong) => self.beat(now, Step::Nothing),
            Ok(Said::Ping) => self.beat(now, Step::Say(frame::PONG)),
            Ok(Said::Error(text)) => {
                Step::End(End { error: None, code: code::REFUSED, cause: Cause::ClientError(text) })
            }
            Err(refusal) => Step::End(End::refused(refusal)),
        }
    }

    fn beat(&mut self, now: Millis, step: Step) -> Step {
        let (since, count) = self.beats;
        self.beats = if (0..1_000).contains(&(now - since)) { (since, count + 1) } else { (now, 1) };
        if self.beats.1 <= MAX_BEATS {
            return step;
        }
        let error = format!("more than {MAX_BEATS} PING and PONG frames in a second");
        Step::End(End { code: code::FLOOD, ..End::refused(error) })
    }
}

impl Phase {
    /// Takes whatever came, from a socket of an attachment to `network`. `nonce` is random.
    pub fn take(
        &mut self,
        incoming: Incoming<'_>,
        network: &str,
        now: Millis,
        nonce: impl FnOnce() -> String,
    ) -> Step {
        let text = match incoming {
            Incoming::Text(text) if text.len() <= frame::MAX_FRAME => text,
            Incoming::Text(_) | Incoming::TooLarge => {
                let cause = Cause::ReadError("websocket: read limit exceeded".to_owned());
                return Step::End(End { error: None, code: code::TOO_LARGE, cause });
            }
            Incoming::Binary => return Step::End(End::refused(frame::NOT_TEXT)),
        };
        match self {
            Self::Hello(_) => match frame::identify(text, network) {
                Ok(identify) => {
                    *self = Self::Asking(Box::new(Asking { identify, nonce: nonce(), early: Vec::new() }));
                    Step::Ask
                }
                Err(refusal) => Step::End(End::refused(refusal)),
            },
            Self::Asking(asking) if asking.early.len() < MAX_EARLY => {
                asking.early.push(text.to_owned());
                Step::Nothing
            }
            Self::Asking(_) => {
                let error = format!("more than {MAX_EARLY} frames before READY");
                Step::End(End { code: code::FLOOD, ..End::refused(error) })
            }
            Self::Live(live) => live.take(text, now),
        }
    }
}

/// What is kept with the socket of an attachment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptAttachment {
    /// How it was let in; from `READY` on with what it is told.
    pub admitted: Admitted,
    /// By when it must have said who it is.
    pub until: Millis,
    /// From `READY` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<KeptLive>,
}

#[cfg(test)]
mod tests;
