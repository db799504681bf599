//! Registration: a handle and what it is bound to, in one turn, so that no two callers get the same. And new tokens
//! for agents that have one.
//!
//! A token is made of the request's nonce and the pepper: where the same request is sent again after its answer was
//! lost, it gets the same token, and nothing secret is stored for that.

use super::agents::{unknown, Row};
use super::notices::notice;
use super::rates::{Rate, HOUR};
use super::rooms::total;
use super::{document, Asker, Network, World};
use crate::sql::{Sql, Statement, Value};
use moltghost_protocol::alphabet::hex;
use moltghost_protocol::moltnet::access::{Mode, Scopes};
use moltghost_protocol::moltnet::agent::{
    mint_token, token_key, RegisterRequest, Registration, RotateRequest, TOKEN_LIFE,
};
use moltghost_protocol::moltnet::claims::{agent_principal, spellings};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::registration::{self, binding, check_allowed, check_existing, Binding};
use moltghost_protocol::moltnet::room::check_name;
use moltghost_protocol::moltnet::{id, member};
use moltghost_protocol::object::hub::News;
use moltghost_protocol::object::network::Reply;
use moltghost_protocol::time::{rfc3339, Millis};

/// How often a handle is tried that may be taken.
const ATTEMPTS: u32 = 100;

impl<S: Sql, W: World> Network<S, W> {
    pub(super) fn register(&self, asker: &Asker, request: &RegisterRequest, nonce: &str) -> Outcome<Reply> {
        let claims = asker.claims.as_ref();
        let wanted = request.requested_agent_id.trim();
        if !wanted.is_empty() {
            member::check(wanted)
                .map_err(|fault| MoltnetError::invalid(format!("requested_agent_id {fault}")))?;
        }
        let name = check_name(&request.name).map_err(MoltnetError::invalid)?;
        let binding = binding(&self.settings, claims);
        let (credential, token) = match &binding {
            Binding::Credential(credential) => (credential.clone(), None),
            Binding::NewToken => {
                let token = self.new_token(nonce)?;
                (self.stored_credential(&token_key(&token)), Some(token))
            }
        };
        let agent =
            if wanted.is_empty() { self.handle_for(asker, name, &credential)? } else { wanted.to_owned() };
        check_allowed(claims, &agent)?;
        if !claims.is_some_and(|claims| claims.scopes.any(Scopes::ADMIN)) {
            let limit = self.limits()?.registrations_per_hour;
            let rate = Rate { name: "registrations_per_hour", limit, window: HOUR };
            self.count(&rate, &asker.client)?;
        }
        let now = self.world.now();
        let row = match self.agent_row(&agent)? {
            // The same request, sent again.
            Some(row) if token.is_some() && row.credential == credential => row,
            Some(row) => {
                check_existing(claims, &binding, &agent, &row.credential)?;
                let name = if name.is_empty() { row.name.clone() } else { name.to_owned() };
                let row = Row { name, updated: now.max(row.created + 1), ..row };
                self.write_agent(&row, None)?;
                return document(200, &self.shown_agent(&row));
            }
            None => self.add_agent(&agent, name, &credential, now)?,
        };
        document(201, &Registration { agent_token: token, ..self.shown_agent(&row) })
    }

    /// The handle for a caller who asks for none: that of its registration under the same name, else a free one. A
    /// handle that rooms know as a member is not free: whoever got it would be let into those rooms.
    fn handle_for(&self, asker: &Asker, name: &str, credential: &str) -> Outcome<String> {
        let minted = asker.claims.is_none() && credential.starts_with("agent:");
        let known = match name {
            // The same request, sent again.
            _ if minted => self.registered_with(credential)?,
            // Callers without a credential cannot be told apart.
            _ if asker.claims.is_none() => None,
            "" => None,
            name => self.registered_as(credential, name)?,
        };
        if let Some(row) = known {
            return Ok(row.id);
        }
        let base = registration::handle(name);
        for attempt in 0..ATTEMPTS {
            let handle = if attempt == 0 {
                base.clone()
            } else {
                format!("{base}-{}", hex(&self.world.random()?.to_be_bytes()).get(..8).unwrap_or_default())
            };
            let taken = "SELECT 1 FROM agent WHERE id = ?1
                UNION ALL SELECT 1 FROM member WHERE member IN (?1, ?2, ?3) LIMIT 1";
            if self.sql.run(taken, &spellings(self.home(), &handle).map(Value::from))?.is_empty() {
                return Ok(handle);
            }
        }
        Err(MoltnetError::invalid("unable to generate unique agent id"))
    }

    /// A token for an agent, made of the request's nonce.
    pub(super) fn new_token(&self, nonce: &str) -> Outcome<String> {
        if nonce.len() < 16 {
            return Err(MoltnetError::internal("a request that makes a token came without a nonce"));
        }
        Ok(mint_token(&self.pepper.derive("moltghost/new-agent-token/v1", &[self.home(), nonce])))
    }

    /// Registers an agent that is not there yet.
    pub(super) fn add_agent(&self, agent: &str, name: &str, credential: &str, now: Millis) -> Outcome<Row> {
        self.make_space(0, 0, 1)?;
        let row = Row {
            id: agent.to_owned(),
            actor_uid: id::mint("actor", now, self.world.random()?),
            name: name.to_owned(),
            credential: credential.to_owned(),
            expires: None,
            created: now,
            updated: now,
        };
        self.sql.batch(&[
            (
                "INSERT INTO agent (id, actor_uid, name, credential, created, updated)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
                vec![agent.into(), row.actor_uid.as_str().into(), name.into(), credential.into(), now.into()],
            ),
            ("DELETE FROM gone WHERE id = ?1", vec![agent.into()]),
            total(0, 0, 0, 1),
        ])?;
        self.changed();
        Ok(row)
    }

    /// Writes what a registration is from now on, and what the hub must learn of it.
    pub(super) fn write_agent(&self, row: &Row, notice: Option<Statement>) -> Outcome<()> {
        let written = (
            "UPDATE agent SET name = ?2, credential = ?3, expires = ?4, updated = ?5, projected = 0 WHERE id = ?1",
            vec![
                row.id.as_str().into(),
                row.name.as_str().into(),
                row.credential.as_str().into(),
                row.expires.into(),
                row.updated.into(),
            ],
        );
        self.sql.batch(&[vec![written], Vec::from_iter(notice)].concat())?;
        self.changed();
        Ok(())
    }

    /// A registration's document.
    pub(super) fn shown_agent(&self, row: &Row) -> Registration {
        let shown =
            Registration::new(self.home(), &row.id, &row.actor_uid, &row.name, row.created, row.updated);
        Registration { token_expires_at: row.expires.map(rfc3339), ..shown }
    }

    /// Gives an agent a new token: for itself, or for an admin.
    pub(super) fn rotate(
        &self,
        asker: &Asker,
        agent: &str,
        request: &RotateRequest,
        nonce: &str,
    ) -> Outcome<Reply> {
        let agent = agent.trim();
        if self.settings.mode() == Mode::None {
            return Err(MoltnetError::invalid("this network asks for no tokens: it is in mode none"));
        }
        let admin = asker.claims.as_ref().is_some_and(|claims| claims.scopes.any(Scopes::ADMIN));
        let own = asker.claims.as_ref().is_some_and(|claims| claims.agent.as_deref() == Some(agent));
        if !admin && !own {
            return Err(MoltnetError::forbidden("forbidden"));
        }
        if request.expires_in.is_some_and(|life| !TOKEN_LIFE.contains(&life)) {
            let (least, most) = (TOKEN_LIFE.start(), TOKEN_LIFE.end());
            return Err(MoltnetError::invalid(format!("expires_in must be {least} to {most} seconds")));
        }
        let row = self.agent_row(agent)?.ok_or_else(|| unknown(agent))?;
        let token = self.new_token(nonce)?;
        let now = self.world.now();
        let life = request.expires_in.and_then(|life| i64::try_from(life).ok());
        let row = Row {
            credential: self.stored_credential(&token_key(&token)),
            expires: life.map(|life| now + life * 1_000),
            updated: now.max(row.created + 1),
            ..row
        };
        let ended = notice(now, &News::Ended(agent_principal(&row.actor_uid)));
        self.write_agent(&row, Some(ended))?;
        document(200, &Registration { agent_token: Some(token), ..self.shown_agent(&row) })
    }
}
