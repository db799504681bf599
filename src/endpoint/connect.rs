//! `GET /_connect`: a pod's connector brings its WebSocket, which the agent's object has from then on.

use super::{Called, Refusal};
use crate::answer::{common, Answer};
use crate::objects::agent_at;
use crate::request::Request;
use moltghost_durable::bindings::sockets::open_attachment;
use moltghost_protocol::credential::ConnectToken;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::read_answer;
use moltghost_protocol::object::tunnel::Socket;

/// Takes a connector.
pub async fn serve(request: &Request, called: &Called) -> Result<Answer, Refusal> {
    let upgrade = request.head.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    if !upgrade {
        let message = "This takes the WebSocket of a pod's connector. docs/tunnel-protocol.md describes it.";
        return Err(Problem::new(Code::InvalidRequest, message).into());
    }
    // What cannot be a token of this agent is refused here, without asking anybody.
    let text = request.bearer().unwrap_or_default();
    if ConnectToken::parse(text).is_none_or(|token| token.agent != called.id) {
        return Err(Problem::new(
            Code::InvalidApiKey,
            "This is not the agent's connect token. Check the Authorization header; an admin of the account makes a new \
             one with POST /api/v1/agents/{agent}/connect-token.",
        )
        .into());
    }
    let who = serde_json::to_string(&Socket::Connect(text.to_owned())).unwrap_or_default();
    let headers = common(&request.id, request.host());
    match open_attachment(&request.env, &agent_at(&called.id), &who, &headers).await {
        Ok(Ok(response)) => Ok(Answer::ready(response)),
        Ok(Err(refusal)) => Err(match read_answer::<()>(&refusal) {
            Err(problem) => crate::objects::shown(request, problem).into(),
            Ok(()) => super::fault::failed().into(),
        }),
        Err(failure) => Err(super::internal(failure).into()),
    }
}
