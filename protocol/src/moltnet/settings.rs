//! What an operator sets for the network, in variables of the Worker. Read once, refused by the variable's name.

use super::access::{Mode, Registration};
use super::id;
use crate::control::browser_origin::is_allowable;

/// Shortest first admin token in bytes.
pub const MIN_ADMIN_TOKEN: usize = 16;

/// Whom an attachment is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The rooms that its agent is a member of, public rooms, its own direct conversations.
    Members,
    /// As the original: everything, or where the public reads what is public and its own direct conversations.
    Network,
}

/// How attachments are kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// Seldom, so that the hub sleeps in between.
    Hibernate,
    /// As the original.
    Fast,
}

/// Most streams that one identity may have open, unless an operator says otherwise.
pub const STREAMS_PER_IDENTITY: usize = 16;

/// Most streams that a network may have open, unless an operator says otherwise.
pub const STREAMS: usize = 1_000;

/// Most attachments that a network may have open, unless an operator says otherwise.
pub const ATTACHMENTS: usize = 20_000;

/// Highest value of any of these.
pub const MAX_STREAMS: usize = 30_000;

/// Bytes of a D1 database from which on operators are warned: four fifths of what D1 holds.
pub const D1_SIZE_WARNING: u64 = 8_000_000_000;

/// Everything that variables say about the network. Tokens, pairings and limits live in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own that an operator sets")]
pub struct Settings {
    /// `NETWORK_ID`: the network's id, `local` unless set. Never changes once there is data.
    pub id: String,
    /// `NETWORK_NAME`: the name to show, `Local Moltnet` unless set.
    pub name: String,
    /// `AUTH`: `none`, `bearer` or `open`. Unset is `none` on loopback; elsewhere the network is not served.
    pub auth: Option<Mode>,
    /// `PUBLIC_READ`, `off` unless set: anybody reads public rooms. Mode `open` has it on.
    pub public_read: bool,
    /// `AGENT_REGISTRATION`: `disabled` unless set, `token` or `open`. Mode `open` has it open.
    pub registration: Registration,
    /// `HUMAN_INGRESS`, `on` unless set: people may send, besides agents.
    pub human_ingress: bool,
    /// `DIRECT_MESSAGES`, `on` unless set.
    pub direct_messages: bool,
    /// `MEMBER_READ`, `on` unless set: agents read the rooms they are members of, and their own direct messages.
    pub member_read: bool,
    /// `DELIVERY`: `members` unless set, or `network`.
    pub delivery: Delivery,
    /// `HEARTBEAT`: `hibernate` unless set, or `fast`.
    pub heartbeat: Heartbeat,
    /// `AGENT_EVENTS`, `off` unless set: attachments are told of other agents' coming, going and wakes.
    pub agent_events: bool,
    /// `PUBLIC_PRESENCE`, `off` unless set: anybody is told which agents come and go, where the public reads.
    pub public_presence: bool,
    /// `DEBUG_EVENTS`, `off` unless set: events about attachments say why.
    pub debug_events: bool,
    /// `STREAMS_PER_IDENTITY`, 16 unless set: event streams that one token, or one address without, may have open.
    pub streams_per_identity: usize,
    /// `STREAMS`, 1,000 unless set: event streams that the network may have open.
    pub streams: usize,
    /// `ATTACHMENTS`, 20,000 unless set: attachments that the network may have open.
    pub attachments: usize,
    /// `ALLOWED_ORIGINS`, a list with commas: origins of pages that may attach. Unset: our own.
    pub allowed_origins: Vec<String>,
    /// `TRUST_FORWARDED`, `off` unless set: believe `X-Forwarded-Host` and `X-Forwarded-Proto`.
    pub trust_forwarded: bool,
    /// `ALLOW_UNAUTHENTICATED`, `yes`: mode `none` is served off loopback too.
    pub allow_unauthenticated: bool,
    /// `ADMIN_TOKEN`, a secret of at least 16 characters: a token with the scopes observe, write and admin that is
    /// there before any other.
    pub admin_token: Option<String>,
    /// `D1_SIZE_WARNING`: bytes of a D1 database from which on `/v1/network` warns, [`D1_SIZE_WARNING`] unless set.
    pub d1_size_warning: u64,
}

/// Origins of a list, in lower case and without a slash at the end.
fn origins(list: &str) -> Result<Vec<String>, String> {
    let each = list.split(',').map(str::trim).filter(|origin| !origin.is_empty());
    each.map(|origin| {
        let plain = origin.strip_suffix('/').unwrap_or(origin).to_ascii_lowercase();
        if plain != "*" && is_allowable(&plain) {
            Ok(plain)
        } else {
            Err(format!("ALLOWED_ORIGINS must hold origins like https://app.example: {origin}"))
        }
    })
    .collect()
}

impl Settings {
    /// Reads the variables; `get` gives the text of one, empty where it is not set.
    ///
    /// # Errors
    /// What is wrong, naming the variable.
    pub fn read(get: impl Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        let text = |name: &str, default: &str| -> Result<String, String> {
            let text = get(name)?;
            Ok(if text.trim().is_empty() { default.to_owned() } else { text.trim().to_owned() })
        };
        let switch = |name: &str, default: bool| match text(name, "")?.as_str() {
            "" => Ok(default),
            "on" => Ok(true),
            "off" => Ok(false),
            other => Err(format!("{name} must be on or off: {other}")),
        };
        let network = text("NETWORK_ID", "local")?;
        if network.contains(':') || id::check(&network).is_err() {
            return Err(format!("NETWORK_ID must match [A-Za-z0-9][A-Za-z0-9._-]{{0,127}}: {network}"));
        }
        let auth = match text("AUTH", "")?.as_str() {
            "" => None,
            "none" => Some(Mode::None),
            "bearer" => Some(Mode::Bearer),
            "open" => Some(Mode::Open),
            other => return Err(format!("AUTH must be none, bearer or open: {other}")),
        };
        let registration = match text("AGENT_REGISTRATION", "")?.as_str() {
            "" | "disabled" => Registration::Disabled,
            "token" => Registration::Token,
            "open" => Registration::Open,
            other => return Err(format!("AGENT_REGISTRATION must be disabled, token or open: {other}")),
        };
        let delivery = match text("DELIVERY", "")?.as_str() {
            "" | "members" => Delivery::Members,
            "network" => Delivery::Network,
            other => return Err(format!("DELIVERY must be members or network: {other}")),
        };
        let heartbeat = match text("HEARTBEAT", "")?.as_str() {
            "" | "hibernate" => Heartbeat::Hibernate,
            "fast" => Heartbeat::Fast,
            other => return Err(format!("HEARTBEAT must be hibernate or fast: {other}")),
        };
        let most = |name: &str, default: usize| match text(name, "")?.as_str() {
            "" => Ok(default),
            other => match other.parse() {
                Ok(most @ 1..=MAX_STREAMS) => Ok(most),
                _ => Err(format!("{name} must be 1 to {MAX_STREAMS}: {other}")),
            },
        };
        let admin_token = text("ADMIN_TOKEN", "")?;
        if !admin_token.is_empty() && admin_token.len() < MIN_ADMIN_TOKEN {
            return Err(format!("ADMIN_TOKEN must have at least {MIN_ADMIN_TOKEN} characters"));
        }
        let d1_size_warning = match text("D1_SIZE_WARNING", "")?.as_str() {
            "" => D1_SIZE_WARNING,
            bytes => match bytes.parse() {
                Ok(bytes) if bytes > 0 => bytes,
                _ => return Err(format!("D1_SIZE_WARNING must be a number of bytes above 0: {bytes}")),
            },
        };
        let open = auth == Some(Mode::Open);
        Ok(Self {
            id: network,
            name: text("NETWORK_NAME", "Local Moltnet")?,
            auth,
            public_read: open || switch("PUBLIC_READ", false)?,
            registration: if open { Registration::Open } else { registration },
            human_ingress: switch("HUMAN_INGRESS", true)?,
            direct_messages: switch("DIRECT_MESSAGES", true)?,
            member_read: switch("MEMBER_READ", true)?,
            delivery,
            heartbeat,
            agent_events: switch("AGENT_EVENTS", false)?,
            public_presence: switch("PUBLIC_PRESENCE", false)?,
            debug_events: switch("DEBUG_EVENTS", false)?,
            streams_per_identity: most("STREAMS_PER_IDENTITY", STREAMS_PER_IDENTITY)?,
            streams: most("STREAMS", STREAMS)?,
            attachments: most("ATTACHMENTS", ATTACHMENTS)?,
            allowed_origins: origins(&text("ALLOWED_ORIGINS", "")?)?,
            trust_forwarded: switch("TRUST_FORWARDED", false)?,
            allow_unauthenticated: text("ALLOW_UNAUTHENTICATED", "")? == "yes",
            admin_token: (!admin_token.is_empty()).then_some(admin_token),
            d1_size_warning,
        })
    }

    /// How callers prove who they are. Where `AUTH` is not set nobody does, and nothing but loopback is served.
    pub fn mode(&self) -> Mode {
        self.auth.unwrap_or(Mode::None)
    }

    /// Why the network is not served off loopback; `None` where it is.
    pub fn unserved(&self) -> Option<&'static str> {
        match self.auth {
            None => Some("AUTH is not set. Set it to bearer or open, and the secret ADMIN_TOKEN."),
            Some(Mode::None) if !self.allow_unauthenticated => Some(
                "AUTH is none, which lets everybody do everything. Set it to bearer or open, or \
                 ALLOW_UNAUTHENTICATED to yes if that is meant.",
            ),
            Some(_) => None,
        }
    }

    /// Whether anybody reads public rooms; in mode `none` everybody reads everything and the question does not arise.
    pub fn reads_publicly(&self) -> bool {
        self.public_read && self.mode() != Mode::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(|name| {
            Ok(variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()).unwrap_or_default())
        })
    }

    #[test]
    fn defaults_are_the_originals_and_open_mode_opens_reading_and_registration() {
        let plain = read(&[]).unwrap();
        assert_eq!((plain.id.as_str(), plain.name.as_str()), ("local", "Local Moltnet"));
        assert_eq!((plain.auth, plain.mode()), (None, Mode::None));
        assert!(plain.human_ingress && plain.direct_messages && plain.member_read);
        assert!(!plain.public_read && !plain.trust_forwarded);
        assert_eq!((plain.delivery, plain.heartbeat), (Delivery::Members, Heartbeat::Hibernate));
        assert!(!plain.agent_events && !plain.public_presence && !plain.debug_events);
        assert_eq!((plain.streams_per_identity, plain.streams), (16, 1_000));
        assert_eq!((plain.attachments, plain.allowed_origins.len()), (20_000, 0));
        let origins = read(&[("ALLOWED_ORIGINS", "https://A.example/, http://b:1")]).unwrap().allowed_origins;
        assert_eq!(origins, ["https://a.example", "http://b:1"]);
        assert_eq!(read(&[("STREAMS", "30000")]).unwrap().streams, 30_000);
        let open = read(&[("AUTH", "open"), ("PUBLIC_READ", "off")]).unwrap();
        assert!(open.public_read && open.reads_publicly());
        assert_eq!(open.registration, Registration::Open);
        assert!(!read(&[("PUBLIC_READ", "on")]).unwrap().reads_publicly());
    }

    #[test]
    fn what_is_not_safe_is_not_served_off_loopback() {
        assert!(read(&[]).unwrap().unserved().unwrap().starts_with("AUTH is not set"));
        assert!(read(&[("AUTH", "none")]).unwrap().unserved().unwrap().contains("ALLOW_UNAUTHENTICATED"));
        assert_eq!(read(&[("AUTH", "none"), ("ALLOW_UNAUTHENTICATED", "yes")]).unwrap().unserved(), None);
        assert_eq!(read(&[("AUTH", "bearer")]).unwrap().unserved(), None);
    }

    #[test]
    fn wrong_values_are_refused_by_name() {
        for (name, value) in [
            ("NETWORK_ID", "a:b"),
            ("NETWORK_ID", "-a"),
            ("AUTH", "token"),
            ("AGENT_REGISTRATION", "yes"),
            ("PUBLIC_READ", "true"),
            ("DELIVERY", "all"),
            ("HEARTBEAT", "slow"),
            ("DEBUG_EVENTS", "yes"),
            ("STREAMS", "0"),
            ("STREAMS", "30001"),
            ("STREAMS_PER_IDENTITY", "x"),
            ("ATTACHMENTS", "0"),
            ("ALLOWED_ORIGINS", "https://a.example, *"),
            ("ALLOWED_ORIGINS", "a.example"),
            ("ADMIN_TOKEN", "short"),
            ("D1_SIZE_WARNING", "0"),
            ("D1_SIZE_WARNING", "8 GB"),
        ] {
            assert!(read(&[(name, value)]).unwrap_err().starts_with(name), "{name}");
        }
        assert!(!read(&[("ADMIN_TOKEN", "short")]).unwrap_err().contains("short"));
    }
}
