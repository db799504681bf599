//! Which surface a host serves (agent-endpoints §1). The host decides before the path is looked at, and a host that
//! is not ours is refused: nothing is served by accident on a name that somebody else pointed at us.

use crate::id::{AgentId, AgentRef};
use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest host name in characters (RFC 1035).
const MAX_HOST_LENGTH: usize = 253;

/// What a host serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Surface {
    /// One agent's endpoint.
    Endpoint(AgentRef),
    /// The host that an agent has while it deploys.
    Pending(AgentId),
    /// `agent.DOMAIN`: endpoints by path.
    EndpointsByPath,
    /// `api.DOMAIN`: the control API.
    Control,
    /// `DOMAIN` and `net.DOMAIN`: network, console and control API.
    Network {
        /// Whether `/agents/<agent>/…` is served too.
        endpoints_by_path: bool,
    },
    /// Loopback, `*.workers.dev` and hosts of the configuration: the last three by path.
    Local,
}

/// Why a host serves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostError {
    /// The host is not ours: 421.
    Misdirected,
    /// The host has the form of an endpoint, but no agent can have that name: 404 `agent_not_found`.
    UnknownAgent,
}

/// The hosts of a deployment.
#[derive(Debug, Clone)]
pub struct Hosts {
    domain: String,
    extra: Vec<String>,
    path_endpoints: bool,
}

impl Hosts {
    /// Reads the configuration: `DOMAIN`, `HOSTS` (separated by commas) and whether `PATH_ENDPOINTS` is on. The error
    /// names the variable at fault.
    pub fn new(domain: &str, extra: &str, path_endpoints: bool) -> Result<Self, String> {
        let domain = domain.trim().to_ascii_lowercase();
        if !is_name(&domain) || is_address(&domain) {
            return Err(format!(
                "DOMAIN must be a host name such as example.com, without scheme and port: {domain}"
            ));
        }
        let extra = extra
            .split(',')
            .map(str::trim)
            .filter(|host| !host.is_empty())
            .map(|host| match normalise(host) {
                Some(name) if host.starts_with('[') == host.contains(':') && !host.contains("]:") => {
                    Ok(name.into_owned())
                }
                _ => Err(format!("HOSTS must list host names without scheme and port: {host}")),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { domain, extra, path_endpoints })
    }

    /// The configured domain, in lower case.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What is served on `host`, which is what a request says: perhaps with a port, in upper case, with a trailing
    /// dot, or an IPv6 address in brackets.
    pub fn surface(&self, host: &str) -> Result<Surface, HostError> {
        let host = normalise(host).ok_or(HostError::Misdirected)?;
        if let Some(label) = below(&host, &self.domain) {
            if let Some(found) = below_domain(label) {
                return found;
            }
        } else if *host == *self.domain && !is_loopback_name(&host) {
            return Ok(Surface::Network { endpoints_by_path: self.path_endpoints });
        }
        let local = is_loopback_name(&host) || below(&host, "workers.dev").is_some();
        if local || self.extra.iter().any(|extra| *extra == *host) {
            return Ok(Surface::Local);
        }
        Err(HostError::Misdirected)
    }

    /// Address of an agent's endpoint, `https://<agent>.agent.DOMAIN`.
    pub fn endpoint_url(&self, scheme: &str, port: Option<u16>, agent: &str) -> String {
        format!("{scheme}://{agent}.agent.{}{}", self.domain, port_suffix(scheme, port))
    }

    /// Address that answers while the agent deploys, `https://pending-<agent-id>.agent.DOMAIN`.
    pub fn pending_url(&self, scheme: &str, port: Option<u16>, agent: &AgentId) -> String {
        self.endpoint_url(scheme, port, &format!("pending-{agent}"))
    }

    /// Address of the same endpoint by path. On a loopback domain it stands on 127.0.0.1, since most programs other
    /// than curl and browsers do not resolve `agent.localhost`.
    pub fn path_url(&self, scheme: &str, port: Option<u16>, agent: &str) -> String {
        let port = port_suffix(scheme, port);
        if is_loopback_name(&self.domain) {
            format!("{scheme}://127.0.0.1{port}/agents/{agent}")
        } else {
            format!("{scheme}://agent.{}{port}/agents/{agent}", self.domain)
        }
    }
}

/// What `label.DOMAIN` is, if the domain gives it a meaning; `label` may hold dots.
fn below_domain(label: &str) -> Option<Result<Surface, HostError>> {
    let known = match label {
        "agent" => Ok(Surface::EndpointsByPath),
        "api" => Ok(Surface::Control),
        "net" => Ok(Surface::Network { endpoints_by_path: false }),
        _ => match below(label, "agent") {
            Some(agent) if agent.contains('.') => Err(HostError::Misdirected),
            Some(agent) => match agent.strip_prefix("pending-") {
                Some(id) => AgentId::parse(id).map(Surface::Pending).map_err(|_| HostError::UnknownAgent),
                None => endpoint(agent),
            },
            None => endpoint(label.strip_prefix("agent-").filter(|agent| !agent.contains('.'))?),
        },
    };
    Some(known)
}

fn endpoint(agent: &str) -> Result<Surface, HostError> {
    AgentRef::parse(agent).map(Surface::Endpoint).map_err(|_| HostError::UnknownAgent)
}

fn port_suffix(scheme: &str, port: Option<u16>) -> String {
    match (scheme, port) {
        (_, None) | ("https", Some(443)) | ("http", Some(80)) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    }
}

/// The part of `host` before `.domain`; `None` unless `host` is below `domain`, label by label.
pub(crate) fn below<'a>(host: &'a str, domain: &str) -> Option<&'a str> {
    host.strip_suffix(domain)?.strip_suffix('.').filter(|label| !label.is_empty())
}

/// Whether `host` (perhaps with a port) names this very machine: `localhost`, `*.localhost`, 127.0.0.0/8, `[::1]`.
pub fn is_loopback(host: &str) -> bool {
    normalise(host).is_some_and(|host| is_loopback_name(&host))
}

fn is_loopback_name(host: &str) -> bool {
    host == "localhost"
        || below(host, "localhost").is_some()
        || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || host == "[::1]"
}

fn is_address(host: &str) -> bool {
    host.parse::<Ipv4Addr>().is_ok()
}

/// `host` without port and one trailing dot, in lower case, an IPv6 address in its shortest form; `None` if it
/// cannot be a host.
fn normalise(host: &str) -> Option<Cow<'_, str>> {
    if let Some(rest) = host.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        return is_port(port).then(|| Cow::Owned(format!("[{address}]")));
    }
    let (name, port) = host.split_at_checked(host.find(':').unwrap_or(host.len()))?;
    let name = name.strip_suffix('.').unwrap_or(name);
    if !is_port(port) || !is_name(name) {
        return None;
    }
    Some(if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

/// Whether `text` is nothing, or a colon and a port; browsers leave the number out where it is the default.
fn is_port(text: &str) -> bool {
    match text.strip_prefix(':') {
        None => text.is_empty(),
        Some(port) => {
            port.bytes().all(|b| b.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok())
        }
    }
}

/// Whether `text` is a name of letters, digits and hyphens in labels of 1 to 63, as an address in figures is too.
pub(crate) fn is_name(text: &str) -> bool {
    text.len() <= MAX_HOST_LENGTH
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hosts(domain: &str) -> Hosts {
        Hosts::new(domain, "proxy.internal, 10.0.0.7 ,[fd00:0::7]", true).unwrap()
    }

    const MISDIRECTED: Result<Surface, HostError> = Err(HostError::Misdirected);
    const UNKNOWN: Result<Surface, HostError> = Err(HostError::UnknownAgent);

    #[test]
    fn each_host_of_the_contract_has_its_surface() {
        let hosts = hosts("Example.com");
        let id = AgentId::mint(3);
        let agent = || Ok(Surface::Endpoint(AgentRef::Id(id.clone())));
        assert_eq!(hosts.surface(&format!("{id}.agent.example.com")), agent());
        assert_eq!(hosts.surface(&format!("agent-{id}.example.com")), agent());
        assert_eq!(hosts.surface(&format!("{id}.Agent.EXAMPLE.com.:8443")), agent());
        assert_eq!(
            hosts.surface(&format!("pending-{id}.agent.example.com")),
            Ok(Surface::Pending(id.clone()))
        );
        assert!(matches!(
            hosts.surface("crm-bot.agent.example.com"),
            Ok(Surface::Endpoint(AgentRef::Alias(_)))
        ));
        assert_eq!(hosts.surface("agent.example.com"), Ok(Surface::EndpointsByPath));
        assert_eq!(hosts.surface("api.example.com:"), Ok(Surface::Control));
        assert_eq!(hosts.surface("example.com"), Ok(Surface::Network { endpoints_by_path: true }));
        assert_eq!(hosts.surface("net.example.com"), Ok(Surface::Network { endpoints_by_path: false }));
        for local in "localhost:8787 127.0.0.1 127.9.9.9:1 [::1]:8787 x.localhost [0:0::1] \
             moltghost.me.workers.dev proxy.internal 10.0.0.7:80 [FD00::7]"
            .split_whitespace()
        {
            assert_eq!(hosts.surface(local), Ok(Surface::Local), "{local}");
        }
    }

    #[test]
    fn any_other_host_is_refused() {
        let hosts = hosts("example.com");
        for host in ". :80 notexample.com example.com.evil.com www.example.com example.com.. \
             xagent.example.com a.b.agent.example.com agent-abc.x.example.com x.api.example.com \
             workers.dev notworkers.dev 10.0.0.8 [::2] [::1 ::1 ::1]:80 example.com:x \
             example.com:99999 example.com/ user@example.com 128.0.0.1 agent.example.com\0 \
             localhost.evil.com notlocalhost пример.com [::1]x [::1]:8:8 [fe80::1%eth0]"
            .split_whitespace()
            .chain(["", "exa mple.com"])
        {
            assert_eq!(hosts.surface(host), MISDIRECTED, "{host}");
        }
        for host in "ab.agent.example.com pending-abc.agent.example.com agent-api.example.com \
             api.agent.example.com agent-pending-x.example.com a--b.agent.example.com"
            .split_whitespace()
        {
            assert_eq!(hosts.surface(host), UNKNOWN, "{host}");
        }
    }

    #[test]
    fn a_local_domain_serves_every_surface() {
        let hosts = hosts("localhost");
        let id = AgentId::mint(3);
        assert_eq!(
            hosts.surface(&format!("{id}.agent.localhost:8787")),
            Ok(Surface::Endpoint(AgentRef::Id(id.clone())))
        );
        assert_eq!(hosts.surface("api.localhost"), Ok(Surface::Control));
        assert_eq!(hosts.surface("agent.localhost:1"), Ok(Surface::EndpointsByPath));
        for local in ["localhost", "127.0.0.1:8787", "other.localhost"] {
            assert_eq!(hosts.surface(local), Ok(Surface::Local), "{local}");
        }
        assert_eq!(hosts.surface("x.y.agent.localhost"), MISDIRECTED);
        assert_eq!(hosts.surface("zz.agent.localhost"), UNKNOWN);
    }

    #[test]
    fn addresses_are_those_that_work_from_programs() {
        let id = AgentId::mint(3);
        let local = hosts("localhost");
        assert_eq!(local.endpoint_url("http", Some(8787), "abc"), "http://abc.agent.localhost:8787");
        assert_eq!(local.path_url("http", Some(8787), "abc"), "http://127.0.0.1:8787/agents/abc");
        let public = hosts("example.com");
        assert_eq!(public.endpoint_url("https", Some(443), "abc"), "https://abc.agent.example.com");
        assert_eq!(public.path_url("https", None, "abc"), "https://agent.example.com/agents/abc");
        assert_eq!(public.pending_url("https", None, &id), format!("https://pending-{id}.agent.example.com"));
    }

    #[test]
    fn a_wrong_configuration_is_refused_by_name() {
        for domain in ["", "https://example.com", "example.com:443", "10.0.0.1", "-a.com", "a..b"] {
            assert!(Hosts::new(domain, "", false).unwrap_err().starts_with("DOMAIN"), "{domain}");
        }
        for extra in ["a:80", "https://a", "a b", "[::1]:80", "[::1"] {
            assert!(Hosts::new("example.com", extra, false).unwrap_err().starts_with("HOSTS"), "{extra}");
        }
        assert!(Hosts::new("example.com", " , ", false).is_ok());
    }

    proptest! {
        #[test]
        fn no_host_panics_and_case_port_and_dot_change_nothing(
            host in "[a-z0-9.-]{0,40}(\\.agent)?(\\.example\\.com|\\.localhost)?", port: u16, raw in "\\PC*",
        ) {
            let hosts = hosts("example.com");
            let _ = (hosts.surface(&raw), is_loopback(&raw));
            let plain = hosts.surface(&host);
            if !host.ends_with('.') && !host.is_empty() {
                prop_assert_eq!(hosts.surface(&format!("{}.:{port}", host.to_uppercase())), plain);
            }
        }
    }
}
