//! Who attaches: let in at the upgrade, and told apart once it has said who it is. Attaching registers the agent, in
//! the turn that checks it. What was let in is named by its principal, so the hub holds no token.
//!
//! A claim, which makes a token, is undone where nobody ever had the token: the hub asks for that as often as it must,
//! and a token that was used is no longer undone.

use super::credential::scopes_of;
use super::rates::{Rate, HOUR};
use super::rooms::total;
use super::{Asker, Network, World};
use crate::sql::{column, Sql};
use moltghost_protocol::moltnet::access::{Registration as Rule, Scopes};
use moltghost_protocol::moltnet::agent::{token_key, Registration};
use moltghost_protocol::moltnet::claims::{Claims, ANONYMOUS};
use moltghost_protocol::moltnet::delivery::Audience;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::fqid;
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::moltnet::registration::{binding, check_existing, Binding};
use moltghost_protocol::moltnet::room::check_name;
use moltghost_protocol::object::attach::{Attached, Identifying, Unanswered};
use moltghost_protocol::object::network::Reply;

impl<S: Sql, W: World> Network<S, W> {
    /// Lets a caller in to attach. It is told nothing before it has said who it is.
    pub(super) fn attach(&self, asker: &Asker) -> Outcome<Reply> {
        Ok(Reply::Admitted(Box::new(self.admitted(asker, Audience::default())?)))
    }

    /// Who is it that attaches?
    pub(super) fn identify(&self, ask: &Identifying, nonce: &str) -> Outcome<Reply> {
        let identify = &ask.identify;
        let agent = identify.agent.as_str();
        let (claims, ends) = self.claims_of(&ask.admitted.identity, agent)?;
        let claims = claims.as_ref();
        if claims.is_some_and(|claims| !claims.allows(agent)) {
            return Err(MoltnetError::forbidden(format!(
                "attachment agent.id {} is not allowed for this token",
                quote(agent)
            )));
        }
        let name = check_name(&identify.name).map_err(MoltnetError::invalid)?;
        let binding = binding(&self.settings, claims);
        let (bound, token) = match &binding {
            Binding::Credential(credential) => (credential.clone(), None),
            Binding::NewToken => {
                let token = self.new_token(nonce)?;
                (self.stored_credential(&token_key(&token)), Some(token))
            }
        };
        let now = self.world.now();
        let (row, token) = match self.agent_row(agent)? {
            // The same request, sent again.
            Some(row) if token.is_some() && row.credential == bound => (row, token),
            Some(mut row) => {
                check_existing(claims, &binding, agent, &row.credential).map_err(|error| {
                    let anonymous = claims.is_none() && self.settings.registration == Rule::Open;
                    if anonymous {
                        MoltnetError::conflict(requires_token(agent))
                    } else {
                        error
                    }
                })?;
                if !name.is_empty() && row.name != name {
                    name.clone_into(&mut row.name);
                    row.updated = now.max(row.created + 1);
                    self.write_agent(&row, None)?;
                }
                (row, None)
            }
            None => {
                let limit = self.limits()?.registrations_per_hour;
                let rate = Rate { name: "registrations_per_hour", limit, window: HOUR };
                let who = &ask.admitted.identity;
                self.count(&rate, who.strip_prefix("addr:").unwrap_or(who))?;
                let row = self.add_agent(agent, name, &bound, now)?;
                if token.is_some() {
                    self.sql.run("UPDATE agent SET claimed = 1 WHERE id = ?1", &[agent.into()])?;
                }
                (row, token)
            }
        };
        let admin = claims.is_some_and(|claims| claims.scopes.any(Scopes::ADMIN));
        let credential = match claims {
            Some(claims) if !admin => Some(claims.credential.clone()),
            Some(_) => Some(row.credential.clone()),
            None => Some(row.credential.clone()).filter(|credential| credential != ANONYMOUS),
        };
        // Who has just claimed a handle is that agent from now on.
        let own = token.as_ref().map(|_| Claims::of_agent(agent, &row.actor_uid, &row.credential));
        let audience = Audience::attachment(&self.settings, claims.or(own.as_ref()), agent);
        let registration = Registration { agent_token: token, ..self.shown_agent(&row) };
        Ok(Reply::Attached(Box::new(Attached { registration, audience, credential, ends })))
    }

    /// What a principal may do now, and until when, where it wants to speak for `agent`.
    fn claims_of(&self, principal: &str, agent: &str) -> Outcome<(Option<Claims>, Option<i64>)> {
        let ended = || MoltnetError::unauthorized("invalid token");
        let (claims, ends) = if let Some(id) = principal.strip_prefix("token:") {
            (self.static_claims(id)?.ok_or_else(ended)?, None)
        } else if let Some(uid) = principal.strip_prefix("agent:") {
            match self.agent_row(agent)? {
                Some(row) if row.actor_uid == uid => {
                    (Claims::of_agent(agent, uid, &row.credential), row.expires)
                }
                _ => {
                    let rows = self.sql.run("SELECT id FROM agent WHERE actor_uid = ?1", &[uid.into()])?;
                    let row = rows.first().ok_or_else(ended)?;
                    (Claims::of_agent(column(row, 0).text(), uid, ""), None)
                }
            }
        } else {
            return Ok((None, None));
        };
        if ends.is_some_and(|end| end <= self.world.now()) {
            return Err(ended());
        }
        if !claims.scopes.any(Scopes::ATTACH) {
            return Err(MoltnetError::forbidden("forbidden"));
        }
        Ok((Some(claims), ends))
    }

    fn static_claims(&self, id: &str) -> Outcome<Option<Claims>> {
        let query = "SELECT scopes, agents, network FROM token WHERE id = ?1";
        let rows = self.sql.run(query, &[id.into()])?;
        if let Some(row) = rows.first() {
            let agents = serde_json::from_str(column(row, 1).text()).unwrap_or_default();
            let network = column(row, 2).maybe_text().filter(|network| !network.is_empty());
            return Ok(Some(Claims::of_token(id, scopes_of(column(row, 0)), agents, network)));
        }
        Ok(None)
    }

    /// How many of these agents are in no room.
    pub(super) fn roomless(&self, agents: &[String]) -> Outcome<Reply> {
        let home = self.home();
        let list =
            serde_json::to_string(agents).map_err(|error| MoltnetError::internal(error.to_string()))?;
        let rows = self.sql.run(
            "SELECT count(*) FROM json_each(?1) AS agent WHERE NOT EXISTS (
                SELECT 1 FROM member WHERE member IN (agent.value, ?2 || agent.value, ?3 || agent.value)
            )",
            &[list.into(), format!("{home}:").into(), fqid::agent(home, "").into()],
        )?;
        let count = rows.first().map_or(0, |row| column(row, 0).int());
        Ok(Reply::Roomless(u64::try_from(count).unwrap_or(0)))
    }

    /// Undoes a claim whose token nobody has used.
    pub(super) fn unclaim(&self, claim: &Unanswered) -> Outcome<Reply> {
        let token = self.new_token(&claim.nonce)?;
        let credential = self.stored_credential(&token_key(&token));
        let one = || vec![claim.agent.as_str().into(), credential.as_str().into()];
        let still = "SELECT 1 FROM agent WHERE id = ?1 AND credential = ?2 AND claimed = 1";
        if !self.sql.run(still, &one())?.is_empty() {
            self.sql.batch(&[
                ("DELETE FROM agent WHERE id = ?1", vec![claim.agent.as_str().into()]),
                ("INSERT OR IGNORE INTO gone (id) VALUES (?1)", vec![claim.agent.as_str().into()]),
                total(0, 0, 0, -1),
            ])?;
            self.changed();
        }
        Ok(Reply::Done)
    }
}

/// The refusal of a handle that somebody has.
fn requires_token(agent: &str) -> String {
    format!("agent {} requires its agent token", quote(agent))
}
