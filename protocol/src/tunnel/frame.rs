//! Frames: what each is, and how one is read from its payload and written to it.

use super::{Goodbye, HeadError, Hello, RequestHead, Reset, ResponseHead, Welcome};
use super::{MAX_BODY, MAX_GREETING, MAX_HEAD, MAX_STREAM};
use std::fmt;

/// The kind of a frame: the first byte of its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The connector's greeting.
    Hello = 1,
    /// The endpoint's greeting.
    Welcome = 2,
    /// Opens a stream.
    Request = 3,
    /// The pod has taken the whole request.
    Accepted = 4,
    /// The pod's head.
    Response = 5,
    /// Bytes of a body.
    Body = 6,
    /// The sender's body is over.
    End = 7,
    /// The sender gives the stream up.
    Reset = 8,
    /// Room for more bytes.
    Window = 9,
    /// Are you there?
    Ping = 10,
    /// I am.
    Pong = 11,
    /// The sender leaves the link.
    Goaway = 12,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Hello,
        Self::Welcome,
        Self::Request,
        Self::Accepted,
        Self::Response,
        Self::Body,
        Self::End,
        Self::Reset,
        Self::Window,
        Self::Ping,
        Self::Pong,
        Self::Goaway,
    ];

    /// The kind of a byte.
    pub fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Longest payload.
    fn most(self) -> usize {
        match self {
            Self::Hello | Self::Welcome => MAX_GREETING + 2,
            Self::Request | Self::Response => MAX_HEAD,
            Self::Body => MAX_BODY,
            Self::Accepted | Self::End => 0,
            Self::Reset => 1,
            Self::Window => 4,
            Self::Ping | Self::Pong => 8,
            Self::Goaway => 5,
        }
    }

    /// Whether a frame of this kind may carry an id: 0 is the link itself.
    fn may_have(self, stream: u32) -> bool {
        match self {
            Self::Hello | Self::Welcome | Self::Ping | Self::Pong | Self::Goaway => stream == 0,
            Self::Window => stream <= MAX_STREAM,
            _ => (1..=MAX_STREAM).contains(&stream),
        }
    }
}

/// A frame, borrowed from the message that it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// The connector's greeting.
    Hello(Hello),
    /// The endpoint's greeting.
    Welcome(Welcome),
    /// Opens a stream.
    Request(RequestHead<'a>),
    /// The pod has taken the whole request: from now on the call goes to no other link.
    Accepted,
    /// The pod's head.
    Response(ResponseHead<'a>),
    /// Bytes of the sender's body, at least one.
    Body(&'a [u8]),
    /// The sender's body is over.
    End,
    /// The sender gives the stream up.
    Reset(Reset),
    /// Room for so many more bytes, on a stream or on the link; at least one.
    Window(u32),
    /// Are you there? To be answered with the same bytes.
    Ping([u8; 8]),
    /// I am.
    Pong([u8; 8]),
    /// The sender leaves the link: no new streams. It closes the socket once the streams are over, and at the latest
    /// after so many milliseconds.
    Goaway(Goodbye, u32),
}

/// Why bytes are no frames, or a frame cannot be written. A link on which such a frame comes is ended with
/// [`Goodbye::Protocol`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The message is empty, or longer than 1,048,576 bytes.
    Message,
    /// The message ends within a frame.
    Cut,
    /// A kind that there is not.
    Kind(u8),
    /// The payload is longer or shorter than the kind allows.
    Length(Kind),
    /// An id that a frame of this kind may not have.
    Stream(Kind),
    /// The payload cannot be read.
    Payload(Kind, HeadError),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message => f.write_str("a message is empty or too long"),
            Self::Cut => f.write_str("a message ends within a frame"),
            Self::Kind(byte) => write!(f, "there is no frame of kind {byte}"),
            Self::Length(kind) => write!(f, "a {kind:?} has a payload of the wrong length"),
            Self::Stream(kind) => write!(f, "a {kind:?} has an id that it may not have"),
            Self::Payload(kind, why) => write!(f, "a {kind:?} cannot be read: {why}"),
        }
    }
}

impl std::error::Error for FrameError {}

impl<'a> Frame<'a> {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::Hello,
            Self::Welcome(_) => Kind::Welcome,
            Self::Request(_) => Kind::Request,
            Self::Accepted => Kind::Accepted,
            Self::Response(_) => Kind::Response,
            Self::Body(_) => Kind::Body,
            Self::End => Kind::End,
            Self::Reset(_) => Kind::Reset,
            Self::Window(_) => Kind::Window,
            Self::Ping(_) => Kind::Ping,
            Self::Pong(_) => Kind::Pong,
            Self::Goaway(..) => Kind::Goaway,
        }
    }

    /// Whether a payload may be so long, and a frame have that id.
    pub(super) fn check_head(kind: Kind, stream: u32, length: usize) -> Result<(), FrameError> {
        if length > kind.most() || kind == Kind::Body && length == 0 {
            Err(FrameError::Length(kind))
        } else if kind.may_have(stream) {
            Ok(())
        } else {
            Err(FrameError::Stream(kind))
        }
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// [`FrameError::Length`] or [`FrameError::Payload`].
    pub(super) fn read(kind: Kind, payload: &'a [u8]) -> Result<Self, FrameError> {
        let wrong = |why| FrameError::Payload(kind, why);
        let length = |_| FrameError::Length(kind);
        Ok(match kind {
            Kind::Hello => Self::Hello(Hello::read(payload).map_err(wrong)?),
            Kind::Welcome => Self::Welcome(Welcome::read(payload).map_err(wrong)?),
            Kind::Request => Self::Request(RequestHead::read(payload).map_err(wrong)?),
            Kind::Accepted => Self::Accepted,
            Kind::Response => Self::Response(ResponseHead::read(payload).map_err(wrong)?),
            Kind::Body => Self::Body(payload),
            Kind::End => Self::End,
            Kind::Reset => {
                let [reason] = <[u8; 1]>::try_from(payload).map_err(length)?;
                Self::Reset(Reset::of(reason))
            }
            Kind::Window => match u32::from_be_bytes(payload.try_into().map_err(length)?) {
                0 => return Err(FrameError::Length(kind)),
                room => Self::Window(room),
            },
            Kind::Ping => Self::Ping(payload.try_into().map_err(length)?),
            Kind::Pong => Self::Pong(payload.try_into().map_err(length)?),
            Kind::Goaway => {
                let [reason, drain @ ..] = <[u8; 5]>::try_from(payload).map_err(length)?;
                Self::Goaway(Goodbye::of(reason), u32::from_be_bytes(drain))
            }
        })
    }

    /// Writes the payload.
    ///
    /// # Errors
    /// [`FrameError::Payload`] for a head that cannot be read back.
    pub(super) fn write(&self, to: &mut Vec<u8>) -> Result<(), FrameError> {
        match self {
            Self::Hello(hello) => hello.write(to),
            Self::Welcome(welcome) => welcome.write(to),
            Self::Request(head) => {
                head.check().map_err(|why| FrameError::Payload(Kind::Request, why))?;
                head.write(to);
            }
            Self::Response(head) => {
                head.check().map_err(|why| FrameError::Payload(Kind::Response, why))?;
                head.write(to);
            }
            Self::Body(bytes) => to.extend_from_slice(bytes),
            Self::Accepted | Self::End => {}
            Self::Reset(reason) => to.push(reason.code()),
            Self::Window(room) => to.extend_from_slice(&room.to_be_bytes()),
            Self::Ping(bytes) | Self::Pong(bytes) => to.extend_from_slice(bytes),
            Self::Goaway(reason, drain) => {
                to.push(reason.code());
                to.extend_from_slice(&drain.to_be_bytes());
            }
        }
        Ok(())
    }
}
