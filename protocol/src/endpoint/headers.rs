//! Headers that cross the layer: an allowlist each way (agent-endpoints §2, architecture rule 13). The caller's key
//! never reaches a pod, and no cookie, redirect or script of a pod ever reaches a caller.

/// Longest value that is passed on.
const MAX_VALUE_LENGTH: usize = 8 * 1024;

/// Most headers that are passed on.
const MAX_PASSED: usize = 64;

/// What a pod is always told, whatever the caller declared.
const CONTENT_TYPE: (&str, &str) = ("content-type", "application/json");

/// Headers of a caller that every pod gets.
const TO_POD: [&str; 6] =
    ["accept", "accept-language", "user-agent", "traceparent", "tracestate", "idempotency-key"];

/// Headers that no agent may ask for: credentials, what belongs to one connection, what says where a caller is, and
/// what the layer sets itself.
const NEVER: [&str; 32] = [
    "accept-encoding",
    "authorization",
    "cdn-loop",
    "connection",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "cookie2",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "via",
    "www-authenticate",
    "x-real-ip",
    "x-request-id",
];

/// The same by how they begin.
const NEVER_PREFIXES: [&str; 5] = ["cf-", "x-forwarded-", "x-moltghost-", "x-original-", "x-client-ip"];

fn begins(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether `name` is a token of RFC 9110, of at most 64 characters.
pub(crate) fn is_token(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether `name` is one that no agent may ask for.
fn is_forbidden(name: &str) -> bool {
    NEVER.iter().any(|other| other.eq_ignore_ascii_case(name))
        || NEVER_PREFIXES.iter().any(|prefix| begins(name, prefix))
}

/// Checks a name of `forward_headers`; the error says in plain words why it cannot be forwarded.
pub fn check_forward_header(name: &str) -> Result<(), &'static str> {
    if !is_token(name) {
        return Err("a header name is 1 to 64 letters, digits and hyphens");
    }
    if is_forbidden(name) {
        return Err(
            "this header is never passed on to a pod: it carries credentials, belongs to one connection, \
             tells where the caller is, or is set by the layer itself",
        );
    }
    Ok(())
}

/// Whether a value can be written as it is: no control characters, nothing that is not a byte.
fn is_clean(value: &str) -> bool {
    value.len() <= MAX_VALUE_LENGTH && value.chars().all(|c| !c.is_control() && u32::from(c) <= 0xff)
}

/// The headers of a caller that go to the pod; `forward` names those that the agent asks for besides the usual ones.
/// `content-type` is the first of them, always for JSON.
pub fn to_pod<'h>(
    headers: impl Iterator<Item = (&'h str, &'h str)>,
    forward: &[String],
) -> Vec<(&'h str, &'h str)> {
    let allowed = |name: &str| {
        let usual =
            TO_POD.iter().any(|other| other.eq_ignore_ascii_case(name)) || begins(name, "x-stainless-");
        let asked = || forward.iter().any(|other| other.eq_ignore_ascii_case(name));
        (usual || asked()) && check_forward_header(name).is_ok()
    };
    let passed = headers.filter(|(name, value)| allowed(name) && is_clean(value)).take(MAX_PASSED);
    std::iter::once(CONTENT_TYPE).chain(passed).collect()
}

/// What an answer of a pod is declared to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `application/json` or `application/…+json`
    Json,
    /// `text/event-stream`
    EventStream,
    /// Anything else.
    Other,
}

impl ContentType {
    /// Reads the header's value; parameters do not matter.
    pub fn of(value: &str) -> Self {
        let essence = value.split(';').next().unwrap_or_default().trim();
        let json = || {
            let suffix = essence.len().checked_sub(5).and_then(|at| essence.get(at..));
            begins(essence, "application/")
                && suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
        };
        if essence.eq_ignore_ascii_case("application/json") || json() {
            Self::Json
        } else if essence.eq_ignore_ascii_case("text/event-stream") {
            Self::EventStream
        } else {
            Self::Other
        }
    }

    /// The value that a caller gets; `None` for what is not passed on.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("application/json"),
            Self::EventStream => Some("text/event-stream"),
            Self::Other => None,
        }
    }
}

/// The headers of a pod's answer that go to the caller: its content type, if it is one of the known two, and
/// `openai-*`.
pub fn from_pod<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> Vec<(&'h str, &'h str)> {
    headers
        .filter_map(|(name, value)| {
            if name.eq_ignore_ascii_case("content-type") {
                ContentType::of(value).as_str().map(|value| (name, value))
            } else {
                (begins(name, "openai-") && is_token(name) && is_clean(value)).then_some((name, value))
            }
        })
        .take(MAX_PASSED)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pod_gets_the_listed_headers_and_no_others() {
        let given = [
            ("Authorization", "Bearer molti_x"),
            ("cookie", "a=b"),
            ("content-type", "text/plain"),
            ("Accept", "*/*"),
            ("x-stainless-lang", "js"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("cf-connecting-ip", "1.2.3.4"),
            ("x-tenant", "blue"),
            ("x-other", "no"),
            ("user-agent", "evil\r\nx: y"),
        ];
        let forward =
            ["X-Tenant", "authorization", "cookie", "cf-connecting-ip", "x-forwarded-for"].map(String::from);
        assert_eq!(
            to_pod(given.into_iter(), &forward),
            [CONTENT_TYPE, ("Accept", "*/*"), ("x-stainless-lang", "js"), ("x-tenant", "blue")]
        );
    }

    #[test]
    fn a_flood_of_headers_is_cut() {
        let long = "a".repeat(MAX_VALUE_LENGTH + 1);
        let names: Vec<String> = (0..200).map(|n| format!("x-stainless-{n}")).collect();
        let given =
            std::iter::once(("accept", long.as_str())).chain(names.iter().map(|name| (name.as_str(), "1")));
        assert_eq!(to_pod(given, &[]).len(), MAX_PASSED + 1);
    }

    #[test]
    fn names_that_may_be_forwarded_are_told_apart() {
        for name in ["x-tenant", "X-Openclaw-Agent-Id", "origin", "referer", "openai-beta"] {
            assert_eq!(check_forward_header(name), Ok(()), "{name}");
        }
        for name in [
            "",
            "a b",
            "é",
            "x:y",
            &"a".repeat(65),
            "Cookie",
            "AUTHORIZATION",
            "CF-Ray",
            "x-moltghost-run",
            "X-Forwarded-Host",
            "host",
            "content-length",
            "te",
        ] {
            assert!(check_forward_header(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_caller_gets_no_cookie_and_no_foreign_content_type() {
        let given = [
            ("Content-Type", "application/json; charset=utf-8"),
            ("set-cookie", "a=b"),
            ("location", "https://x"),
            ("OpenAI-Processing-Ms", "12"),
            ("openai-version", "a\0"),
        ];
        let passed = [("Content-Type", "application/json"), ("OpenAI-Processing-Ms", "12")];
        assert_eq!(from_pod(given.into_iter()), passed);
        assert!(from_pod([("content-type", "text/html")].into_iter()).is_empty());
    }

    #[test]
    fn content_types_are_read_without_their_parameters() {
        assert_eq!(ContentType::of("Text/Event-Stream;charset=utf-8"), ContentType::EventStream);
        assert_eq!(ContentType::of("application/problem+json"), ContentType::Json);
        for other in
            ["", "text/html", "text/json", "+json", "json", "application/jsonx", "text/event-stream2"]
        {
            assert_eq!(ContentType::of(other), ContentType::Other, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_on_can_always_be_written(name in "\\PC{0,12}", value in ".{0,12}") {
            let given = [(name.as_str(), value.as_str())];
            let forward = [name.clone()];
            for (name, value) in to_pod(given.into_iter(), &forward).into_iter().chain(from_pod(given.into_iter())) {
                prop_assert!(is_token(name) && !is_forbidden(name) || name == "content-type");
                prop_assert!(!value.chars().any(char::is_control));
            }
        }
    }
}
