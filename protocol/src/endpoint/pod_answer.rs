//! What to make of a pod's answer before its body is read (agent-endpoints §7, §9). What cannot be passed on becomes
//! `bad_gateway` with words that say what the pod did; retrying is advised only where the pod cannot have begun.

use super::headers::ContentType;
use crate::error::{Code, Problem, Retry};

/// When to try again after a pod that was too busy to begin.
const BUSY: Retry = Retry::After(2_000);

/// What to do with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Pass the stream on.
    Stream,
    /// Read the whole body as one JSON answer.
    Plain,
    /// Read the body as far as [`super::pod_error::MAX_ERROR_BYTES`], then ask [`super::pod_error::pass_error`].
    ErrorBody,
    /// Refuse; the body is not read.
    Bad(Problem),
}

fn bad(message: impl Into<String>) -> Verdict {
    Verdict::Bad(Problem::new(Code::BadGateway, message))
}

/// Judges an answer to a call that was to be streamed or not.
pub fn judge(status: u16, content_type: Option<&str>, streaming: bool) -> Verdict {
    match status {
        200 => judge_success(content_type, streaming),
        201..=299 => bad(format!("The agent's pod answered {status} where 200 with an answer was due.")),
        300..=399 => bad(format!(
            "The agent's pod answered with a redirect ({status}), which is never followed. Its owner must set the origin to \
             where it leads."
        )),
        401 | 403 | 407 => bad(format!(
            "The agent's pod refused the access layer's credentials ({status}). Its owner must set the origin's headers."
        )),
        400 | 404 | 409 | 413 | 422 | 429 => Verdict::ErrorBody,
        400..=499 => bad(format!("The agent's pod answered {status}, which cannot be passed on.")),
        503 => refused("The agent's pod is not ready to take a call (503). Try again in a moment."),
        // What a proxy in front of the pod says when it could not reach it.
        521..=523 => refused("The origin of the agent's pod cannot be reached. Try again in a moment."),
        524 => Verdict::Bad(Problem::new(
            Code::Timeout,
            "The proxy before the agent's pod gave up waiting for it (524). Stream long calls, or connect the pod by the tunnel.",
        )),
        500..=599 => bad(format!("The agent's pod failed ({status}). Its owner finds the reason in the pod's log.")),
        _ => bad(format!("The agent's pod answered with the unknown status {status}.")),
    }
}

fn refused(message: &str) -> Verdict {
    Verdict::Bad(Problem::new(Code::BadGateway, message).retry(BUSY))
}

fn judge_success(content_type: Option<&str>, streaming: bool) -> Verdict {
    match (content_type.map(ContentType::of), streaming) {
        (Some(ContentType::EventStream), true) => Verdict::Stream,
        // Some pods refuse with an error object and 200; anything else that is no stream is refused there.
        (Some(ContentType::Json), true) => Verdict::ErrorBody,
        // Without a declared type the body decides: what is not JSON is refused when it is read.
        (Some(ContentType::Json) | None, false) => Verdict::Plain,
        (Some(ContentType::EventStream), false) => {
            bad("The agent's pod answered with a stream where none was asked for.")
        }
        (Some(ContentType::Other), _) => {
            bad(
                "The agent's pod answered with something that is neither JSON nor a stream. Its owner should see whether the \
                 origin is right.",
            )
        }
        (None, true) => bad("The agent's pod answered without a content type where a stream was asked for."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, content_type: Option<&str>, streaming: bool) -> Problem {
        match judge(status, content_type, streaming) {
            Verdict::Bad(problem) => problem,
            other => panic!("{status} {content_type:?} {streaming}: {other:?}"),
        }
    }

    const JSON: Option<&str> = Some("application/json");
    const SSE: Option<&str> = Some("text/event-stream; charset=utf-8");
    const HTML: Option<&str> = Some("text/html");

    #[test]
    fn good_answers_are_what_was_asked_for() {
        assert_eq!(judge(200, SSE, true), Verdict::Stream);
        assert_eq!(judge(200, JSON, false), Verdict::Plain);
        assert_eq!(judge(200, None, false), Verdict::Plain);
        assert_eq!(judge(200, JSON, true), Verdict::ErrorBody);
        for (content_type, streaming) in [(SSE, false), (HTML, false), (HTML, true), (None, true)] {
            assert_eq!(problem(200, content_type, streaming).code, Code::BadGateway);
        }
    }

    #[test]
    fn errors_of_the_caller_are_read() {
        for status in [400, 404, 409, 413, 422, 429] {
            assert_eq!(judge(status, HTML, true), Verdict::ErrorBody);
        }
    }

    #[test]
    fn everything_else_is_a_bad_gateway() {
        for status in [
            0,
            100,
            201,
            204,
            205,
            206,
            301,
            302,
            304,
            307,
            401,
            403,
            405,
            407,
            408,
            418,
            451,
            500,
            501,
            502,
            504,
            520,
            525,
            530,
            599,
            600,
            u16::MAX,
        ] {
            let problem = problem(status, JSON, false);
            assert_eq!((problem.code, problem.retry), (Code::BadGateway, None), "{status}");
        }
        assert!(problem(302, None, false).message.contains("redirect"));
        assert!(problem(401, None, false).message.contains("credentials"));
    }

    #[test]
    fn retrying_is_advised_only_where_the_pod_cannot_have_begun() {
        for status in [503, 521, 522, 523] {
            assert_eq!(problem(status, HTML, true).retry, Some(BUSY), "{status}");
        }
        assert_eq!(problem(524, HTML, true).code, Code::Timeout);
    }
}
