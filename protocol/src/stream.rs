//! Places in an event log, as readers of a stream name them.

use std::fmt;

/// Longest cursor that is looked at, in bytes.
pub const MAX_CURSOR: usize = 128;

/// The place after an event: `<epoch>-<seq>`. The epoch is of the log, made with it; the sequence counts its events
/// from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Which log.
    pub epoch: String,
    /// After which event; 0 is the beginning.
    pub seq: i64,
}

impl Cursor {
    /// Reads a cursor that [`fmt::Display`] wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, seq) = text.split_once('-')?;
        let plain = !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_hexdigit());
        let digits = seq.bytes().all(|b| b.is_ascii_digit()) && (seq == "0" || !seq.starts_with('0'));
        if plain && digits {
            Some(Self { epoch: epoch.to_owned(), seq: seq.parse().ok()? })
        } else {
            None
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_nothing_else_does() {
        let cursor = Cursor { epoch: "0a1b2c".into(), seq: 17 };
        assert_eq!(cursor.to_string(), "0a1b2c-17");
        assert_eq!(Cursor::parse("0a1b2c-17"), Some(cursor));
        for bad in
            ["", "-", "a-", "-1", "a-01", "a-+1", "a--1", "a-1-1", "g-1", "a-9223372036854775808", "evt_1"]
        {
            assert_eq!(Cursor::parse(bad), None, "{bad}");
        }
    }
}
