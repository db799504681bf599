//! The structured log: one line of JSON for each call and for whatever went wrong. No line holds a query, an id that
//! stands in a path, a header, a credential, or anything that was said.

use crate::request::Request;
use moltghost_durable::bindings::glue;
use moltghost_protocol::time::Millis;
use serde::Serialize;

/// What happened, beside calls that were answered.
#[derive(Serialize)]
struct Incident<'a> {
    event: &'a str,
    request_id: &'a str,
    detail: &'a str,
}

/// A call that was answered.
#[derive(Serialize)]
struct Call<'a> {
    event: &'a str,
    request_id: &'a str,
    method: &'a str,
    route: &'a str,
    status: u16,
    ms: Millis,
    trace_id: Option<&'a str>,
}

/// Writes one line.
pub fn write(event: &str, request: &Request, detail: &str) {
    line(&Incident { event, request_id: &request.id, detail });
}

/// Writes the line of a call that was answered, `ms` milliseconds after it came in. A stream may still go on.
pub fn call(request: &Request, status: u16, ms: Millis) {
    if !request.config.as_ref().is_ok_and(|config| config.logs_calls) {
        return;
    }
    let route = match request.route.get() {
        "" if request.path().starts_with("/api/v1/") => "/api/v1",
        route => route,
    };
    line(&Call {
        event: "call",
        request_id: &request.id,
        method: method(request.method()),
        route,
        status,
        ms,
        trace_id: request.head.header("traceparent").and_then(trace_id),
    });
}

fn line(line: &impl Serialize) {
    let _ = glue::log(&serde_json::to_string(line).unwrap_or_default());
}

/// A method that is known; callers can make up any other.
fn method(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE" | "OPTIONS" => method,
        _ => "other",
    }
}

/// The trace that a call belongs to, by its `traceparent` (W3C Trace Context): 32 hexadecimal digits.
fn trace_id(traceparent: &str) -> Option<&str> {
    let mut parts = traceparent.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let hex = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (version.len() == 2 && hex(version) && trace.len() == 32 && hex(trace)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::trace_id;

    #[test]
    fn only_a_trace_id_is_taken_out_of_a_traceparent() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(trace_id(&format!("00-{id}-b7ad6b7169203331-01")), Some(id));
        for bad in [
            "",
            "00",
            "00-secret-x-01",
            "zz-0af7651916cd43dd8448eb211c80319c-x-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b-01",
        ] {
            assert_eq!(trace_id(bad), None, "{bad}");
        }
    }
}
