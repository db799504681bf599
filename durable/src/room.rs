//! The `Room` object: one conversation, a room with its threads (`room:<network>:<id>`) or a direct conversation
//! (`dm:<network>:<id>`). It owns the members as it was told of them, the log and whatever follows from the log.
//!
//! Everything that happens is an entry of the log, in one sequence: that the room was made, changed or removed, that
//! a thread or the direct conversation began, and every message. Posts that wait are taken in one turn and so in one
//! commit, each with its own policy check; each is answered after it. The log is its own outbox: a mark for each
//! consumer says how far it got, and the alarm brings it further. A crash loses what was not acknowledged, and
//! nothing else; consumers may be told twice and know it by the offset.

mod artifacts;
mod conversation;
mod deliver;
mod history;
mod leases;
mod object;
mod open;
mod outbox;
mod policy;
mod post;
mod repeat;
mod schema;
#[cfg(test)]
mod tests;
mod threads;

pub use conversation::{Room, Turn};
pub use object::Room as RoomObject;
#[cfg(test)]
pub(crate) use outbox::{stands, Consumer, Push};
