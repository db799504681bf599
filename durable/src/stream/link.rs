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
pub(crate) mod tests {
    use super::super::log::{append, SCHEMA};
    use super::*;
    use crate::migrate;
    use crate::sqlite::Sqlite;
    use proptest::prelude::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// What a socket in a test has seen.
    #[derive(Default)]
    pub(crate) struct Seen {
        pub state: Option<String>,
        pub sent: Vec<String>,
        pub closed: Option<(u16, String)>,
        pub number: u64,
        /// Bytes that are on their way, and how often that was asked.
        pub buffered: u64,
        pub asked: u32,
    }

    /// A socket in a test.
    #[derive(Clone, Default)]
    pub(crate) struct FakeSocket(pub Rc<RefCell<Seen>>);

    impl Socket for FakeSocket {
        type Text = Rc<str>;

        fn text(text: &str) -> Rc<str> {
            text.into()
        }

        fn state(&self) -> Option<String> {
            self.0.borrow().state.clone()
        }

        fn keep(&self, state: &str) {
            assert!(state.len() <= 16_384);
            self.0.borrow_mut().state = Some(state.to_owned());
        }

        fn send(&self, text: &Rc<str>) {
            self.0.borrow_mut().sent.push(text.to_string());
        }

        fn buffered(&self) -> u64 {
            let mut seen = self.0.borrow_mut();
            seen.asked += 1;
            seen.buffered
        }

        fn number(&self) -> u64 {
            self.0.borrow().number
        }

        fn set_number(&self, number: u64) {
            self.0.borrow_mut().number = number;
        }

        fn close(&self, code: u16, reason: &str) {
            self.0.borrow_mut().closed = Some((code, reason.to_owned()));
        }
    }

    /// Splits frames into `(cursor, type)` of each event, and their bytes.
    pub(crate) fn read(frames: &[String]) -> (Vec<(String, String)>, u64) {
        let (mut events, mut bytes) = (Vec::new(), 0);
        for frame in frames {
            let (cursor, text) = frame.split_once('\n').unwrap();
            bytes += text.len() as u64;
            for event in text.split_terminator("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
                let data: serde_json::Value = serde_json::from_str(&field("data: ")).unwrap();
                assert_eq!(data["id"], field("id: "));
                events.push((field("id: "), field("event: ")));
            }
            assert_eq!(events.last().unwrap().0, cursor);
        }
        (events, bytes)
    }

    fn log() -> Sqlite {
        let sql = Sqlite::new();
        migrate::migrate(&sql, None, &[SCHEMA]).unwrap();
        sql
    }

    fn add(sql: &Sqlite, count: usize, size: usize, keep: i64) {
        let body = format!("{{\"x\":\"{}\"}}", "y".repeat(size));
        let events = std::iter::repeat_n(("k".to_owned(), body), count).collect();
        sql.batch(&append(&Span::read(sql).unwrap(), events, keep)).unwrap();
    }

    #[test]
    fn a_reader_who_takes_nothing_gets_a_window_and_no_more() {
        let (sql, socket) = (log(), FakeSocket::default());
        Link::new("me".into(), &Span::read(&sql).unwrap(), "").keep(&socket);
        for _ in 0..100 {
            add(&sql, 1, 2_000, 1_000);
            deliver(&sql, &Span::read(&sql).unwrap(), std::slice::from_ref(&socket)).unwrap();
        }
        let (events, bytes) = read(&socket.0.borrow().sent);
        assert!((WINDOW..WINDOW + 3_000).contains(&bytes), "{bytes}");
        socket.0.borrow_mut().sent.clear();
        let mut link = Link::of(&socket).unwrap();
        link.took(bytes);
        link.pump(&sql, &Span::read(&sql).unwrap(), &socket).unwrap();
        let (more, _) = read(&socket.0.borrow().sent);
        assert_eq!(more[0].0.rsplit_once('-').unwrap().1, (events.len() + 1).to_string());
    }

    #[test]
    fn a_reader_whom_the_log_went_past_is_told() {
        let (sql, socket) = (log(), FakeSocket::default());
        let mut link = Link::new("me".into(), &Span::read(&sql).unwrap(), "");
        link.keep(&socket);
        add(&sql, 20, 100, 5);
        link.pump(&sql, &Span::read(&sql).unwrap(), &socket).unwrap();
        let (events, _) = read(&socket.0.borrow().sent);
        let kinds: Vec<&str> = events.iter().map(|(_, kind)| kind.as_str()).collect();
        assert_eq!(kinds, [GAP, "k", "k", "k", "k", "k"]);
        // Who comes back with the gap's own cursor is not told of another.
        let again = Link::new("me".into(), &Span::read(&sql).unwrap(), &events[0].0);
        assert_eq!((again.at, again.gap), (15, None));
    }

    #[test]
    fn more_taken_than_sent_gives_no_credit_beyond_the_window() {
        let (sql, socket) = (log(), FakeSocket::default());
        let mut link = Link::new("me".into(), &Span::read(&sql).unwrap(), "");
        link.took(u64::MAX);
        add(&sql, 200, 2_000, 1_000);
        link.pump(&sql, &Span::read(&sql).unwrap(), &socket).unwrap();
        assert!(read(&socket.0.borrow().sent).1 < WINDOW + 3_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Whatever is appended, taken, lost and resumed in whatever order: every event once and in order, or a gap
        /// event in between.
        #[test]
        fn nothing_is_lost_silently(steps in prop::collection::vec((0u8..4, 1usize..40), 1..60)) {
            let (sql, mut socket) = (log(), FakeSocket::default());
            let span = || Span::read(&sql).unwrap();
            Link::new("me".into(), &span(), "").keep(&socket);
            let mut seen: Vec<(String, String)> = Vec::new();
            let mut take = |socket: &FakeSocket, link: &mut Link| {
                let frames = std::mem::take(&mut socket.0.borrow_mut().sent);
                let (events, bytes) = read(&frames);
                link.took(bytes);
                seen.extend(events);
                seen.last().map(|(cursor, _)| cursor.clone())
            };
            let mut last = span().cursor(0).to_string();
            for (step, count) in steps {
                match step {
                    0 | 1 => {
                        add(&sql, count, 3_000, 50);
                        deliver(&sql, &span(), std::slice::from_ref(&socket)).unwrap();
                    }
                    2 => {
                        let mut link = Link::of(&socket).unwrap();
                        last = take(&socket, &mut link).unwrap_or(last);
                        link.keep(&socket);
                        link.pump(&sql, &span(), &socket).unwrap();
                    }
                    // The link is lost with what was under way; the reader comes back with what it saw.
                    _ => {
                        socket = FakeSocket::default();
                        let mut link = Link::new("me".into(), &span(), &last);
                        link.keep(&socket);
                        link.pump(&sql, &span(), &socket).unwrap();
                    }
                }
            }
            loop {
                let mut link = Link::of(&socket).unwrap();
                take(&socket, &mut link);
                link.keep(&socket);
                link.pump(&sql, &span(), &socket).unwrap();
                if socket.0.borrow().sent.is_empty() { break }
            }
            let mut at = 0;
            for (cursor, kind) in &seen {
                let seq: i64 = cursor.rsplit_once('-').unwrap().1.parse().unwrap();
                if kind == GAP { prop_assert!(seq > at); } else { prop_assert_eq!(seq, at + 1); }
                at = seq;
            }
            prop_assert_eq!(at, span().newest);
        }
    }
}
