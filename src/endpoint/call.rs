//! A run: read the body, ask the agent's object once, call the pod, answer, settle.
//!
//! Nothing is asked of D1, and of objects nothing but the one admission before the pod and the settlement after it.

use super::fault::internal;
use super::run::{FirstToken, Run};
use super::{filter, lists, noted, plain, pod, presented, stream, Called, Refusal};
use crate::answer::Answer;
use crate::objects;
use crate::request::{full, not_gzip, Request};
use moltghost_durable::bindings::entry::{self, BodyError};
use moltghost_durable::bindings::exchange::Exchange;
use moltghost_durable::bindings::{now, random, Failure};
use moltghost_protocol::control::agent::Limits;
use moltghost_protocol::endpoint::api::Api;
use moltghost_protocol::endpoint::capability;
use moltghost_protocol::endpoint::headers;
use moltghost_protocol::endpoint::models;
use moltghost_protocol::endpoint::route::Route;
use moltghost_protocol::endpoint::run_request::RunRequest;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AgentRef;
use moltghost_protocol::object::agent::{Admit, AgentOp, Outcome, Target};
use moltghost_protocol::object::worker::Chat;
use moltghost_protocol::object::write;
use moltghost_protocol::request_id::RunId;

/// How often a stream whose pod is silent gets a comment, and how long the status line waits for the pod's.
const BEAT_MS: u32 = 10_000;

/// Serves a call that runs. `documented`: its path is one of our own documents.
pub async fn call(request: &Request, called: &Called, api: Api, documented: bool) -> Result<Answer, Refusal> {
    let key = presented(request, called)?;
    let body = if key.is_some() { Some(body(request, called, api).await) } else { None };
    let (chat, body_bytes, body_problem) = match body {
        Some(Ok((chat, bytes))) => (Some(chat), bytes, None),
        Some(Err((problem, bytes))) => (None, bytes, Some(problem)),
        None => (None, 0, None),
    };
    let random = random::u128().map_err(internal)?;
    let ask = Admit {
        run: RunId::mint(now(), random),
        key,
        alias: called.alias.clone(),
        browser: request.head.header("origin").map(str::to_owned),
        path: api.path().to_owned(),
        documented,
        body_bytes,
        body_problem,
        reserve: 0,
        timeout_ms: None,
        vouched: None,
    };
    run(request, called, api, ask, chat).await
}

/// Serves a chat that a socket asks for, on behalf of the agent's object.
pub async fn chat(request: &Request, asked: Chat, body: &str) -> Answer {
    request.route.set(Route::Socket.pattern());
    let called = Called { id: asked.agent, alias: None };
    let (chat, body_bytes, body_problem) =
        match understood(request, &called, body.as_bytes().to_vec(), Api::Chat).await {
            Ok((chat, bytes)) => (Some(chat), bytes, None),
            Err((problem, bytes)) => (None, bytes, Some(problem)),
        };
    let ask = Admit {
        run: asked.run,
        key: None,
        alias: None,
        browser: asked.browser,
        path: Route::Socket.pattern().to_owned(),
        documented: false,
        body_bytes,
        body_problem,
        reserve: 0,
        timeout_ms: None,
        vouched: Some(asked.vouched),
    };
    super::finish(run(request, &called, Api::Chat, ask, chat).await)
}

/// Asks whether a call may run, and runs it; `chat` is its body, if that was understood.
async fn run(
    request: &Request,
    called: &Called,
    api: Api,
    mut ask: Admit,
    chat: Option<RunRequest>,
) -> Result<Answer, Refusal> {
    ask.reserve = chat.as_ref().map_or(0, RunRequest::reserve);
    ask.timeout_ms = chat.as_ref().and_then(|chat| chat.timeout_ms);
    let id = ask.run.clone();
    let key = ask.key.as_ref().map(|key| (key.account.clone(), key.id.clone()));
    let vouched = ask.vouched.as_ref().map(|key| (key.account.clone(), key.id.clone()));
    let admission = filter::admit(request, called, ask).await?;
    if !matches!(admission.outcome, Outcome::Run(_)) {
        request.opened.drop_kept();
    }
    if let Some(target) = admission.probe {
        super::probe::in_background(request, &called.id, *target);
    }
    let mut lines = super::lines(request, &admission.cors, admission.rate);
    match (admission.outcome, chat) {
        (Outcome::Run(target), Some(chat)) => {
            for part in ["x-moltghost-run-id: ", id.as_str(), "\n"] {
                lines.push_str(part);
            }
            let run = Run {
                agent: called.id.clone(),
                id,
                api,
                own_tools: api == Api::Tools && target.capabilities.tools == Some(true),
                claimed: target.capabilities.claims(api).then(|| target.clone()),
                streaming: chat.stream,
                cuts_usage: chat.cuts_usage(),
                prompt: chat.prompt_estimate(),
                lines,
                caller: key.or(vouched),
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
        (Outcome::Refused(problem), _) => {
            Err(Refusal { problem: noted(request, called, problem), lines: Some(lines) })
        }
        (Outcome::Run(_), None) => {
            Err(internal(Failure("a run without a body was admitted".to_owned())).into())
        }
    }
}

/// Calls the pod and answers as it does.
async fn send(request: &Request, run: Run, chat: RunRequest, target: &Target) -> Answer {
    if let Err(problem) = allowed(request, &run, &chat, target).await {
        return run.unasked(request, problem);
    }
    // A pod that is known to take `/v1/tools` may have been replaced by one that does not: then it gets a chat.
    let again = run.own_tools.then(|| chat.clone());
    let begun = begin(request, &run, chat, target, target.timeout_ms);
    if again.is_none() {
        entry::let_go(&request.raw);
    }
    let exchange = match begun {
        Ok(exchange) => exchange,
        Err(problem) => return run.unasked(request, problem),
    };
    if run.streaming {
        return stream::serve(request, run, exchange).await;
    }
    let run = match plain::serve(request, run, exchange).await {
        Ok(answer) => return answer,
        Err(run) => *run,
    };
    run.asks_anew(request);
    let Some(chat) = again else { return run.failed(request, None, capability::unsupported(run.api)) };
    let run = Run { own_tools: false, claimed: None, ..run };
    let spent = u64::try_from(now() - run.admitted).unwrap_or_default();
    let begun = begin(request, &run, chat, target, target.timeout_ms.saturating_sub(spent).max(1));
    entry::let_go(&request.raw);
    match begun {
        Ok(exchange) => match plain::serve(request, run, exchange).await {
            Ok(answer) => answer,
            Err(run) => run.failed(request, None, capability::unsupported(run.api)),
        },
        Err(problem) => run.unasked(request, problem),
    }
}

/// Sends a run to its pod.
fn begin(
    request: &Request,
    run: &Run,
    chat: RunRequest,
    target: &Target,
    timeout_ms: u64,
) -> Result<Exchange, Problem> {
    let beat = if run.streaming { BEAT_MS } else { 0 };
    let early = target.early_headers && !run.streaming;
    let as_chat = run.api.is_chat() && !run.own_tools;
    let path = if as_chat { Api::ChatCompletions } else { run.api }.path();
    let way = pod::way(request, target, path, Some(&run.id))?;
    let begun = Exchange::begin(&request.raw, timeout_ms, beat, early).and_then(|exchange| {
        let skills = if as_chat { chat.skills.join(",") } else { String::new() };
        let model = models::default(target.model.as_deref(), &target.models);
        let body = chat.into_upstream(model, run.own_tools);
        let watch = write(&AgentOp::Watch(run.id.clone()));
        exchange.watch(&request.env, &objects::agent_at(&run.agent), &watch)?;
        let head = pod_head(request, run, target, way.address(path), &skills);
        match &way {
            pod::Way::Address(_) => exchange.send(&head, Some(&body))?,
            pod::Way::Tunnel(tunnel) => exchange.send_over(tunnel, &head, Some(&body))?,
        }
        Ok(exchange)
    });
    begun.map_err(internal)
}

/// Whether the agent has what the call asks for by name.
async fn allowed(request: &Request, run: &Run, chat: &RunRequest, target: &Target) -> Result<(), Problem> {
    target.capabilities.check(run.api)?;
    models::check(chat.model.as_deref(), &target.models)?;
    lists::check_skills(request, &run.agent, target, &chat.skills).await
}

/// The head of the pod's request: where it goes, and the headers: what may pass of the caller's, ours, and the origin's
/// own.
fn pod_head(request: &Request, run: &Run, target: &Target, address: &str, skills: &str) -> String {
    let mut lines = String::with_capacity(768);
    for part in ["POST ", address, "\n"] {
        lines.push_str(part);
    }
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
    if let Some((account, key)) = &run.caller {
        add("x-moltghost-key", key.as_str());
        add("x-moltghost-account", account.as_str());
    }
    if !skills.is_empty() {
        add("x-moltghost-skills", skills);
    }
    lines.push_str(&target.headers);
    lines
}

/// Reads and parses the body. What is wrong with it is said only once everything that comes before it was right, so
/// it travels to the object instead of ending the call here.
async fn body(request: &Request, called: &Called, api: Api) -> Result<(RunRequest, u64), (Problem, u64)> {
    let gzip = match request.is_gzip() {
        Ok(gzip) => gzip,
        Err(problem) => return Err((problem, 0)),
    };
    let bytes = match entry::body(&request.raw, &request.head, Limits::MAX_BODY_BYTES, gzip).await {
        Ok(bytes) => bytes,
        Err(BodyError::TooLarge) => return Err((too_large(), Limits::MAX_BODY_BYTES + 1)),
        Err(BodyError::BadEncoding) => return Err((not_gzip(), 0)),
        Err(BodyError::Cut) => {
            return Err((Problem::new(Code::InvalidRequest, "The body broke off before its end."), 0));
        }
        Err(BodyError::Full) => return Err((full(), 0)),
    };
    understood(request, called, bytes, api).await
}

/// Parses a body.
async fn understood(
    request: &Request,
    called: &Called,
    bytes: Vec<u8>,
    api: Api,
) -> Result<(RunRequest, u64), (Problem, u64)> {
    let size = bytes.len() as u64;
    let run = RunRequest::parse(bytes, api).map_err(|problem| (problem, size))?;
    for (member, agent) in &run.agents {
        if !is_called(request, called, agent).await {
            let message =
                "The body names another agent than the address does. Leave it out, or call that agent.";
            return Err((Problem::new(Code::AgentMismatch, message).param(*member), size));
        }
    }
    Ok((run, size))
}

/// Whether a name in a body is the agent's that was called: its id, or an alias of it.
async fn is_called(request: &Request, called: &Called, agent: &str) -> bool {
    match AgentRef::parse(agent) {
        Ok(AgentRef::Id(id)) => id == called.id,
        Ok(AgentRef::Alias(alias)) => {
            called.alias.as_ref() == Some(&alias)
                || objects::holder(request, &alias).await.is_ok_and(|id| id == called.id)
        }
        Err(_) => false,
    }
}

fn too_large() -> Problem {
    Problem::new(Code::RequestTooLarge, "The body is larger than the 26214400 bytes that any agent takes.")
}
