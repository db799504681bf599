//! The way to a pod: the addresses of our routes at its origin, and small questions about what it has.

use super::call::internal;
use crate::request::Request;
use moltghost_durable::bindings::inquiry::{Asked, Inquiry};
use moltghost_protocol::endpoint::capability::Question;
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::object::agent::Target;

/// The address of one of our routes at an agent's origin. The rules are asked again: they may have changed since the
/// origin was set.
///
/// # Errors
/// `agent_unreachable` where the origin is not allowed any more.
pub fn url(request: &Request, target: &Target, path: &str) -> Result<String, Problem> {
    let checked = request.config()?.origins.check(&target.url);
    checked.map(|origin| origin.join(path)).map_err(|why| {
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
    let url = url(request, target, question.path)?;
    let headers = format!(
        "accept: application/json\ncontent-type: application/json\naccept-encoding: identity\n{}",
        target.headers
    );
    let body = question.body();
    let inquiry = Inquiry { method: question.method, url: &url, headers: &headers, body, timeout_ms, limit };
    inquiry.send().map_err(internal)
}
