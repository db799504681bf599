//! Whether a caller may register an agent, and under which credential. `moltnet.md` §6.4.

use super::access::{Mode, Registration, Scopes};
use super::claims::{Claims, ANONYMOUS};
use super::error::{MoltnetError, Outcome};
use super::quote::quote;
use super::sender::{conflict, not_its_token};
use super::settings::Settings;

/// What a registration is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// This credential.
    Credential(String),
    /// A token that is made for the agent now and shown once.
    NewToken,
}

/// What a caller's registrations are bound to.
pub fn binding(settings: &Settings, claims: Option<&Claims>) -> Binding {
    match claims {
        Some(claims) => Binding::Credential(claims.credential.clone()),
        None if settings.mode() != Mode::None && settings.registration == Registration::Open => {
            Binding::NewToken
        }
        None => Binding::Credential(ANONYMOUS.to_owned()),
    }
}

/// Checks that a caller may register `agent`.
///
/// # Errors
/// 409 for an agent's own token of another agent, 403 for a static token whose list lacks it.
pub fn check_allowed(claims: Option<&Claims>, agent: &str) -> Outcome<()> {
    match claims {
        Some(claims) if !claims.allows(agent) => Err(match claims.agent {
            Some(_) => not_its_token(agent),
            None => {
                MoltnetError::forbidden(format!("requested_agent_id {agent} is not allowed for this token"))
            }
        }),
        _ => Ok(()),
    }
}

/// Checks that a caller may take over an agent that is registered with `bound` already. Only the name is changed then.
///
/// # Errors
/// 409 where it belongs to another credential, unless the caller is an admin.
pub fn check_existing(claims: Option<&Claims>, binding: &Binding, agent: &str, bound: &str) -> Outcome<()> {
    match binding {
        Binding::Credential(credential) if credential == bound => Ok(()),
        _ if claims.is_some_and(|claims| claims.scopes.any(Scopes::ADMIN)) => Ok(()),
        Binding::Credential(credential) if credential != ANONYMOUS => Err(conflict(agent)),
        _ => Err(MoltnetError::conflict(format!("agent {} is already registered", quote(agent)))),
    }
}

/// The handle that a name is given: `Director Prime` is `director-prime`.
pub fn handle(name: &str) -> String {
    let mut handle = String::with_capacity(name.len().min(MAX_HANDLE));
    for c in name.trim().to_lowercase().chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            handle.push(c);
        } else if !handle.is_empty() && !handle.ends_with('-') {
            handle.push('-');
        }
        if handle.len() >= MAX_HANDLE {
            break;
        }
    }
    let handle = handle.trim_matches('-');
    if handle.is_empty() { "agent" } else { handle }.to_owned()
}

/// Longest handle that is made of a name: with its suffix it is still an id.
const MAX_HANDLE: usize = 110;

#[cfg(test)]
mod tests {
    use super::super::gate::tests::{agent, settings, token};
    use super::*;

    #[test]
    fn each_row_of_what_a_registration_is_bound_to() {
        let open = settings(&[("AUTH", "open")]);
        let bearer = settings(&[("AUTH", "bearer"), ("AGENT_REGISTRATION", "open")]);
        let closed = settings(&[("AUTH", "bearer"), ("AGENT_REGISTRATION", "token")]);
        let none = settings(&[("AUTH", "none"), ("AGENT_REGISTRATION", "open")]);
        let own = Binding::Credential("token:t".into());
        assert_eq!(binding(&open, Some(&token(Scopes::ATTACH, &[]))), own);
        assert_eq!(binding(&open, None), Binding::NewToken);
        assert_eq!(binding(&bearer, None), Binding::NewToken);
        assert_eq!(binding(&closed, None), Binding::Credential(ANONYMOUS.into()));
        assert_eq!(binding(&none, None), Binding::Credential(ANONYMOUS.into()));
    }

    #[test]
    fn each_row_of_whom_a_token_may_register() {
        let status = |claims: Option<Claims>| match check_allowed(claims.as_ref(), "a") {
            Ok(()) => (200, String::new()),
            Err(error) => (error.status, error.message),
        };
        assert_eq!(status(None).0, 200);
        assert_eq!(status(Some(agent("a"))).0, 200);
        assert_eq!(status(Some(token(Scopes::ATTACH, &[]))).0, 200);
        assert_eq!(status(Some(agent("b"))), (409, "agent token is not valid for agent \"a\"".into()));
        assert_eq!(
            status(Some(token(Scopes::ATTACH, &["b"]))),
            (403, "requested_agent_id a is not allowed for this token".into())
        );
    }

    #[test]
    fn each_row_of_who_takes_over_a_registration() {
        let key = |text: &str| Binding::Credential(text.into());
        let check = |claims: Option<Claims>, binding: Binding, bound| {
            check_existing(claims.as_ref(), &binding, "a", bound).err().map(|error| error.message)
        };
        let attach = || Some(token(Scopes::ATTACH, &[]));
        let admin = || Some(token(Scopes::ADMIN, &[]));
        assert_eq!(check(attach(), key("token:t"), "token:t"), None);
        assert_eq!(check(None, key(ANONYMOUS), ANONYMOUS), None);
        assert_eq!(check(admin(), key("token:t"), "token:other"), None);
        let taken = Some("agent \"a\" is already registered".to_owned());
        assert_eq!(check(None, key(ANONYMOUS), "token:t"), taken);
        assert_eq!(check(None, Binding::NewToken, "token:t"), taken);
        assert_eq!(
            check(attach(), key("token:t"), "token:other"),
            Some("agent \"a\" is already registered with different credentials".into())
        );
    }

    #[test]
    fn handles_are_made_of_names() {
        for (name, expected) in [
            ("Director Prime", "director-prime"),
            ("Díréctor Prime", "d-r-ctor-prime"),
            ("  __A..b  ", "a-b"),
            ("", "agent"),
            ("日本", "agent"),
        ] {
            assert_eq!(handle(name), expected, "{name}");
        }
        assert!(handle(&"x".repeat(500)).len() <= MAX_HANDLE);
        assert!(handle(&"x ".repeat(500)).len() <= MAX_HANDLE);
    }
}
