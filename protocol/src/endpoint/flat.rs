//! What `/v1/chat` adds to the `OpenAI` form, plain and streamed: flat `content` and `finish_reason`, and `usage` that
//! is always there (agent-endpoints §2).

use super::usage::Usage;
use crate::json::{Edits, Members, RawStr, Value};

/// A JSON string of the texts, which are put in as they stand.
#[derive(Debug)]
pub(super) struct Content(Vec<u8>);

impl Content {
    pub(super) fn new() -> Self {
        Self(vec![b'"'])
    }

    pub(super) fn push(&mut self, text: RawStr<'_>) {
        self.0.extend_from_slice(text.raw());
    }

    pub(super) fn into_raw(mut self) -> Vec<u8> {
        self.0.push(b'"');
        self.0
    }
}

/// A text as a raw JSON string, or `null`.
pub(super) fn raw_or_null(text: Option<RawStr<'_>>) -> Vec<u8> {
    text.map_or_else(|| b"null".to_vec(), |text| [b"\"", text.raw(), b"\""].concat())
}

/// The `usage` object: the pod's own, if there was one, with our figures in it, `tokens` (the total under the
/// documents' name) and `source`.
pub(super) fn usage_object(usage: Usage, reported: Option<&[u8]>) -> Vec<u8> {
    let base = reported.unwrap_or(b"{}");
    let figure = |figure: u64| figure.to_string().into_bytes();
    let mut edits = Edits::new();
    edits.set("prompt_tokens", figure(usage.prompt_tokens));
    edits.set("completion_tokens", figure(usage.completion_tokens));
    edits.set("total_tokens", figure(usage.total_tokens));
    edits.set("tokens", figure(usage.total_tokens));
    edits.set_string("source", usage.source.as_str());
    let (base, members) = match (Members::parse_answer(base), Members::parse_answer(b"{}")) {
        (Ok(members), _) => (base, members),
        (Err(_), Ok(empty)) => (&b"{}"[..], empty),
        (Err(_), Err(_)) => return b"null".to_vec(),
    };
    let mut out = Vec::with_capacity(base.len() + 128);
    edits.write(base, &members, &mut out);
    out
}

/// Appends the changed `data` as an event of one line.
pub(super) fn write_event(edits: &Edits<'_>, data: &[u8], members: &Members, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: ");
    let start = out.len();
    edits.write(data, members, out);
    // Line ends can only be white space here: inside a string they are escaped.
    for byte in out.iter_mut().skip(start).filter(|byte| matches!(**byte, b'\n' | b'\r')) {
        *byte = b' ';
    }
    out.extend_from_slice(b"\n\n");
}

/// What every chunk of a stream says alike, as it stands in the first one.
#[derive(Debug)]
pub(super) struct Origin {
    created: Vec<u8>,
    model: Vec<u8>,
}

impl Origin {
    pub(super) fn of(data: &[u8], members: &Members) -> Self {
        let raw = |name, default: &[u8]| members.get(data, name).map_or(default, Value::raw).to_vec();
        Self { created: raw("created", b"0"), model: raw("model", b"\"\"") }
    }
}

/// A chunk that adds nothing but perhaps a `finish_reason`, for a stream whose pod sent none that could be the last.
pub(super) fn empty_chunk(origin: Option<&Origin>, finish_reason: Option<&[u8]>) -> Vec<u8> {
    let (created, model) = origin.map_or((&b"0"[..], &b"\"\""[..]), |o| (&o.created, &o.model));
    [
        b"{\"id\":null,\"object\":\"chat.completion.chunk\",\"created\":",
        created,
        b",\"model\":",
        model,
        b",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":",
        finish_reason.unwrap_or(b"null"),
        b"}]}",
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_pod_reports_besides_figures_is_kept() {
        let usage = Usage::reported(Some(1), Some(2), None).unwrap();
        let given = br#"{"prompt_tokens":1,"completion_tokens":2.0,"details":{"cached":1}}"#;
        assert_eq!(
            String::from_utf8(usage_object(usage, Some(given))).unwrap(),
            r#"{"prompt_tokens":1,"completion_tokens":2,"details":{"cached":1},"total_tokens":3,"tokens":3,"source":"reported"}"#
        );
        let counted = usage_object(Usage::counted(4, 5), None);
        assert!(counted.ends_with(br#""total_tokens":9,"tokens":9,"source":"counted"}"#));
    }
}
