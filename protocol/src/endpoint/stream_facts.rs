//! What a stream of chunks has said so far: tokens, pieces, whether it is finished. Both kinds of stream keep the
//! same facts, so that a run is settled alike whichever route it came by.

use super::completion::{Choice, Completion};
use super::sse::Event;
use super::usage::Usage;

/// What is known of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamFacts {
    /// The last usage that the pod reported.
    pub usage: Option<Usage>,
    /// Events that carried something that the model wrote.
    pub pieces: u64,
    /// Bytes of what the model wrote, in UTF-8.
    pub content_bytes: u64,
    /// `[DONE]` has come.
    pub done: bool,
    /// An answer has said why it ended.
    pub finished: bool,
    /// The pod sent an error.
    pub error: bool,
    /// The number that the next event of a response has.
    pub next: u64,
}

/// What one event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nothing but comments and other fields without data.
    Quiet,
    /// A chunk.
    Chunk,
    /// A chunk that has no choices, or no list of them, and tells the usage.
    UsageChunk,
    /// `[DONE]`
    Done,
    /// An error.
    Error,
    /// Data that is no JSON object: perhaps an event that was cut off.
    Opaque,
}

impl StreamFacts {
    /// Takes in one event, and calls `each` for every choice in it.
    pub fn observe<'e>(&mut self, event: &'e Event<'_>, mut each: impl FnMut(&Choice<'e>)) -> Seen {
        let Some(data) = event.data.as_deref().filter(|data| !data.trim_ascii().is_empty()) else {
            return Seen::Quiet;
        };
        if data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Seen::Done;
        }
        let (mut bytes, mut finished) = (0, false);
        let Ok(chunk) = Completion::read(data, |choice| {
            bytes += choice.bytes;
            finished |= choice.finish_reason.is_some();
            each(choice);
        }) else {
            self.error |= event.named_error;
            return if event.named_error { Seen::Error } else { Seen::Opaque };
        };
        self.pieces += u64::from(bytes > 0);
        self.content_bytes += bytes;
        self.finished |= finished;
        self.usage = chunk.figures().or(self.usage);
        if chunk.error || event.named_error {
            self.error = true;
            Seen::Error
        } else if chunk.choices.unwrap_or(0) == 0 && chunk.usage.is_some() {
            Seen::UsageChunk
        } else {
            Seen::Chunk
        }
    }

    /// Whether the stream came to its end: the pod said so, or closed it after it had finished.
    pub fn complete(&self, clean_end: bool) -> bool {
        self.done || self.error || (clean_end && self.finished)
    }

    /// What the run used: what the pod reported, else its pieces counted, with the prompt as it was estimated.
    pub fn usage_or_counted(&self, prompt_tokens: u64) -> Usage {
        self.usage.unwrap_or(Usage::counted(prompt_tokens, self.pieces))
    }
}

/// How a stream ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// What is still to be written.
    pub flush: Vec<u8>,
    /// Whether the stream came to its end; if not, an error event must follow.
    pub complete: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::usage::UsageSource;

    fn see(facts: &mut StreamFacts, event: &str) -> Seen {
        facts.observe(&Event::read(event.as_bytes()), |_| ())
    }

    #[test]
    fn every_kind_of_event_is_told_apart() {
        let mut facts = StreamFacts::default();
        for (event, seen) in [
            (": ka\n\n", Seen::Quiet),
            ("data:\n\n", Seen::Quiet),
            ("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n", Seen::Chunk),
            ("data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}],\"usage\":null}\n\n", Seen::Chunk),
            ("data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"é\"}}]}\n\n", Seen::Chunk),
            ("data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n", Seen::Chunk),
            ("data: {\"choi\n\n", Seen::Opaque),
            ("data: {\"choices\":[{\"finish_reason\":\"stop\",\"delta\":{}}]}\n\n", Seen::Chunk),
            (
                "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":0}}\n\n",
                Seen::UsageChunk,
            ),
            ("data: {\"choices\":null,\"usage\":{\"total_tokens\":1}}\n\n", Seen::UsageChunk),
            ("data: {\"usage\":{\"total_tokens\":1}}\n\n", Seen::UsageChunk),
            ("data: {\"usage\":null}\n\n", Seen::Chunk),
            ("data:  [DONE] \n\n", Seen::Done),
        ] {
            assert_eq!(see(&mut facts, event), seen, "{event}");
        }
        assert_eq!((facts.pieces, facts.content_bytes), (2, 4));
        assert!(facts.done && facts.finished && !facts.error);
        assert_eq!(facts.usage.map(|u| (u.total_tokens, u.source)), Some((1, UsageSource::Reported)));
    }

    #[test]
    fn errors_end_a_stream() {
        for event in [
            "data: {\"error\":{\"message\":\"x\"}}\n\n",
            "event: error\ndata: {}\n\n",
            "event: error\ndata: x\n\n",
        ] {
            let mut facts = StreamFacts::default();
            assert_eq!(see(&mut facts, event), Seen::Error, "{event}");
            assert!(facts.complete(false));
        }
    }

    #[test]
    fn a_stream_without_done_is_complete_only_if_it_finished_and_was_closed() {
        let facts = StreamFacts { finished: true, ..StreamFacts::default() };
        assert!(facts.complete(true) && !facts.complete(false));
        assert!(!StreamFacts::default().complete(true));
    }

    #[test]
    fn pieces_are_counted_where_no_usage_came() {
        let facts = StreamFacts { pieces: 7, ..StreamFacts::default() };
        assert_eq!(facts.usage_or_counted(3), Usage::counted(3, 7));
    }
}
