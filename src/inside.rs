//! What objects ask of the Worker (see `moltghost_protocol::object::worker`): fetches that no object makes itself.

use crate::answer::Answer;
use crate::endpoint::{self, internal, probe};
use crate::request::Request;
use moltghost_durable::bindings::inquiry::{Inquiry, Reply};
use moltghost_durable::bindings::{entry, now};
use moltghost_protocol::control::agent::Limits;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::worker::{is_signed, Notice, WorkerAsk, SIGNATURE};
use moltghost_protocol::object::{read, write_answer};

/// Largest message in bytes: the largest body of a chat, and whatever goes with it.
const MAX_BODY: u64 = Limits::MAX_BODY_BYTES + 1024 * 1024;

/// Wall time of an attempt to tell the provisioner, in milliseconds.
const NOTIFY_MS: u32 = 15_000;

/// Largest answer of the provisioner that is read, in bytes; what it says does not matter.
const NOTIFY_ANSWER: u32 = 16 * 1024;

/// Serves a request of an object; `None` for one that is not signed.
pub async fn serve(request: &Request) -> Option<Answer> {
    let signature = request.head.header(SIGNATURE)?;
    let body = entry::body(&request.raw, &request.head, MAX_BODY, false).await.ok()?;
    let message = String::from_utf8(body).ok()?;
    let pepper = request.config().and_then(|config| config.pepper()).ok()?;
    if !is_signed(pepper, signature, &message, now()) {
        return None;
    }
    let (ask, rest) = message.split_once('\n').unwrap_or((&message, ""));
    Some(match read(ask) {
        Ok(ask) => answer(request, ask, rest).await,
        Err(problem) => Answer::json_text(200, write_answer::<()>(&Err(problem))),
    })
}

async fn answer(request: &Request, ask: WorkerAsk, rest: &str) -> Answer {
    let answer = match ask {
        WorkerAsk::Notify(notice) => write_answer(&notify(request, &notice).await),
        WorkerAsk::Chat(chat) => return endpoint::chat(request, *chat, rest).await,
        WorkerAsk::Probe(target) => write_answer(&Ok::<_, Problem>(probe::look(request, &target).await)),
    };
    Answer::json_text(200, answer)
}

/// Tells the provisioner. Where the deployment has none any more, there is nobody to tell.
async fn notify(request: &Request, notice: &Notice) -> Result<(), Problem> {
    let Some(provisioner) = &request.config()?.provisioner else { return Ok(()) };
    let seconds = now() / 1_000;
    let signature = provisioner.secret.sign(&notice.id, seconds, &notice.body);
    let head = format!(
        "POST {}\ncontent-type: application/json\nwebhook-id: {}\nwebhook-timestamp: {seconds}\nwebhook-signature: {signature}\n",
        provisioner.url, notice.id
    );
    let inquiry = Inquiry {
        head: &head,
        body: Some(notice.body.as_bytes()),
        timeout_ms: NOTIFY_MS,
        limit: NOTIFY_ANSWER,
    };
    let why = match inquiry.send().map_err(internal)?.reply().await {
        Reply::Answer(200..=299, _) => return Ok(()),
        Reply::Answer(status, _) => format!("it answers with status {status}"),
        Reply::Late => "it did not answer within 15 seconds".to_owned(),
        Reply::Failed => "it cannot be reached".to_owned(),
    };
    Err(Problem::new(Code::BadGateway, format!("the provisioner did not take a notice: {why}")))
}
