//! Who is told of an event: the one rule for observers and attachments. `moltnet.md` §7.6 and §8.5, with
//! `moltnet-rulings.md` #6 and #7.
//!
//! What a conversation is at some place of its log, its [`Standing`], follows from the log alone, entry by entry. An
//! event that is new is judged by the standing at its own place; one that is told again, by the standing now.

use super::access::{Mode, Scopes};
use super::claims::{spellings, Claims};
use super::event::EventType;
use super::message::Message;
use super::policy::Visibility;
use super::settings::{Delivery, Settings};
use serde::{Deserialize, Serialize};

/// Which events about agents somebody is told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentEvents {
    /// None.
    #[default]
    None,
    /// Who came and who left.
    Presence,
    /// All.
    All,
}

/// What somebody who follows the network may be told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Audience {
    /// Every conversation, and what is told of the network itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Public rooms, but not who is in them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// The agent whose own direct conversations are told; empty: nobody's.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Whether the rooms that the agent is a member of are told too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rooms: bool,
    /// Which events about agents.
    #[serde(skip_serializing_if = "is_none")]
    pub agents: AgentEvents,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_none(agents: &AgentEvents) -> bool {
    *agents == AgentEvents::None
}

impl Audience {
    /// What an observer of the event stream is told: everything, or as anybody what is public.
    pub fn observer(settings: &Settings, claims: Option<&Claims>) -> Self {
        if sees_all(settings, claims) {
            return Self::everything();
        }
        let agents = if settings.public_presence { AgentEvents::Presence } else { AgentEvents::None };
        Self { public: settings.reads_publicly(), agents, ..Self::default() }
    }

    /// What an attachment of `agent` is told.
    pub fn attachment(settings: &Settings, claims: Option<&Claims>, agent: &str) -> Self {
        let operator = claims.is_some_and(|claims| claims.scopes.any(Scopes::OBSERVE.and(Scopes::ADMIN)));
        if operator {
            return Self::everything();
        }
        let agents = if settings.agent_events { AgentEvents::All } else { AgentEvents::None };
        let original = settings.delivery == Delivery::Network;
        Self {
            // Where nobody proves who they are, nobody can be told apart.
            all: settings.mode() == Mode::None || (original && !settings.reads_publicly()),
            public: settings.reads_publicly(),
            agent: agent.to_owned(),
            rooms: !original,
            agents,
        }
    }

    fn everything() -> Self {
        Self { all: true, agents: AgentEvents::All, ..Self::default() }
    }

    /// The audience with the agent's spellings at hand.
    pub fn reader(self, home: &str) -> Reader {
        let own = if self.agent.is_empty() { Vec::new() } else { spellings(home, &self.agent).to_vec() };
        Reader { audience: self, own }
    }
}

fn sees_all(settings: &Settings, claims: Option<&Claims>) -> bool {
    settings.mode() == Mode::None
        || claims.is_some_and(|claims| claims.scopes.any(Scopes::OBSERVE.and(Scopes::ADMIN)))
}

/// An audience that events are judged for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// What may be told.
    pub audience: Audience,
    /// Every way to write the agent as a member.
    own: Vec<String>,
}

impl Reader {
    /// Whether an event is told; `standing` is its conversation's, `None` for events of the network itself.
    pub fn receives(&self, kind: EventType, standing: Option<&Standing>) -> bool {
        let audience = &self.audience;
        match (kind, standing) {
            // For deliveries alone.
            (EventType::RoomUpdated, _) => false,
            (EventType::AgentConnected | EventType::AgentDisconnected, _) => {
                audience.agents != AgentEvents::None
            }
            (EventType::AgentRemoved | EventType::AgentWakeDelivered | EventType::AgentWakeFailed, _) => {
                audience.agents == AgentEvents::All
            }
            (_, None) => audience.all,
            (_, Some(_)) if audience.all => true,
            (_, Some(Standing::Dm { participants })) => self.is_among(participants),
            (kind, Some(Standing::Room { removed: true, .. })) if kind != EventType::RoomRemoved => false,
            (kind, Some(Standing::Room { public, members, .. })) => {
                (audience.rooms && self.is_among(members))
                    || (audience.public && *public && kind != EventType::RoomMembersUpdated)
            }
        }
    }

    fn is_among(&self, members: &[String]) -> bool {
        self.own.iter().any(|own| members.binary_search(own).is_ok())
    }
}

/// What a conversation is at a place of its log, as far as deliveries ask. Lists are sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A room.
    Room {
        /// Whether it is public.
        public: bool,
        /// Who is in it; of a removed one, who was.
        members: Vec<String>,
        /// Whether it was removed.
        removed: bool,
    },
    /// A direct conversation.
    Dm {
        /// Who takes part.
        participants: Vec<String>,
    },
}

/// What an entry says of its room.
#[derive(Deserialize)]
struct Roster {
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    visibility: Visibility,
}

/// What an entry says of its direct conversation.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Participants {
    participant_ids: Vec<String>,
}

impl Standing {
    /// The standing after an entry, where the entry changes it; `before` is `None` at the beginning of a log.
    ///
    /// # Errors
    /// What cannot be read of the entry.
    pub fn after(
        before: Option<&Self>,
        home: &str,
        kind: EventType,
        body: &str,
    ) -> Result<Option<Self>, String> {
        let unreadable =
            |error: serde_json::Error| format!("an entry of a conversation cannot be read: {error}");
        match kind {
            EventType::RoomCreated
            | EventType::RoomMembersUpdated
            | EventType::RoomUpdated
            | EventType::RoomRemoved => {
                let mut roster: Roster = serde_json::from_str(body).map_err(unreadable)?;
                roster.members.sort_unstable();
                let public = roster.visibility == Visibility::Public;
                let removed = kind == EventType::RoomRemoved;
                Ok(Some(Self::Room { public, members: roster.members, removed }))
            }
            EventType::DmCreated => {
                let mut said: Participants = serde_json::from_str(body).map_err(unreadable)?;
                said.participant_ids.sort_unstable();
                Ok(Some(Self::Dm { participants: said.participant_ids }))
            }
            EventType::MessageCreated => {
                let Some(Self::Dm { participants }) = before else { return Ok(None) };
                let message: Message = serde_json::from_str(body).map_err(unreadable)?;
                let sender = message.from.participant(home);
                let named = message.target.participant_ids.into_iter().chain([sender]);
                let joined: Vec<String> =
                    named.filter(|one| participants.binary_search(one).is_err()).collect();
                if joined.is_empty() {
                    return Ok(None);
                }
                let mut all = participants.clone();
                all.extend(joined);
                all.sort_unstable();
                all.dedup();
                Ok(Some(Self::Dm { participants: all }))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::tests::{agent, settings, token};
    use super::*;
    use EventType as E;

    fn room(public: bool, members: &[&str]) -> Standing {
        let members = members.iter().map(|m| (*m).to_owned()).collect();
        Standing::Room { public, members, removed: false }
    }

    fn dm(participants: &[&str]) -> Standing {
        Standing::Dm { participants: participants.iter().map(|m| (*m).to_owned()).collect() }
    }

    fn told(audience: &Audience, kind: EventType, standing: Option<&Standing>) -> bool {
        audience.clone().reader("local").receives(kind, standing)
    }

    #[test]
    fn observers_get_everything_or_what_is_public() {
        let bearer = settings(&[("AUTH", "bearer"), ("PUBLIC_READ", "on")]);
        let admin = Audience::observer(&bearer, Some(&token(Scopes::ADMIN, &[])));
        let none = Audience::observer(&settings(&[("AUTH", "none")]), None);
        for all in [&admin, &none] {
            for kind in E::ALL.into_iter().filter(|kind| *kind != E::RoomUpdated) {
                assert!(told(all, kind, None) && told(all, kind, Some(&room(false, &[]))), "{kind:?}");
            }
            assert!(!told(all, E::RoomUpdated, Some(&room(true, &[]))));
        }
        let anybody = Audience::observer(&bearer, None);
        for kind in [E::MessageCreated, E::ThreadCreated, E::RoomCreated, E::RoomRemoved] {
            assert!(told(&anybody, kind, Some(&room(true, &[]))), "{kind:?}");
            assert!(!told(&anybody, kind, Some(&room(false, &[]))), "{kind:?}");
        }
        assert!(!told(&anybody, E::RoomMembersUpdated, Some(&room(true, &[]))));
        for kind in [E::AgentConnected, E::AgentRemoved, E::AgentWakeFailed, E::PairingUpdated] {
            assert!(!told(&anybody, kind, None), "{kind:?}");
        }
        assert!(!told(&anybody, E::MessageCreated, Some(&dm(&["a", "b"]))));
        let shown = settings(&[("AUTH", "open"), ("PUBLIC_PRESENCE", "on")]);
        let anybody = Audience::observer(&shown, None);
        assert!(told(&anybody, E::AgentConnected, None) && !told(&anybody, E::AgentWakeFailed, None));
    }

    #[test]
    fn an_attachment_gets_its_rooms_public_rooms_and_its_own_direct_conversations() {
        let own = agent("a");
        let bearer = settings(&[("AUTH", "bearer")]);
        let plain = Audience::attachment(&bearer, Some(&own), "a");
        for member in ["a", "local:a", "molt://local/agents/a"] {
            for kind in [E::MessageCreated, E::ThreadCreated, E::RoomMembersUpdated, E::RoomRemoved] {
                assert!(told(&plain, kind, Some(&room(false, &[member]))), "{member} {kind:?}");
            }
            assert!(told(&plain, E::DmCreated, Some(&dm(&[member, "z"]))), "{member}");
        }
        for standing in [room(false, &["b", "far:a"]), room(true, &[]), dm(&["b", "c"])] {
            assert!(!told(&plain, E::MessageCreated, Some(&standing)), "{standing:?}");
        }
        for kind in [E::AgentConnected, E::AgentRemoved, E::PairingUpdated] {
            assert!(!told(&plain, kind, None), "{kind:?}");
        }
        let public = settings(&[("AUTH", "bearer"), ("PUBLIC_READ", "on")]);
        let plain = Audience::attachment(&public, Some(&own), "a");
        assert!(told(&plain, E::MessageCreated, Some(&room(true, &[]))));
        assert!(!told(&plain, E::RoomMembersUpdated, Some(&room(true, &[]))));
        let talkative = settings(&[("AUTH", "bearer"), ("AGENT_EVENTS", "on")]);
        assert!(told(&Audience::attachment(&talkative, Some(&own), "a"), E::AgentWakeFailed, None));
        let admin = Audience::attachment(&bearer, Some(&token(Scopes::ADMIN, &[])), "a");
        assert!(told(&admin, E::PairingUpdated, None) && told(&admin, E::MessageCreated, Some(&dm(&["b"]))));
    }

    #[test]
    fn delivery_to_the_network_is_the_originals() {
        let own = agent("a");
        let bearer = settings(&[("AUTH", "bearer"), ("DELIVERY", "network")]);
        let all = Audience::attachment(&bearer, Some(&own), "a");
        assert!(told(&all, E::MessageCreated, Some(&dm(&["b", "c"]))) && told(&all, E::PairingUpdated, None));
        let public = settings(&[("AUTH", "open"), ("DELIVERY", "network")]);
        let filtered = Audience::attachment(&public, Some(&own), "a");
        assert!(!told(&filtered, E::MessageCreated, Some(&room(false, &["a"]))));
        assert!(told(&filtered, E::MessageCreated, Some(&room(true, &[]))));
        assert!(told(&filtered, E::MessageCreated, Some(&dm(&["a", "b"]))));
        let none = Audience::attachment(&settings(&[("AUTH", "none")]), None, "a");
        assert!(told(&none, E::MessageCreated, Some(&room(false, &["b"]))));
        assert!(!told(&none, E::AgentConnected, None));
    }

    #[test]
    fn of_a_removed_room_only_its_removal_is_told() {
        let gone = Standing::Room { public: true, members: vec!["a".into()], removed: true };
        let plain = Audience::attachment(&settings(&[("AUTH", "open")]), Some(&agent("a")), "a");
        assert!(told(&plain, E::RoomRemoved, Some(&gone)));
        assert!(!told(&plain, E::MessageCreated, Some(&gone)));
    }

    #[test]
    fn a_standing_follows_from_the_entries() {
        let after = |before: Option<&Standing>, kind, body: &str| {
            Standing::after(before, "local", kind, body).unwrap()
        };
        let made =
            after(None, E::RoomCreated, r#"{"id":"r","members":["b","a"],"visibility":"public"}"#).unwrap();
        assert_eq!(made, room(true, &["a", "b"]));
        assert_eq!(after(Some(&made), E::MessageCreated, "{}"), None);
        let gone = after(Some(&made), E::RoomRemoved, r#"{"id":"r","members":["b"]}"#).unwrap();
        assert_eq!(gone, Standing::Room { public: false, members: vec!["b".into()], removed: true });
        let begun = after(None, E::DmCreated, r#"{"id":"d","participant_ids":["b","a"]}"#).unwrap();
        let say = |from: &str, to: &str| {
            format!(
                r#"{{"from":{{"type":"agent","id":"{from}","network_id":"local"}},"target":{{"kind":"dm","participant_ids":[{to}]}}}}"#
            )
        };
        assert_eq!(after(Some(&begun), E::MessageCreated, &say("a", r#""a","b""#)), None);
        let joined = after(Some(&begun), E::MessageCreated, &say("c", r#""a","b""#));
        assert_eq!(joined, Some(dm(&["a", "b", "c"])));
        assert!(Standing::after(None, "local", E::RoomCreated, "x").is_err());
    }

    #[test]
    fn audiences_keep_their_form() {
        let text = |audience: &Audience| serde_json::to_string(audience).unwrap();
        assert_eq!(text(&Audience::everything()), r#"{"all":true,"agents":"all"}"#);
        let plain = Audience { public: true, agent: "a".into(), rooms: true, ..Audience::default() };
        assert_eq!(text(&plain), r#"{"public":true,"agent":"a","rooms":true}"#);
        assert_eq!(serde_json::from_str::<Audience>(&text(&plain)).unwrap(), plain);
        assert_eq!(serde_json::to_string(&dm(&["a"])).unwrap(), r#"{"dm":{"participants":["a"]}}"#);
    }
}
