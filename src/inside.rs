//! What objects ask of the Worker (see `moltghost_protocol::object::worker`): fetches that no object makes itself.

use crate::answer::Answer;
use crate::endpoint::probe;
use crate::request::Request;
use moltghost_durable::bindings::{entry, now};
use moltghost_protocol::error::Problem;
use moltghost_protocol::object::worker::{is_signed, WorkerAsk, SIGNATURE};
use moltghost_protocol::object::{read, write_answer};

/// Largest message in bytes: a target with all the headers that it may have fits many times.
const MAX_BODY: u64 = 1024 * 1024;

/// Serves a request of an object; `None` for one that is not signed.
pub async fn serve(request: &Request) -> Option<Answer> {
    let signature = request.head.header(SIGNATURE)?;
    let body = entry::body(&request.raw, MAX_BODY, false).await.ok()?;
    let message = String::from_utf8(body).ok()?;
    let pepper = request.config().and_then(|config| config.pepper()).ok()?;
    if !is_signed(pepper, signature, &message, now()) {
        return None;
    }
    Some(match read(&message) {
        Ok(ask) => answer(request, ask).await,
        Err(problem) => Answer::json_text(200, write_answer::<()>(&Err(problem))),
    })
}

async fn answer(request: &Request, ask: WorkerAsk) -> Answer {
    let answer = match ask {
        WorkerAsk::Probe(target) => write_answer(&Ok::<_, Problem>(probe::look(request, &target).await)),
    };
    Answer::json_text(200, answer)
}
