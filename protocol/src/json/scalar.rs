//! Strings, numbers and literals under a cursor. Strings are most of any body, so they are passed over eight bytes at
//! a time.

use super::cursor::{Cursor, Fault};
use super::text::{hex_unit, RawStr};
use super::Grammar;

impl<'a> Cursor<'a> {
    /// Reads a string.
    #[inline]
    pub fn string(&mut self) -> Result<RawStr<'a>, Fault> {
        if self.peek() != Some(b'"') {
            return self.fault("a string is missing here");
        }
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at = plain_end(self.text, self.at);
            match self.text.get(self.at) {
                Some(b'"') => {
                    let raw = self.text.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(RawStr::new(raw, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.fault("a control character in a string must be escaped"),
                None => return self.fault("the text ends inside a string"),
            }
        }
    }

    /// Passes an escape, the backslash first.
    fn escape(&mut self) -> Result<(), Fault> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 2,
            Some(b'u') => match self.unit(self.at)? {
                0xd800..=0xdbff if self.grammar == Grammar::Request => {
                    let low = self.text.get(self.at + 6..self.at + 8) == Some(b"\\u");
                    if !low || !(0xdc00..=0xdfff).contains(&self.unit(self.at + 6)?) {
                        return self.fault("a surrogate stands without its other half");
                    }
                    self.at += 12;
                }
                0xdc00..=0xdfff if self.grammar == Grammar::Request => {
                    return self.fault("a surrogate stands without its other half");
                }
                _ => self.at += 6,
            },
            Some(_) => return self.fault("no such escape"),
            None => return self.fault("the text ends inside a string"),
        }
        Ok(())
    }

    /// The value of the `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Result<u32, Fault> {
        match self.text.get(at + 2..at + 6).and_then(hex_unit) {
            Some(unit) => Ok(unit),
            None => self.fault("\\u must be followed by four hexadecimal digits"),
        }
    }

    /// Passes a number, `true`, `false` or `null`.
    pub(super) fn scalar(&mut self) -> Result<(), Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest {
            [b'-' | b'0'..=b'9', ..] => return self.number(),
            [b't', b'r', b'u', b'e', ..] | [b'n', b'u', b'l', b'l', ..] => self.at += 4,
            [b'f', b'a', b'l', b's', b'e', ..] => self.at += 5,
            [0xef, 0xbb, 0xbf, ..] => {
                return self.fault("a byte order mark stands here; send plain UTF-8 without one")
            }
            [b'\'', ..] => return self.fault("strings stand in double quotes"),
            _ => return self.fault("a value is missing here"),
        }
        Ok(())
    }

    /// Passes a number.
    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.text.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let zero = self.text.get(self.at) == Some(&b'0');
        let whole = self.digits()?;
        if zero && whole > 1 {
            self.at = start;
            return self.fault("a number begins with a zero");
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        let exponent = matches!(self.text.get(self.at), Some(b'e' | b'E'));
        if exponent {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        // Without an exponent, 300 digits are always within a float's range.
        if self.grammar == Grammar::Request && (exponent || whole > 300) {
            let number = self.text.get(start..self.at).unwrap_or_default();
            if serde_json::from_slice::<serde_json::Number>(number).is_err() {
                self.at = start;
                return self.fault("a number is out of range");
            }
        }
        Ok(())
    }

    /// Passes at least one digit and answers how many.
    fn digits(&mut self) -> Result<usize, Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let count = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        self.at += count;
        if count == 0 {
            return self.fault("a digit is missing in a number");
        }
        Ok(count)
    }
}

/// Offset of the first byte from `from` on that does not simply belong to a string: a quote, a backslash or a
/// control character; the end of the text if there is none. Eight bytes at a time.
#[inline]
fn plain_end(text: &[u8], from: usize) -> usize {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // The high bit of each byte that is zero. Above the first such byte a bit may be set by borrowing, so only the
    // lowest one counts.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let mut at = from;
    let mut rest = text.get(from..).unwrap_or_default();
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let hits = control | zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
        rest = tail;
    }
    at + rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_string_ends_where_bytes_say(text in prop::collection::vec(any::<u8>(), 0..40), from in 0usize..45) {
            let rest = text.get(from..).unwrap_or_default();
            let end = rest.iter().position(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
            prop_assert_eq!(plain_end(&text, from), from + end);
        }
    }
}
