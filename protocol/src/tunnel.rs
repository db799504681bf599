//! The tunnel: how a pod that nobody can reach serves calls over one WebSocket that it has opened itself
//! (agent-endpoints §7). `docs/tunnel-protocol.md` tells it in words.
//!
//! A message of the WebSocket holds whole frames, any number of them; a frame is eight bytes of head and a payload. A
//! call is a *stream*: [`Frame::Request`] and its body one way, [`Frame::Response`] and its body the other. What may
//! come when is in [`Stream`], which both ends use; how much may come is in [`Credit`] and [`Allowance`].
//!
//! Nothing here panics, whatever the bytes are, and reading copies nothing: frames borrow from the message.

mod flow;
mod frame;
mod greeting;
mod head;
mod message;
mod reason;
mod stream;
#[cfg(test)]
mod tests;

pub use flow::{Allowance, Credit, Overrun};
pub use frame::{Frame, FrameError, Kind};
pub use greeting::{Hello, ReplicaName, Welcome};
pub use head::{HeadError, RequestHead, ResponseHead};
pub use message::{Frames, Message};
pub use reason::{Goodbye, Reset};
pub use stream::{Half, Misplaced, Side, Step, Stream};

/// The version of the protocol that this build speaks, and the only one.
pub const VERSION: u8 = 1;

/// Bytes of body that may be under way on one stream, each way, before the other end has made room.
pub const STREAM_WINDOW: u32 = 256 * 1024;

/// Bytes of body that may be under way on one link, each way.
pub const LINK_WINDOW: u32 = 4 * 1024 * 1024;

/// Bytes of a frame's head.
pub const FRAME_HEAD: usize = 8;

/// Longest payload of a [`Frame::Body`], in bytes.
pub const MAX_BODY: usize = 64 * 1024;

/// Longest payload of a [`Frame::Request`] or [`Frame::Response`], in bytes.
pub const MAX_HEAD: usize = 64 * 1024;

/// Longest payload of a [`Frame::Hello`] or [`Frame::Welcome`], in bytes.
pub const MAX_GREETING: usize = 4 * 1024;

/// Longest message that is read, in bytes.
pub const MAX_MESSAGE: usize = 1024 * 1024;

/// Streams that one link carries at once.
pub const MAX_STREAMS: usize = 256;

/// Links that one agent has at once.
pub const MAX_LINKS: usize = 16;

/// The highest id of a stream. Ids begin at 1, only rise, and are never used again.
pub const MAX_STREAM: u32 = 0x7fff_ffff;
