//! Frames for observers: the cursor after them, then events in the form of server-sent events. Each is made once for
//! all readers of one audience at one place.

use super::log::{Event, Log};
use super::State;
use crate::sql::{Sql, SqlError};
use crate::stream::link::{Frame, Socket, Source, FRAME_BYTES, FRAME_EVENTS};
use moltghost_protocol::moltnet::delivery::Reader;
use moltghost_protocol::moltnet::event::{write, EventType};
use moltghost_protocol::moltnet::id::event_of_gap;
use moltghost_protocol::time::{rfc3339, Millis};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// Frames of one turn, by reader, place, and up to where they are told again.
type Made<T> = HashMap<(*const Reader, i64, i64), Frame<T>>;

/// The frames of one turn.
pub(super) struct Frames<'a, S, K: Socket> {
    sql: &'a S,
    state: RefCell<&'a mut State<K>>,
    made: RefCell<Made<K::Text>>,
    now: Millis,
    network: &'a str,
}

/// The frames for one reader.
pub(super) struct For<'a, 'b, S, K: Socket> {
    frames: &'a Frames<'b, S, K>,
    reader: &'a Rc<Reader>,
    told: i64,
}

impl<'a, S: Sql, K: Socket> Frames<'a, S, K> {
    pub fn new(sql: &'a S, state: &'a mut State<K>, now: Millis, network: &'a str) -> Self {
        Self { sql, state: RefCell::new(state), made: RefCell::default(), now, network }
    }

    /// The frames for a reader to whom what stands up to `told` is told again.
    pub fn of<'b>(&'b self, reader: &'b Rc<Reader>, told: i64) -> For<'b, 'a, S, K> {
        For { frames: self, reader, told }
    }

    fn frame(&self, events: &str, to: i64) -> Frame<K::Text> {
        let text = (!events.is_empty())
            .then(|| K::bytes(&format!("{}\n{events}", self.state.borrow().log.span.cursor(to))));
        Frame { text, bytes: events.len() as u64, to }
    }
}

impl<S: Sql, K: Socket> Source<K> for For<'_, '_, S, K> {
    fn gap(&self, at: i64, requested: &str) -> Frame<K::Text> {
        let state = self.frames.state.borrow();
        let (id, body) =
            gap_event(self.frames.sql, &state.log, self.frames.network, self.frames.now, requested);
        drop(state);
        let mut text = String::new();
        write_event(&mut text, &id, EventType::ReplayGap, &body);
        self.frames.frame(&text, at)
    }

    fn events(&self, at: i64) -> Result<Option<Frame<K::Text>>, SqlError> {
        let told = if at < self.told { self.told } else { 0 };
        let key = (Rc::as_ptr(self.reader), at, told);
        if let Some(frame) = self.frames.made.borrow().get(&key) {
            return Ok(Some(frame.clone()));
        }
        let mut state = self.frames.state.borrow_mut();
        let State { log, conversations, .. } = &mut **state;
        let events: Vec<Rc<Event>> = log.after(self.frames.sql, conversations, at)?;
        let (mut text, mut to, mut count) = (String::new(), at, 0);
        for event in &events {
            if text.len() >= FRAME_BYTES || count >= FRAME_EVENTS {
                break;
            }
            to = event.seq;
            let standing = event.standing(self.frames.sql, conversations, told)?;
            if self.reader.receives(event.kind, standing.as_deref()) {
                write_event(&mut text, &event.id, event.kind, &event.body);
                count += 1;
            }
        }
        if to == at {
            return Ok(None);
        }
        drop(state);
        let frame = self.frames.frame(&text, to);
        self.frames.made.borrow_mut().insert(key, frame.clone());
        Ok(Some(frame))
    }
}

/// The event that tells a reader of a gap after `requested`: its id and its body.
pub(super) fn gap_event(
    sql: &impl Sql,
    log: &Log,
    network: &str,
    now: Millis,
    requested: &str,
) -> (String, String) {
    let id_at = |seq| Log::id_at(sql, seq).ok().flatten();
    let (oldest, newest) = (id_at(log.span.oldest), id_at(log.span.newest));
    let id = event_of_gap(requested);
    let payload = gap_payload(requested, oldest.as_deref(), newest.as_deref());
    let body = write(&id, EventType::ReplayGap, network, &payload, &rfc3339(now));
    (id, body)
}

/// `replay_gap` of an event; ids of the oldest and the newest event that are kept, if there are any.
fn gap_payload(requested: &str, oldest: Option<&str>, newest: Option<&str>) -> String {
    #[derive(serde::Serialize)]
    #[allow(clippy::struct_field_names, reason = "the names of the wire")]
    struct Gap<'a> {
        requested_event_id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        oldest_event_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        newest_event_id: Option<&'a str>,
    }
    let gap = Gap { requested_event_id: requested, oldest_event_id: oldest, newest_event_id: newest };
    serde_json::to_string(&gap).unwrap_or_default()
}

fn write_event(text: &mut String, id: &str, kind: EventType, body: &str) {
    for part in ["id: ", id, "\nevent: ", kind.as_str(), "\ndata: ", &on_one_line(body), "\n\n"] {
        text.push_str(part);
    }
}

/// A document without characters that end a line for readers that know more line ends than the stream has.
fn on_one_line(body: &str) -> Cow<'_, str> {
    if !(body.contains('\u{2028}') || body.contains('\u{2029}')) {
        return Cow::Borrowed(body);
    }
    Cow::Owned(body.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_to_every_reader() {
        let (mut text, said) = (String::new(), "a\u{2028}b\u{2029}c é");
        write_event(&mut text, "e", EventType::MessageCreated, &serde_json::to_string(said).unwrap());
        assert_eq!(text, "id: e\nevent: message.created\ndata: \"a\\u2028b\\u2029c é\"\n\n");
        let data = text.lines().nth(2).and_then(|line| line.strip_prefix("data: ")).unwrap();
        assert_eq!(serde_json::from_str::<String>(data).unwrap(), said);
    }
}
