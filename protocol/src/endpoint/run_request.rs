//! The body of a call: what the layer needs to know of it, and what goes to the pod.
//!
//! Members that we do not know are forwarded untouched; of those that we do know, only the ones named in
//! [`RunRequest::into_upstream`] change (agent-endpoints §2, §7).

mod reader;
#[cfg(test)]
mod tests;

use super::api::Api;
use super::skills::split_tools;
use super::usage::{estimate_tokens, MAX_TOKENS};
use crate::error::Problem;
use crate::json::{Edits, Members, Value};
use reader::{Reader, StreamOptions};

/// What an answer may hold for a caller that set no limit, in tokens: what a run without one reserves.
const UNSTATED_ANSWER: u64 = 4_096;

/// The two ways in which the documents write the member that names the agent.
const AGENT: [&str; 2] = ["agent-id", "agent_id"];

/// A call that was understood.
#[derive(Debug, Clone)]
pub struct RunRequest {
    body: Vec<u8>,
    members: Members,
    api: Api,
    tools: Option<Vec<u8>>,
    options: StreamOptions,
    /// Whether `prompt` becomes the one message.
    prompted: bool,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The model asked for.
    pub model: Option<String>,
    /// Most tokens of one answer.
    pub max_tokens: Option<u64>,
    /// Number of answers.
    pub choices: u64,
    /// Wall time asked for, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Names of skills that stood in `tools`, for the header `x-moltghost-skills`.
    pub skills: Vec<String>,
    /// Which agent the body says that it is for, and in which member.
    pub agents: Vec<(&'static str, String)>,
}

impl RunRequest {
    /// Understands a body, or says what is wrong with it: `invalid_json` with line and column, or `invalid_request`
    /// with the parameter at fault.
    pub fn parse(body: Vec<u8>, api: Api) -> Result<Self, Problem> {
        let members = Members::parse(&body)?;
        let reader = Reader { body: &body, members: &members };
        let prompted = reader.question(api)?;
        let stream = reader.stream(api)?;
        let model = reader.text("model")?;
        let max_tokens = reader.max_tokens(api)?;
        let choices = reader.choices(api)?;
        let timeout_ms = reader.timeout_ms()?;
        let options = reader.stream_options(api)?;
        reader.arguments(api)?;
        let tools = if api.is_chat() { reader.get("tools")?.map(split_tools).transpose()? } else { None };
        let tools = tools.unwrap_or_default();
        let mut agents = Vec::new();
        if !api.is_verbatim() {
            for name in AGENT {
                agents.extend(reader.text(name)?.map(|agent| (name, agent)));
            }
        }
        let (skills, tools) = (tools.skills, tools.rest);
        Ok(Self {
            body,
            members,
            api,
            tools,
            options,
            prompted,
            stream,
            model,
            max_tokens,
            choices,
            timeout_ms,
            skills,
            agents,
        })
    }

    /// Which API it speaks.
    pub fn api(&self) -> Api {
        self.api
    }

    /// Tokens that the prompt is taken for before the pod has counted them: a quarter of the body's bytes.
    pub fn prompt_estimate(&self) -> u64 {
        estimate_tokens(self.body.len() as u64)
    }

    /// Tokens to reserve: the prompt, and what every answer may hold; [`MAX_TOKENS`] at most.
    pub fn reserve(&self) -> u64 {
        let answers = match self.api {
            Api::Embeddings => 0,
            _ => self.max_tokens.unwrap_or(UNSTATED_ANSWER).saturating_mul(self.choices),
        };
        self.prompt_estimate().saturating_add(answers).min(MAX_TOKENS)
    }

    /// Whether the caller must not see the usage chunk, which we ask of the pod in any case.
    pub fn cuts_usage(&self) -> bool {
        let asks = self.api.has_choices() && self.api.is_verbatim();
        self.stream && asks && self.options != StreamOptions::WithUsage
    }

    /// The body for the pod: a stream of choices includes usage, `model` is there if `default_model` is known,
    /// `timeout_seconds` and the agent's name are gone. For a chat, `prompt` has become a message; names of skills are
    /// gone, and with the last tool what only goes with tools. `own_tools`: the pod has `/v1/tools` and gets prompt
    /// and names as they are.
    pub fn into_upstream(self, default_model: Option<&str>, own_tools: bool) -> Vec<u8> {
        let mut edits = Edits::new();
        if self.stream && self.api.has_choices() && self.options != StreamOptions::WithUsage {
            edits.set("stream_options", with_usage(self.members.get(&self.body, "stream_options")));
        }
        let ours = AGENT.iter().filter(|_| !self.api.is_verbatim());
        for name in ours.chain(&["timeout_seconds"]) {
            if self.members.get(&self.body, name).is_some() {
                edits.remove(name);
            }
        }
        if let (None, Some(model)) = (&self.model, default_model) {
            edits.set_string("model", model);
        }
        if self.prompted && !own_tools {
            let prompt = self.members.get(&self.body, "prompt").map_or(&b"\"\""[..], Value::raw);
            edits.remove("prompt");
            edits.set("messages", [b"[{\"role\":\"user\",\"content\":", prompt, b"}]"].concat());
        }
        match self.tools.filter(|_| !own_tools) {
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
