//! What browsers are told (agent-endpoints §2): which origins may call an agent, and which headers may be sent and
//! read. Endpoints ignore cookies, so an origin that is allowed gets nothing but what its key opens.

use crate::answer::Answer;
use crate::request::Request;

/// Headers that a script may read.
const EXPOSED: &str =
    "access-control-expose-headers: x-request-id, retry-after, retry-after-ms, x-should-retry, x-moltghost-run-id, \
     x-moltghost-quota-reset, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, \
     ratelimit, ratelimit-policy\n";

/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: &str = "7200";

/// Header lines for an answer to a browser, given the origins that the agent allows.
pub fn lines(request: &Request, allowed: &[String]) -> String {
    if allowed.iter().any(|origin| origin == "*") {
        return refusal_lines();
    }
    match request.head.header("origin") {
        Some(origin) if allowed.iter().any(|a| a == origin) => {
            ["access-control-allow-origin: ", origin, "\nvary: Origin\n", EXPOSED].concat()
        }
        _ => "vary: Origin\n".to_owned(),
    }
}

/// Header lines for what is refused before anybody knows which origins the agent allows: a refusal says nothing
/// that a script may not read.
pub fn refusal_lines() -> String {
    ["access-control-allow-origin: *\n", EXPOSED].concat()
}

/// Answers a preflight. The headers that the script wants to send are allowed by name, since some browsers take no
/// `*` beside `Authorization`.
pub fn preflight(request: &Request, allow: &str, allowed: &[String]) -> Answer {
    let wanted =
        request.head.header("access-control-request-headers").unwrap_or("authorization, content-type");
    let token = |c: char| c.is_ascii_alphanumeric() || "-_, ".contains(c);
    let names = if wanted.len() <= 2_048 && wanted.chars().all(token) {
        wanted
    } else {
        "authorization, content-type"
    };
    Answer::empty(204)
        .header("allow", allow)
        .header("access-control-allow-methods", allow)
        .header("access-control-allow-headers", names)
        .header("access-control-max-age", MAX_AGE)
        .lines(&lines(request, allowed))
}
