//! The bytes that the upstream answers with: always the same, so that sizes and token counts can be checked.

use bytes::Bytes;
use serde::Deserialize;

use crate::stamp;

/// Tokens of every answer, plain and streamed.
pub const USAGE: &str = "{\"prompt_tokens\":23,\"completion_tokens\":64,\"total_tokens\":87}";

const PLAIN: &str = concat!(
    "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1790000000,\"model\":\"bench-model\",",
    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"The quick brown fox jumps over the ",
    "lazy dog, turns round, and does it again, because a benchmark wants the same four lines of text every time ",
    "it asks. A second sentence follows so that the answer has the length of an ordinary short reply, and a third ",
    "one ends it where most of them end.\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],",
    "\"usage\":{\"prompt_tokens\":23,\"completion_tokens\":64,\"total_tokens\":87},",
    "\"system_fingerprint\":\"fp_bench\"}"
);
const CHUNK_HEAD: &str = concat!(
    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,",
    "\"model\":\"bench-model\",\"choices\":["
);

/// What the upstream reads of a request body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// A streamed answer is wanted.
    pub stream: bool,
    /// With a usage chunk before its end.
    pub include_usage: bool,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    stream: Option<bool>,
    #[serde(default)]
    stream_options: Option<StreamOptions>,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

impl Asked {
    /// Nothing if `body` is not a JSON object of the right shape.
    pub fn read(body: &[u8]) -> Option<Self> {
        let body: Body = serde_json::from_slice(body).ok()?;
        Some(Self {
            stream: body.stream.unwrap_or(false),
            include_usage: body.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
        })
    }
}

/// The whole plain answer.
pub fn plain() -> Bytes {
    Bytes::from_static(PLAIN.as_bytes())
}

/// The model list.
pub fn models() -> Bytes {
    Bytes::from_static(
        br#"{"object":"list","data":[{"id":"bench-model","object":"model","created":1790000000,"owned_by":"bench"}]}"#,
    )
}

/// The answer on any other path.
pub fn not_found() -> Bytes {
    Bytes::from_static(
        br#"{"error":{"message":"no such path","type":"not_found_error","param":null,"code":"not_found"}}"#,
    )
}

/// The answer to a body that is not JSON.
pub fn not_json() -> Bytes {
    Bytes::from_static(
        br#"{"error":{"message":"not JSON","type":"invalid_request_error","param":null,"code":"invalid_json"}}"#,
    )
}

/// One chunk of text, stamped with the time at which it is written.
pub fn text_chunk(microseconds: u64) -> Bytes {
    let mut chunk = Vec::with_capacity(256);
    chunk.extend_from_slice(CHUNK_HEAD.as_bytes());
    chunk.extend_from_slice(b"{\"index\":0,\"delta\":{\"content\":\"");
    stamp::write(&mut chunk, microseconds);
    chunk.extend_from_slice(b" word\"},\"finish_reason\":null}]}\n\n");
    Bytes::from(chunk)
}

/// The chunk that ends the text.
pub fn stop_chunk() -> Bytes {
    Bytes::from(format!("{CHUNK_HEAD}{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n"))
}

/// The chunk that only `include_usage` brings.
pub fn usage_chunk() -> Bytes {
    Bytes::from(format!("{CHUNK_HEAD}],\"usage\":{USAGE}}}\n\n"))
}

/// The end of the stream.
pub fn done() -> Bytes {
    Bytes::from_static(b"data: [DONE]\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_json_of_the_promised_size() {
        let plain: serde_json::Value = serde_json::from_slice(&plain()).unwrap_or_default();
        assert_eq!(plain.pointer("/usage/total_tokens").and_then(serde_json::Value::as_u64), Some(87));
        assert!((550..=750).contains(&PLAIN.len()), "{}", PLAIN.len());
        for chunk in [text_chunk(1), stop_chunk(), usage_chunk()] {
            let text = chunk.strip_prefix(b"data: ").unwrap_or_default();
            assert!(serde_json::from_slice::<serde_json::Value>(text).is_ok(), "{chunk:?}");
        }
    }

    #[test]
    fn reads_what_a_request_asks_for() {
        assert_eq!(Asked::read(b"{\"stream\":null}"), Some(Asked::default()));
        assert_eq!(
            Asked::read(br#"{"stream":true,"stream_options":{"include_usage":true}}"#),
            Some(Asked { stream: true, include_usage: true })
        );
        assert_eq!(Asked::read(b"nonsense"), None);
    }
}
