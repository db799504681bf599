//! How a caller tells the upstream what to do, through any gateway: in the text of its message.
//!
//! `bench:chunks=16;interval_us=0;first_us=0` may stand anywhere in the body (or in the query, for use by hand).
//! A header or an extra field would be dropped by some of the gateways; the message never is.

const MARK: &[u8] = b"bench:";

/// What one answer of the upstream looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Chunks of text in a streamed answer.
    pub chunks: u32,
    /// Time between two chunks; 0 writes them as fast as they are taken.
    pub interval_us: u64,
    /// Time before the answer, or before the first chunk of a stream.
    pub first_us: u64,
}

impl Default for Prompt {
    fn default() -> Self {
        Self { chunks: 16, interval_us: 0, first_us: 0 }
    }
}

impl Prompt {
    /// The settings found in `text`, or the defaults. Unknown names and broken values are passed over.
    pub fn find(text: &[u8]) -> Self {
        let mut prompt = Self::default();
        let Some(at) = text.windows(MARK.len()).position(|window| window == MARK) else { return prompt };
        let settings = text.get(at + MARK.len()..).unwrap_or_default();
        let end = settings
            .iter()
            .position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'=' | b';'))
            .unwrap_or(settings.len());
        let settings =
            settings.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
        for setting in settings.split(';') {
            let Some((name, value)) = setting.split_once('=') else { continue };
            let Ok(value) = value.parse::<u64>() else { continue };
            match name {
                "chunks" => prompt.chunks = u32::try_from(value).unwrap_or(u32::MAX),
                "interval_us" => prompt.interval_us = value,
                "first_us" => prompt.first_us = value,
                _ => {}
            }
        }
        prompt
    }

    /// The text that `find` reads back.
    pub fn text(&self) -> String {
        format!("bench:chunks={};interval_us={};first_us={}", self.chunks, self.interval_us, self.first_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        let prompt = Prompt { chunks: 7, interval_us: 16_667, first_us: 3 };
        let body =
            format!("{{\"messages\":[{{\"role\":\"user\",\"content\":\"{} hello\"}}]}}", prompt.text());
        assert_eq!(Prompt::find(body.as_bytes()), prompt);
    }

    #[test]
    fn without_settings_the_defaults_hold() {
        assert_eq!(Prompt::find(b"{}"), Prompt::default());
        assert_eq!(Prompt::find(b"bench:chunks=x;what=1"), Prompt::default());
    }
}
