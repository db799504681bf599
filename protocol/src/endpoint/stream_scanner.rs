//! A stream whose bytes are the pod's own on its way from the pod to the caller: watched, but not touched.
//!
//! Invariants: what is passed on are whole events, so that a heartbeat or an error can always be put between them
//! (an event of more than a mebibyte alone is passed on as it comes); the bytes passed on do not depend on how the
//! pod's were cut into chunks; and they are the pod's bytes, but for a usage chunk that the caller did not ask for
//! and for what comes after `[DONE]` (agent-endpoints §7).

use super::response;
use super::sse::{Assembler, Event, Part};
use super::stream_facts::{Ending, Seen, StreamFacts};
use std::ops::Range;

/// What to pass on of what has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// To be written first: an event that began in an earlier chunk.
    pub held: Vec<u8>,
    /// To be written then: ranges of this chunk. Mostly there is just one, which takes no memory of its own.
    range: Range<usize>,
    more: Vec<Range<usize>>,
    /// Whether the first piece that the model wrote is in this chunk.
    pub first_content: bool,
}

impl Passage {
    fn pass(&mut self, range: Range<usize>) {
        let last = self.more.last_mut().unwrap_or(&mut self.range);
        if last.start == last.end {
            *last = range;
        } else if last.end == range.start {
            last.end = range.end;
        } else {
            self.more.push(range);
        }
    }

    /// Ranges of the chunk to write, in order, none empty.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        std::iter::once(&self.range).chain(&self.more).filter(|range| range.start < range.end).cloned()
    }

    /// Whether the chunk, of `length` bytes, is to be passed on as it is: nothing before it, nothing cut.
    pub fn is_whole(&self, length: usize) -> bool {
        self.held.is_empty() && self.range == (0..length) && self.more.is_empty()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.ranges().next().is_none()
    }
}

/// Watches one stream.
#[derive(Debug, Clone)]
pub struct StreamScanner {
    /// The stream is one of named events, as the Responses API has them.
    response: bool,
    cut_usage: bool,
    assembler: Assembler,
    facts: StreamFacts,
    /// Whether the event before was passed on: a line feed that still belongs to it shares its fate.
    passed: bool,
}

impl StreamScanner {
    /// `cut_usage`: the caller did not ask for the usage chunk.
    pub fn new(cut_usage: bool) -> Self {
        let (assembler, facts) = (Assembler::new(), StreamFacts::default());
        Self { response: false, cut_usage, assembler, facts, passed: true }
    }

    /// For a stream of the Responses API.
    pub fn of_response() -> Self {
        Self { response: true, ..Self::new(false) }
    }

    /// What is known so far.
    pub fn facts(&self) -> &StreamFacts {
        &self.facts
    }

    /// Whether something of ours can be written now without landing inside an event.
    pub fn between_events(&self) -> bool {
        !self.assembler.inside_oversize() && !self.assembler.tail_may_follow()
    }

    /// Takes a chunk and says what to pass on.
    pub fn push(&mut self, chunk: &[u8]) -> Passage {
        let mut passage = Passage::default();
        let pieces = self.facts.pieces;
        let mut from = 0;
        let mut inside = self.assembler.inside_oversize();
        while let Some(part) = self.assembler.next(chunk, &mut from) {
            match part {
                Part::Tail(range) => {
                    if self.passed {
                        passage.pass(range);
                    }
                }
                _ if self.facts.done => {
                    self.passed = false;
                    break;
                }
                Part::Whole(event, range) => {
                    self.passed = self.observe(event) != Fate::Cut;
                    if self.passed {
                        passage.pass(range);
                    }
                }
                Part::Joined(event) => {
                    self.passed = self.observe(&event) != Fate::Cut;
                    if self.passed {
                        passage.held = event;
                    }
                }
                Part::Piece { held, range } => {
                    self.passed = true;
                    // Not read; it counts as one piece, all of it content.
                    self.facts.pieces += u64::from(!inside);
                    self.facts.content_bytes += (held.len() + range.len()) as u64;
                    passage.held = held;
                    passage.pass(range);
                }
            }
            inside = self.assembler.inside_oversize();
        }
        passage.first_content = pieces == 0 && self.facts.pieces > 0;
        passage
    }

    /// Takes the end of the stream; `clean_end` says whether the pod closed it properly.
    ///
    /// The last event may lack its blank line. It is passed on if the stream is complete and the event makes sense;
    /// half an event is never passed on.
    pub fn finish(&mut self, clean_end: bool) -> Ending {
        let oversize = self.assembler.inside_oversize();
        let rest = if self.facts.done { Vec::new() } else { self.assembler.rest() };
        let fate = self.observe(&rest);
        // The last event of a response is the last word, however its pod closes.
        let complete = self.facts.complete(clean_end || self.response);
        let flush = match (complete, oversize) {
            (true, false) if fate == Fate::Pass => rest,
            // The piece of an event that was passed on must not swallow the error event that follows.
            (false, true) => b"\n\n".to_vec(),
            _ => Vec::new(),
        };
        Ending { flush, complete }
    }

    fn observe(&mut self, event: &[u8]) -> Fate {
        let event = Event::read(event);
        let seen = if self.response {
            response::observe(&mut self.facts, &event)
        } else {
            self.facts.observe(&event, |_| ())
        };
        match seen {
            Seen::UsageChunk if self.cut_usage => Fate::Cut,
            Seen::Opaque => Fate::Odd,
            _ => Fate::Pass,
        }
    }
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Pass,
    /// Passed on if it is whole.
    Odd,
    Cut,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::sse::MAX_EVENT_BYTES;
    use crate::endpoint::usage::Usage;
    use proptest::prelude::*;

    /// Passes a stream on in chunks cut at the given places; checks that ours could be written in between.
    fn pass(stream: &[u8], cuts: &[usize], cut_usage: bool, clean: bool) -> (Vec<u8>, StreamFacts, bool) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut scanner = StreamScanner::new(cut_usage);
        let mut out = Vec::new();
        for pair in cuts.windows(2) {
            let chunk = &stream[pair[0]..pair[1]];
            let passage = scanner.push(chunk);
            let before = out.len();
            out.extend_from_slice(&passage.held);
            passage.ranges().for_each(|range| out.extend_from_slice(&chunk[range]));
            assert_eq!(passage.is_empty(), out.len() == before);
            assert!(!passage.is_whole(chunk.len()) || out[before..] == *chunk);
            let whole =
                [&b"\n\n"[..], b"\r\r", b"\n\r", b"\r\r\n", b"\n\r\n"].iter().any(|end| out.ends_with(end));
            assert!(out.len() < 3 || whole, "half an event is out: {:?}", String::from_utf8_lossy(&out));
        }
        let ending = scanner.finish(clean);
        out.extend_from_slice(&ending.flush);
        (out, *scanner.facts(), ending.complete)
    }

    const CONTENT: &str =
        r#"data: {"choices":[{"index":0,"delta":{"content":"grüße 😀"},"finish_reason":null}]}"#;
    const FINISH: &str = r#"data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    const USAGE: &str =
        r#"data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#;
    const DONE: &str = "data: [DONE]";

    fn stream(events: &[&str]) -> String {
        events.join("\n\n") + "\n\n"
    }

    #[test]
    fn a_stream_goes_on_byte_for_byte_but_for_the_usage_nobody_asked_for() {
        let given = stream(&[": hello", CONTENT, CONTENT, FINISH, USAGE, DONE]);
        let (out, facts, complete) = pass(given.as_bytes(), &[], false, true);
        assert_eq!(out, given.as_bytes());
        assert_eq!(facts.usage.map(|usage| usage.total_tokens), Some(7));
        assert_eq!((facts.pieces, facts.content_bytes, complete), (2, 24, true));
        let (out, facts, _) = pass(given.as_bytes(), &[], true, true);
        assert_eq!(out, stream(&[": hello", CONTENT, CONTENT, FINISH, DONE]).as_bytes());
        assert_eq!(facts.usage_or_counted(1).total_tokens, 7);
    }

    #[test]
    fn the_usual_chunk_is_one_range_without_a_copy() {
        let mut scanner = StreamScanner::new(true);
        let chunk = stream(&[CONTENT, CONTENT]);
        let passage = scanner.push(chunk.as_bytes());
        assert!(passage.is_whole(chunk.len()) && passage.first_content);
        assert!(!scanner.push(chunk.as_bytes()).first_content);
    }

    #[test]
    fn what_comes_after_done_is_dropped() {
        let given = stream(&[CONTENT, DONE, CONTENT]) + "data: x";
        let (out, facts, complete) = pass(given.as_bytes(), &[], false, false);
        assert_eq!(out, stream(&[CONTENT, DONE]).as_bytes());
        assert!(complete && facts.pieces == 1);
    }

    #[test]
    fn a_last_event_without_its_blank_line_is_passed_on_only_if_it_makes_sense() {
        let whole = stream(&[CONTENT, FINISH]) + DONE;
        assert_eq!(pass(whole.as_bytes(), &[9], true, false).0, whole.as_bytes());
        let half = stream(&[CONTENT, FINISH]) + "data: {\"choices\":[{\"delta";
        assert_eq!(pass(half.as_bytes(), &[], false, true).0, stream(&[CONTENT, FINISH]).as_bytes());
        let (out, facts, complete) = pass((stream(&[CONTENT]) + CONTENT).as_bytes(), &[], false, false);
        assert_eq!((out, complete), (stream(&[CONTENT]).into_bytes(), false));
        assert_eq!(facts.usage_or_counted(3), Usage::counted(3, 2));
        let unasked = stream(&[FINISH]) + USAGE;
        assert_eq!(pass(unasked.as_bytes(), &[], true, true).0, stream(&[FINISH]).as_bytes());
        assert_eq!(pass(unasked.as_bytes(), &[], false, true).0, unasked.as_bytes());
    }

    #[test]
    fn a_stream_that_breaks_off_is_not_complete() {
        assert!(!pass(stream(&[CONTENT]).as_bytes(), &[], false, true).2);
        assert!(!pass(stream(&[CONTENT, FINISH]).as_bytes(), &[], false, false).2);
        assert!(pass(stream(&[CONTENT, FINISH]).as_bytes(), &[], false, true).2);
        assert!(pass(stream(&[CONTENT, "data: {\"error\":{}}"]).as_bytes(), &[], false, false).2);
        assert!(!pass(b"", &[], false, true).2);
    }

    #[test]
    fn a_response_goes_on_byte_for_byte_and_ends_with_its_last_event() {
        let delta = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":3,\"delta\":\"hi\"}\n\n";
        let last = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n";
        let mut scanner = StreamScanner::of_response();
        assert!(scanner.push(delta.as_bytes()).is_whole(delta.len()));
        assert!(!scanner.clone().finish(true).complete);
        assert_eq!((scanner.facts().pieces, scanner.facts().next), (1, 4));
        assert!(scanner.push(last.as_bytes()).is_whole(last.len()));
        assert!(scanner.clone().finish(false).complete);
        assert_eq!(scanner.facts().usage.map(|usage| usage.total_tokens), Some(3));
        assert!(!scanner.push(b"data: [DONE]\n\n").is_empty());
    }

    #[test]
    fn a_huge_event_is_passed_on_as_it_comes() {
        let mut scanner = StreamScanner::new(true);
        let half = vec![b'x'; MAX_EVENT_BYTES / 2 + 4];
        assert!(scanner.push(&[b"data: ", half.as_slice()].concat()).is_empty());
        let passage = scanner.push(&half);
        assert_eq!((passage.held.len(), passage.ranges().next()), (half.len() + 6, Some(0..half.len())));
        assert!(!scanner.between_events());
        assert_eq!(scanner.clone().finish(true), Ending { flush: b"\n\n".to_vec(), complete: false });
        assert!(scanner.push(b"x\n\ndata: [DO").ranges().eq(std::iter::once(0..3)));
        assert!(scanner.between_events());
        assert_eq!(scanner.push(b"NE]\n\n").held, b"data: [DONE]\n\n");
    }

    proptest! {
        #[test]
        fn the_output_does_not_depend_on_the_cuts(
            events in prop::collection::vec((0usize..9, 0usize..6), 0..12),
            cuts in prop::collection::vec(any::<usize>(), 0..30),
            mark: bool, cut_usage: bool, clean: bool, tail in 0usize..9,
        ) {
            let texts = [CONTENT, CONTENT, FINISH, USAGE, DONE, ": ka", "data: [1]", "id: 1", "data: {\"error\":1}"];
            let ends = ["\n\n", "\r\n\r\n", "\r\r", "\r\r\n", "\n\r\n", "\r\ndata:\n\r"];
            let mut given = String::from(if mark { "\u{feff}" } else { "" });
            for (text, end) in events {
                given += texts[text];
                given += ends[end];
            }
            given += &texts[tail][..texts[tail].len() / 2];
            let given = given.as_bytes();
            let whole = pass(given, &[], cut_usage, clean);
            prop_assert_eq!(&pass(given, &cuts, cut_usage, clean), &whole);
            let every: Vec<usize> = (0..given.len()).collect();
            prop_assert_eq!(&pass(given, &every, cut_usage, clean), &whole);
            if !cut_usage {
                prop_assert!(given.starts_with(&whole.0));
            }
        }

        #[test]
        fn nothing_panics(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..8), clean: bool,
        ) {
            let mut scanner = StreamScanner::new(true);
            for chunk in &chunks {
                let _ = scanner.push(chunk);
            }
            let _ = scanner.finish(clean);
        }
    }
}
