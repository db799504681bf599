//! Readers of a link: what they get, what they are told of, and what they may hold.

use super::*;
use crate::migrate;
use crate::sqlite::Sqlite;
use crate::stream::log::{append, SCHEMA};
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
