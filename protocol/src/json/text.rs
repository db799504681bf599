//! A JSON string as it stands in its text, read only as far as somebody asks.

/// What stands between the quotes of a JSON string that was found to be well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawStr<'a> {
    raw: &'a [u8],
    escaped: bool,
}

impl<'a> RawStr<'a> {
    /// `raw` is the text between the quotes; `escaped` says whether a backslash stands in it.
    pub(crate) fn new(raw: &'a [u8], escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// The bytes between the quotes, escapes and all: they can be written into another JSON string as they are.
    pub fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Whether the string is empty.
    pub fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// Whether the string is `text` once its escapes are read.
    pub fn is(self, text: &str) -> bool {
        if self.escaped {
            // An escape never makes a text longer, so most names are told apart by their length.
            self.raw.len() > text.len() && self.to_text() == text
        } else {
            self.raw == text.as_bytes()
        }
    }

    /// The string itself. Half of a surrogate pair, and bytes that are not UTF-8, read as U+FFFD.
    pub fn to_text(self) -> String {
        if !self.escaped {
            return String::from_utf8_lossy(self.raw).into_owned();
        }
        let mut text = String::with_capacity(self.raw.len());
        let mut rest = self.raw;
        while let Some(at) = rest.iter().position(|b| *b == b'\\') {
            text.push_str(&String::from_utf8_lossy(rest.get(..at).unwrap_or_default()));
            let (character, length) = unescape(rest.get(at + 1..).unwrap_or_default());
            text.push(character);
            rest = rest.get(at + 1 + length..).unwrap_or_default();
        }
        text.push_str(&String::from_utf8_lossy(rest));
        text
    }

    /// Bytes of the string in UTF-8, escapes read; half of a surrogate pair counts as three.
    pub fn text_length(self) -> usize {
        if !self.escaped {
            return self.raw.len();
        }
        let mut length = 0;
        let mut rest = self.raw;
        while let Some(at) = rest.iter().position(|b| *b == b'\\') {
            let (character, taken) = unescape(rest.get(at + 1..).unwrap_or_default());
            length += at + character.len_utf8();
            rest = rest.get(at + 1 + taken..).unwrap_or_default();
        }
        length + rest.len()
    }
}

/// Reads what follows a backslash: the character, and how many bytes it took.
fn unescape(rest: &[u8]) -> (char, usize) {
    const LOST: char = char::REPLACEMENT_CHARACTER;
    match rest.first().copied().unwrap_or(b'\\') {
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'u' => {
            let unit = |at: usize| rest.get(at..at + 4).and_then(hex_unit);
            match unit(1) {
                Some(high @ 0xd800..=0xdbff) if rest.get(5..7) == Some(b"\\u") => match unit(7) {
                    Some(low @ 0xdc00..=0xdfff) => (
                        char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)).unwrap_or(LOST),
                        11,
                    ),
                    _ => (LOST, 5),
                },
                unit => (unit.and_then(char::from_u32).unwrap_or(LOST), 5),
            }
        }
        other => (char::from(other), 1),
    }
}

/// The value of four hexadecimal digits.
pub(crate) fn hex_unit(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
}

/// Appends `text` as a JSON string with its quotes.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn raw(text: &str) -> RawStr<'_> {
        RawStr::new(text.as_bytes(), text.contains('\\'))
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(raw(r#"a\"\\\/\b\f\n\r\t"#).to_text(), "a\"\\/\u{8}\u{c}\n\r\t");
        assert_eq!(raw(r"\u00e9\ud83d\ude00x").to_text(), "é😀x");
        assert_eq!(raw(r"\ud83d-\ude00\ud83d\u0041").to_text(), "\u{fffd}-\u{fffd}\u{fffd}A");
    }

    #[test]
    fn names_are_compared_without_their_escapes() {
        assert!(raw(r"stre\u0061m").is("stream"));
        assert!(raw("stream").is("stream"));
        assert!(!raw(r"stre\u0062m").is("stream"));
        assert!(!raw("streams").is("stream"));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text: String) {
            let mut out = Vec::new();
            push_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text.clone());
            let inner = std::str::from_utf8(&out[1..out.len() - 1]).unwrap();
            prop_assert_eq!(raw(inner).to_text(), text);
        }

        #[test]
        fn the_length_is_that_of_the_text(text in "([a-zé😀]|\\\\[nt\"\\\\/]|\\\\u[0-9a-f]{4}){0,20}") {
            prop_assert_eq!(raw(&text).text_length(), raw(&text).to_text().len());
        }

        #[test]
        fn nothing_panics(text in ".*") {
            let _ = (raw(&text).to_text(), raw(&text).text_length(), raw(&text).is("x"));
        }
    }
}
