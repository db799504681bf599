//! `GET /v1/events/stream`: what happens in the network, as server-sent events.
//!
//! The Worker holds the answer and a link to the hub (see `moltghost_durable::stream`), so that the hub sleeps while
//! nothing happens. The network's object says who is let in and what is told; the hub, where the reader goes on.

use super::ask::{answered_wrongly, Asking};
use super::write::request_id;
use crate::answer::{common, Answer};
use moltghost_durable::bindings::link::{Comments, Farewell, Link};
use moltghost_durable::bindings::object::{Class, Place};
use moltghost_durable::bindings::Failure;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::id;
use moltghost_protocol::name;
use moltghost_protocol::object::hub::{HubAsk, Observe, Observing};
use moltghost_protocol::object::network::{NetworkOp, Reply};
use moltghost_protocol::object::{read_outcome, write};

/// Header lines of the stream.
const HEADERS: &str = "content-type: text/event-stream\ncache-control: no-cache\n";

/// What the stream says between its events.
const COMMENTS: Comments = Comments { open: "stream-open", alive: "keep-alive" };

/// Opens the stream.
///
/// # Errors
/// The gate's refusal; 503 where as many streams are open as may be.
pub async fn serve(asking: &Asking<'_>) -> Outcome<Answer> {
    let request = asking.request;
    let Reply::Admitted(admitted) = asking.network(NetworkOp::Observe).await? else {
        return Err(answered_wrongly());
    };
    if request.method() == "HEAD" {
        return Ok(Answer::empty(200).lines(HEADERS));
    }
    let failed = |Failure(why)| MoltnetError::unavailable(format!("a link to the hub cannot be made: {why}"));
    let observe = Observe { admitted: *admitted, last_event_id: last_event_id(asking) };
    let (hub, message) = (name::hub(&asking.settings.id), write(&HubAsk::Observe(Box::new(observe))));
    let (raw, ctx, env) = (&request.raw, &request.ctx, &request.env);
    let link =
        Link::new(raw, ctx, env, &Place::of(Class::Hub, &hub), "", &message, COMMENTS).map_err(failed)?;
    let word = link.open().await.map_err(failed);
    if let Err(error) = word.and_then(|word| read_outcome::<Observing>(&word)) {
        link.close();
        return Err(error);
    }
    // Clients come back by themselves, and are told then what is wrong.
    let farewell = Farewell { after_ms: None, expired: "", lost: "" };
    let headers = format!("{HEADERS}{}", common(&request_id(request), request.host()));
    link.respond(&headers, &farewell).map(Answer::ready).map_err(failed)
}

/// Where the reader goes on: `Last-Event-ID`, or `last_event_id` of the query for readers that cannot send headers. What
/// is no id counts as none; of several headers the first counts.
fn last_event_id(asking: &Asking<'_>) -> String {
    let is_id = |text: String| Some(text.trim()).filter(|text| id::check(text).is_ok()).map(str::to_owned);
    let header = || asking.request.head.header("last-event-id")?.split(',').next().map(str::to_owned);
    let query = || asking.request.lenient_query("last_event_id");
    header().and_then(is_id).or_else(|| query().and_then(is_id)).unwrap_or_default()
}
