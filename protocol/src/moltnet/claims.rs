//! What a credential turned out to be, and what its holder may see and do. Decided anew for each request, from what
//! the directory holds at that moment, so that a revoked token is dead at once.

use super::access::{Caller, Mode, Scopes};
use super::policy::{Visibility, WritePolicy};
use super::settings::Settings;
use super::{fqid, member};

/// Key that a registration has which was made without any credential.
pub const ANONYMOUS: &str = "anonymous";

/// A credential that is known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// What it may do.
    pub scopes: Scopes,
    /// The handle of the agent whose own token it is; `None` for static tokens.
    pub agent: Option<String>,
    /// The agents that it may speak for; empty: all. An agent's own token speaks for that agent.
    pub agents: Vec<String>,
    /// The network that a pairing's token belongs to.
    pub network: Option<String>,
    /// What registrations are bound to: `token:<id>`, or the stored form of an agent's key.
    pub credential: String,
    /// As [`Caller::principal`].
    pub principal: String,
}

impl Claims {
    /// Claims of a static token.
    pub fn of_token(id: &str, scopes: Scopes, agents: Vec<String>, network: Option<String>) -> Self {
        let key = format!("token:{id}");
        Self { scopes, agent: None, agents, network, credential: key.clone(), principal: key }
    }

    /// Claims of an agent's own token.
    pub fn of_agent(id: &str, actor_uid: &str, credential: &str) -> Self {
        Self {
            scopes: Scopes::WRITE.and(Scopes::ATTACH),
            agent: Some(id.to_owned()),
            agents: vec![id.to_owned()],
            network: None,
            credential: credential.to_owned(),
            principal: agent_principal(actor_uid),
        }
    }

    /// Whether it may speak for `agent`.
    pub fn allows(&self, agent: &str) -> bool {
        self.agents.is_empty() || self.agents.iter().any(|allowed| allowed == agent)
    }

    /// The agents in whose name it reads: its own, or those of an attach token with a list.
    pub fn readers(&self) -> &[String] {
        if self.agent.is_some() || self.scopes.any(Scopes::ATTACH) {
            &self.agents
        } else {
            &[]
        }
    }
}

/// The principal of the agent that was registered as `actor_uid`.
pub fn agent_principal(actor_uid: &str) -> String {
    format!("agent:{actor_uid}")
}

/// The caller as rooms know it.
pub fn caller(mode: Mode, claims: Option<&Claims>) -> Caller {
    match claims {
        None => Caller::anonymous(mode),
        Some(claims) => Caller {
            unauthenticated: false,
            scopes: claims.scopes,
            agent: claims.agent.clone(),
            principal: claims.principal.clone(),
        },
    }
}

/// What a caller sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Everything, agents that are in no room too.
    pub all: bool,
    /// Public rooms.
    pub public: bool,
    /// Rooms with any of these members: each reader in every spelling.
    pub members: Vec<String>,
    /// Rooms with members of this network.
    pub network: Option<String>,
}

impl View {
    /// What a caller sees.
    pub fn of(settings: &Settings, claims: Option<&Claims>) -> Self {
        let all = settings.mode() == Mode::None
            || claims.is_some_and(|claims| claims.scopes.any(Scopes::OBSERVE.and(Scopes::ADMIN)));
        let readers = claims.filter(|_| settings.member_read).map(Claims::readers).unwrap_or_default();
        Self {
            all,
            public: settings.reads_publicly(),
            members: readers.iter().flat_map(|id| spellings(&settings.id, id)).collect(),
            network: claims.filter(|c| c.scopes.any(Scopes::PAIR)).and_then(|claims| claims.network.clone()),
        }
    }

    /// Whether a room is seen.
    pub fn sees(&self, home: &str, visibility: Visibility, members: &[String]) -> bool {
        self.all
            || (self.public && visibility == Visibility::Public)
            || members.iter().any(|member| {
                self.members.contains(member)
                    || self.network.as_deref().is_some_and(|net| member::identity(home, member).0 == net)
            })
    }
}

/// Every way to write a local agent as a member.
pub fn spellings(home: &str, id: &str) -> [String; 3] {
    [id.to_owned(), member::scoped(home, id), fqid::agent(home, id)]
}

/// Whether a caller who speaks for `agents` could post to a room: what documents call `can_write`. The room decides
/// again for each message.
pub fn could_write(
    settings: &Settings,
    claims: Option<&Claims>,
    agents: &[String],
    policy: WritePolicy,
    members: &[String],
) -> bool {
    if settings.mode() == Mode::None {
        return true;
    }
    let Some(claims) = claims.filter(|claims| claims.scopes.any(Scopes::WRITE)) else { return false };
    if claims.scopes.any(Scopes::ADMIN) {
        return true;
    }
    let own = claims.agent.is_some();
    match policy {
        WritePolicy::Operators => !own,
        WritePolicy::RegisteredAgents if own => true,
        WritePolicy::RegisteredAgents | WritePolicy::Members => {
            agents.iter().any(|agent| member::is_member(&settings.id, members, &settings.id, agent))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::tests::{agent, settings, token};
    use super::*;

    fn sees(
        mode: &str,
        read: &str,
        claims: Option<&Claims>,
        visibility: Visibility,
        members: &[&str],
    ) -> bool {
        let settings = settings(&[("AUTH", mode), ("PUBLIC_READ", read)]);
        let members: Vec<String> = members.iter().map(|m| (*m).to_owned()).collect();
        View::of(&settings, claims).sees(&settings.id, visibility, &members)
    }

    /// `moltnet.md` §6.1, with `moltnet-rulings.md` §4 and the pairing rule of §1.
    #[test]
    fn each_row_of_who_reads_a_room() {
        use Visibility::{Private, Public};
        let observe = token(Scopes::OBSERVE, &[]);
        let admin = token(Scopes::ADMIN, &[]);
        let write = token(Scopes::WRITE, &[]);
        let attach = token(Scopes::ATTACH, &["a"]);
        let unlisted = token(Scopes::ATTACH, &[]);
        let pair = Claims { network: Some("far".into()), ..token(Scopes::PAIR, &[]) };
        assert!(sees("none", "off", None, Private, &[]));
        assert!(sees("none", "on", None, Private, &[]));
        for claims in [&observe, &admin] {
            assert!(sees("bearer", "off", Some(claims), Private, &[]));
        }
        assert!(sees("bearer", "on", None, Public, &[]));
        assert!(sees("open", "off", None, Public, &[]));
        assert!(!sees("bearer", "off", Some(&write), Public, &[]));
        assert!(!sees("bearer", "on", Some(&write), Private, &["a"]));
        for member in ["a", "local:a", "molt://local/agents/a"] {
            assert!(sees("bearer", "off", Some(&agent("a")), Private, &[member]));
            assert!(sees("bearer", "off", Some(&attach), Private, &[member]));
        }
        assert!(!sees("bearer", "off", Some(&agent("a")), Private, &["b", "far:a"]));
        assert!(!sees("bearer", "off", Some(&unlisted), Private, &["a"]));
        assert!(sees("bearer", "off", Some(&pair), Private, &["far:x"]));
        assert!(!sees("bearer", "off", Some(&pair), Private, &["a"]));
        assert!(!sees("bearer", "off", Some(&pair), Public, &[]));
    }

    #[test]
    fn each_row_of_who_could_write() {
        use WritePolicy::{Members, Operators, RegisteredAgents};
        let could = |mode: &str, claims: Option<&Claims>, policy| {
            let settings = settings(&[("AUTH", mode)]);
            let agents = claims.map(|claims| claims.agents.clone()).unwrap_or_default();
            could_write(&settings, claims, &agents, policy, &["a".into(), "far:b".into()])
        };
        let both = token(Scopes::ADMIN.and(Scopes::WRITE), &[]);
        let write = token(Scopes::WRITE, &[]);
        let limited = token(Scopes::WRITE, &["a"]);
        for policy in [Members, RegisteredAgents, Operators] {
            assert!(could("none", None, policy));
            assert!(could("bearer", Some(&both), policy));
            assert!(!could("open", None, policy));
            assert!(!could("bearer", Some(&token(Scopes::ADMIN, &[])), policy));
        }
        assert!(could("bearer", Some(&write), Operators));
        assert!(!could("bearer", Some(&agent("a")), Operators));
        assert!(could("bearer", Some(&agent("a")), Members));
        assert!(could("bearer", Some(&limited), Members));
        assert!(could("bearer", Some(&limited), RegisteredAgents));
        assert!(!could("bearer", Some(&agent("b")), Members), "a member of another network is another agent");
        assert!(could("bearer", Some(&agent("b")), RegisteredAgents));
        assert!(!could("bearer", Some(&write), RegisteredAgents));
    }
}
