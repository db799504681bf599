//! Addresses in messages, read as the original's library reads them, so that both take and refuse the same ones in the
//! same words.

use super::quote::quote;
use super::route::decode;
use std::net::Ipv6Addr;

/// Whether an address may stand in a message: `http`, `https` or `molt`, and, but for `molt`, with a host.
///
/// # Errors
/// The original's words.
pub fn check(url: &str) -> Result<(), String> {
    let (before, fragment) = url.split_once('#').unwrap_or((url, ""));
    let invalid = |whole: &str, fault: &str| format!("is invalid: parse {}: {fault}", quote(whole));
    let (scheme, host) = parse(before).map_err(|fault| invalid(before, &fault))?;
    escapes(fragment).map_err(|fault| invalid(url, &fault))?;
    if !matches!(scheme.as_str(), "http" | "https" | "molt") {
        return Err(format!("scheme {} is unsupported", quote(&scheme)));
    }
    if scheme != "molt" && decode(host).is_none_or(|host| host.trim().is_empty()) {
        return Err("host is required".to_owned());
    }
    Ok(())
}

/// The scheme in lower case, and the host with its port, still encoded.
fn parse(url: &str) -> Result<(String, &str), String> {
    if url.bytes().any(|b| b.is_ascii_control()) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let (scheme, rest) = scheme_of(url)?;
    let scheme = scheme.to_ascii_lowercase();
    let path = rest.split('?').next().unwrap_or_default();
    if !path.starts_with('/') {
        if scheme.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
        // What follows a scheme without a slash is free.
        if scheme.is_empty() {
            escapes(path)?;
        }
        return Ok((scheme, ""));
    }
    let authority = path.strip_prefix("//").filter(|rest| !scheme.is_empty() || !rest.starts_with('/'));
    let Some(rest) = authority else {
        escapes(path)?;
        return Ok((scheme, ""));
    };
    let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or_default();
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    check_host(host)?;
    if let Some(user) = user {
        if !user.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b)) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        escapes(user)?;
    }
    escapes(path)?;
    Ok((scheme, host))
}

/// What stands before the first colon, if that is a scheme, and what follows.
fn scheme_of(url: &str) -> Result<(&str, &str), String> {
    let other = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    match url.find(other).filter(|at| url.get(*at..).is_some_and(|rest| rest.starts_with(':'))) {
        Some(0) => Err("missing protocol scheme".to_owned()),
        Some(at) if url.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let (scheme, rest) = url.split_at_checked(at).unwrap_or_default();
            Ok((scheme, rest.strip_prefix(':').unwrap_or_default()))
        }
        _ => Ok(("", url)),
    }
}

/// The form of a host and its port.
fn check_host(host: &str) -> Result<(), String> {
    if host.rfind('[').is_some_and(|at| at > 0) {
        return Err("invalid IP-literal".to_owned());
    }
    if let Some(literal) = host.strip_prefix('[') {
        let (literal, port) = literal.rsplit_once(']').ok_or("missing ']' in host")?;
        check_port(port)?;
        let (address, zone) = literal.split_once("%25").unwrap_or((literal, ""));
        escapes(zone)?;
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("invalid host: ParseAddr({}): unable to parse IP", quote(address))),
        };
    }
    if let Some(port) = host.rfind(':').and_then(|at| host.get(at..)) {
        check_port(port)?;
    }
    for (at, c) in host.char_indices().filter(|(_, c)| c.is_ascii()) {
        if c == '%' {
            let escape = host.get(at..at + 3).unwrap_or_default();
            escapes(host.get(at..).unwrap_or_default())?;
            // A host has encoded letters beyond ASCII, and none within.
            if escape != "%25" && escape.as_bytes().get(1).is_none_or(|digit| *digit < b'8') {
                return Err(format!("invalid URL escape {}", quote(escape)));
            }
        } else if !(c.is_ascii_alphanumeric() || "!$&'()*+,;=:[]<>\"-_.~".contains(c)) {
            return Err(format!("invalid character {} in host name", quote(&c.to_string())));
        }
    }
    Ok(())
}

/// A colon and digits, or nothing.
fn check_port(port: &str) -> Result<(), String> {
    let digits = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if port.is_empty() || port.strip_prefix(':').is_some_and(digits) {
        return Ok(());
    }
    Err(format!("invalid port {} after host", quote(port)))
}

/// Every percent sign must stand before two hexadecimal digits.
fn escapes(text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices('%') {
        let rest = text.get(at..).unwrap_or_default();
        if !matches!(rest.as_bytes(), [_, a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit()) {
            let escape: String = rest.chars().take(3).collect();
            return Err(format!("invalid URL escape {}", quote(&escape)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use proptest::prelude::*;

    #[test]
    fn what_the_original_takes() {
        for fine in [
            "https://a.example/x?y#z",
            "HTTP://a:8080",
            "molt://n/agents/a",
            "molt:",
            "https://[::1]:1/",
            "https://u:p@x/",
            "https://ä/",
            "https://%c3%a4/",
            "https://x:99999/",
            "https://x?%zz",
            "https://a<b/",
            "https://x/#a b",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn what_the_original_refuses_in_its_words() {
        let invalid = |whole: &str, fault: &str| format!("is invalid: parse \"{whole}\": {fault}");
        for (url, fault) in [
            ("ftp://a/b", "scheme \"ftp\" is unsupported".to_owned()),
            ("/a/b", "scheme \"\" is unsupported".to_owned()),
            ("*", "scheme \"\" is unsupported".to_owned()),
            ("https:///b", "host is required".to_owned()),
            ("https:b", "host is required".to_owned()),
            (":a", invalid(":a", "missing protocol scheme")),
            ("1a:b#c", invalid("1a:b", "first path segment in URL cannot contain colon")),
            ("https://a\u{1}b", invalid("https://a\\x01b", "net/url: invalid control character in URL")),
            ("https://a:b/", invalid("https://a:b/", "invalid port \":b\" after host")),
            ("https://[::1/", invalid("https://[::1/", "missing ']' in host")),
            ("https://a b/", invalid("https://a b/", "invalid character \" \" in host name")),
            ("https://%zz/", invalid("https://%zz/", "invalid URL escape \"%zz\"")),
            ("https://%41/", invalid("https://%41/", "invalid URL escape \"%41\"")),
            ("https://x/%zz", invalid("https://x/%zz", "invalid URL escape \"%zz\"")),
            ("https://x/%4", invalid("https://x/%4", "invalid URL escape \"%4\"")),
            ("https://x/#%", invalid("https://x/#%", "invalid URL escape \"%\"")),
            ("https://u p@x/", invalid("https://u p@x/", "net/url: invalid userinfo")),
        ] {
            assert_eq!(check(url), Err(fault), "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_address_panics(url in "\\PC*", likely in "[a-z%:/@\\[\\]#?ä]{0,20}") {
            let _ = (check(&url), check(&likely));
        }
    }
}
