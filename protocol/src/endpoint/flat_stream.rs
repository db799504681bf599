//! The stream of `/v1/chat`: the pod's chunks under our id, each with flat `content` and `done`; the last one has
//! `done: true`, flat `finish_reason` and `usage`, and `[DONE]` follows (agent-endpoints §2).
//!
//! Invariants: exactly one event of a complete stream has `done: true`, none of a stream that broke off; usage is in
//! it even if the pod reports none; what comes out does not depend on how the pod's bytes were cut into chunks.
//!
//! A chunk that says why an answer ended is held back, since usage comes after it. Whatever follows decides: another
//! chunk with choices (of a second answer) lets it go as it is, the end of the stream makes it the last one.

use super::flat::{empty_chunk, raw_or_null, usage_object, write_event, Content, Origin};
use super::pod_error::error_event;
use super::sse::{Assembler, Event, Part, MAX_EVENT_BYTES};
use super::stream_facts::{Ending, Seen, StreamFacts};
use crate::error::{Code, Problem};
use crate::json::{Edits, Kind, Members};

/// Rewrites one stream.
#[derive(Debug)]
pub struct FlatStream {
    message_id: String,
    prompt_tokens: u64,
    assembler: Assembler,
    facts: StreamFacts,
    /// The last chunk that said why an answer ended, with its flat content.
    held: Option<(Vec<u8>, Vec<u8>)>,
    /// The first chunk's `created` and `model`, for a last event that no chunk can be made into.
    origin: Option<Origin>,
    /// The first answer's `finish_reason`, as it stands in its chunk.
    finish_reason: Option<Vec<u8>>,
    /// The pod's usage object.
    usage: Option<Vec<u8>>,
    /// The last event is out.
    closed: bool,
}

impl FlatStream {
    /// `message_id` stands in every event; the prompt counts as `prompt_tokens` where the pod reports nothing.
    pub fn new(message_id: String, prompt_tokens: u64) -> Self {
        Self {
            message_id,
            prompt_tokens,
            assembler: Assembler::new(),
            facts: StreamFacts::default(),
            held: None,
            origin: None,
            finish_reason: None,
            usage: None,
            closed: false,
        }
    }

    /// What is known so far.
    pub fn facts(&self) -> &StreamFacts {
        &self.facts
    }

    /// Takes a chunk and answers what to write: whole events, or nothing.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut from = 0;
        while let Some(part) = self.assembler.next(chunk, &mut from) {
            match part {
                Part::Whole(event, range) => {
                    out.reserve(range.len() + 128);
                    self.event(event, &mut out);
                }
                Part::Joined(event) => self.event(&event, &mut out),
                Part::Piece { .. } => self.too_long(&mut out),
                Part::Tail(_) => {}
            }
        }
        out
    }

    /// Takes the end of the stream; `clean_end` says whether the pod closed it properly.
    pub fn finish(&mut self, clean_end: bool) -> Ending {
        let mut out = Vec::new();
        let rest = self.assembler.rest();
        self.event(&rest, &mut out);
        let complete = self.facts.complete(clean_end);
        if complete {
            self.close(&mut out);
        } else {
            self.release(&mut out);
        }
        Ending { flush: out, complete }
    }

    fn event(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        let event = Event::read(bytes);
        let mut content = Content::new();
        let mut finish_reason = None;
        let mut ended = false;
        let seen = self.facts.observe(&event, |choice| {
            ended |= choice.finish_reason.is_some();
            if choice.index == 0 {
                choice.content.into_iter().for_each(|text| content.push(text));
                finish_reason = choice.finish_reason.or(finish_reason);
            }
        });
        let data = event.data.as_deref().unwrap_or_default();
        match seen {
            // What cannot be read cannot be rewritten; comments are ours to send.
            Seen::Quiet | Seen::Opaque => {}
            Seen::Done => self.close(out),
            Seen::Error => self.error(data, out),
            Seen::Chunk | Seen::UsageChunk => {
                let Ok(members) = Members::parse_answer(data) else { return };
                self.remember(data, &members);
                if seen == Seen::UsageChunk {
                    return;
                }
                self.release(out);
                if finish_reason.is_some() {
                    self.finish_reason = Some(raw_or_null(finish_reason));
                }
                if ended {
                    self.held = Some((data.to_vec(), content.into_raw()));
                } else {
                    self.write(data, &members, content.into_raw(), false, out);
                }
            }
        }
    }

    fn remember(&mut self, data: &[u8], members: &Members) {
        if let Some(usage) = members.get(data, "usage").filter(|usage| usage.kind() == Kind::Object) {
            self.usage = Some(usage.raw().to_vec());
        }
        if self.origin.is_none() {
            self.origin = Some(Origin::of(data, members));
        }
    }

    /// Appends `data` as an event, the last one if `done`.
    fn write(&self, data: &[u8], members: &Members, content: Vec<u8>, done: bool, out: &mut Vec<u8>) {
        let mut edits = Edits::new();
        edits.set_string("id", &self.message_id);
        edits.set("content", content);
        edits.set("done", if done { &b"true"[..] } else { b"false" });
        if done {
            let usage = self.facts.usage_or_counted(self.prompt_tokens);
            edits.set("usage", usage_object(usage, self.usage.as_deref()));
            edits.set("finish_reason", self.finish_reason.clone().unwrap_or_else(|| b"null".to_vec()));
        }
        write_event(&edits, data, members, out);
    }

    /// Lets the held chunk go as one among others.
    fn release(&mut self, out: &mut Vec<u8>) {
        if let Some((data, content)) = self.held.take() {
            if let Ok(members) = Members::parse_answer(&data) {
                self.write(&data, &members, content, false, out);
            }
        }
    }

    /// Ends the stream: the last event and `[DONE]`.
    fn close(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        let empty = || empty_chunk(self.origin.as_ref(), self.finish_reason.as_deref());
        let (data, content) = self.held.take().unwrap_or_else(|| (empty(), b"\"\"".to_vec()));
        if let Ok(members) = Members::parse_answer(&data) {
            self.write(&data, &members, content, true, out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Passes an error on, in our form; nothing may follow it.
    fn error(&mut self, data: &[u8], out: &mut Vec<u8>) {
        self.release(out);
        self.closed = true;
        out.extend_from_slice(error_event(data).as_bytes());
    }

    /// An event that is too long to be held cannot be rewritten: the stream ends with an error.
    fn too_long(&mut self, out: &mut Vec<u8>) {
        if !self.closed {
            self.release(out);
            self.closed = true;
            self.facts.error = true;
            let message = format!("The agent's pod sent an event of more than {MAX_EVENT_BYTES} bytes.");
            out.extend_from_slice(Problem::new(Code::BadGateway, message).event().as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{json, Value as Json};

    /// The output of a stream that is cut at the given places.
    fn raw(stream: &[u8], cuts: &[usize], clean: bool) -> (Vec<u8>, bool) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut flat = FlatStream::new("msg_1".into(), 9);
        let mut out = Vec::new();
        for pair in cuts.windows(2) {
            out.extend(flat.push(&stream[pair[0]..pair[1]]));
            assert!(out.is_empty() || out.ends_with(b"\n\n"));
        }
        let ending = flat.finish(clean);
        out.extend(ending.flush);
        (out, ending.complete)
    }

    fn events(out: &[u8]) -> Vec<Json> {
        let text = std::str::from_utf8(out).unwrap();
        let read = |event: &str| match event.strip_prefix("data: ").unwrap() {
            "[DONE]" => Json::Null,
            data => serde_json::from_str(data).unwrap(),
        };
        text.split_terminator("\n\n").map(read).collect()
    }

    fn run(chunks: &[Json], done: bool) -> Vec<Json> {
        let mut events: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}")).collect();
        events.extend(done.then(|| "data: [DONE]".to_owned()));
        let stream = events.join("\r\n\r\n") + "\r\n\r\n";
        let (out, complete) = raw(stream.as_bytes(), &[], true);
        assert!(complete);
        self::events(&out)
    }

    fn chunk(content: &str) -> Json {
        json!({"id": "x", "model": "m", "created": 7, "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": null}]})
    }

    fn finish(index: u64) -> Json {
        json!({"id": "x", "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}], "usage": null})
    }

    fn usage() -> Json {
        json!({"id": "x", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}})
    }

    fn flags(events: &[Json]) -> Vec<(&str, bool)> {
        let of = |event| -> Option<(&str, bool)> {
            let event: &Json = event;
            assert_eq!(event["id"], "msg_1");
            Some((event["content"].as_str()?, event["done"].as_bool()?))
        };
        events.iter().filter(|event| !event.is_null()).map(|event| of(event).unwrap()).collect()
    }

    #[test]
    fn the_finish_and_the_usage_become_one_last_event() {
        let out = run(&[chunk("a"), chunk("é\n"), finish(0), usage()], true);
        assert_eq!(flags(&out), [("a", false), ("é\n", false), ("", true)]);
        let last = &out[2];
        assert_eq!((&last["finish_reason"], &last["usage"]["tokens"]), (&json!("stop"), &json!(5)));
        assert_eq!(last["choices"], finish(0)["choices"]);
        assert_eq!((out.len(), &out[3], &out[0]["choices"]), (4, &Json::Null, &chunk("a")["choices"]));
    }

    #[test]
    fn usage_is_there_even_if_the_pod_reports_none_and_done_even_if_it_sends_none() {
        let out = run(&[chunk("a"), chunk("b"), finish(0)], false);
        assert_eq!(flags(&out), [("a", false), ("b", false), ("", true)]);
        let usage = &out[2]["usage"];
        assert_eq!((&usage["prompt_tokens"], &usage["completion_tokens"]), (&json!(9), &json!(2)));
        assert_eq!(
            (&usage["tokens"], &usage["source"], &out[3]),
            (&json!(11), &json!("counted"), &Json::Null)
        );
    }

    #[test]
    fn the_last_of_several_answers_ends_the_stream() {
        let mut other = chunk("b");
        other["choices"][0]["index"] = 1.into();
        let out = run(&[usage(), chunk("a"), finish(0), other.clone(), finish(1)], true);
        assert_eq!(flags(&out), [("a", false), ("", false), ("", false), ("", true)]);
        let out = run(&[chunk("a"), finish(1), other, usage()], true);
        assert_eq!(flags(&out), [("a", false), ("", false), ("", false), ("", true)]);
        assert_eq!((&out[3]["created"], &out[3]["model"]), (&json!(7), &json!("m")));
        assert_eq!((&out[3]["usage"]["tokens"], &out[3]["finish_reason"]), (&json!(5), &Json::Null));
        assert_eq!(flags(&run(&[], true)), [("", true)]);
    }

    #[test]
    fn a_stream_that_breaks_off_has_no_last_event() {
        let stream = format!("data: {}\n\ndata: {}\n\ndata: {{\"cho", chunk("a"), finish(0));
        let (out, complete) = raw(stream.as_bytes(), &[], false);
        assert!(!complete);
        assert_eq!(flags(&events(&out)), [("a", false), ("", false)]);
    }

    #[test]
    fn errors_are_passed_on_in_our_form_and_end_the_stream() {
        for (event, message) in [
            ("data: {\"error\":{\"message\":\"m\"}}", "m"),
            ("data: {\"object\":\"error\",\"message\":\"m\",\"code\":400}", "m"),
            ("event: error\ndata: m", "The agent's pod ended the stream with an error."),
        ] {
            let stream =
                format!("data: {}\n\n{event}\n\ndata: {}\n\ndata: [DONE]\n\n", finish(0), chunk("b"));
            let (out, complete) = raw(stream.as_bytes(), &[], false);
            let out = events(&out);
            assert!(complete);
            assert_eq!((out.len(), &out[0]["done"]), (2, &json!(false)));
            assert_eq!(out[1]["error"]["message"], message);
        }
        let long = [b"data: ", vec![b'x'; MAX_EVENT_BYTES + 1].as_slice()].concat();
        let out = events(&raw(&long, &[500_000], true).0);
        assert_eq!((out.len(), &out[0]["error"]["code"]), (1, &json!("bad_gateway")));
    }

    proptest! {
        #[test]
        fn the_output_does_not_depend_on_the_cuts(
            picks in prop::collection::vec(0usize..8, 0..12), cuts in prop::collection::vec(any::<usize>(), 0..30),
            clean: bool, half: bool,
        ) {
            let chunks = [chunk("grüße 😀"), finish(0), finish(1), usage()].map(|chunk| format!("data: {chunk}"));
            let others = [": ka", "data: [DONE]", "data: {\"error\":1}", "data: {\ndata: \"a\":1}"].map(String::from);
            let all = [chunks, others].concat();
            let mut given: String = picks.iter().map(|pick| all[*pick].clone() + "\r\n\r\n").collect();
            if half {
                given += &all[1][..40];
            }
            let given = given.as_bytes();
            let whole = raw(given, &[], clean);
            let every: Vec<usize> = (0..given.len()).collect();
            prop_assert_eq!(&raw(given, &cuts, clean), &whole);
            prop_assert_eq!(&raw(given, &every, clean), &whole);
            let events = events(&whole.0);
            let last = events.iter().filter(|event| event["done"] == json!(true)).count();
            let errors = events.iter().filter(|event| !event["error"].is_null()).count();
            prop_assert_eq!(last + errors, usize::from(whole.1));
        }

        #[test]
        fn nothing_panics(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..8)) {
            let mut flat = FlatStream::new(String::new(), 0);
            for chunk in &chunks {
                let _ = flat.push(chunk);
            }
            let _ = flat.finish(true);
        }
    }
}
