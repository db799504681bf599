//! One reader's link: its place in the log, and its credit.
//!
//! All of it is kept with the socket, so it outlives the object's sleep. A frame to the Worker is the cursor after it
//! on the first line, then whole events in the form of server-sent events, as bytes, which are made once for all readers
//! and passed on as they are; a frame from the Worker is the number of bytes of these events that its reader took.

use super::log::{after, Logged, Span, Start};
use crate::sql::{Sql, SqlError};
use moltghost_protocol::error::Problem;
use serde::{Deserialize, Serialize};

/// Bytes of events that may be under way to one reader. One event more may always be sent while it is not reached.
pub const WINDOW: u64 = 64 * 1024;

/// Most events in one frame.
pub const FRAME_EVENTS: i64 = 64;

/// Most bytes of events in one frame, the last event left aside.
pub const FRAME_BYTES: usize = 32 * 1024;

/// Type of the event that tells of a gap.
pub const GAP: &str = "stream.gap";

/// Type of the event that tells why a stream ends.
pub const END: &str = "stream.end";

/// A comment that asks for no answer.
const PROBE: &str = ": still there\n\n";

/// The socket of a link.
pub trait Socket {
    /// A text that is made once and sent to many sockets.
    type Text: Clone;
    /// Makes one.
    fn text(text: &str) -> Self::Text;
    /// Makes one that is sent as bytes.
    fn bytes(text: &str) -> Self::Text {
        Self::text(text)
    }
    /// What was kept with it; `None` for one that has said nothing yet.
    fn state(&self) -> Option<String>;
    /// Keeps something with it, at most 16 KB.
    fn keep(&self, state: &str);
    /// Sends a text. A socket that is closed already swallows it.
    fn send(&self, text: &Self::Text);
    /// Closes it.
    fn close(&self, code: u16, reason: &str);
    /// How many bytes are on their way to the other end.
    fn buffered(&self) -> u64 {
        0
    }
    /// The number that it was given since the object awoke; 0: none.
    fn number(&self) -> u64;
    /// Gives it a number.
    fn set_number(&self, number: u64);
    /// Sends a text to this socket alone.
    fn say(&self, text: &str) {
        self.send(&Self::text(text));
    }
}

/// Events in the form in which they are sent.
#[derive(Debug, Clone)]
pub struct Frame<T> {
    /// The cursor after them, then the events; `None` where none of them is for this reader.
    pub text: Option<T>,
    /// Bytes of the events.
    pub bytes: u64,
    /// After which event the reader goes on.
    pub to: i64,
}

/// What a link carries.
pub trait Source<K: Socket> {
    /// Tells that the log does not reach back to `requested`, to a reader that goes on after `at`.
    fn gap(&self, at: i64, requested: &str) -> Frame<K::Text>;
    /// Events after a place, as many as one frame takes; `None` where there are none.
    ///
    /// # Errors
    /// What the database says.
    fn events(&self, at: i64) -> Result<Option<Frame<K::Text>>, SqlError>;
}

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Who reads; the object's own word.
    pub owner: String,
    /// After which event it goes on.
    at: i64,
    /// The cursor that the log did not reach back to, until its reader was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gap: Option<String>,
    /// Bytes of events that were sent, and that the reader took.
    sent: u64,
    taken: u64,
}

impl Link {
    /// A link that begins at a cursor.
    pub fn new(owner: String, span: &Span, cursor: &str) -> Self {
        Self::begin(owner, span.start(cursor))
    }

    /// A link that begins somewhere.
    pub fn begin(owner: String, start: Start) -> Self {
        Self { owner, at: start.after, gap: start.gap, sent: 0, taken: 0 }
    }

    /// The link of a socket; `None` where it has none.
    pub fn of(socket: &impl Socket) -> Option<Self> {
        serde_json::from_str(&socket.state()?).ok()
    }

    /// The cursor that it goes on after; empty while its reader must be told of a gap first.
    pub fn begins(&self, span: &Span) -> String {
        if self.gap.is_some() {
            return String::new();
        }
        span.cursor(self.at).to_string()
    }

    /// Keeps it with its socket.
    pub fn keep(&self, socket: &impl Socket) {
        socket.keep(&serde_json::to_string(self).unwrap_or_default());
    }

    /// The reader took some bytes.
    pub fn took(&mut self, bytes: u64) {
        self.taken = self.taken.saturating_add(bytes).min(self.sent);
    }

    /// After which event it goes on.
    pub fn at(&self) -> i64 {
        self.at
    }

    /// Bytes of events that were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends what the credit allows of an object's own log, and keeps where that leads.
    ///
    /// # Errors
    /// What the database says; what was sent before is kept.
    pub fn pump<K: Socket>(&mut self, sql: &impl Sql, span: &Span, socket: &K) -> Result<(), SqlError> {
        let before = (self.sent, self.at);
        let result = self.advance(&Events { sql, span }, span, socket);
        if (self.sent, self.at) != before {
            self.keep(socket);
        }
        result
    }

    /// Sends what the credit allows.
    ///
    /// # Errors
    /// What the database says, after what was sent before.
    pub fn advance<K: Socket>(
        &mut self,
        source: &impl Source<K>,
        span: &Span,
        socket: &K,
    ) -> Result<(), SqlError> {
        while self.sent - self.taken < WINDOW {
            if self.gap.is_none() && !span.reaches(self.at) {
                // It was so slow that the log went past it.
                self.gap = Some(span.cursor(self.at).to_string());
                self.at = span.oldest - 1;
            }
            let frame = match self.gap.take() {
                Some(requested) => source.gap(self.at, &requested),
                None if self.at >= span.newest => break,
                None => match source.events(self.at)? {
                    Some(frame) => frame,
                    None => break,
                },
            };
            if let Some(text) = &frame.text {
                socket.send(text);
            }
            self.sent += frame.bytes;
            self.at = frame.to;
        }
        Ok(())
    }

    /// Has a comment written to the reader, which tells the Worker whether it is still there: a connection that its
    /// reader closed in good order looks as before until something is written to it. Not to one who must be told of a
    /// gap first.
    pub fn probe<K: Socket>(&self, span: &Span, socket: &K) {
        if self.gap.is_none() {
            socket.send(&K::bytes(&format!("{}\n{PROBE}", span.cursor(self.at))));
        }
    }

    /// Tells the reader why its stream ends.
    pub fn end<K: Socket>(&self, span: &Span, socket: &K, why: &Problem) {
        socket.send(&K::bytes(&format!("{}\n{}", span.cursor(self.at), end_event(why))));
    }
}

/// The events of an object's own log, all of them for everybody.
struct Events<'a, S> {
    sql: &'a S,
    span: &'a Span,
}

impl<S: Sql> Events<'_, S> {
    fn frame<K: Socket>(&self, events: &str, to: i64) -> Frame<K::Text> {
        let text = K::bytes(&format!("{}\n{events}", self.span.cursor(to)));
        Frame { text: Some(text), bytes: events.len() as u64, to }
    }
}

impl<S: Sql, K: Socket> Source<K> for Events<'_, S> {
    fn gap(&self, at: i64, requested: &str) -> Frame<K::Text> {
        let span = self.span;
        let body = serde_json::json!({
            "type": GAP,
            "requested": requested,
            "oldest": span.cursor(span.oldest).to_string(),
            "newest": span.cursor(span.newest).to_string(),
        });
        let mut events = String::new();
        write_event(&mut events, span, &Logged { seq: at, kind: GAP.to_owned(), body: body.to_string() });
        self.frame::<K>(&events, at)
    }

    fn events(&self, at: i64) -> Result<Option<Frame<K::Text>>, SqlError> {
        let (mut events, mut to) = (String::new(), at);
        for event in after(self.sql, at, FRAME_EVENTS)? {
            if events.len() >= FRAME_BYTES {
                break;
            }
            to = event.seq;
            write_event(&mut events, self.span, &event);
        }
        Ok((to > at).then(|| self.frame::<K>(&events, to)))
    }
}

/// The event that ends a stream which its reader did not end.
pub fn end_event(why: &Problem) -> String {
    format!("event: {END}\n{}", why.event())
}

/// Writes an event in the form of server-sent events; its body gets its cursor as `id`.
fn write_event(text: &mut String, span: &Span, event: &Logged) {
    let cursor = span.cursor(event.seq).to_string();
    let members = event.body.strip_prefix('{').unwrap_or("}");
    for part in
        ["id: ", &cursor, "\nevent: ", &event.kind, "\ndata: {\"id\":\"", &cursor, "\",", members, "\n\n"]
    {
        text.push_str(part);
    }
}

/// Sends every link what its credit allows.
///
/// # Errors
/// What the database says.
pub fn deliver<K: Socket>(sql: &impl Sql, span: &Span, sockets: &[K]) -> Result<(), SqlError> {
    for socket in sockets {
        if let Some(mut link) = Link::of(socket) {
            link.pump(sql, span, socket)?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests;
