//! `GET /v1/attach`: lets the caller in and passes the upgrade on to the hub, which has the socket from then on. What
//! is said over it never comes here.

use super::ask::{answered_wrongly, Asking};
use super::{credential, write};
use crate::answer::{common, Answer};
use moltghost_durable::bindings::object::{Class, Place};
use moltghost_durable::bindings::sockets::open_attachment;
use moltghost_protocol::host::is_loopback;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::name;
use moltghost_protocol::object::network::{NetworkOp, Reply};
use moltghost_protocol::object::read_outcome;

/// Attaches.
///
/// # Errors
/// The network's refusal; 503 where as many attachments are open as may be.
pub async fn serve(asking: &Asking<'_>) -> Outcome<Answer> {
    let request = asking.request;
    let Reply::Admitted(admitted) = asking.network(NetworkOp::Attach).await? else {
        return Err(answered_wrongly());
    };
    let upgrade = request.head.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    if request.method() != "GET" || !upgrade {
        return Ok(write::plain(400, "Bad Request"));
    }
    if !is_allowed(asking) {
        return Ok(write::plain(403, "Forbidden"));
    }
    let who = serde_json::to_string(&admitted).unwrap_or_default();
    let headers = common(&write::request_id(request), request.host());
    let hub = name::hub(&asking.settings.id);
    match open_attachment(&request.env, &Place::of(Class::Hub, &hub), &who, &headers).await {
        Ok(Ok(response)) => Ok(Answer::ready(response)),
        Ok(Err(refusal)) => Err(match read_outcome::<()>(&refusal) {
            Err(error) => error,
            Ok(()) => MoltnetError::internal("the hub gave no socket"),
        }),
        Err(failure) => Err(MoltnetError::unavailable(format!("the hub cannot be reached: {failure}"))),
    }
}

/// Whether a page of the origin that the caller names may attach: those of the operator's list, else our own, and on
/// loopback those of the same port. A caller without origin is no browser. A cookie, which any page's request carries,
/// counts for our own page alone.
fn is_allowed(asking: &Asking<'_>) -> bool {
    let (request, settings) = (asking.request, asking.settings);
    let bearer = request.head.header("authorization").is_some_and(|text| !text.trim().is_empty());
    if !bearer && credential::cookie(request).is_some() && !credential::is_same_origin(request, settings) {
        return false;
    }
    let Some(origin) = request.head.header("origin").map(str::trim).filter(|text| !text.is_empty()) else {
        return true;
    };
    let origin = origin.strip_suffix('/').unwrap_or(origin).to_ascii_lowercase();
    if !settings.allowed_origins.is_empty() {
        return settings.allowed_origins.contains(&origin);
    }
    let own = credential::base(request, settings).to_ascii_lowercase();
    let port = |text: &str| text.rsplit_once(':').map(|(_, port)| port.to_owned());
    let local = |host: &str| {
        origin.split_once("://").is_some_and(|(scheme, authority)| {
            matches!(scheme, "http" | "https") && is_loopback(authority) && port(authority) == port(host)
        })
    };
    origin == own || (is_loopback(request.host()) && local(request.host()))
}
