//! Origins of browsers as they stand in an `Origin` header (RFC 6454, section 7), which an agent's owner allows.

use std::net::Ipv6Addr;

/// Whether a text can be allowed: `*`, or scheme, host and perhaps a port, with nothing after them.
pub fn is_allowable(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text == "*" || authority.is_some_and(is_authority)
}

fn is_authority(text: &str) -> bool {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host_is_one, rest) = if let Some((address, rest)) = bracketed {
        (address.parse::<Ipv6Addr>().is_ok(), rest)
    } else {
        let (host, rest) = text.split_at_checked(text.find(':').unwrap_or(text.len())).unwrap_or((text, ""));
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        ((1..=253).contains(&host.len()) && host.bytes().all(allowed), rest)
    };
    host_is_one && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::is_allowable;
    use proptest::prelude::*;

    #[test]
    fn real_origins_and_no_others_can_be_allowed() {
        for good in
            ["*", "https://app.example", "http://localhost:3000", "https://[::1]:8080", "https://[::1]"]
        {
            assert!(is_allowable(good), "{good}");
        }
        for bad in
            ["", "app.example", "https://", "https://[", "https://[x]", "https://a:0", "https://a:70000"]
        {
            assert!(!is_allowable(bad), "{bad}");
        }
        for bad in
            ["https://a/", "https://a b", "null", "https://[::1]x", "ftp://a", "https://a:+1", "https://a:"]
        {
            assert!(!is_allowable(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in ".*") {
            let _ = is_allowable(&format!("https://{text}"));
        }
    }
}
