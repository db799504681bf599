//! Event streams of an object: a log that is trimmed, readers that resume in it, and credit so that a slow reader
//! costs nothing but its place.
//!
//! The Worker holds the answer that a reader reads, and a WebSocket to the object, its link. The object keeps for each
//! link no queue, only a place in the log and how many bytes are under way; the Worker acknowledges what its reader
//! took. Whatever is lost on the way, link, object or Worker, the reader goes on from the cursor it saw last; where the
//! log does not reach back that far it is told so by a gap event, never silently.

pub mod link;
pub mod log;
