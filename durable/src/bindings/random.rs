//! Random bytes from the runtime, fetched in pools so that an id does not cost a crossing.

use super::{glue, Failure};
use std::cell::RefCell;

const POOL: u32 = 1024;

thread_local! {
    static UNUSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// `N` bytes from the runtime's cryptographic generator, never given twice.
///
/// # Errors
/// Where the runtime gives none, which it does only outside requests.
pub fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    UNUSED.with_borrow_mut(|unused| {
        if unused.len() < N {
            *unused = glue::random(POOL.max(u32::try_from(N).unwrap_or(POOL)))?;
        }
        let rest = unused.len().saturating_sub(N);
        let taken: Result<[u8; N], _> = unused.split_off(rest).try_into();
        taken.map_err(|_| Failure("the runtime gave too few random bytes".to_owned()))
    })
}

/// 128 random bits.
///
/// # Errors
/// As [`bytes`].
pub fn u128() -> Result<u128, Failure> {
    bytes().map(u128::from_be_bytes)
}

/// 64 random bits.
///
/// # Errors
/// As [`bytes`].
pub fn u64() -> Result<u64, Failure> {
    bytes().map(u64::from_be_bytes)
}
