//! The address of an origin, taken apart and put together again: what is fetched is what was checked.

use crate::host::is_name;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Longest URL.
pub const MAX_URL_LENGTH: usize = 2_048;

/// How a host is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostForm {
    /// A name.
    Name,
    /// An IPv4 or IPv6 address.
    Address,
}

/// A URL without credentials, query and fragment, in one form: lower-case scheme and host, no default port, no
/// trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginUrl {
    base: String,
    host: Range<usize>,
    path: usize,
    form: HostForm,
}

impl OriginUrl {
    /// Reads a URL; the error says in plain words what is wrong with it. Which hosts are acceptable is for
    /// [`super::OriginRules`] to say.
    pub fn read(url: &str) -> Result<Self, &'static str> {
        if url.len() > MAX_URL_LENGTH {
            return Err("it is longer than 2048 characters");
        }
        if !url.is_ascii() {
            return Err("write international host names in their xn-- form and percent-encode the path");
        }
        if !url.bytes().all(|b| b.is_ascii_graphic()) || url.contains('\\') {
            return Err("it holds a space, a control character or a backslash");
        }
        let (scheme, rest) = url.split_once("://").ok_or("it must begin with https://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "https" => "https",
            "http" => "http",
            _ => return Err("it must begin with https://"),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("it must not hold a user name or password; use the origin's headers");
        }
        if path.contains('#') {
            return Err("it must not hold a fragment (#…)");
        }
        if path.contains('?') {
            return Err("it must not hold a query (?…)");
        }
        let (host, port) = split_port(authority)?;
        let (host, form) = read_host(host)?;
        let port = match (scheme, read_port(port)?) {
            (_, None) | ("https", Some(443)) | ("http", Some(80)) => String::new(),
            (_, Some(port)) => format!(":{port}"),
        };
        check_path(path)?;
        let start = scheme.len() + 3;
        let host_span = start..start + host.len();
        let path_start = host_span.end + port.len();
        let base = format!("{scheme}://{host}{port}{}", path.trim_end_matches('/'));
        Ok(Self { base, host: host_span, path: path_start, form })
    }

    /// The URL, without a trailing slash.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The host in lower case, an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        self.base.get(self.host.clone()).unwrap_or_default()
    }

    /// How the host is written.
    pub fn form(&self) -> HostForm {
        self.form
    }

    /// Whether it is HTTPS.
    pub fn is_https(&self) -> bool {
        self.base.starts_with("https:")
    }

    /// The address of one of our routes' `path` at this origin. A base that already ends with the path's first
    /// segment, as `https://host/v1` does for `/v1/models`, does not repeat it.
    pub fn join(&self, path: &str) -> String {
        let base_path = self.base.get(self.path..).unwrap_or_default();
        let second = path.get(1..).and_then(|rest| rest.find('/')).map_or(path.len(), |at| at + 1);
        let rest = match path.split_at_checked(second) {
            Some((first, rest)) if first.len() > 1 && base_path.ends_with(first) => rest,
            _ => path,
        };
        let mut url = String::with_capacity(self.base.len() + rest.len());
        url.push_str(&self.base);
        url.push_str(rest);
        url
    }
}

/// Splits an authority at its port.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if authority.starts_with('[') {
        let end = authority.find(']').ok_or("its IPv6 address lacks the closing bracket")?;
        let (host, rest) = authority.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("only a port may follow its host"),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => Err("an IPv6 address stands in brackets"),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn read_port(port: Option<&str>) -> Result<Option<u16>, &'static str> {
    let Some(port) = port else { return Ok(None) };
    let number =
        Some(port).filter(|port| port.bytes().all(|b| b.is_ascii_digit())).and_then(|p| p.parse().ok());
    number.filter(|port| *port > 0).map(Some).ok_or("its port must be a number from 1 to 65535")
}

/// Reads a host. Whatever a URL parser would take for an address in figures must be one in its usual form, so that
/// no notation slips through as a name.
fn read_host(host: &str) -> Result<(String, HostForm), &'static str> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address
            .strip_suffix(']')
            .and_then(|address| address.parse().ok())
            .ok_or("its IPv6 address is not well-formed")?;
        return Ok((format!("[{address}]"), HostForm::Address));
    }
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    if host.is_empty() {
        return Err("it lacks a host");
    }
    if !is_name(&host) {
        return Err(
            "its host may hold letters, digits, hyphens and dots only, in labels of at most 63 characters",
        );
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let figures = last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    if !figures {
        return Ok((host, HostForm::Name));
    }
    match host.parse::<Ipv4Addr>() {
        Ok(address) => Ok((address.to_string(), HostForm::Address)),
        Err(_) => Err("write an IPv4 address as four decimal numbers"),
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let fine = match byte {
            b'%' => [bytes.next(), bytes.next()].iter().all(|b| b.is_some_and(|b| b.is_ascii_hexdigit())),
            _ => byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@".contains(&byte),
        };
        if !fine {
            return Err("its path holds a character that must be percent-encoded");
        }
    }
    let dots =
        |segment: &str| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
    if path.split('/').any(dots) {
        return Err("its path must not hold . or .. as a segment");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn join(base: &str, path: &str) -> String {
        OriginUrl::read(base).unwrap().join(path)
    }

    #[test]
    fn a_repeated_first_segment_stands_once() {
        assert_eq!(join("https://h", "/v1/models"), "https://h/v1/models");
        assert_eq!(join("https://h/", "/v1/models"), "https://h/v1/models");
        assert_eq!(join("https://h/v1", "/v1/chat/completions"), "https://h/v1/chat/completions");
        assert_eq!(join("https://h:8/openai/v1/", "/v1/models"), "https://h:8/openai/v1/models");
        assert_eq!(join("https://h/api", "/v1/models"), "https://h/api/v1/models");
        assert_eq!(join("https://h/xv1", "/v1/models"), "https://h/xv1/v1/models");
        assert_eq!(join("https://v1", "/v1/models"), "https://v1/v1/models");
        assert_eq!(join("https://h/v1", "/v1"), "https://h/v1");
        assert_eq!(join("https://h/v1", "/"), "https://h/v1/");
    }

    #[test]
    fn addresses_have_one_form() {
        for (url, base, host) in [
            ("http://127.0.0.1:80", "http://127.0.0.1", "127.0.0.1"),
            ("https://[0:0::1]:8443/", "https://[::1]:8443", "[::1]"),
            ("https://[::FFFF:1.2.3.4]", "https://[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"),
            ("https://A.b.:443//x//", "https://a.b//x", "a.b"),
        ] {
            let origin = OriginUrl::read(url).unwrap();
            assert_eq!((origin.base(), origin.host()), (base, host));
            assert_eq!(origin.form(), if host == "a.b" { HostForm::Name } else { HostForm::Address });
        }
    }

    #[test]
    fn what_a_browser_would_mend_is_refused() {
        let long = format!("https://a.b/{}", "x".repeat(2_048));
        for url in [
            "",
            "https:",
            "https:///x",
            "https:/a.b",
            "//a.b",
            "a.b",
            "https://",
            "https://:80",
            "ws://a.b",
            "https://u@a.b",
            "https://u:p@a.b",
            "https://a.b?x=1",
            "https://a.b/?",
            "https://a.b#x",
            "https://a.b/#",
            "https://a.b\\@c.d",
            "https://a.b/ x",
            "https://a.b/\t",
            "https://a.b\n.c",
            "https://a..b",
            "https://.a",
            "https://-a.b",
            "https://a_b.c",
            "https://a%2eb",
            "https://a.b:",
            "https://a.b:0",
            "https://a.b:65536",
            "https://a.b:80:80",
            "https://a.b:+80",
            "https://[::1",
            "https://[::1]x",
            "https://[::g]",
            "https://::1",
            "https://é.com",
            "https://a.b/é",
            "https://a.b/%",
            "https://a.b/%2",
            "https://a.b/%zz",
            "https://a.b/..",
            "https://a.b/x/%2E%2e/y",
            "https://a.b/.",
            "https://a.b/<",
            "https://a.b/\"",
            "https://a.b/{}",
            "https://0x",
            "https://1.2.3",
            "https://1.2.3.4.5",
            "https://0300.1.1.1",
            "https://a.b..",
            "https://a.09",
            &long,
        ] {
            assert!(OriginUrl::read(url).is_err(), "{url}");
        }
    }

    proptest! {
        #[test]
        fn a_joined_address_stays_at_its_host(
            base in "https://[a-z]{1,5}\\.[a-z]{2,3}(:[1-9][0-9]{0,3})?(/[a-z0-9]{1,3}){0,3}/?",
            path in "(/[a-z0-9]{1,3}){1,3}",
        ) {
            let origin = OriginUrl::read(&base).unwrap();
            let joined = OriginUrl::read(&origin.join(&path)).unwrap();
            prop_assert_eq!(joined.host(), origin.host());
            prop_assert!(joined.base().starts_with(origin.base()) && joined.base().ends_with(&path));
        }
    }
}
