//! What was sent to one attachment and not acknowledged: places in the log, and the ids that an `ACK` names. An `ACK`
//! is exact, whatever the order; the oldest are forgotten beyond [`MAX`]. Kept with the socket as text of at most 8 KB,
//! without the ids, which the log knows.

use std::collections::VecDeque;
use std::fmt::Write;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Events that may wait for their `ACK`.
pub const MAX: usize = 1_024;

/// What an event is to its attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that happened.
    Plain,
    /// A message that is meant for the agent.
    Wake,
    /// A gap, which is in no log.
    Gap,
}

/// One event that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its place.
    pub seq: i64,
    /// What it is.
    pub kind: Kind,
    /// Stands for its id; `None` where that must be read from the log.
    id: Option<u64>,
}

/// The list, in the order of sending.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unacked(VecDeque<Sent>);

/// Stands for an event's id.
pub fn mark(id: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(id)
}

impl Unacked {
    /// An event was sent, whose id has this mark.
    pub fn note(&mut self, seq: i64, mark: u64, kind: Kind) {
        if self.0.len() >= MAX {
            self.0.pop_front();
        }
        self.0.push_back(Sent { seq, kind, id: Some(mark) });
    }

    /// Takes an `ACK` of exactly one event.
    pub fn take(&mut self, id: &str) -> Option<Sent> {
        let at = self.find(id)?;
        self.0.remove(at)
    }

    /// Takes an `ACK` of an event and all that were sent before it.
    pub fn take_through(&mut self, id: &str) -> Option<Vec<Sent>> {
        let at = self.find(id)?;
        Some(self.0.drain(..=at).collect())
    }

    fn find(&self, id: &str) -> Option<usize> {
        let gap = id.starts_with("evt_gap_");
        let id = mark(id);
        self.0.iter().position(|sent| match sent.id {
            Some(known) => known == id,
            None => gap && sent.kind == Kind::Gap,
        })
    }

    /// Wakes that wait, in the order of sending.
    pub fn wakes(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().filter(|sent| sent.kind == Kind::Wake).map(|sent| sent.seq)
    }

    /// Whether any id must be read from the log.
    pub fn has_unnamed(&self) -> bool {
        // What was sent before the hub slept stands before what was sent since.
        self.0.iter().find(|sent| sent.kind != Kind::Gap).is_some_and(|sent| sent.id.is_none())
    }

    /// Places of events whose ids must be read from the log.
    pub fn unnamed(&self) -> Vec<i64> {
        let unnamed = self.0.iter().filter(|sent| sent.id.is_none() && sent.kind != Kind::Gap);
        unnamed.map(|sent| sent.seq).collect()
    }

    /// The id of the event at a place.
    pub fn name(&mut self, seq: i64, id: &str) {
        for sent in self.0.iter_mut().filter(|sent| sent.seq == seq && sent.kind != Kind::Gap) {
            sent.id = Some(mark(id));
        }
    }

    /// The list as text: the first place, then steps; `!` stands after a wake, `~` after a gap.
    pub fn write(&self) -> String {
        let mut text = String::new();
        let mut before = 0;
        for sent in &self.0 {
            let mark = match sent.kind {
                Kind::Plain => "",
                Kind::Wake => "!",
                Kind::Gap => "~",
            };
            let space = if text.is_empty() { "" } else { " " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{space}{}{mark}", sent.seq - before);
            before = sent.seq;
        }
        text
    }

    /// Reads what [`Unacked::write`] wrote; what cannot be read is left out.
    pub fn read(text: &str) -> Self {
        let mut before = 0;
        let read = |part: &str| {
            let (number, kind) = match (part.strip_suffix('!'), part.strip_suffix('~')) {
                (Some(number), _) => (number, Kind::Wake),
                (_, Some(number)) => (number, Kind::Gap),
                _ => (part, Kind::Plain),
            };
            before += number.parse::<i64>().ok()?;
            Some(Sent { seq: before, kind, id: None })
        };
        Self(text.split(' ').filter_map(read).take(MAX).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ack_is_exact_and_in_any_order() {
        let mut list = Unacked::default();
        for (seq, kind) in [(5, Kind::Plain), (7, Kind::Wake), (8, Kind::Plain)] {
            list.note(seq, mark(&format!("evt_{seq}")), kind);
        }
        assert_eq!(list.take("evt_6"), None);
        assert_eq!(list.take("evt_7").map(|sent| (sent.seq, sent.kind)), Some((7, Kind::Wake)));
        assert_eq!(list.take("evt_7"), None, "a second time it is unknown");
        assert_eq!(list.take_through("evt_8").map(|sent| sent.len()), Some(2));
        assert_eq!(list, Unacked::default());
    }

    #[test]
    fn the_oldest_are_forgotten_at_the_limit() {
        let mut list = Unacked::default();
        for seq in 0..=i64::try_from(MAX).unwrap() {
            list.note(seq * 90_000, mark(&format!("evt_{seq}")), Kind::Wake);
        }
        assert_eq!(list.take("evt_0"), None);
        assert!(list.take("evt_1").is_some());
        assert!(list.write().len() <= 8 * 1024, "{}", list.write().len());
    }

    #[test]
    fn it_is_kept_without_ids_which_the_log_gives_back() {
        let mut list = Unacked::default();
        list.note(40, mark("evt_gap_ab"), Kind::Gap);
        list.note(41, mark("evt_a"), Kind::Plain);
        list.note(43, mark("evt_b"), Kind::Wake);
        assert_eq!(list.write(), "40~ 1 2!");
        let mut read = Unacked::read("40~ 1 2!");
        assert_eq!(read.unnamed(), [41, 43]);
        assert_eq!(read.take("evt_b"), None);
        assert!(read.take("evt_gap_ab").is_some());
        read.name(41, "evt_a");
        read.name(43, "evt_b");
        assert_eq!(read.wakes().collect::<Vec<_>>(), [43]);
        assert_eq!(read.take_through("evt_b").unwrap().len(), 2);
        assert_eq!(Unacked::read("").write(), "");
        assert_eq!(Unacked::read("1 x 2").write(), "1 2");
    }
}
