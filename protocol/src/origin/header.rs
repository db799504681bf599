//! Fixed headers of an origin: secrets such as a gateway's token, which the Worker adds to each request to the pod.

use crate::endpoint::headers::is_token;

/// Most headers of one origin.
pub const MAX_HEADERS: usize = 16;

/// Longest value in bytes.
pub const MAX_VALUE_LENGTH: usize = 4 * 1_024;

/// What belongs to one connection or to the body, and so to the Worker.
const RESERVED: [&str; 22] = [
    "accept-encoding",
    "cdn-loop",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "origin",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];

/// The same by how it begins.
const RESERVED_PREFIXES: [&str; 4] = ["sec-", "x-forwarded-", "x-moltghost-", "x-stainless-"];

/// What begins with `cf-` belongs to the edge, but for the service tokens of its access control.
const SERVICE_TOKEN: [&str; 2] = ["cf-access-client-id", "cf-access-client-secret"];

/// Checks one header; the error says in plain words what is wrong with it, without its value.
pub fn check_header(name: &str, value: &str) -> Result<(), &'static str> {
    if !is_token(name) {
        return Err("a header name is 1 to 64 letters, digits and hyphens");
    }
    let name = name.to_ascii_lowercase();
    let reserved = RESERVED.contains(&name.as_str())
        || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || (name.starts_with("cf-") && !SERVICE_TOKEN.contains(&name.as_str()));
    if reserved {
        return Err("this header is set by the layer itself or belongs to one connection");
    }
    if value.is_empty() || value.len() > MAX_VALUE_LENGTH {
        return Err("its value must be 1 to 4096 characters");
    }
    if !value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()) {
        return Err("its value may hold ASCII characters only, no control characters");
    }
    if value.trim() != value {
        return Err("its value must not begin or end with a space");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn secrets_of_the_usual_kinds_are_accepted() {
        for name in ["Authorization", "x-api-key", "CF-Access-Client-Id", "cf-access-client-secret", "cookie"]
        {
            assert_eq!(check_header(name, "Bearer abc"), Ok(()), "{name}");
        }
        assert_eq!(check_header("a", &"x".repeat(MAX_VALUE_LENGTH)), Ok(()));
    }

    #[test]
    fn what_the_layer_sets_is_refused() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "connection",
            "te",
            "upgrade",
            "cf-ray",
            "x-moltghost-run",
            "X-Forwarded-For",
            "x-request-id",
            "sec-fetch-site",
            "content-type",
            "",
            "a b",
            "a:",
            "é",
            &"a".repeat(65),
        ] {
            assert!(check_header(name, "x").is_err(), "{name}");
        }
    }

    #[test]
    fn values_cannot_carry_a_second_header() {
        for value in [
            "",
            " a",
            "a ",
            "a\r\nb: c",
            "a\nb",
            "a\0",
            "a\tb",
            "é",
            "\u{7f}",
            &"x".repeat(MAX_VALUE_LENGTH + 1),
        ] {
            assert!(check_header("x-api-key", value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_one_line(name in ".{0,9}", value in ".{0,9}") {
            if check_header(&name, &value).is_ok() {
                let line = format!("{name}: {value}");
                prop_assert!(!line.contains(['\r', '\n', '\0']));
            }
        }
    }
}
