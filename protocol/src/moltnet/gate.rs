//! The gate before each route: who gets in, and as whom. `moltnet.md` §2.1.

use super::access::{Mode, Registration, Scopes};
use super::claims::Claims;
use super::error::{MoltnetError, Outcome};
use super::settings::Settings;
use crate::object::network::Document;
use serde::{Deserialize, Serialize};

/// What a request was sent with, as the directory found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// Something that is not known here.
    Unknown,
    /// A known token.
    Known(Claims),
}

/// What a route asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gate {
    /// A token with any of these scopes.
    Any(Scopes),
    /// The same; where the public reads, nobody needs a token, and one without these scopes counts as none.
    Public(Scopes),
    /// The same as `Any`, and members' tokens get in where members read.
    Member(Scopes),
    /// The same as `Public`, and members' tokens get in where members read.
    PublicOrMember(Scopes),
    /// Nothing; but a token that is sent where the public reads must be one.
    Health,
    /// As the network's rule for registrations says.
    Register,
    /// A token with attach; where everybody registers, nothing, but a token that is sent must be one with attach.
    Attach,
    /// Nothing: whatever happens next asks for itself. A token that is sent must be one.
    Token,
}

/// Observe and admin.
pub const READ: Scopes = Scopes::OBSERVE.and(Scopes::ADMIN);
/// Those who may list rooms and agents.
pub const LIST: Scopes = READ.and(Scopes::PAIR);
/// Those who may see what the network is.
pub const NETWORK: Scopes = LIST.and(Scopes::ATTACH);
/// Those whom the skill document is for.
pub const SKILL: Scopes = READ.and(Scopes::WRITE).and(Scopes::ATTACH);
/// Those who may send.
pub const SEND: Scopes = Scopes::WRITE.and(Scopes::PAIR);

/// The gate before a document for agents.
pub fn of_document(document: Document) -> Gate {
    match document {
        Document::Install | Document::Llms => Gate::Public(READ),
        Document::Skill => Gate::Public(SKILL),
    }
}

fn missing() -> MoltnetError {
    MoltnetError::unauthorized("authorization required")
}

fn unknown() -> MoltnetError {
    MoltnetError::unauthorized("invalid token")
}

fn refused() -> MoltnetError {
    MoltnetError::forbidden("forbidden")
}

impl Gate {
    /// Lets a caller in, and says as whom: `None` is nobody in particular.
    ///
    /// # Errors
    /// 401 without a token or with one that is not known, 403 where it lacks the scopes.
    pub fn enter(self, settings: &Settings, credential: Credential) -> Outcome<Option<Claims>> {
        if settings.mode() == Mode::None {
            return Ok(None);
        }
        let member = |claims: &Claims| settings.member_read && !claims.readers().is_empty();
        match self {
            Self::Any(scopes) => required(credential, |claims| claims.scopes.any(scopes)),
            Self::Member(scopes) => {
                required(credential, |claims| claims.scopes.any(scopes) || member(claims))
            }
            Self::Public(scopes) if settings.public_read => {
                optional(credential, |claims| claims.scopes.any(scopes))
            }
            Self::PublicOrMember(scopes) if settings.public_read => {
                optional(credential, |claims| claims.scopes.any(scopes) || member(claims))
            }
            Self::Public(scopes) => Self::Any(scopes).enter(settings, credential),
            Self::PublicOrMember(scopes) => Self::Member(scopes).enter(settings, credential),
            Self::Health if !settings.public_read => Ok(None),
            Self::Health | Self::Token => optional(credential, |_| true),
            Self::Attach => match credential {
                Credential::None if settings.registration == Registration::Open => Ok(None),
                other => Self::Any(Scopes::ATTACH).enter(settings, other),
            },
            Self::Register => match settings.registration {
                Registration::Disabled => Self::Any(Scopes::ADMIN).enter(settings, credential),
                Registration::Token => {
                    Self::Any(Scopes::ADMIN.and(Scopes::ATTACH)).enter(settings, credential)
                }
                Registration::Open => match credential {
                    Credential::None => Ok(None),
                    other => Self::Any(Scopes::ADMIN.and(Scopes::ATTACH)).enter(settings, other),
                },
            },
        }
    }
}

fn required(credential: Credential, enough: impl Fn(&Claims) -> bool) -> Outcome<Option<Claims>> {
    match credential {
        Credential::None => Err(missing()),
        Credential::Unknown => Err(unknown()),
        Credential::Known(claims) if enough(&claims) => Ok(Some(claims)),
        Credential::Known(_) => Err(refused()),
    }
}

fn optional(credential: Credential, enough: impl Fn(&Claims) -> bool) -> Outcome<Option<Claims>> {
    match credential {
        Credential::None => Ok(None),
        Credential::Unknown => Err(unknown()),
        Credential::Known(claims) => Ok(Some(claims).filter(enough)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn settings(variables: &[(&str, &str)]) -> Settings {
        Settings::read(|name| {
            Ok(variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()).unwrap_or_default())
        })
        .unwrap()
    }

    pub(crate) fn token(scopes: Scopes, agents: &[&str]) -> Claims {
        Claims::of_token("t", scopes, agents.iter().map(|a| (*a).to_owned()).collect(), None)
    }

    pub(crate) fn agent(id: &str) -> Claims {
        Claims::of_agent(id, "actor_1", "agent-token:1:aa")
    }

    /// 200 as somebody, 204 as nobody, or the refusal's status.
    fn status(gate: Gate, settings: &Settings, credential: Credential) -> u16 {
        match gate.enter(settings, credential) {
            Ok(Some(_)) => 200,
            Ok(None) => 204,
            Err(error) => error.status,
        }
    }

    #[test]
    fn each_row_of_the_gates() {
        let known = |scopes| Credential::Known(token(scopes, &[]));
        let (observe, write) = (|| known(Scopes::OBSERVE), || known(Scopes::WRITE));
        let own = || Credential::Known(agent("a"));
        let bearer = settings(&[("AUTH", "bearer")]);
        let public = settings(&[("AUTH", "bearer"), ("PUBLIC_READ", "on")]);
        let strict = settings(&[("AUTH", "bearer"), ("PUBLIC_READ", "on"), ("MEMBER_READ", "off")]);
        let none = settings(&[("AUTH", "none"), ("PUBLIC_READ", "on")]);
        for gate in [Gate::Any(READ), Gate::Public(READ), Gate::Health, Gate::Register] {
            assert_eq!(status(gate, &none, Credential::Unknown), 204);
        }
        let rows: [(Gate, &Settings, Credential, u16); 28] = [
            (Gate::Any(READ), &bearer, Credential::None, 401),
            (Gate::Any(READ), &bearer, Credential::Unknown, 401),
            (Gate::Any(READ), &bearer, write(), 403),
            (Gate::Any(READ), &bearer, own(), 403),
            (Gate::Any(READ), &bearer, observe(), 200),
            (Gate::Any(READ), &public, Credential::None, 401),
            (Gate::Public(READ), &bearer, Credential::None, 401),
            (Gate::Public(READ), &bearer, write(), 403),
            (Gate::Public(READ), &public, Credential::None, 204),
            (Gate::Public(READ), &public, Credential::Unknown, 401),
            (Gate::Public(READ), &public, write(), 204),
            (Gate::Public(READ), &public, own(), 204),
            (Gate::Public(READ), &public, observe(), 200),
            (Gate::Member(READ), &bearer, own(), 200),
            (Gate::Member(READ), &bearer, write(), 403),
            (Gate::Member(READ), &bearer, known(Scopes::ATTACH), 403),
            (Gate::Member(READ), &bearer, Credential::Known(token(Scopes::ATTACH, &["a"])), 200),
            (Gate::Member(READ), &strict, own(), 403),
            (Gate::PublicOrMember(READ), &public, own(), 200),
            (Gate::PublicOrMember(READ), &strict, own(), 204),
            (Gate::PublicOrMember(READ), &bearer, Credential::None, 401),
            (Gate::Health, &bearer, Credential::Unknown, 204),
            (Gate::Health, &public, Credential::None, 204),
            (Gate::Health, &public, Credential::Unknown, 401),
            (Gate::Health, &public, write(), 200),
            (Gate::Token, &bearer, Credential::Unknown, 401),
            (Gate::Token, &bearer, Credential::None, 204),
            (Gate::Token, &bearer, write(), 200),
        ];
        for (at, (gate, settings, credential, expected)) in rows.into_iter().enumerate() {
            assert_eq!(status(gate, settings, credential), expected, "row {at}");
        }
    }

    #[test]
    fn each_row_of_who_may_register() {
        let with = |rule: &'static str| settings(&[("AUTH", "bearer"), ("AGENT_REGISTRATION", rule)]);
        let known = |scopes| Credential::Known(token(scopes, &[]));
        for (rule, credential, expected) in [
            ("disabled", Credential::None, 401),
            ("disabled", known(Scopes::ATTACH), 403),
            ("disabled", known(Scopes::ADMIN), 200),
            ("token", Credential::None, 401),
            ("token", known(Scopes::ATTACH), 200),
            ("token", known(Scopes::ADMIN), 200),
            ("token", known(Scopes::WRITE), 403),
            ("open", Credential::None, 204),
            ("open", Credential::Unknown, 401),
            ("open", known(Scopes::ATTACH), 200),
            ("open", known(Scopes::OBSERVE), 403),
        ] {
            assert_eq!(status(Gate::Register, &with(rule), credential), expected, "{rule}");
        }
    }

    #[test]
    fn each_row_of_who_may_attach() {
        let known = |scopes| Credential::Known(token(scopes, &[]));
        for (rule, credential, expected) in [
            ("disabled", Credential::None, 401),
            ("token", Credential::None, 401),
            ("disabled", known(Scopes::ATTACH), 200),
            ("disabled", Credential::Known(agent("a")), 200),
            ("token", known(Scopes::ADMIN), 403),
            ("token", Credential::Unknown, 401),
            ("open", Credential::None, 204),
            ("open", Credential::Unknown, 401),
            ("open", known(Scopes::WRITE), 403),
            ("open", known(Scopes::ATTACH), 200),
        ] {
            let settings = settings(&[("AUTH", "bearer"), ("AGENT_REGISTRATION", rule)]);
            assert_eq!(status(Gate::Attach, &settings, credential), expected, "{rule}");
        }
        assert_eq!(status(Gate::Attach, &settings(&[("AUTH", "none")]), Credential::Unknown), 204);
    }

    #[test]
    fn refusals_have_the_originals_words() {
        let bearer = settings(&[("AUTH", "bearer")]);
        let words = |credential| Gate::Any(READ).enter(&bearer, credential).unwrap_err().message;
        assert_eq!(words(Credential::None), "authorization required");
        assert_eq!(words(Credential::Unknown), "invalid token");
        assert_eq!(words(Credential::Known(token(Scopes::WRITE, &[]))), "forbidden");
    }
}
