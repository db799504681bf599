//! Time stamps inside streamed text.
//!
//! The upstream writes the time of each chunk into the chunk's own text, as `@` + 15 digits + `@` (microseconds
//! of the shared clock): the text is the one part of a chunk that every gateway passes on, also one that decodes
//! and encodes chunks anew. The reader finds the stamps again however the bytes were split on their way.

use std::io::Write;

const DIGITS: usize = 15;

/// Appends the stamp of `microseconds`.
pub fn write(into: &mut Vec<u8>, microseconds: u64) {
    // Writing to a vector cannot fail.
    let _ = write!(into, "@{microseconds:0DIGITS$}@");
}

/// Finds stamps in a stream of bytes that may be split anywhere.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Digits seen since an `@`, or none while outside.
    digits: Option<usize>,
    value: u64,
}

impl Scanner {
    /// Calls `found` with the microseconds of every stamp that ends in `bytes`.
    pub fn scan(&mut self, bytes: &[u8], mut found: impl FnMut(u64)) {
        for &byte in bytes {
            match (byte, self.digits) {
                (b'@', Some(DIGITS)) => {
                    found(self.value);
                    self.digits = None;
                }
                (b'@', _) => {
                    self.digits = Some(0);
                    self.value = 0;
                }
                (b'0'..=b'9', Some(digits)) if digits < DIGITS => {
                    self.digits = Some(digits + 1);
                    self.value = self.value * 10 + u64::from(byte - b'0');
                }
                (_, Some(_)) => self.digits = None,
                (_, None) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parts: &[&[u8]]) -> Vec<u64> {
        let mut scanner = Scanner::default();
        let mut stamps = Vec::new();
        for part in parts {
            scanner.scan(part, |stamp| stamps.push(stamp));
        }
        stamps
    }

    #[test]
    fn finds_stamps_at_every_split() {
        let mut text = b"data: {\"content\":\"".to_vec();
        write(&mut text, 123_456);
        text.extend_from_slice(b" a@b @12@ ");
        write(&mut text, 999_999_999_999_999);
        for at in 0..=text.len() {
            let (left, right) = text.split_at(at);
            assert_eq!(all(&[left, right]), vec![123_456, 999_999_999_999_999], "split at {at}");
        }
    }

    #[test]
    fn what_is_no_stamp_is_not_taken_for_one() {
        assert!(all(&[b"@12345678901234@", b"@1234567890123456@", b"@12345678901234x@"]).is_empty());
    }
}
