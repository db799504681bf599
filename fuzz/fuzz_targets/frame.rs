//! Frames of attachments, the first and the later ones. None panics; what is refused is refused in short words, and
//! an agent that is let through is one that rooms can name.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::moltnet::frame::{error, identify, live, Said, MAX_EVENTS, MAX_QUOTED};
use moltghost_protocol::moltnet::id;

fuzz_target!(|text: &str| {
    match identify(text, "local") {
        Ok(identify) => {
            assert!(id::check(&identify.agent).is_ok());
            assert!(identify.capabilities.events_per_frame <= MAX_EVENTS);
        }
        Err(refusal) => refused(&refusal),
    }
    match live(text) {
        Ok(Said::Error(told)) => assert!(told.len() <= MAX_QUOTED),
        Ok(_) => {}
        Err(refusal) => refused(&refusal),
    }
});

fn refused(refusal: &str) {
    // A quoted byte takes up to ten.
    assert!(refusal.len() <= 12 * MAX_QUOTED);
    let frame: serde_json::Value = serde_json::from_str(&error(refusal)).expect("a frame");
    assert_eq!(frame["op"], "ERROR");
}
