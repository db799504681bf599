//! What ends a call without being anybody's answer: our own failures, and its time being over.

use moltghost_durable::bindings::entry;
use moltghost_durable::bindings::exchange::Exchange;
use moltghost_durable::bindings::Failure;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::Watched;
use moltghost_protocol::object::read_answer;

/// `internal_error`; what went wrong is for the log.
#[allow(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub fn internal(failure: Failure) -> Problem {
    entry::log("internal_error", &failure.0);
    failed()
}

/// `internal_error`, which says nothing more.
pub fn failed() -> Problem {
    Problem::new(Code::InternalError, "Something went wrong here. Tell the operator.")
}

/// Why a run's time is over: its agent ended it, or it took longer than it may.
pub fn over(exchange: &Exchange) -> Problem {
    match exchange.why().map(|told| read_answer(&told)) {
        Some(Ok(Watched::Ended(problem))) => problem,
        _ => timeout(),
    }
}

/// `timeout`.
fn timeout() -> Problem {
    Problem::new(
        Code::Timeout,
        "The run took longer than it may. Ask for less, or raise timeout_seconds; the owner can raise the agent's own.",
    )
}
