//! Whether a caller may say what it says in the name that it gives. `moltnet.md` §6.3, step by step.

use super::access::{Mode, Scopes};
use super::actor::Actor;
use super::claims::{Claims, ANONYMOUS};
use super::error::{MoltnetError, Outcome};
use super::member;
use super::message::SendRequest;
use super::quote::quote;
use super::settings::Settings;

/// Checks who sends. `credential_of` gives the credential that an agent of this network is registered with.
///
/// # Errors
/// 401, 403 or 409, the first rule that is broken.
pub fn check(
    settings: &Settings,
    claims: Option<&Claims>,
    request: &SendRequest,
    credential_of: impl FnOnce(&str) -> Outcome<Option<String>>,
) -> Outcome<()> {
    let home = settings.id.as_str();
    let from = &request.from;
    let origin = request.origin.network_id.trim();
    let remote = !origin.is_empty() && origin != home;
    let has = |scope| claims.is_some_and(|claims| claims.scopes.any(scope));
    let (pair, write) = (has(Scopes::PAIR), has(Scopes::WRITE));
    let open = settings.mode() == Mode::Open;
    let consistent = remote && is_of(from, origin);
    if remote && pair && !consistent {
        return Err(conflict("remote origin actor"));
    }
    if from.kind.trim() == "human" {
        return human(settings, claims, remote);
    }
    if remote && pair {
        return Ok(());
    }
    let (agent, local) = identity(home, from);
    if agent.is_empty() {
        return Ok(());
    }
    let refused = |words: String| Err(MoltnetError::forbidden(words));
    if !local && open {
        return refused(format!("remote-origin agent {} requires pair scope", quote(&agent)));
    }
    if !local && claims.is_some() {
        return Err(conflict(&agent));
    }
    if let Some(claims) = claims {
        if pair && !write {
            return refused("pair tokens cannot assert local agents".to_owned());
        }
        if !claims.allows(&agent) {
            return match claims.agent {
                Some(_) => Err(not_its_token(&agent)),
                None => refused(format!("agent {} is not allowed for this token", quote(&agent))),
            };
        }
    }
    let Some(bound) = credential_of(&agent)? else {
        return if open {
            Err(MoltnetError::unauthorized(format!(
                "agent {} must be registered before sending",
                quote(&agent)
            )))
        } else {
            Ok(())
        };
    };
    let Some(claims) = claims else {
        if open {
            return Err(MoltnetError::unauthorized(format!(
                "agent {} requires its agent token",
                quote(&agent)
            )));
        }
        return if bound == ANONYMOUS { Ok(()) } else { Err(conflict(&agent)) };
    };
    let needs_write = || MoltnetError::forbidden(format!("agent {} requires write scope", quote(&agent)));
    if claims.credential == bound {
        return if open && !write { Err(needs_write()) } else { Ok(()) };
    }
    if write && claims.scopes.any(Scopes::ADMIN) {
        return Ok(());
    }
    if claims.agent.is_some() {
        return Err(not_its_token(&agent));
    }
    if open && !write {
        return Err(needs_write());
    }
    Err(conflict(&agent))
}

/// Rules for people.
fn human(settings: &Settings, claims: Option<&Claims>, remote: bool) -> Outcome<()> {
    let pair = claims.is_some_and(|claims| claims.scopes.any(Scopes::PAIR));
    if remote && !pair {
        return Err(MoltnetError::forbidden("remote-origin human sender requires pair scope"));
    }
    if settings.mode() == Mode::None {
        return Ok(());
    }
    match claims {
        None => Err(MoltnetError::unauthorized("human ingress requires a write token")),
        Some(_) if remote => Ok(()),
        Some(claims) if claims.agent.is_some() || !claims.scopes.any(Scopes::WRITE) => {
            Err(MoltnetError::forbidden("human ingress requires a static write token"))
        }
        Some(_) => Ok(()),
    }
}

/// Whether everything that an actor says of its network says `network`.
fn is_of(actor: &Actor, network: &str) -> bool {
    let same = |text: &str| member::parse_foreign(text).is_none_or(|(of, _)| of == network);
    actor.network_id.trim() == network
        && member::parse_fqid(&actor.fqid).is_none_or(|(of, _)| of == network)
        && same(&actor.id)
}

/// The agent that an actor means, and whether it is one of ours.
pub fn identity(home: &str, actor: &Actor) -> (String, bool) {
    if let Some((network, agent)) = member::parse_foreign(&actor.id) {
        return (agent.trim().to_owned(), network.trim() == home);
    }
    let foreign = |network: &str| !network.is_empty() && network != home;
    let fqid_foreign = member::parse_fqid(&actor.fqid).is_some_and(|(network, _)| foreign(network));
    (actor.id.trim().to_owned(), !fqid_foreign && !foreign(actor.network_id.trim()))
}

/// 409: the agent belongs to another credential.
pub fn conflict(agent: &str) -> MoltnetError {
    MoltnetError::conflict(format!("agent {} is already registered with different credentials", quote(agent)))
}

/// 409: an agent's own token for another agent.
pub fn not_its_token(agent: &str) -> MoltnetError {
    MoltnetError::conflict(format!("agent token is not valid for agent {}", quote(agent)))
}

#[cfg(test)]
mod tests {
    use super::super::gate::tests::{agent, settings, token};
    use super::super::message::Origin;
    use super::*;

    struct Case<'a> {
        mode: &'a str,
        claims: Option<Claims>,
        kind: &'a str,
        from: &'a str,
        network: &'a str,
        fqid: &'a str,
        origin: &'a str,
        bound: Option<&'a str>,
    }

    impl Case<'_> {
        fn new() -> Self {
            Self {
                mode: "bearer",
                claims: None,
                kind: "agent",
                from: "a",
                network: "",
                fqid: "",
                origin: "",
                bound: None,
            }
        }

        fn answer(&self) -> (u16, String) {
            let request = SendRequest {
                origin: Origin { network_id: self.origin.into(), message_id: String::new() },
                from: Actor {
                    kind: self.kind.into(),
                    id: self.from.into(),
                    network_id: self.network.into(),
                    fqid: self.fqid.into(),
                    name: String::new(),
                },
                ..SendRequest::default()
            };
            let settings = settings(&[("AUTH", self.mode)]);
            let bound = self.bound.map(str::to_owned);
            match check(&settings, self.claims.as_ref(), &request, |_| Ok(bound)) {
                Ok(()) => (200, String::new()),
                Err(error) => (error.status, error.message),
            }
        }
    }

    fn expect(case: &Case<'_>, status: u16, words: &str) {
        let (got, message) = case.answer();
        assert_eq!(got, status, "{message}");
        assert!(message.contains(words), "{message}");
    }

    #[test]
    fn relayed_messages() {
        let pair = || Some(token(Scopes::PAIR, &[]));
        let relayed = || Case { origin: "far", network: "far", claims: pair(), ..Case::new() };
        expect(&relayed(), 200, "");
        for wrong in [
            Case { network: "", ..relayed() },
            Case { network: "other", ..relayed() },
            Case { fqid: "molt://other/agents/a", ..relayed() },
            Case { from: "other:a", ..relayed() },
        ] {
            expect(&wrong, 409, "\"remote origin actor\"");
        }
        expect(&Case { from: "far:a", fqid: "molt://far/agents/a", ..relayed() }, 200, "");
        expect(&Case { kind: "human", ..relayed() }, 200, "");
        // Their own agents of this network are no business of a pairing's.
        expect(&Case { claims: pair(), ..Case::new() }, 403, "pair tokens cannot assert local agents");
        let both = Some(token(Scopes::PAIR.and(Scopes::WRITE), &[]));
        expect(&Case { claims: both, ..Case::new() }, 200, "");
    }

    #[test]
    fn people() {
        let human = || Case { kind: "human", ..Case::new() };
        for mode in ["none", "bearer", "open"] {
            let remote = Case { mode, origin: "far", network: "far", ..human() };
            expect(&remote, 403, "remote-origin human sender requires pair scope");
        }
        expect(&Case { mode: "none", ..human() }, 200, "");
        expect(&human(), 401, "human ingress requires a write token");
        for claims in [agent("a"), token(Scopes::OBSERVE, &[])] {
            expect(
                &Case { claims: Some(claims), ..human() },
                403,
                "human ingress requires a static write token",
            );
        }
        expect(&Case { claims: Some(token(Scopes::WRITE, &["b"])), ..human() }, 200, "");
    }

    #[test]
    fn agents_of_other_networks() {
        for foreign in [
            Case { from: "far:a", ..Case::new() },
            Case { fqid: "molt://far/agents/a", ..Case::new() },
            Case { network: "far", ..Case::new() },
        ] {
            let write = || Some(token(Scopes::WRITE, &[]));
            expect(&Case { mode: "open", claims: write(), ..foreign }, 403, "requires pair scope");
        }
        expect(&Case { from: "far:a", claims: Some(token(Scopes::WRITE, &[])), ..Case::new() }, 409, "\"a\"");
        expect(&Case { mode: "none", from: "far:a", ..Case::new() }, 200, "");
        expect(&Case { from: "local:a", claims: Some(agent("a")), ..Case::new() }, 200, "");
        expect(&Case { from: " ", mode: "none", ..Case::new() }, 200, "");
    }

    #[test]
    fn allow_lists_and_registrations() {
        let case = |claims: Claims, bound| Case { claims: Some(claims), bound, ..Case::new() };
        let listed = || token(Scopes::WRITE, &["b"]);
        expect(&case(agent("b"), None), 409, "agent token is not valid for agent \"a\"");
        expect(&case(listed(), None), 403, "agent \"a\" is not allowed for this token");
        let write = || token(Scopes::WRITE, &[]);
        expect(&case(write(), None), 200, "");
        expect(&case(write(), Some("token:t")), 200, "");
        expect(&case(write(), Some("token:other")), 409, "is already registered with different credentials");
        expect(&case(agent("a"), Some("agent-token:1:aa")), 200, "");
        expect(&case(agent("a"), Some("token:t")), 409, "agent token is not valid for agent");
        expect(&case(token(Scopes::WRITE.and(Scopes::ADMIN), &[]), Some("token:other")), 200, "");
        let none = |bound| Case { mode: "none", bound, ..Case::new() };
        expect(&none(None), 200, "");
        expect(&none(Some(ANONYMOUS)), 200, "");
        expect(&none(Some("token:t")), 409, "is already registered with different credentials");
    }

    #[test]
    fn open_mode() {
        let open = |claims, bound| Case { mode: "open", claims, bound, ..Case::new() };
        expect(&open(None, None), 401, "agent \"a\" must be registered before sending");
        expect(&open(Some(token(Scopes::WRITE, &[])), None), 401, "must be registered before sending");
        expect(&open(None, Some("token:t")), 401, "agent \"a\" requires its agent token");
        expect(&open(None, Some(ANONYMOUS)), 401, "requires its agent token");
        expect(&open(Some(token(Scopes::ATTACH, &[])), Some("token:t")), 403, "requires write scope");
        expect(&open(Some(token(Scopes::ATTACH, &[])), Some("token:u")), 403, "requires write scope");
        expect(&open(Some(token(Scopes::WRITE, &[])), Some("token:u")), 409, "different credentials");
        expect(&open(Some(agent("a")), Some("agent-token:1:aa")), 200, "");
    }
}
