//! The network's paths, matched as the original's router matches them: segment by segment before percent-decoding, so
//! that an encoded slash splits nothing. `GET` takes `HEAD` too, and whatever no route takes goes to the console.

use super::quote::STRAY_BYTES;

/// What a path means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/v1/network`.
    Network,
    /// `/v1/rooms`.
    Rooms,
    /// `/v1/rooms/{id}`.
    Room(String),
    /// `/v1/rooms/{id}/members`.
    Members(String),
    /// `/v1/rooms/{id}/messages`.
    RoomMessages(String),
    /// `/v1/rooms/{id}/threads`.
    Threads(String),
    /// `/v1/threads/{id}`.
    Thread(String),
    /// `/v1/threads/{id}/messages`.
    ThreadMessages(String),
    /// `/v1/dms`.
    Dms,
    /// `/v1/dms/{id}`.
    Dm(String),
    /// `/v1/dms/{id}/messages`.
    DmMessages(String),
    /// `/v1/artifacts`.
    Artifacts,
    /// `/v1/agents`.
    Agents,
    /// `/v1/agents/{id}`.
    Agent(String),
    /// `/v1/agents/register`.
    Register,
    /// `/v1/agents/{id}/token`.
    AgentToken(String),
    /// `/v1/attach`.
    Attach,
    /// `/v1/apply`.
    Apply,
    /// `/v1/messages`.
    Messages,
    /// `/v1/events/stream`.
    Stream,
    /// `/v1/search`.
    Search,
    /// `/v1/pairings`.
    Pairings,
    /// `/v1/pairings/{id}/network`, `…/rooms` or `…/agents`.
    Pairing(String, Beyond),
    /// `/install.md`.
    Install,
    /// `/skill.md`.
    Skill,
    /// `/llms.txt`.
    Llms,
    /// `/metrics`.
    Metrics,
    /// `/healthz`.
    Health,
    /// `/readyz`.
    Ready,
    /// `/console` and what is below.
    Console,
    /// `/console/sign-in`.
    SignIn,
    /// `/console/sign-out`.
    SignOut,
    /// Anything else.
    Other,
}

/// What of a paired network is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// What it is.
    Network,
    /// Its rooms.
    Rooms,
    /// Its agents.
    Agents,
}

/// How a request is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// By this route.
    Route(Route),
    /// 301: the same path without empty segments.
    Moved(String),
    /// 307 to the console: no route takes this `GET`.
    Console,
    /// 405: `Allow` is this.
    NotAllowed(&'static str),
    /// 400: the percent-encoding is broken.
    Broken,
}

impl Route {
    /// The route's pattern as metrics label it, without the method.
    pub fn pattern(&self) -> &'static str {
        match self {
            Self::Network => "/v1/network",
            Self::Rooms => "/v1/rooms",
            Self::Room(_) => "/v1/rooms/{roomID}",
            Self::Members(_) => "/v1/rooms/{roomID}/members",
            Self::RoomMessages(_) => "/v1/rooms/{roomID}/messages",
            Self::Threads(_) => "/v1/rooms/{roomID}/threads",
            Self::Thread(_) => "/v1/threads/{threadID}",
            Self::ThreadMessages(_) => "/v1/threads/{threadID}/messages",
            Self::Dms => "/v1/dms",
            Self::Dm(_) => "/v1/dms/{dmID}",
            Self::DmMessages(_) => "/v1/dms/{dmID}/messages",
            Self::Artifacts => "/v1/artifacts",
            Self::Agents => "/v1/agents",
            Self::Agent(_) => "/v1/agents/{agentID}",
            Self::Register => "/v1/agents/register",
            Self::AgentToken(_) => "/v1/agents/{agentID}/token",
            Self::Attach => "/v1/attach",
            Self::Apply => "/v1/apply",
            Self::Messages => "/v1/messages",
            Self::Stream => "/v1/events/stream",
            Self::Search => "/v1/search",
            Self::Pairings => "/v1/pairings",
            Self::Pairing(_, Beyond::Network) => "/v1/pairings/{pairingID}/network",
            Self::Pairing(_, Beyond::Rooms) => "/v1/pairings/{pairingID}/rooms",
            Self::Pairing(_, Beyond::Agents) => "/v1/pairings/{pairingID}/agents",
            Self::Install => "/install.md",
            Self::Skill => "/skill.md",
            Self::Llms => "/llms.txt",
            Self::Metrics => "/metrics",
            Self::Health => "/healthz",
            Self::Ready => "/readyz",
            Self::Console => "/console/",
            Self::SignIn => "/console/sign-in",
            Self::SignOut => "/console/sign-out",
            Self::Other => "unmatched",
        }
    }

    /// Methods that the path takes, `HEAD` with `GET`.
    fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::Rooms => &["GET", "POST"],
            Self::Room(_) | Self::Agent(_) => &["GET", "DELETE"],
            Self::Members(_) => &["PATCH"],
            Self::Register
            | Self::AgentToken(_)
            | Self::Apply
            | Self::Messages
            | Self::SignIn
            | Self::SignOut => &["POST"],
            Self::Other => &[],
            _ => &["GET"],
        }
    }

    /// `Allow`. Every path takes `GET`, if only to be sent to the console.
    fn allow(&self) -> &'static str {
        let takes = |method| self.methods().contains(&method);
        match (takes("DELETE"), takes("PATCH"), takes("POST")) {
            (true, _, _) => "DELETE, GET, HEAD",
            (_, true, _) => "GET, HEAD, PATCH",
            (_, _, true) => "GET, HEAD, POST",
            _ => "GET, HEAD",
        }
    }
}

impl Found {
    /// What metrics call the route: the pattern with its method, or one word for all that is not there.
    pub fn label(&self, method: &str) -> String {
        match self {
            Self::Route(route) => {
                let method = if method == "HEAD" { "GET" } else { method };
                format!("{method} {}", route.pattern())
            }
            Self::Console => "GET /".to_owned(),
            Self::Moved(_) | Self::NotAllowed(_) | Self::Broken => "unmatched".to_owned(),
        }
    }
}

/// Finds how a request is served; `path` is as it came, still encoded.
pub fn find(method: &str, path: &str) -> Found {
    if path.contains("//") {
        let mut clean = String::with_capacity(path.len());
        for c in path.chars() {
            if c != '/' || !clean.ends_with('/') {
                clean.push(c);
            }
        }
        return Found::Moved(clean);
    }
    let Some(route) = route(path) else { return Found::Broken };
    let read = matches!(method, "GET" | "HEAD");
    if route.methods().contains(&if read { "GET" } else { method }) {
        return Found::Route(route);
    }
    // `/v1/agents/register` is an agent's path too.
    if route == Route::Register && (read || method == "DELETE") {
        return Found::Route(Route::Agent("register".to_owned()));
    }
    if read {
        return Found::Console;
    }
    Found::NotAllowed(if route == Route::Register { "DELETE, GET, HEAD, POST" } else { route.allow() })
}

/// A slash, encoded.
const SLASH: &str = "%2f";

/// The route of a path; `None` where its encoding is broken.
fn route(path: &str) -> Option<Route> {
    let raw: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
    let id = |text: &str| decode(text);
    Some(match *raw.as_slice() {
        // An encoded slash alone is no id to the original's router.
        ["v1", .., last] if last.eq_ignore_ascii_case(SLASH) => Route::Other,
        ["v1", _, id, _] if id.eq_ignore_ascii_case(SLASH) => Route::Other,
        ["healthz"] => Route::Health,
        ["readyz"] => Route::Ready,
        ["metrics"] => Route::Metrics,
        ["install.md"] => Route::Install,
        ["skill.md"] => Route::Skill,
        ["llms.txt"] => Route::Llms,
        ["console", "sign-in"] => Route::SignIn,
        ["console", "sign-out"] => Route::SignOut,
        ["console", ..] => Route::Console,
        ["v1", "network"] => Route::Network,
        ["v1", "attach"] => Route::Attach,
        ["v1", "rooms"] => Route::Rooms,
        ["v1", "rooms", room] if !room.is_empty() => Route::Room(id(room)?),
        ["v1", "rooms", room, "members"] if !room.is_empty() => Route::Members(id(room)?),
        ["v1", "rooms", room, "messages"] if !room.is_empty() => Route::RoomMessages(id(room)?),
        ["v1", "rooms", room, "threads"] if !room.is_empty() => Route::Threads(id(room)?),
        ["v1", "threads", thread] if !thread.is_empty() => Route::Thread(id(thread)?),
        ["v1", "threads", thread, "messages"] if !thread.is_empty() => Route::ThreadMessages(id(thread)?),
        ["v1", "dms"] => Route::Dms,
        ["v1", "dms", dm] if !dm.is_empty() => Route::Dm(id(dm)?),
        ["v1", "dms", dm, "messages"] if !dm.is_empty() => Route::DmMessages(id(dm)?),
        ["v1", "artifacts"] => Route::Artifacts,
        ["v1", "agents"] => Route::Agents,
        ["v1", "agents", "register"] => Route::Register,
        ["v1", "agents", agent] if !agent.is_empty() => Route::Agent(id(agent)?),
        ["v1", "agents", agent, "token"] if !agent.is_empty() => Route::AgentToken(id(agent)?),
        ["v1", "apply"] => Route::Apply,
        ["v1", "messages"] => Route::Messages,
        ["v1", "events", "stream"] => Route::Stream,
        ["v1", "search"] => Route::Search,
        ["v1", "pairings"] => Route::Pairings,
        ["v1", "pairings", pairing, what] if !pairing.is_empty() => match what {
            "network" => Route::Pairing(id(pairing)?, Beyond::Network),
            "rooms" => Route::Pairing(id(pairing)?, Beyond::Rooms),
            "agents" => Route::Pairing(id(pairing)?, Beyond::Agents),
            _ => Route::Other,
        },
        _ => Route::Other,
    })
}

/// Decodes percent signs. A byte that is no UTF-8 becomes a character that stands for it, which [`quote`] writes as the
/// byte; no id holds one. `None` where a percent sign stands for nothing.
///
/// [`quote`]: super::quote::quote
pub fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    let mut decoded = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        decoded.push_str(chunk.valid());
        decoded
            .extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(STRAY_BYTES + u32::from(*byte))));
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encoded_slashes_split_nothing_and_empty_segments_match_nothing() {
        let room = |id: &str| Found::Route(Route::Room(id.into()));
        assert_eq!(find("GET", "/v1/rooms/a"), room("a"));
        assert_eq!(find("HEAD", "/v1/rooms/a%2Fb"), room("a/b"));
        assert_eq!(find("GET", "/v1/rooms/a%20:@b"), room("a :@b"));
        assert_eq!(find("GET", "/v1/rooms/%e4%b8%ad%ff"), room("中\u{10ffff}"));
        assert_eq!(find("GET", "/v1/rooms/"), Found::Console);
        assert_eq!(find("GET", "/v1/rooms/a/"), Found::Console);
        assert_eq!(find("GET", "/v1/rooms/%"), Found::Broken);
        assert_eq!(find("GET", "/v1/rooms/%2F"), Found::Console);
        assert_eq!(find("GET", "/v1/rooms/%2f/messages"), Found::Console);
        assert_eq!(
            find("GET", "/v1/pairings/a%2Fb/rooms"),
            Found::Route(Route::Pairing("a/b".into(), Beyond::Rooms))
        );
        assert_eq!(find("GET", "/v1/pairings/a"), Found::Console);
        assert_eq!(find("GET", "/v1/pairings/a/nope"), Found::Console);
        assert_eq!(find("GET", "/v1//rooms"), Found::Moved("/v1/rooms".into()));
        assert_eq!(find("POST", "//"), Found::Moved("/".into()));
    }

    #[test]
    fn what_no_route_takes_goes_to_the_console_or_is_not_allowed() {
        for path in ["/", "/v1/nope", "/v1/messages", "/v1/apply", "/v1/rooms/a/members", "/foo"] {
            assert_eq!(find("GET", path), Found::Console, "{path}");
        }
        for (method, path, allow) in [
            ("PUT", "/v1/rooms", "GET, HEAD, POST"),
            ("POST", "/v1/rooms/a", "DELETE, GET, HEAD"),
            ("POST", "/v1/rooms/a/members", "GET, HEAD, PATCH"),
            ("DELETE", "/v1/messages", "GET, HEAD, POST"),
            ("OPTIONS", "/v1/network", "GET, HEAD"),
            ("POST", "/v1/nope", "GET, HEAD"),
            ("PUT", "/v1/agents/register", "DELETE, GET, HEAD, POST"),
        ] {
            assert_eq!(find(method, path), Found::NotAllowed(allow), "{method} {path}");
        }
        assert_eq!(find("GET", "/v1/agents/register"), Found::Route(Route::Agent("register".into())));
        assert_eq!(find("POST", "/v1/agents/register"), Found::Route(Route::Register));
        assert_eq!(find("GET", "/console/a/b"), Found::Route(Route::Console));
    }

    proptest! {
        #[test]
        fn no_path_panics(method in "[A-Z]{1,7}", path in "(/[a-z0-9%]{0,8}){0,5}", any in "\\PC*") {
            let _ = (find(&method, &path), find("GET", &any));
        }
    }
}
