//! A plain answer is accepted only if it is JSON, its flat form is JSON with the same choices, and any error of a pod
//! becomes an error of ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::endpoint::plain_answer::{flatten, usage_of, PlainAnswer};
use moltghost_protocol::endpoint::pod_error::{error_event, pass_error};
use serde_json::Value;

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    let theirs = serde_json::from_slice::<Value>(body);
    if let Ok(answer) = PlainAnswer::read(body) {
        assert!(std::str::from_utf8(body).is_ok());
        assert_eq!(usage_of(body), Ok(answer.usage));
        // What we read and they do not: halves of surrogate pairs, numbers beyond a float, one level of depth.
        if let (Ok((flat, usage)), Ok(theirs)) = (flatten(body, "msg_1", 3), &theirs) {
            let flat: Value = serde_json::from_slice(&flat).expect("still JSON");
            assert_eq!(flat["choices"], theirs["choices"]);
            assert!(flat["id"] == "msg_1" && flat["content"].is_string());
            assert_eq!(flat["usage"]["tokens"], usage.total_tokens);
        }
    } else if let Ok(theirs) = &theirs {
        assert!(!theirs["choices"].is_array());
    }
    let error = pass_error(status, None, body);
    let said: Value = serde_json::from_str(&error.body).expect("JSON");
    assert!((400..600).contains(&error.status) && said["error"]["message"].is_string());
    assert!(error_event(body).trim_end().lines().count() == 1);
});
