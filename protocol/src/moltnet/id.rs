//! Ids of rooms, threads, direct conversations, messages, networks and agents, and of events: one pattern for all,
//! which cursors follow too.

use crate::alphabet::hex;
use crate::id::IdError;
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Borrow;
use std::fmt;

/// Longest id, in bytes.
pub const MAX_BYTES: usize = 128;

/// Most members or participants that one request may name.
pub const MAX_MEMBERS: usize = 256;

/// Whether `text` is an id: `[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
///
/// # Errors
/// The original's words; callers put the name of the field before them.
pub fn check(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_BYTES {
        return Err("id must be 128 characters or fewer");
    }
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphanumeric());
    if first && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-')) {
        Ok(())
    } else {
        Err("id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
    }
}

/// An id that follows the pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

impl Id {
    /// Reads an id, white space around it taken off.
    ///
    /// # Errors
    /// As [`check`].
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let text = text.trim();
        check(text).map_err(IdError)?;
        Ok(Self(text.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        check(&text).map_err(IdError)?;
        Ok(Self(text))
    }
}

impl From<Id> for String {
    fn from(id: Id) -> String {
        id.0
    }
}

/// `<prefix>_` and a ULID: 48 bits of time in milliseconds, then 80 of `random`. Prefixes are `msg`, `evt`, `actor`.
pub fn mint(prefix: &str, now: Millis, random: u128) -> String {
    const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let time = u128::from(u64::try_from(now).unwrap_or(0) & ((1 << 48) - 1));
    let ulid = crate::alphabet::encode(CROCKFORD, (time << 80) | (random & ((1 << 80) - 1)), 26);
    format!("{prefix}_{ulid}")
}

/// Id of the event that tells of a message: made from the message's id alone, so that a message that is sent again
/// is the same event.
pub fn event_of_message(message: &str) -> String {
    let sum = Sha256::digest(message.trim());
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(sum.iter()) {
        *to = *from;
    }
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = (*version & 0x0f) | 0x40;
    *variant = (*variant & 0x3f) | 0x80;
    let hex = hex(&bytes);
    let mut id = String::with_capacity(40);
    id.push_str("evt_");
    for (at, c) in hex.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(c);
    }
    id
}

/// Id of the event that tells of a gap after `cursor`.
pub fn event_of_gap(cursor: &str) -> String {
    format!("evt_gap_{}", hex(&Sha256::digest(cursor.trim())))
}

/// 52 bits that tell texts apart; JavaScript carries as many.
pub fn fingerprint(text: &str) -> i64 {
    Sha256::digest(text).iter().take(7).fold(0, |value, byte| (value << 8) | i64::from(*byte)) >> 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_holds_at_its_edges() {
        assert_eq!(check(&"a".repeat(128)), Ok(()));
        assert_eq!(check(&"a".repeat(129)), Err("id must be 128 characters or fewer"));
        assert_eq!(check("0._:-Z"), Ok(()));
        for bad in ["", "-a", ".a", "a b", "a/b", "é", "a\n", "a@b"] {
            assert_eq!(check(bad), Err("id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}"), "{bad:?}");
        }
        assert_eq!(Id::parse(" general\n").unwrap().as_str(), "general");
        assert!(serde_json::from_str::<Id>("\" general\"").is_err());
    }

    #[test]
    fn events_have_the_originals_ids() {
        assert_eq!(event_of_message("msg_1"), "evt_116b88f1-7300-4be5-a05d-f2a87105f095");
        assert_eq!(event_of_message(" msg_local_1 "), "evt_bcd34983-ea6b-4b79-aaf9-9482e1972e18");
        assert_eq!(
            event_of_gap("evt_missing"),
            "evt_gap_7379eb90a2c69688d7ba6b17124344ece04bae34e651b3936d1e782f7e1b2599"
        );
    }

    #[test]
    fn fingerprints_are_stored_so_they_never_change() {
        assert_eq!(fingerprint("anonymous"), 828_497_662_985_363);
        assert!(fingerprint("a") != fingerprint("b") && fingerprint("a") < 1 << 52);
    }

    #[test]
    fn minted_ids_are_ulids_in_the_order_of_time() {
        assert_eq!(mint("msg", 1_469_918_176_385, 0), "msg_01ARYZ6S410000000000000000");
        assert!(mint("evt", 1, u128::MAX) < mint("evt", 2, 0));
        assert_eq!(check(&mint("actor", i64::MAX, u128::MAX)), Ok(()));
        assert_eq!(mint("msg", -1, 7).len(), 30);
    }
}
