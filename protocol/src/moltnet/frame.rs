//! The attachment frame, `moltnet.attach.v1`: what an attached agent and the network say to each other over a
//! WebSocket, one JSON object in each text message. `moltnet.md` §3.16, §7.
//!
//! Reading is as lenient as the original's: names in any case, unknown ones ignored, `null` for nothing. What is
//! refused is refused in the original's words, which never hold what happened inside (rulings #33).

mod incoming;
mod outgoing;

pub use incoming::{identify, live, Capabilities, Identify, Said};
pub use outgoing::{error, event, events, hello, ready, Ready, PING, PONG};

/// The protocol that every frame names.
pub const PROTOCOL: &str = "moltnet.attach.v1";

/// Largest frame that is read, in bytes; a larger one ends the attachment with close code 1009.
pub const MAX_FRAME: usize = 1_048_576;

/// Most events in one frame for attachments that ask for several.
pub const MAX_EVENTS: u32 = 256;

/// Text that a client wrote is repeated to it, and to others, up to this length in bytes.
pub const MAX_QUOTED: usize = 256;

/// The refusal of a message that is not text.
pub const NOT_TEXT: &str = "attachment protocol only accepts text JSON frames";

/// At most [`MAX_QUOTED`] bytes of a client's text, cut between characters.
pub fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_QUOTED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
