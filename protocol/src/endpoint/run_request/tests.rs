//! What is understood of a body, and what the pod gets of it.

use super::*;
use crate::error::Code;
use proptest::prelude::*;
use serde_json::{json, Value as Json};

const ASK: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

fn parse(members: &str) -> Result<RunRequest, Problem> {
    let body = if members.is_empty() { format!("{{{ASK}}}") } else { format!("{{{ASK},{members}}}") };
    RunRequest::parse(body.into_bytes(), Api::ChatCompletions)
}

fn upstream(members: &str) -> String {
    let body = String::from_utf8(parse(members).unwrap().into_upstream(Some("m"), false)).unwrap();
    body.strip_prefix(&format!("{{{ASK}")).unwrap().to_owned()
}

#[test]
fn a_plain_call_goes_on_as_it_came() {
    let body = "{ \"model\" : \"x\",\n  \"messages\": [ {} ] , \"seed\": 1.50, \"é\": \"\\u00e9\" }\n";
    let request = RunRequest::parse(body.as_bytes().to_vec(), Api::Chat).unwrap();
    assert_eq!((request.stream, request.choices, request.max_tokens), (false, 1, None));
    assert_eq!(request.prompt_estimate(), (body.len() as u64).div_ceil(4));
    assert_eq!(request.into_upstream(Some("other"), false), body.as_bytes());
}

#[test]
fn a_stream_asks_the_pod_for_usage() {
    let added = r#","stream":true,"model":"x","stream_options":{"include_usage":true}}"#;
    assert_eq!(upstream(r#""stream":true,"model":"x""#), added);
    assert_eq!(
        upstream(r#""stream_options":{"a": 1,"include_usage":false},"stream":true,"model":"x""#),
        r#","stream_options":{"a": 1,"include_usage":true},"stream":true,"model":"x"}"#
    );
    let asked = r#","model":"x","stream":true,"stream_options":{ "include_usage" : true }}"#;
    assert_eq!(upstream(&asked[1..asked.len() - 1]), asked);
    assert_eq!(upstream(r#""model":"x","stream":null"#), r#","model":"x","stream":null}"#);
}

#[test]
fn usage_is_cut_where_it_was_not_asked_for() {
    let cuts = |api, members: &str| {
        RunRequest::parse(format!("{{{ASK},{members}}}").into_bytes(), api).unwrap().cuts_usage()
    };
    assert!(cuts(Api::ChatCompletions, r#""stream":true"#));
    assert!(cuts(Api::ChatCompletions, r#""stream":true,"stream_options":{"include_usage":null}"#));
    assert!(!cuts(Api::ChatCompletions, r#""stream":true,"stream_options":{"include_usage":true}"#));
    assert!(!cuts(Api::ChatCompletions, r#""stream":false"#));
    assert!(!cuts(Api::Chat, r#""stream":true"#));
}

#[test]
fn what_is_ours_is_taken_out_and_the_model_filled_in() {
    assert_eq!(upstream(r#""timeout_seconds":2.5,"model":null"#), r#","model":"m"}"#);
    assert_eq!(
        upstream(r#""tools":["a",{"type":"function"}],"tool_choice":"auto""#),
        r#","tools":[{"type":"function"}],"tool_choice":"auto","model":"m"}"#
    );
    assert_eq!(
        upstream(r#""tools":["a"],"tool_choice":"auto","parallel_tool_calls":true"#),
        r#","model":"m"}"#
    );
    let request = parse(r#""tools":["a"],"timeout_seconds":2.5"#).unwrap();
    assert_eq!((request.skills.len(), request.timeout_ms), (1, Some(2_500)));
    let body = request.into_upstream(None, false);
    assert_eq!(body, format!("{{{ASK}}}").into_bytes());
}

#[test]
fn the_larger_limit_is_reserved() {
    let tokens = |members| parse(members).unwrap().max_tokens;
    assert_eq!(tokens(r#""max_tokens":5,"max_completion_tokens":9"#), Some(9));
    assert_eq!(tokens(r#""max_tokens":5,"max_completion_tokens":null"#), Some(5));
    assert_eq!(parse(r#""n":128,"timeout_seconds":1e300"#).unwrap().choices, 128);
    assert_eq!(parse(r#""timeout_seconds":0.5"#).unwrap().timeout_ms, Some(500));
}

#[test]
fn each_wrong_member_is_named() {
    for (member, param) in [
        (r#""stream":"yes""#, "stream"),
        (r#""stream":true,"stre\u0061m":false"#, "stream"),
        (r#""model":1"#, "model"),
        (r#""max_tokens":0"#, "max_tokens"),
        (r#""max_completion_tokens":1.5"#, "max_completion_tokens"),
        (r#""n":129"#, "n"),
        (r#""timeout_seconds":0"#, "timeout_seconds"),
        (r#""timeout_seconds":0.499"#, "timeout_seconds"),
        (r#""timeout_seconds":"1""#, "timeout_seconds"),
        (r#""stream_options":[]"#, "stream_options"),
        (r#""stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
        (r#""tools":[1]"#, "tools"),
        (r#""messages":[{}]"#, "messages"),
    ] {
        let problem = parse(member).unwrap_err();
        assert_eq!((problem.code, problem.param.as_deref()), (Code::InvalidRequest, Some(param)), "{member}");
    }
    for body in ["{}", r#"{"messages":[]}"#, r#"{"messages":null}"#, r#"{"messages":"hi"}"#] {
        let problem = RunRequest::parse(body.into(), Api::Chat).unwrap_err();
        assert_eq!(problem.param.as_deref(), Some("messages"), "{body}");
    }
    let problem = RunRequest::parse(b"{\n\"messages\":[}".to_vec(), Api::ChatCompletions).unwrap_err();
    assert_eq!(problem.code, Code::InvalidJson);
    assert!(problem.message.ends_with("at line 2, column 13"), "{}", problem.message);
}

/// What the pod gets of a body of an API.
fn sent(api: Api, body: &str, own_tools: bool) -> String {
    let request = RunRequest::parse(body.into(), api).unwrap();
    String::from_utf8(request.into_upstream(Some("m"), own_tools)).unwrap()
}

#[test]
fn a_prompt_becomes_the_one_message() {
    for api in [Api::Chat, Api::Tools] {
        assert_eq!(
            sent(api, r#"{"prompt":"a\u00e9\n","model":"x","x":1}"#, false),
            r#"{"model":"x","x":1,"messages":[{"role":"user","content":"a\u00e9\n"}]}"#
        );
        for wrong in [r#"{"prompt":""}"#, r#"{"prompt":["a"]}"#] {
            assert_eq!(RunRequest::parse(wrong.into(), api).unwrap_err().param.as_deref(), Some("prompt"));
        }
    }
    let both = format!("{{{ASK},\"prompt\":\"x\"}}");
    assert_eq!(RunRequest::parse(both.into(), Api::Chat).unwrap_err().param.as_deref(), Some("prompt"));
    let verbatim = format!("{{{ASK},\"prompt\":\"x\",\"model\":\"m\"}}");
    assert_eq!(sent(Api::ChatCompletions, &verbatim, false), verbatim);
}

#[test]
fn skills_go_as_they_are_to_a_pod_that_takes_them() {
    let body = r#"{"prompt":"p","tools":["a","b"],"arguments":{"x":1},"timeout_seconds":2}"#;
    assert_eq!(
        sent(Api::Tools, body, true),
        r#"{"prompt":"p","tools":["a","b"],"arguments":{"x":1},"model":"m"}"#
    );
    assert_eq!(
        sent(Api::Tools, body, false),
        r#"{"arguments":{"x":1},"model":"m","messages":[{"role":"user","content":"p"}]}"#
    );
    for (body, param) in [
        (r#"{"tools":["a"]}"#, "prompt"),
        (r#"{"prompt":"p","stream":true}"#, "stream"),
        (r#"{"prompt":"p","arguments":[]}"#, "arguments"),
        (r#"{"prompt":"p","tools":"a"}"#, "tools"),
    ] {
        let problem = RunRequest::parse(body.into(), Api::Tools).unwrap_err();
        assert_eq!(problem.param.as_deref(), Some(param), "{body}");
    }
}

#[test]
fn the_agents_name_is_read_and_taken_out_where_it_is_ours() {
    let body = format!(r#"{{"agent-id":"a","agent_id":"b",{ASK}}}"#);
    let request = RunRequest::parse(body.clone().into(), Api::Chat).unwrap();
    assert_eq!(request.agents, [("agent-id", "a".to_owned()), ("agent_id", "b".to_owned())]);
    assert_eq!(request.into_upstream(None, false), format!("{{{ASK}}}").into_bytes());
    let wrong = format!(r#"{{"agent-id":1,{ASK}}}"#);
    assert_eq!(RunRequest::parse(wrong.into(), Api::Chat).unwrap_err().param.as_deref(), Some("agent-id"));
    let request = RunRequest::parse(body.clone().into(), Api::ChatCompletions).unwrap();
    assert!(request.agents.is_empty());
    assert_eq!(request.into_upstream(None, false), body.into_bytes());
}

#[test]
fn each_api_needs_its_own_question_and_no_other() {
    for (api, good, bad) in [
        (Api::Completions, r#"{"prompt":""}"#, r#"{"prompt":[]}"#),
        (Api::Completions, r#"{"prompt":[[1,2]],"max_tokens":0}"#, r#"{"messages":[{}]}"#),
        (Api::Embeddings, r#"{"input":["a"],"tools":7,"stream":"x"}"#, r#"{"input":{}}"#),
        (Api::Responses, r#"{"input":7,"tools":["x"],"n":"x"}"#, r#"{"stream":1}"#),
        (Api::Responses, r"{}", r#"{"max_output_tokens":0}"#),
    ] {
        let wanted = good.strip_suffix('}').map(|members| {
            let comma = if members == "{" { "" } else { "," };
            format!("{members}{comma}\"model\":\"m\"}}")
        });
        assert_eq!(Some(sent(api, good, false)), wanted, "{good}");
        assert!(RunRequest::parse(bad.into(), api).is_err(), "{api:?} {bad}");
    }
}

#[test]
fn usage_is_asked_of_streams_of_choices_alone() {
    let text = sent(Api::Completions, r#"{"prompt":"p","stream":true,"model":"m"}"#, false);
    assert!(text.ends_with(r#","stream_options":{"include_usage":true}}"#));
    let response = r#"{"input":"p","stream":true,"model":"m"}"#;
    assert_eq!(sent(Api::Responses, response, false), response);
    let cuts = |api, body: &str| RunRequest::parse(body.into(), api).unwrap().cuts_usage();
    assert!(cuts(Api::Completions, r#"{"prompt":"p","stream":true}"#));
    assert!(!cuts(Api::Responses, response));
}

#[test]
fn every_answer_is_reserved() {
    let reserve = |api, body: &str| {
        let request = RunRequest::parse(body.into(), api).unwrap();
        request.reserve() - request.prompt_estimate()
    };
    assert_eq!(reserve(Api::Completions, r#"{"prompt":"p","max_tokens":10,"n":3}"#), 30);
    assert_eq!(reserve(Api::Completions, r#"{"prompt":"p"}"#), UNSTATED_ANSWER);
    assert_eq!(reserve(Api::Responses, r#"{"max_output_tokens":7,"max_tokens":9}"#), 7);
    assert_eq!(reserve(Api::Embeddings, r#"{"input":"p","max_tokens":9}"#), 0);
    let most = format!(r#"{{"prompt":"p","max_tokens":{},"n":128}}"#, u64::MAX);
    assert_eq!(RunRequest::parse(most.into(), Api::Completions).unwrap().reserve(), MAX_TOKENS);
}

proptest! {
    #[test]
    fn unknown_members_reach_the_pod_as_they_were(
        unknown in prop::collection::btree_map("x[a-z]{0,3}", "\\PC{0,8}", 0..5),
        stream: bool, model: bool, timeout: bool, skills in 0usize..3,
    ) {
        let mut body = json!({"messages": [{"role": "user"}], "stream": stream, "top_p": 0.5});
        for (name, value) in &unknown { body[name] = value.as_str().into(); }
        if model { body["model"] = "mine".into(); }
        if timeout { body["timeout_seconds"] = 3.into(); }
        if skills > 0 { body["tools"] = vec!["skill"; skills].into(); }
        let request = RunRequest::parse(body.to_string().into_bytes(), Api::ChatCompletions).unwrap();
        let out: Json = serde_json::from_slice(&request.into_upstream(Some("m"), false)).unwrap();
        let expected = body.as_object_mut().unwrap();
        expected.remove("timeout_seconds");
        expected.remove("tools");
        expected.entry("model").or_insert("m".into());
        if stream { expected.insert("stream_options".into(), json!({"include_usage": true})); }
        prop_assert_eq!(out, body);
    }
}
