//! Origins: the addresses of pods that owners give and the Worker fetches. Whoever can set one makes the Worker send
//! requests, so an origin is read by the strictest rules that real addresses follow, never by those of a browser
//! (agent-endpoints §7).
//!
//! What no rule on names can stop is a public name that resolves to a private address; Workers have no private
//! network to be reached that way.

pub mod header;
pub mod url;

pub use header::{check_header, MAX_HEADERS};
pub use url::OriginUrl;

use crate::host::{below, is_loopback, is_name, Hosts, Surface};
use url::HostForm;

/// Ends of names that mean something inside a network only.
const PRIVATE_SUFFIXES: [&str; 12] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "test",
    "invalid",
];

/// Which origins a deployment accepts.
#[derive(Debug, Clone)]
pub struct OriginRules {
    /// Plain HTTP, addresses in figures and names of the local machine are accepted.
    pub development: bool,
    /// Hosts that are accepted, each a name or `*.` and a name, in lower case; empty for any.
    pub allowlist: Vec<String>,
    /// Our own hosts: an origin there would have the Worker call itself.
    pub own: Hosts,
}

impl OriginRules {
    /// Reads the configuration; `allowlist` is `ORIGIN_HOSTS`, separated by commas. The error names that variable.
    pub fn new(development: bool, allowlist: &str, own: Hosts) -> Result<Self, String> {
        let allowlist = allowlist
            .split(',')
            .map(|host| host.trim().to_ascii_lowercase())
            .filter(|host| !host.is_empty())
            .map(|host| {
                if is_name(host.strip_prefix("*.").unwrap_or(&host)) {
                    Ok(host)
                } else {
                    Err(format!(
                        "ORIGIN_HOSTS must list names such as pod.example.com and *.example.com: {host}"
                    ))
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { development, allowlist, own })
    }

    /// Reads an owner's URL; the error says in plain words what is wrong with it.
    pub fn check(&self, url: &str) -> Result<OriginUrl, &'static str> {
        let origin = OriginUrl::read(url)?;
        let host = origin.host();
        if !self.development {
            if !origin.is_https() {
                return Err("it must begin with https://");
            }
            if origin.form() != HostForm::Name {
                return Err("it must have a host name, not an address in figures");
            }
            if !host.contains('.') {
                return Err("its host name must be a public one, with a dot in it");
            }
            if PRIVATE_SUFFIXES.iter().any(|suffix| below(host, suffix).is_some()) {
                return Err("its host name must be a public one, not one of a local network");
            }
        }
        if !self.allowlist.is_empty() && !self.allowlist.iter().any(|pattern| matches(pattern, host)) {
            return Err("its host is not one that the operator accepts (ORIGIN_HOSTS)");
        }
        match self.own.surface(host) {
            Err(crate::host::HostError::Misdirected) => Ok(origin),
            // The machine itself, and workers of others, look like surfaces of ours.
            Ok(Surface::Local) if self.development && is_loopback(host) => Ok(origin),
            Ok(Surface::Local) if self.allowlist.iter().any(|pattern| pattern == host) => Ok(origin),
            Ok(Surface::Local) => {
                Err("its host is one that this deployment may be served on; the operator can list it in ORIGIN_HOSTS")
            }
            _ => Err("its host is this deployment's own"),
        }
    }
}

fn matches(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(domain) => below(host, domain).is_some(),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules(development: bool, allowlist: &str, domain: &str) -> OriginRules {
        OriginRules::new(development, allowlist, Hosts::new(domain, "", false).unwrap()).unwrap()
    }

    #[test]
    fn public_origins_are_accepted() {
        let rules = rules(false, "", "example.com");
        for (given, base) in [
            ("https://pod.example.net", "https://pod.example.net"),
            ("HTTPS://Pod.Example.NET:443/v1/", "https://pod.example.net/v1"),
            ("https://pod.example.net.:8443//", "https://pod.example.net:8443"),
            ("https://xn--bcher-kva.example/a%20b", "https://xn--bcher-kva.example/a%20b"),
            ("https://pod-7.example.com", "https://pod-7.example.com"),
            ("https://1.2.3.4.example", "https://1.2.3.4.example"),
        ] {
            assert_eq!(rules.check(given).map(|origin| origin.base().to_owned()).as_deref(), Ok(base));
        }
    }

    #[test]
    fn nothing_inside_a_network_is_accepted() {
        let rules = rules(false, "", "example.com");
        for url in "http://pod.example.net https://127.0.0.1 https://127.1 https://2130706433 https://0x7f000001 \
             https://0177.0.0.1 https://0x7f.1 https://127.0.0.1. https://10.0.0.08 https://1.2.3.256 https://0 \
             https://[::1] https://[::ffff:127.0.0.1] https://[fe80::1%25eth0] https://localhost https://localhost. \
             https://a.localhost https://pod https://pod.local https://pod.internal https://metadata.google.internal \
             https://x.home.arpa https://a.example:0x50 https://1.2.3.0x4 https://example.0x https://1.2.3.4:443"
            .split_whitespace()
        {
            assert!(rules.check(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_deployment_never_calls_itself() {
        let rules = rules(false, "", "example.com");
        for url in
            "https://example.com https://api.example.com https://agent.example.com https://net.example.com \
             https://demo.agent.example.com https://agent-demo.example.com https://x.agent.example.com \
             https://AGENT.example.com. https://mine.workers.dev"
                .split_whitespace()
        {
            assert!(rules.check(url).is_err(), "{url}");
        }
    }

    #[test]
    fn development_accepts_this_machine_but_no_surface() {
        let rules = rules(true, "", "localhost");
        for url in
            ["http://127.0.0.1:9000", "http://localhost:9000/v1", "http://[::1]:9000", "http://10.0.0.7"]
        {
            assert!(rules.check(url).is_ok(), "{url}");
        }
        for url in
            ["http://api.localhost", "http://demo.agent.localhost:8787", "http://127.1", "ftp://127.0.0.1"]
        {
            assert!(rules.check(url).is_err(), "{url}");
        }
    }

    #[test]
    fn the_operators_list_binds() {
        let rules = rules(false, " Pod.example.net, *.tunnel.example ,peer.workers.dev", "example.com");
        for url in ["https://pod.example.net", "https://a.b.tunnel.example", "https://peer.workers.dev/x"] {
            assert!(rules.check(url).is_ok(), "{url}");
        }
        for url in ["https://x.pod.example.net", "https://tunnel.example", "https://eviltunnel.example"] {
            assert!(rules.check(url).is_err(), "{url}");
        }
        let own = || Hosts::new("example.com", "", false).unwrap();
        for list in ["https://a", "*", "a:80", "*.*.a"] {
            assert!(OriginRules::new(false, list, own()).unwrap_err().starts_with("ORIGIN_HOSTS"), "{list}");
        }
    }

    proptest! {
        #[test]
        fn no_url_panics_and_what_is_accepted_is_public(
            url in "(https?://)?([0-9a-fx.]{0,12}|\\[[0-9a-f:.]{0,9}\\]|[a-z.-]{0,12}|\\PC{0,12})(:[0-9]{0,6})?(/\\PC{0,9})?",
        ) {
            if let Ok(origin) = rules(false, "", "example.com").check(&url) {
                prop_assert!(origin.host().contains(|c: char| c.is_ascii_lowercase()));
                prop_assert!(origin.base().starts_with("https://") && origin.base().is_ascii());
                prop_assert_eq!(OriginUrl::read(origin.base()).unwrap(), origin);
            }
        }
    }
}
