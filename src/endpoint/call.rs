//! A run: read the body, ask the agent's object once, call the pod, answer, settle.
//!
//! Nothing is asked of D1, and of objects nothing but the one admission before the pod and the settlement after it.

use super::{lists, plain, pod, presented, stream, Called, Refusal};
use crate::answer::Answer;
use crate::request::{not_gzip, Request};
use crate::{cors, objects};
use moltghost_durable::bindings::entry::{self, BodyError};
use moltghost_durable::bindings::exchange::Exchange;
use moltghost_durable::bindings::{now, random, Failure};
use moltghost_protocol::control::agent::Limits;
use moltghost_protocol::endpoint::chat_request::{ChatRequest, Flavour};
use moltghost_protocol::endpoint::headers;
use moltghost_protocol::endpoint::models;
use moltghost_protocol::endpoint::route::Route;
use moltghost_protocol::endpoint::usage::Usage;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AgentId;
use moltghost_protocol::metrics::figures::Ending;
use moltghost_protocol::object::agent::{Admission, Admit, AgentOp, Outcome, Settle, Target};
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;
use std::cell::Cell;
use std::rc::Rc;

/// How often a stream whose pod is silent gets a comment, and how long the status line waits for the pod's.
const BEAT_MS: u32 = 10_000;

/// What an answer may hold for a caller that set no limit, in tokens: what a run without one reserves.
const UNSTATED_ANSWER: u64 = 4_096;

/// A run that was admitted.
pub struct Run {
    /// The agent.
    pub agent: AgentId,
    /// Its id.
    pub id: RunId,
    /// Whether the answer has the shape of `/v1/chat`.
    pub flat: bool,
    /// Whether the answer streams.
    pub streaming: bool,
    /// Whether the usage chunk is ours alone: the caller did not ask for it.
    pub cuts_usage: bool,
    /// Estimate of the prompt's tokens.
    pub prompt: u64,
    /// Header lines of the answer.
    pub lines: String,
    /// When it was admitted.
    admitted: Millis,
    /// When the first piece of its stream came.
    first_token: FirstToken,
}

/// When the first piece of a stream came.
#[derive(Clone, Default)]
pub struct FirstToken(Rc<Cell<Option<Millis>>>);

impl FirstToken {
    /// A piece has come.
    pub fn note(&self) {
        if self.0.get().is_none() {
            self.0.set(Some(now()));
        }
    }
}

impl Run {
    /// Ends the run with what it used; `None` where it never reached the pod.
    pub fn settle(&self, request: &Request, usage: Option<Usage>, ending: Ending) {
        let since = |time: Millis| u64::try_from(time - self.admitted).ok();
        let settle = Settle {
            ending: Some(ending),
            latency_ms: since(now()),
            first_token_ms: self.first_token.0.get().and_then(since),
            ..Settle::new(self.id.clone(), usage)
        };
        objects::settle(request, &self.agent, &settle);
    }

    /// Ends the run with a refusal; `usage` as in [`Run::settle`].
    pub fn failed(&self, request: &Request, usage: Option<Usage>, problem: Problem) -> Answer {
        self.settle(request, usage, Ending::of(problem.code.status()));
        self.refused(problem)
    }

    /// Ends the run of a caller who has left; nobody reads the answer.
    pub fn abandoned(&self, request: &Request) -> Answer {
        self.settle(request, Some(plain::unheard(self)), Ending::Cancelled);
        self.refused(plain::gone())
    }

    /// What notes when the first piece of the stream comes.
    pub fn hearing(&self) -> FirstToken {
        self.first_token.clone()
    }

    /// A refusal after admission.
    pub fn refused(&self, problem: Problem) -> Answer {
        Answer::from(problem).lines(&self.lines)
    }
}

/// Serves `/v1/chat/completions` and `/v1/chat`.
pub async fn call(request: &Request, called: &Called, route: Route) -> Result<Answer, Refusal> {
    let key = presented(request)?;
    let flat = route == Route::Chat;
    let body = if key.is_some() { Some(body(request, flat).await) } else { None };
    let (chat, body_bytes, body_problem) = match body {
        Some(Ok((chat, bytes))) => (Some(chat), bytes, None),
        Some(Err((problem, bytes))) => (None, bytes, Some(problem)),
        None => (None, 0, None),
    };
    let random = random::u128().map_err(internal)?;
    let id = RunId::mint(now(), random);
    let reserve = chat
        .as_ref()
        .map_or(0, |chat| chat.prompt_estimate().saturating_add(chat.max_tokens.unwrap_or(UNSTATED_ANSWER)));
    let ask = Admit {
        run: id.clone(),
        key,
        alias: called.alias.clone(),
        browser: request.head.header("origin").map(str::to_owned),
        documented: route.is_documented(),
        body_bytes,
        body_problem,
        reserve,
        timeout_ms: chat.as_ref().and_then(|chat| chat.timeout_ms),
    };
    let admission: Admission = objects::agent(request, &called.id, AgentOp::Admit(Box::new(ask))).await?;
    if let Some(target) = admission.probe {
        super::probe::in_background(request, &called.id, *target);
    }
    let lines = cors::lines(request, &admission.cors);
    match (admission.outcome, chat) {
        (Outcome::Run(target), Some(chat)) => {
            let lines = format!("{lines}x-moltghost-run-id: {id}\n");
            let run = Run {
                agent: called.id.clone(),
                id,
                flat,
                streaming: chat.stream,
                cuts_usage: chat.cuts_usage(),
                prompt: chat.prompt_estimate(),
                lines,
                admitted: now(),
                first_token: FirstToken::default(),
            };
            Ok(send(request, run, chat, &target).await)
        }
        (Outcome::Starting { retry_after }, _) => {
            let body = serde_json::json!({ "status": "initializing", "retry_after": retry_after });
            let answer = Answer::json(202, &body).header("retry-after", &retry_after.to_string());
            Ok(answer.lines(&lines))
        }
        (Outcome::Refused(problem), _) => Err(Refusal { problem, cors: Some(admission.cors) }),
        (Outcome::Run(_), None) => {
            Err(internal(Failure("a run without a body was admitted".to_owned())).into())
        }
    }
}

/// Calls the pod and answers as it does.
async fn send(request: &Request, run: Run, chat: ChatRequest, target: &Target) -> Answer {
    if let Err(problem) = allowed(request, &run, &chat, target).await {
        return run.failed(request, None, problem);
    }
    let beat = if run.streaming { BEAT_MS } else { 0 };
    let url = match pod::url(request, target, "/v1/chat/completions") {
        Ok(url) => url,
        Err(problem) => {
            return run.failed(request, None, problem);
        }
    };
    let begun = Exchange::begin(&request.raw, target.timeout_ms, beat).and_then(|exchange| {
        let skills = chat.skills.join(",");
        let body = chat.into_upstream(models::default(target.model.as_deref(), &target.models));
        exchange.send("POST", &url, &pod_headers(request, &run, target, &skills), Some(&body))?;
        Ok(exchange)
    });
    match begun {
        Ok(exchange) if run.streaming => stream::serve(request, run, exchange).await,
        Ok(exchange) => plain::serve(request, run, exchange).await,
        Err(failure) => run.failed(request, None, internal(failure)),
    }
}

/// Whether the agent has what the call asks for by name.
async fn allowed(request: &Request, run: &Run, chat: &ChatRequest, target: &Target) -> Result<(), Problem> {
    models::check(chat.model.as_deref(), &target.models)?;
    lists::check_skills(request, &run.agent, target, &chat.skills).await
}

/// The header lines of the pod's request: what may pass of the caller's, ours, and the origin's own.
fn pod_headers(request: &Request, run: &Run, target: &Target, skills: &str) -> String {
    let mut lines = String::with_capacity(512);
    let key = request.bearer().and_then(moltghost_protocol::credential::ApiKey::parse);
    let mut add = |name: &str, value: &str| {
        for part in [name, ": ", value, "\n"] {
            lines.push_str(part);
        }
    };
    for (name, value) in headers::to_pod(request.head.headers(), &target.forward) {
        add(name, value);
    }
    add("accept-encoding", "identity");
    add("x-request-id", &request.id);
    add("x-moltghost-agent", run.agent.as_str());
    add("x-moltghost-run", run.id.as_str());
    if let Some(key) = key {
        add("x-moltghost-key", key.id.as_str());
        add("x-moltghost-account", key.account.as_str());
    }
    if !skills.is_empty() {
        add("x-moltghost-skills", skills);
    }
    lines.push_str(&target.headers);
    lines
}

/// Reads and parses the body. What is wrong with it is said only once everything that comes before it was right, so
/// it travels to the object instead of ending the call here.
async fn body(request: &Request, flat: bool) -> Result<(ChatRequest, u64), (Problem, u64)> {
    let gzip = match request.is_gzip() {
        Ok(gzip) => gzip,
        Err(problem) => return Err((problem, 0)),
    };
    let bytes = match entry::body(&request.raw, Limits::MAX_BODY_BYTES, gzip).await {
        Ok(bytes) => bytes,
        Err(BodyError::TooLarge) => return Err((too_large(), Limits::MAX_BODY_BYTES + 1)),
        Err(BodyError::BadEncoding) => return Err((not_gzip(), 0)),
        Err(BodyError::Cut) => {
            return Err((Problem::new(Code::InvalidRequest, "The body broke off before its end."), 0));
        }
    };
    let size = bytes.len() as u64;
    let flavour = if flat { Flavour::Flat } else { Flavour::OpenAi };
    ChatRequest::parse(bytes, flavour).map(|chat| (chat, size)).map_err(|problem| (problem, size))
}

fn too_large() -> Problem {
    Problem::new(Code::RequestTooLarge, "The body is larger than the 26214400 bytes that any agent takes.")
}

/// `internal_error`; what went wrong is for the log.
#[allow(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub fn internal(failure: Failure) -> Problem {
    entry::log("internal_error", &failure.0);
    failed()
}

/// `internal_error`, which says nothing more.
pub fn failed() -> Problem {
    Problem::new(Code::InternalError, "Something went wrong here. Tell the operator.")
}

/// `timeout`.
pub fn timeout() -> Problem {
    Problem::new(
        Code::Timeout,
        "The run took longer than it may. Ask for less, or raise timeout_seconds; the owner can raise the agent's own.",
    )
}
