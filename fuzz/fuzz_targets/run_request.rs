//! Whatever is accepted as a call goes to the pod as valid JSON, with every member that is not ours as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::endpoint::api::Api;
use moltghost_protocol::endpoint::run_request::RunRequest;
use serde_json::{Map, Value};

/// Members that may change on the way.
const OURS: [&str; 10] = [
    "stream_options",
    "timeout_seconds",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "model",
    "prompt",
    "messages",
    "agent-id",
    "agent_id",
];

fuzz_target!(|body: &[u8]| {
    for (api, own_tools) in Api::ALL.into_iter().map(|api| (api, false)).chain([(Api::Tools, true)]) {
        let Ok(request) = RunRequest::parse(body.to_vec(), api) else { continue };
        // Deeper than they read, not deeper than we do.
        let Ok(Value::Object(before)) = serde_json::from_slice(body) else { continue };
        let (stream, skills, prompt) = (request.stream, request.skills.len(), request.prompt_estimate());
        assert_eq!(prompt, (body.len() as u64).div_ceil(4));
        assert!(request.reserve() >= prompt);
        let sent = request.into_upstream(Some("filled"), own_tools);
        let after: Map<String, Value> = serde_json::from_slice(&sent).expect("valid JSON for the pod");
        for (name, value) in before.iter().filter(|(name, _)| !OURS.contains(&name.as_str())) {
            assert_eq!(after.get(name), Some(value), "{name}");
        }
        assert!(after.keys().all(|name| OURS.contains(&name.as_str()) || before.contains_key(name)));
        assert!(!after.contains_key("timeout_seconds") && after["model"].is_string());
        assert!(!stream || !api.has_choices() || after["stream_options"]["include_usage"] == Value::Bool(true));
        assert!(!api.is_chat() || own_tools || after["messages"].is_array());
        if api.is_chat() && !own_tools {
            let tools = after.get("tools").and_then(Value::as_array).map_or(0, Vec::len);
            let given = before.get("tools").and_then(Value::as_array).map_or(0, Vec::len);
            assert_eq!(tools + skills, given);
        }
    }
});
