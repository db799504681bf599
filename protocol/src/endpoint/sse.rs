//! Server-sent events as they arrive: in chunks that are cut anywhere, with lines that end in LF, CR or CRLF.
//!
//! Invariant: the same bytes give the same events, wherever the chunks are cut.

use memchr::memchr2;
use std::borrow::Cow;
use std::ops::Range;

/// Longest event that is held until it is whole; what is longer comes in pieces.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// Finds where events end. An event ends with its blank line.
#[derive(Debug, Clone)]
struct Splitter {
    /// Nothing stands in the current line yet.
    blank: bool,
    /// The byte before was a carriage return, so a line feed now belongs to it.
    after_return: bool,
    /// Nothing of the current event has come yet.
    fresh: bool,
}

impl Splitter {
    fn new() -> Self {
        Self { blank: true, after_return: false, fresh: true }
    }

    /// Whether `bytes` begin with the second half of the CRLF that ended the event before.
    fn take_tail(&mut self, bytes: &[u8]) -> bool {
        let tail = self.fresh && self.after_return && bytes.first() == Some(&b'\n');
        self.after_return &= !tail;
        tail
    }

    /// Passes over `bytes` up to the end of the event, and answers its offset; `None` if the event goes on.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            self.fresh = false;
            let Some(length) = memchr2(b'\n', b'\r', rest) else {
                self.blank = false;
                self.after_return = false;
                return None;
            };
            let feed = rest.get(length) == Some(&b'\n');
            at += length + 1;
            if feed && length == 0 && self.after_return {
                self.after_return = false;
                continue;
            }
            let ended = self.blank && length == 0;
            self.blank = true;
            self.after_return = !feed;
            if ended {
                self.fresh = true;
                return Some(at + usize::from(self.take_tail(bytes.get(at..).unwrap_or_default())));
            }
        }
        None
    }
}

/// What a chunk brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'c> {
    /// An event that lies whole in the chunk, and where.
    Whole(&'c [u8], Range<usize>),
    /// An event that began in an earlier chunk, with all its bytes.
    Joined(Vec<u8>),
    /// The line feed of the CRLF that ended the event before.
    Tail(Range<usize>),
    /// A piece of an event of more than [`MAX_EVENT_BYTES`]: bytes of earlier chunks, then a range of this one.
    Piece {
        /// Bytes of earlier chunks.
        held: Vec<u8>,
        /// Where the rest stands in this chunk.
        range: Range<usize>,
    },
}

/// Puts events together.
#[derive(Debug, Clone)]
pub struct Assembler {
    splitter: Splitter,
    partial: Vec<u8>,
    oversize: bool,
}

impl Default for Assembler {
    fn default() -> Self {
        Self::new()
    }
}

impl Assembler {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Self { splitter: Splitter::new(), partial: Vec::new(), oversize: false }
    }

    /// The next part of `chunk`, of which everything before `from` was taken; moves `from` on. What is left of an
    /// unfinished event is kept. To be called until it answers `None`.
    pub fn next<'c>(&mut self, chunk: &'c [u8], from: &mut usize) -> Option<Part<'c>> {
        let start = *from;
        let rest = chunk.get(start..).filter(|rest| !rest.is_empty())?;
        if self.splitter.take_tail(rest) {
            *from += 1;
            return Some(Part::Tail(start..*from));
        }
        let end = self.splitter.end(rest);
        let length = end.unwrap_or(rest.len());
        let range = start..start + length;
        *from = range.end;
        let bytes = rest.get(..length)?;
        if self.oversize || self.partial.len() + measure(bytes) > MAX_EVENT_BYTES {
            self.oversize = end.is_none();
            return Some(Part::Piece { held: std::mem::take(&mut self.partial), range });
        }
        if end.is_some() && self.partial.is_empty() {
            return Some(Part::Whole(bytes, range));
        }
        self.partial.extend_from_slice(bytes);
        end.map(|_| Part::Joined(std::mem::take(&mut self.partial)))
    }

    /// Whether a piece of an oversize event has come and its end has not.
    pub fn inside_oversize(&self) -> bool {
        self.oversize
    }

    /// Whether the last byte was a carriage return that ended an event: a line feed may still belong to it.
    pub fn tail_may_follow(&self) -> bool {
        self.splitter.fresh && self.splitter.after_return
    }

    /// Takes out what has come of an unfinished event.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }
}

/// Length of an event's bytes without the second half of a final CRLF, which may come in the next chunk.
fn measure(bytes: &[u8]) -> usize {
    bytes.len() - usize::from(bytes.ends_with(b"\r\n"))
}

/// The fields of an event that matter here.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'e> {
    /// The `data` lines, joined by line feeds; `None` if there are none.
    pub data: Option<Cow<'e, [u8]>>,
    /// Whether the event's name is `error`.
    pub named_error: bool,
}

impl<'e> Event<'e> {
    /// Reads the fields of a whole event. A byte order mark before the first one is passed over.
    pub fn read(bytes: &'e [u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut event = Self { data: None, named_error: false };
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let line = rest.get(..end).unwrap_or_default();
            rest = rest.get(end + 1..).unwrap_or_default();
            if let Some(value) = field(line, b"data") {
                event.data = Some(match event.data.take() {
                    None => Cow::Borrowed(value),
                    Some(before) => Cow::Owned([&before, &b"\n"[..], value].concat()),
                });
            } else if field(line, b"event") == Some(b"error") {
                event.named_error = true;
            }
        }
        event
    }
}

/// The value of a line if it is of the field `name`.
fn field<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    match line.strip_prefix(name)? {
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        [] => Some(&[]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The events of a stream that is cut at the given places, and what is left.
    fn events(stream: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut assembler = Assembler::new();
        let mut events: Vec<Vec<u8>> = Vec::new();
        for pair in cuts.windows(2) {
            let chunk = &stream[pair[0]..pair[1]];
            let mut from = 0;
            while let Some(part) = assembler.next(chunk, &mut from) {
                match part {
                    Part::Whole(event, range) => {
                        assert_eq!(event, &chunk[range]);
                        events.push(event.to_vec());
                    }
                    Part::Joined(event) => events.push(event),
                    Part::Tail(range) => events.last_mut().unwrap().extend_from_slice(&chunk[range]),
                    Part::Piece { .. } => panic!("no event is that long"),
                }
            }
        }
        (events, assembler.rest())
    }

    #[test]
    fn blank_lines_of_every_kind_end_an_event() {
        let (found, rest) = events(b"a\n\nb\r\n\r\nc\r\rd\n\r\ne\r\n\nf\r\n\rg\n\n\nh\n", &[]);
        let expected: [&[u8]; 8] =
            [b"a\n\n", b"b\r\n\r\n", b"c\r\r", b"d\n\r\n", b"e\r\n\n", b"f\r\n\r", b"g\n\n", b"\n"];
        assert_eq!(found, expected);
        assert_eq!(rest, b"h\n");
    }

    #[test]
    fn fields_are_read_as_the_standard_says() {
        let data =
            |text: &str| Event::read(text.as_bytes()).data.map(|d| String::from_utf8(d.into()).unwrap());
        assert_eq!(data("data: a\n\n").as_deref(), Some("a"));
        assert_eq!(data("\u{feff}data:a\r\ndata:  b\r\rdata\n\n").as_deref(), Some("a\n b\n"));
        assert_eq!(data(": data: x\nid: 1\ndatax: y\n\n"), None);
        assert!(Event::read(b"event: error\ndata: {}\n\n").named_error);
        assert!(!Event::read(b"event: errors\n: event: error\n\n").named_error);
    }

    #[test]
    fn an_event_beyond_the_limit_comes_in_pieces() {
        let long = [b"data: ", vec![b'x'; MAX_EVENT_BYTES].as_slice(), b"\n\ndata: y\n\n"].concat();
        let mut assembler = Assembler::new();
        let mut out = Vec::new();
        for chunk in long.chunks(100_000) {
            let mut from = 0;
            while let Some(part) = assembler.next(chunk, &mut from) {
                match part {
                    Part::Piece { held, range } => {
                        out.extend_from_slice(&held);
                        out.extend_from_slice(&chunk[range]);
                    }
                    Part::Whole(event, _) => {
                        assert!(!assembler.inside_oversize());
                        out.extend_from_slice(event);
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(out, long);
    }

    proptest! {
        #[test]
        fn events_do_not_depend_on_the_cuts(
            stream in "([ab:]|\n|\r|\r\n|é|\u{feff}|data: x\n){0,40}", cuts in prop::collection::vec(any::<usize>(), 0..40),
        ) {
            let stream = stream.as_bytes();
            let whole = events(stream, &[]);
            prop_assert_eq!(events(stream, &cuts), whole.clone());
            let every: Vec<usize> = (0..stream.len()).collect();
            prop_assert_eq!(events(stream, &every), whole.clone());
            prop_assert_eq!([whole.0.concat(), whole.1].concat(), stream);
        }
    }
}
