//! An answer that does not stream: read whole, checked, counted and passed on. But for `/v1/chat` and `/v1/tools` the
//! pod's own bytes go out as they came.

use super::early;
use super::fault::{internal, over};
use super::run::Run;
use crate::answer::Answer;
use crate::request::Request;
use moltghost_durable::bindings::exchange::{Event, Exchange, PodHead, Whole};
use moltghost_durable::bindings::{now, Failure};
use moltghost_protocol::endpoint::api::Api;
use moltghost_protocol::endpoint::capability;
use moltghost_protocol::endpoint::headers;
use moltghost_protocol::endpoint::plain_answer::{self, PlainAnswer, Unusable};
use moltghost_protocol::endpoint::pod_answer::{self, Verdict};
use moltghost_protocol::endpoint::pod_error::{pass_error, wait, PodError, MAX_ERROR_BYTES};
use moltghost_protocol::endpoint::tool_result;
use moltghost_protocol::endpoint::usage::Usage;
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::metrics::figures::Ending;

/// Largest answer that is passed on in one piece.
const MAX_ANSWER: u64 = 16 * 1024 * 1024;

/// Waits for the pod's answer and passes it on.
///
/// # Errors
/// The run, where the pod turns out to take `/v1/tools` no more; nothing was run, and nobody was answered.
pub async fn serve(request: &Request, run: Run, exchange: Exchange) -> Result<Answer, Box<Run>> {
    // While nothing shows that the pod has taken the run, the answer does not begin, however long it takes.
    let event = loop {
        match exchange.next().await {
            Ok(Event::Tick) => {}
            event => break event,
        }
    };
    let head = match event {
        Ok(Event::Head(head)) => head,
        Ok(Event::Timeout) => return Ok(run.failed(request, Some(unheard(&run)), over(&exchange))),
        Ok(Event::Gone) => return Ok(run.abandoned(request)),
        Ok(_) => return Ok(run.unanswered(request, &exchange)),
        Err(failure) => return Ok(run.failed(request, None, internal(failure))),
    };
    let problem = match judge(&run, &head) {
        Verdict::Plain => return Ok(whole(request, run, exchange, &head).await),
        Verdict::ErrorBody => match read_error(&run, &exchange, &head).await {
            Ok(error) => {
                exchange.close(true);
                return Ok(passed(request, &run, &error));
            }
            Err(problem) => problem,
        },
        Verdict::Bad(problem) => problem,
        Verdict::Stream => {
            Problem::new(Code::BadGateway, "The agent streamed an answer that nobody asked to stream.")
        }
    };
    if run.own_tools && problem.code == Code::UnsupportedEndpoint {
        exchange.close(false);
        return Err(Box::new(run));
    }
    Ok(bad(request, &run, exchange, problem))
}

/// What to make of a pod's head. A pod that has no such route is told apart from one that refuses the call.
pub fn judge(run: &Run, head: &PodHead) -> Verdict {
    if head.status != 404 && run.lacks_route(head.status, b"") {
        return Verdict::Bad(capability::unsupported(run.api));
    }
    pod_answer::judge(head.status, head.header("content-type"), run.streaming)
}

/// Refuses for what the pod's head says. Where it has no such route nothing was run.
pub fn bad(request: &Request, run: &Run, exchange: Exchange, problem: Problem) -> Answer {
    exchange.close(false);
    let ran = problem.code != Code::UnsupportedEndpoint;
    if !ran {
        run.asks_anew(request);
    }
    run.failed(request, ran.then(|| unheard(run)), problem)
}

async fn whole(request: &Request, run: Run, exchange: Exchange, head: &PodHead) -> Answer {
    let (bytes, native) = match exchange.whole(MAX_ANSWER).await {
        Ok(Whole::Bytes(bytes, native)) => (bytes, native),
        Ok(Whole::Slow) => return early::serve(request, run, exchange, head),
        Ok(Whole::Gone) => {
            exchange.close(false);
            return run.abandoned(request);
        }
        other => {
            let problem = missing(&exchange, other);
            exchange.close(false);
            return run.failed(request, Some(unheard(&run)), problem);
        }
    };
    exchange.close(true);
    match made(&run, &bytes) {
        Ok((ours, usage)) => {
            run.settle(request, Some(usage), Ending::Ok);
            let answer = match ours {
                Some(ours) => Answer::json_bytes(200, ours),
                None => Answer::json_native(200, native),
            };
            answer.lines(&openai_lines(head)).lines(&run.lines)
        }
        Err(Unusable::Error) => passed(request, &run, &error_of(head, &bytes)),
        Err(unusable) => run.failed(request, Some(unheard(&run)), unusable.into()),
    }
}

/// Why there is no body.
pub fn missing(exchange: &Exchange, whole: Result<Whole, Failure>) -> Problem {
    match whole {
        Ok(Whole::TooLarge) => Problem::new(
            Code::BadGateway,
            "The agent's answer is larger than 16777216 bytes. Ask it to stream.",
        ),
        Ok(Whole::Timeout) => over(exchange),
        Ok(_) => Problem::new(Code::BadGateway, "The agent's answer broke off before its end."),
        Err(failure) => internal(failure),
    }
}

/// What the caller gets of a pod's answer, `None` for its own bytes, and what the run used.
///
/// # Errors
/// What keeps the answer from being one.
pub fn made(run: &Run, bytes: &[u8]) -> Result<(Option<Vec<u8>>, Usage), Unusable> {
    let id = run.id.message_id();
    let made = match run.api {
        Api::Chat => plain_answer::flatten(bytes, &id, run.prompt),
        Api::Tools if run.own_tools => tool_result::of_result(bytes, &id, run.prompt),
        Api::Tools => tool_result::of_completion(bytes, &id, run.prompt),
        api => {
            return PlainAnswer::read(api, bytes).map(|answer| (None, answer.usage_or_estimated(run.prompt)))
        }
    };
    made.map(|(ours, usage)| (Some(ours), usage))
}

/// A pod's own refusal, read and, where it is one that a caller can use, passed on.
pub async fn error(request: &Request, run: Run, exchange: Exchange, head: &PodHead) -> Answer {
    match read_error(&run, &exchange, head).await {
        Ok(error) => {
            exchange.close(true);
            passed(request, &run, &error)
        }
        Err(problem) => bad(request, &run, exchange, problem),
    }
}

/// Reads a pod's refusal.
///
/// # Errors
/// `unsupported_endpoint` where it has no such route.
pub async fn read_error(run: &Run, exchange: &Exchange, head: &PodHead) -> Result<PodError, Problem> {
    let body = match exchange.whole(MAX_ERROR_BYTES as u64).await {
        Ok(Whole::Bytes(bytes, _)) => bytes,
        _ => Vec::new(),
    };
    if run.lacks_route(head.status, &body) {
        return Err(capability::unsupported(run.api));
    }
    Ok(error_of(head, &body))
}

/// The error that a pod's answer is.
pub fn error_of(head: &PodHead, body: &[u8]) -> PodError {
    pass_error(head.status, wait(|name| head.header(name), now()), body)
}

fn passed(request: &Request, run: &Run, error: &PodError) -> Answer {
    run.settle(request, Some(unheard(run)), Ending::of(error.status));
    let answer = Answer::json_text(error.status, error.body.clone());
    let answer =
        error.retry_headers().iter().fold(answer, |answer, (name, value)| answer.header(name, value));
    answer.lines(&run.lines)
}

/// The `openai-*` headers of a pod, as lines.
pub fn openai_lines(head: &PodHead) -> String {
    let mut lines = String::new();
    for (name, value) in headers::from_pod(head.headers()) {
        if name != "content-type" {
            for part in [name, ": ", value, "\n"] {
                lines.push_str(part);
            }
        }
    }
    lines
}

/// What a run is charged whose answer was never read: its prompt.
pub fn unheard(run: &Run) -> Usage {
    Usage::estimated(run.prompt, 0)
}

/// The answer to a caller that has left; nobody reads it.
pub fn gone() -> Problem {
    Problem::new(Code::BadGateway, "The caller left before the answer.")
}

/// The pod was certainly not asked.
pub fn not_reached() -> Problem {
    Problem::new(
        Code::AgentUnreachable,
        "No link to the agent's pod took the call. Try again in a few seconds.",
    )
    .retry(Retry::After(2_000))
}

/// The pod gave no answer at all.
pub fn unreachable() -> Problem {
    Problem::new(Code::BadGateway, "The agent's pod gave no answer. Its owner should see whether it runs and whether the origin is right.")
}
