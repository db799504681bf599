//! `/ws` and the tickets for it (agent-endpoints §6): lets nobody in itself. The upgrade goes on to the agent's object,
//! which checks the caller and has the socket from then on; its runs come back as [`super::call::chat`].

use super::read::{inspect, unexpected};
use super::{noted, presented, Called, Refusal};
use crate::answer::{common, Answer};
use crate::objects::agent_at;
use crate::request::Request;
use moltghost_durable::bindings::random;
use moltghost_durable::bindings::sockets::open_attachment;
use moltghost_protocol::credential::Secret;
use moltghost_protocol::endpoint::route::Route;
use moltghost_protocol::endpoint::socket_frame::{ticket, PROTOCOL, TICKET};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::{Read, Reading, Upgrade};
use moltghost_protocol::object::read_answer;
use moltghost_protocol::object::tunnel::Socket as Opened;
use serde_json::json;

/// Seconds for which a ticket holds.
const TICKET_SECONDS: u32 = 60;

/// `POST /v1/ws-ticket`.
pub async fn make_ticket(request: &Request, called: &Called) -> Result<Answer, Refusal> {
    let text = Secret::mint(random::bytes().map_err(super::internal)?).reveal();
    let (read, lines) = inspect(request, called, Reading::Ticket, Route::Ticket, Some(text.clone())).await?;
    if !matches!(read, Read::Ticket) {
        return Err(unexpected().into());
    }
    let protocols = [PROTOCOL.to_owned(), format!("{TICKET}{text}")];
    let body = json!({ "ticket": text, "expires_in": TICKET_SECONDS, "protocols": protocols });
    Ok(Answer::json(200, &body).lines(&lines))
}

/// `GET /ws`.
pub async fn open(request: &Request, called: &Called) -> Result<Answer, Refusal> {
    let upgrade = request.head.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    if !upgrade {
        let (_, lines) = inspect(request, called, Reading::Health, Route::Socket, None).await?;
        let message = "This path takes a WebSocket: send `Upgrade: websocket` and what goes with it.";
        let problem = Problem::new(Code::InvalidRequest, message).param("upgrade");
        return Err(Refusal { problem, lines: Some(lines) });
    }
    let asked = request.head.header("sec-websocket-protocol").unwrap_or_default();
    let key = presented(request, called)?;
    let ticket = ticket(asked).filter(|_| key.is_none()).map(str::to_owned);
    let ask = Upgrade {
        key,
        ticket,
        alias: called.alias.clone(),
        browser: request.head.header("origin").map(str::to_owned),
    };
    let who = serde_json::to_string(&Opened::Caller(Box::new(ask))).unwrap_or_default();
    let mut headers = common(&request.id, request.host());
    // A caller that asks for protocols takes no answer without one.
    if asked.split(',').any(|protocol| protocol.trim() == PROTOCOL) {
        headers.push_str("sec-websocket-protocol: molti.v1\n");
    }
    request.asked.set(true);
    match open_attachment(&request.env, &agent_at(&called.id), &who, &headers).await {
        Ok(Ok(response)) => Ok(Answer::ready(response)),
        Ok(Err(refusal)) => match read_answer::<()>(&refusal) {
            Err(problem) => Err(noted(request, called, problem).into()),
            Ok(()) => Err(unexpected().into()),
        },
        Err(failure) => Err(super::internal(failure).into()),
    }
}
