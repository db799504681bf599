//! A plain answer is accepted only if it is JSON, its flat form is JSON with the same choices, and any error of a pod
//! becomes an error of ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::endpoint::api::Api;
use moltghost_protocol::endpoint::plain_answer::{flatten, PlainAnswer};
use moltghost_protocol::endpoint::pod_error::{error_event, pass_error};
use moltghost_protocol::endpoint::{capability, models, response, skills, tool_result};
use serde_json::Value;

fuzz_target!(|input: (u16, &[u8])| {
    let (status, body) = input;
    let theirs = serde_json::from_slice::<Value>(body);
    if let Ok(answer) = PlainAnswer::of_choices(body) {
        assert!(std::str::from_utf8(body).is_ok());
        assert_eq!(PlainAnswer::usage_of(body), Ok(answer.usage));
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
    for made in [tool_result::of_completion(body, "msg_1", 3), tool_result::of_result(body, "msg_1", 3)] {
        let (Ok((result, usage)), Ok(_)) = (made, &theirs) else { continue };
        let result: Value = serde_json::from_slice(&result).expect("still JSON");
        assert!(result["id"] == "msg_1" && result["object"] == "tool.result");
        assert!(result["content"].is_string() && result["tool_calls"].is_array());
        assert_eq!(result["usage"]["tokens"], usage.total_tokens);
    }
    for api in [Api::Embeddings, Api::Responses] {
        assert!(PlainAnswer::read(api, body).is_err() || std::str::from_utf8(body).is_ok());
    }
    if let Ok(text) = std::str::from_utf8(body) {
        let _ = (capability::exists(status, body), models::listed(text));
        assert!(skills::listed(text).unwrap_or_default().iter().all(|name| skills::is_skill(name)));
        assert!(response::error_event(text, 1).trim_end().lines().count() == 2);
    }
    let error = pass_error(status, 5_000, body);
    let said: Value = serde_json::from_str(&error.body).expect("JSON");
    assert!((400..600).contains(&error.status) && said["error"]["message"].is_string());
    assert!(error_event(body).trim_end().lines().count() == 1);
});
