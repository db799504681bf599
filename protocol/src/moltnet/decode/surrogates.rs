//! Halves of surrogate pairs, which programs write that cut a text in the middle of a character. No text holds them; the
//! original reads each as the character that stands for what cannot be read, and so do we.

use std::borrow::Cow;

/// What stands for half a pair.
const REPLACEMENT: &[u8] = b"\\ufffd";

/// The document with a replacement for every escape that is half a pair.
pub(super) fn paired(text: Cow<'_, str>) -> Cow<'_, str> {
    if !(text.contains("\\ud") || text.contains("\\uD")) {
        return text;
    }
    let mut paired = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let length = match (*first, escaped(rest), rest.get(6..).and_then(escaped)) {
            (b'\\', Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
            (b'\\', Some(0xd800..0xe000), _) => {
                paired.extend_from_slice(REPLACEMENT);
                rest = rest.get(6..).unwrap_or_default();
                continue;
            }
            // What is escaped by it begins no escape of its own.
            (b'\\', _, _) if !more.is_empty() => 2,
            _ => 1,
        };
        let (taken, left) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        paired.extend_from_slice(taken);
        rest = left;
    }
    String::from_utf8(paired).map_or(text, Cow::Owned)
}

/// The code of an escape that stands first.
fn escaped(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::paired;
    use proptest::prelude::*;

    #[test]
    fn halves_are_replaced_and_pairs_stay() {
        for (text, read) in [
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\uD83Dx""#, "\u{fffd}x"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
            (r#""ä\ud83dä""#, "ä\u{fffd}ä"),
        ] {
            assert_eq!(serde_json::from_str::<String>(&paired(text.into())).unwrap(), read, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_can_be_read_stays_as_it_is(text: String) {
            let document = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(paired(document.as_str().into()), document.as_str());
        }

        #[test]
        fn nothing_else_is_lost(text in r#"(\\|ud|D|83d|e00|ä|"|x){0,12}"#) {
            let after = paired(text.as_str().into());
            prop_assert_eq!(after.chars().filter(|c| *c == 'ä').count(), text.chars().filter(|c| *c == 'ä').count());
        }
    }
}
