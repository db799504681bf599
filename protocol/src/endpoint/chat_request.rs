//! The body of a chat call: what the layer needs to know of it, and what goes to the pod.
//!
//! Members that we do not know are forwarded untouched; of those that we do know, only the ones named in
//! [`ChatRequest::into_upstream`] change (agent-endpoints §2, §7).

use super::skills::split_tools;
use super::usage::estimate_tokens;
use crate::error::{Code, Problem};
use crate::json::{Edits, Kind, Members, Value};
use std::time::Duration;

/// Most answers to one request.
const MAX_CHOICES: u64 = 128;

/// Which of the two chat routes a body was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// `/v1/chat/completions`
    OpenAi,
    /// `/v1/chat`
    Flat,
}

/// A chat call that was understood.
#[derive(Debug)]
pub struct ChatRequest {
    body: Vec<u8>,
    members: Members,
    flavour: Flavour,
    tools: Option<Vec<u8>>,
    options: StreamOptions,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The model asked for.
    pub model: Option<String>,
    /// Most tokens of one answer: the larger of `max_tokens` and `max_completion_tokens`.
    pub max_tokens: Option<u64>,
    /// Number of answers.
    pub choices: u64,
    /// Wall time asked for, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Names of skills that stood in `tools`, for the header `x-moltghost-skills`.
    pub skills: Vec<String>,
}

/// What a caller said about usage in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamOptions {
    /// `stream_options` is missing or null.
    Missing,
    /// There are options, without `include_usage: true`.
    WithoutUsage,
    /// Usage was asked for.
    WithUsage,
}

fn wrong(name: &str, must: &str) -> Problem {
    Problem::new(Code::InvalidRequest, format!("`{name}` {must}")).param(name)
}

/// Reads the members of a body, each of which may stand once; `null` counts as missing.
struct Reader<'a> {
    body: &'a [u8],
    members: &'a Members,
}

impl<'a> Reader<'a> {
    fn get(&self, name: &str) -> Result<Option<Value<'a>>, Problem> {
        let value = self.members.get_unique(self.body, name)?;
        Ok(value.filter(|value| value.kind() != Kind::Null))
    }

    fn whole(&self, name: &str, max: u64, must: &str) -> Result<Option<u64>, Problem> {
        self.get(name)?
            .map(|value| value.unsigned().filter(|n| (1..=max).contains(n)).ok_or_else(|| wrong(name, must)))
            .transpose()
    }

    fn flag(&self, name: &str) -> Result<bool, Problem> {
        let value =
            self.get(name)?.map(|value| value.bool().ok_or_else(|| wrong(name, "must be true or false")));
        Ok(value.transpose()?.unwrap_or(false))
    }

    fn model(&self) -> Result<Option<String>, Problem> {
        self.get("model")?
            .map(|model| Ok(model.string().ok_or_else(|| wrong("model", "must be a string"))?.to_text()))
            .transpose()
    }

    fn messages(&self) -> Result<(), Problem> {
        let must =
            "must be a list of at least one message, such as {\"role\":\"user\",\"content\":\"Hello\"}";
        match self.get("messages")? {
            Some(messages) if messages.is_filled_array() => Ok(()),
            _ => Err(wrong("messages", must)),
        }
    }

    fn timeout_ms(&self) -> Result<Option<u64>, Problem> {
        let must = "must be a number of seconds above 0";
        let Some(value) = self.get("timeout_seconds")? else { return Ok(None) };
        let seconds = value.float().filter(|s| *s > 0.0).ok_or_else(|| wrong("timeout_seconds", must))?;
        // Beyond what a duration holds it is as long as can be; the agent's own limit comes on top.
        let millis = Duration::try_from_secs_f64(seconds)
            .map_or(u64::MAX, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        Ok(Some(millis.max(1)))
    }

    fn stream_options(&self) -> Result<StreamOptions, Problem> {
        let Some(options) = self.get("stream_options")? else { return Ok(StreamOptions::Missing) };
        if options.kind() != Kind::Object {
            return Err(wrong("stream_options", "must be an object"));
        }
        let members = Members::parse_answer(options.raw())?;
        let value = members.get_unique(options.raw(), "include_usage")?;
        match value.filter(|value| value.kind() != Kind::Null).map(Value::bool) {
            None | Some(Some(false)) => Ok(StreamOptions::WithoutUsage),
            Some(Some(true)) => Ok(StreamOptions::WithUsage),
            Some(None) => Err(wrong("stream_options.include_usage", "must be true or false")),
        }
    }
}

impl ChatRequest {
    /// Understands a body, or says what is wrong with it: `invalid_json` with line and column, or `invalid_request`
    /// with the parameter at fault.
    pub fn parse(body: Vec<u8>, flavour: Flavour) -> Result<Self, Problem> {
        let members = Members::parse(&body)?;
        let reader = Reader { body: &body, members: &members };
        reader.messages()?;
        let stream = reader.flag("stream")?;
        let model = reader.model()?;
        let tokens = "must be a whole number above 0";
        let max_tokens = reader.whole("max_tokens", u64::MAX, tokens)?.max(reader.whole(
            "max_completion_tokens",
            u64::MAX,
            tokens,
        )?);
        let choices = reader.whole("n", MAX_CHOICES, "must be a whole number from 1 to 128")?.unwrap_or(1);
        let timeout_ms = reader.timeout_ms()?;
        let options = reader.stream_options()?;
        let tools = reader.get("tools")?.map(split_tools).transpose()?.unwrap_or_default();
        let (skills, tools) = (tools.skills, tools.rest);
        Ok(Self {
            body,
            members,
            flavour,
            tools,
            options,
            stream,
            model,
            max_tokens,
            choices,
            timeout_ms,
            skills,
        })
    }

    /// Which route it was sent to.
    pub fn flavour(&self) -> Flavour {
        self.flavour
    }

    /// Tokens that the prompt is taken for before the pod has counted them: a quarter of the body's bytes.
    pub fn prompt_estimate(&self) -> u64 {
        estimate_tokens(self.body.len() as u64)
    }

    /// Whether the caller must not see the usage chunk, which we ask of the pod in any case.
    pub fn cuts_usage(&self) -> bool {
        self.stream && self.flavour == Flavour::OpenAi && self.options != StreamOptions::WithUsage
    }

    /// The body for the pod: a stream includes usage, `model` is there if `default_model` is known,
    /// `timeout_seconds` and names of skills are gone, and with the last tool what only goes with tools.
    pub fn into_upstream(self, default_model: Option<&str>) -> Vec<u8> {
        let mut edits = Edits::new();
        if self.stream && self.options != StreamOptions::WithUsage {
            edits.set("stream_options", with_usage(self.members.get(&self.body, "stream_options")));
        }
        if self.members.get(&self.body, "timeout_seconds").is_some() {
            edits.remove("timeout_seconds");
        }
        if let (None, Some(model)) = (&self.model, default_model) {
            edits.set_string("model", model);
        }
        match self.tools {
            Some(rest) if rest.is_empty() => {
                edits.remove("tools");
                edits.remove("tool_choice");
                edits.remove("parallel_tool_calls");
            }
            Some(rest) => edits.set("tools", rest),
            None => {}
        }
        if edits.is_empty() {
            return self.body;
        }
        edits.apply(self.body, &self.members)
    }
}

/// `stream_options` with usage; other options stay.
fn with_usage(options: Option<Value<'_>>) -> Vec<u8> {
    let given = options.map_or(&b"{}"[..], Value::raw);
    let mut out = Vec::with_capacity(given.len() + 24);
    match Members::parse_answer(given) {
        Ok(members) => {
            let mut edits = Edits::new();
            edits.set("include_usage", &b"true"[..]);
            edits.write(given, &members, &mut out);
        }
        Err(_) => out.extend_from_slice(b"{\"include_usage\":true}"),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{json, Value as Json};

    const ASK: &str = r#""messages":[{"role":"user","content":"hi"}]"#;

    fn parse(members: &str) -> Result<ChatRequest, Problem> {
        let body = if members.is_empty() { format!("{{{ASK}}}") } else { format!("{{{ASK},{members}}}") };
        ChatRequest::parse(body.into_bytes(), Flavour::OpenAi)
    }

    fn upstream(members: &str) -> String {
        let body = String::from_utf8(parse(members).unwrap().into_upstream(Some("m"))).unwrap();
        body.strip_prefix(&format!("{{{ASK}")).unwrap().to_owned()
    }

    #[test]
    fn a_plain_call_goes_on_as_it_came() {
        let body = "{ \"model\" : \"x\",\n  \"messages\": [ {} ] , \"seed\": 1.50, \"é\": \"\\u00e9\" }\n";
        let request = ChatRequest::parse(body.as_bytes().to_vec(), Flavour::Flat).unwrap();
        assert_eq!((request.stream, request.choices, request.max_tokens), (false, 1, None));
        assert_eq!(request.prompt_estimate(), (body.len() as u64).div_ceil(4));
        assert_eq!(request.into_upstream(Some("other")), body.as_bytes());
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
        let cuts = |flavour, members: &str| {
            ChatRequest::parse(format!("{{{ASK},{members}}}").into_bytes(), flavour).unwrap().cuts_usage()
        };
        assert!(cuts(Flavour::OpenAi, r#""stream":true"#));
        assert!(cuts(Flavour::OpenAi, r#""stream":true,"stream_options":{"include_usage":null}"#));
        assert!(!cuts(Flavour::OpenAi, r#""stream":true,"stream_options":{"include_usage":true}"#));
        assert!(!cuts(Flavour::OpenAi, r#""stream":false"#));
        assert!(!cuts(Flavour::Flat, r#""stream":true"#));
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
        let body = request.into_upstream(None);
        assert_eq!(body, format!("{{{ASK}}}").into_bytes());
    }

    #[test]
    fn the_larger_limit_is_reserved() {
        let tokens = |members| parse(members).unwrap().max_tokens;
        assert_eq!(tokens(r#""max_tokens":5,"max_completion_tokens":9"#), Some(9));
        assert_eq!(tokens(r#""max_tokens":5,"max_completion_tokens":null"#), Some(5));
        assert_eq!(parse(r#""n":128,"timeout_seconds":1e300"#).unwrap().choices, 128);
        assert_eq!(parse(r#""timeout_seconds":1e-9"#).unwrap().timeout_ms, Some(1));
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
            (r#""timeout_seconds":"1""#, "timeout_seconds"),
            (r#""stream_options":[]"#, "stream_options"),
            (r#""stream_options":{"include_usage":1}"#, "stream_options.include_usage"),
            (r#""tools":[1]"#, "tools"),
            (r#""messages":[{}]"#, "messages"),
        ] {
            let problem = parse(member).unwrap_err();
            assert_eq!(
                (problem.code, problem.param.as_deref()),
                (Code::InvalidRequest, Some(param)),
                "{member}"
            );
        }
        for body in ["{}", r#"{"messages":[]}"#, r#"{"messages":null}"#, r#"{"messages":"hi"}"#] {
            let problem = ChatRequest::parse(body.into(), Flavour::Flat).unwrap_err();
            assert_eq!(problem.param.as_deref(), Some("messages"), "{body}");
        }
        let problem = ChatRequest::parse(b"{\n\"messages\":[}".to_vec(), Flavour::OpenAi).unwrap_err();
        assert_eq!(problem.code, Code::InvalidJson);
        assert!(problem.message.ends_with("at line 2, column 13"), "{}", problem.message);
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
            let request = ChatRequest::parse(body.to_string().into_bytes(), Flavour::OpenAi).unwrap();
            let out: Json = serde_json::from_slice(&request.into_upstream(Some("m"))).unwrap();
            let expected = body.as_object_mut().unwrap();
            expected.remove("timeout_seconds");
            expected.remove("tools");
            expected.entry("model").or_insert("m".into());
            if stream { expected.insert("stream_options".into(), json!({"include_usage": true})); }
            prop_assert_eq!(out, body);
        }
    }
}
