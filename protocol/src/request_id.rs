//! Ids that the Worker makes for one request, one run, one message.

use crate::alphabet;
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Crockford's base 32, which ULIDs are written in.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A ULID: 48 bits of milliseconds, 80 random bits, 26 characters that sort by time.
pub fn ulid(now: Millis, random: u128) -> String {
    let time = u128::from(u64::try_from(now).unwrap_or_default());
    alphabet::encode(CROCKFORD, time << 80 | random & ((1 << 80) - 1), 26)
}

/// Id of a run: `run_` and a ULID. Made by the Worker, so that admitting the same run twice is one admission.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

impl RunId {
    /// A new id.
    pub fn mint(now: Millis, random: u128) -> Self {
        Self(format!("run_{}", ulid(now, random)))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the answer that this run gives on `/v1/chat`: `msg_` and the same ULID.
    pub fn message_id(&self) -> String {
        format!("msg_{}", self.0.strip_prefix("run_").unwrap_or(&self.0))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of a request: `req_` and 16 hexadecimal digits.
pub fn request_id(random: u64) -> String {
    format!("req_{random:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulids_sort_by_time_and_have_their_form() {
        let early = ulid(1, u128::MAX);
        let late = ulid(2, 0);
        assert_eq!(early.len(), 26);
        assert!(early < late);
        assert_eq!(ulid(0, 31), format!("{}Z", "0".repeat(25)));
    }

    #[test]
    fn a_message_shares_the_ulid_of_its_run() {
        let run = RunId::mint(5, 6);
        assert_eq!(run.message_id()[4..], run.as_str()[4..]);
        assert_eq!(request_id(255), "req_00000000000000ff");
    }
}
