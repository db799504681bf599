//! What this instance has answered and not told yet. It rides on the next question to the network's object; what is
//! lost with the instance is lost to the metrics, and to nothing else.

use moltghost_protocol::moltnet::metrics::Sample;
use std::cell::RefCell;

/// Most samples that wait.
const KEPT: usize = 1_000;

thread_local! {
    static WAITING: RefCell<Vec<Sample>> = const { RefCell::new(Vec::new()) };
}

/// Counts a request that was answered.
pub fn count(sample: Sample) {
    WAITING.with_borrow_mut(|waiting| {
        if waiting.len() < KEPT {
            waiting.push(sample);
        }
    });
}

/// Takes what waits.
pub fn take() -> Vec<Sample> {
    WAITING.take()
}
