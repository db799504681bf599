//! The way to a pod: the addresses of our routes at its origin, and small questions about what it has.

use super::fault::internal;
use crate::objects::agent_at;
use crate::request::Request;
use moltghost_durable::bindings::inquiry::{Asked, Inquiry};
use moltghost_durable::bindings::tunnel::Tunnel;
use moltghost_protocol::endpoint::capability::Question;
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::object::agent::Target;
use moltghost_protocol::object::tunnel::Socket;
use moltghost_protocol::request_id::RunId;

/// Where one of our routes is at a pod.
pub enum Way {
    /// At an address.
    Address(String),
    /// Over a tunnel, at the path.
    Tunnel(Tunnel),
}

impl Way {
    /// What a request that goes this way names: the whole address, or the path where there is a tunnel.
    pub fn address<'a>(&'a self, path: &'a str) -> &'a str {
        match self {
            Self::Address(url) => url,
            Self::Tunnel(_) => path,
        }
    }
}

/// The way to one of our routes at an agent's pod, for a run or for a question of our own.
///
/// # Errors
/// As [`url`].
pub fn way(request: &Request, target: &Target, path: &str, run: Option<&RunId>) -> Result<Way, Problem> {
    Ok(match target.tunnel() {
        None => Way::Address(url(request, target, path)?),
        Some((agent, link)) => {
            let who = link.map_or_else(|| Socket::Call(run.cloned()), Socket::Question);
            let opened = run.and_then(|_| request.opened.take());
            Way::Tunnel(Tunnel::new(&request.env, &agent_at(&agent), &who, opened).map_err(internal)?)
        }
    })
}

/// The address of one of our routes at an agent's origin. The rules are asked again: they may have changed since the
/// origin was set.
///
/// # Errors
/// `agent_unreachable` where the origin is not allowed any more.
fn url(request: &Request, target: &Target, path: &str) -> Result<String, Problem> {
    request.config()?.origin(&target.url).map(|origin| origin.join(path)).map_err(|why| {
        let message = format!("The agent's origin may not be called: {why}. Its owner must set another.");
        Problem::new(Code::AgentUnreachable, message).retry(Retry::No)
    })
}

/// Asks a pod a small question, with the origin's own headers and nothing of a caller.
///
/// # Errors
/// As [`url`]; `internal_error` where the runtime takes no such request.
pub fn ask(
    request: &Request,
    target: &Target,
    question: Question,
    timeout_ms: u32,
    limit: u32,
) -> Result<Asked, Problem> {
    let way = way(request, target, question.path, None)?;
    let address = way.address(question.path);
    let head = format!(
        "{} {address}\naccept: application/json\ncontent-type: application/json\naccept-encoding: identity\n{}",
        question.method, target.headers
    );
    let inquiry = Inquiry { head: &head, body: question.body(), timeout_ms, limit };
    match &way {
        Way::Address(_) => inquiry.send(),
        Way::Tunnel(tunnel) => inquiry.send_over(tunnel),
    }
    .map_err(internal)
}
