//! A plain answer that begins before the pod has ended its own (agent-endpoints §7, `early_headers`): white space, which
//! JSON may begin with, keeps proxies from giving up and shows when the caller leaves.
//!
//! It begins only once the pod's head says that an answer comes. From then on the status is 200, so a failure can only
//! be told in the body, as `{"error":…}`. An owner asks for this; nobody gets it unasked.

use super::fault::internal;
use super::plain::{self, unheard};
use super::run::Run;
use crate::answer::{common, Answer};
use crate::request::Request;
use moltghost_durable::bindings::entry;
use moltghost_durable::bindings::exchange::{Exchange, PodHead, Whole};
use moltghost_durable::bindings::Failure;
use moltghost_protocol::endpoint::plain_answer::Unusable;
use moltghost_protocol::error::Problem;
use moltghost_protocol::metrics::figures::Ending;
use wasm_bindgen::JsValue;

/// Header lines of every such answer.
const HEADERS: &str = "content-type: application/json\ncache-control: no-store, no-cache, no-transform\n";

/// Begins the answer; its body follows.
pub fn serve(request: &Request, run: Run, exchange: Exchange, head: &PodHead) -> Answer {
    match begin(request, run, exchange, head.clone()) {
        Ok(response) => Answer::ready(response),
        Err(failure) => Answer::from(internal(failure)),
    }
}

fn begin(request: &Request, run: Run, exchange: Exchange, head: PodHead) -> Result<JsValue, Failure> {
    let (from_pod, common) = (plain::openai_lines(&head), common(&request.id, request.host()));
    let response = exchange.open(200, &format!("{HEADERS}{from_pod}{}{common}", run.lines))?;
    let request = request.clone();
    entry::after(&request.ctx.clone(), async move { end(&request, &run, exchange, &head).await })?;
    Ok(response)
}

/// Waits for the body, and writes what the caller gets of it.
async fn end(request: &Request, run: &Run, exchange: Exchange, head: &PodHead) {
    let failed = |problem: &Problem| {
        run.settle(request, Some(unheard(run)), Ending::of(problem.code.status()));
        problem.body().into_bytes()
    };
    let (body, fed) = match exchange.rest().await {
        Ok(Whole::Gone) => {
            run.settle(request, Some(unheard(run)), Ending::Cancelled);
            return exchange.close(false);
        }
        Ok(Whole::Bytes(bytes, _)) => match plain::made(run, &bytes) {
            Ok((ours, usage)) => {
                run.settle(request, Some(usage), Ending::Ok);
                (ours.unwrap_or(bytes), true)
            }
            Err(Unusable::Error) => {
                let error = plain::error_of(head, &bytes);
                run.settle(request, Some(unheard(run)), Ending::of(error.status));
                (error.body.into_bytes(), true)
            }
            Err(unusable) => (failed(&unusable.into()), true),
        },
        other => (failed(&plain::missing(&exchange, other)), false),
    };
    let _ = exchange.write(&body);
    exchange.finish(fed);
}
