//! From what a caller sent to what it opens. Tokens are found by their keyed hash; nothing here stores or logs one.

use super::{Network, World};
use crate::sql::{column, Sql, Value};
use moltghost_protocol::alphabet::hex;
use moltghost_protocol::credential::same_text;
use moltghost_protocol::moltnet::access::{Mode, Scopes};
use moltghost_protocol::moltnet::agent::{token_key, TOKEN_PREFIX};
use moltghost_protocol::moltnet::claims::Claims;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::gate::Credential;
use moltghost_protocol::moltnet::token::id_of;

const STATIC: &str = "moltghost/network-token/v1";
const AGENT: &str = "moltghost/agent-token/v1";

impl<S: Sql, W: World> Network<S, W> {
    /// What a credential opens. In mode `none` nobody looks at it.
    pub(super) fn credential(&self, token: Option<&str>) -> Outcome<Credential> {
        let Some(token) = token.map(str::trim).filter(|_| self.settings.mode() != Mode::None) else {
            return Ok(Credential::None);
        };
        if self.settings.admin_token.as_deref().is_some_and(|admin| same_text(admin, token)) {
            let scopes = Scopes::OBSERVE.and(Scopes::WRITE).and(Scopes::ADMIN);
            return Ok(Credential::Known(Claims::of_token(&id_of(token), scopes, vec![], None)));
        }
        let found =
            if token.starts_with(TOKEN_PREFIX) { self.agents_own(token)? } else { self.listed(token)? };
        Ok(found.map_or(Credential::Unknown, Credential::Known))
    }

    fn listed(&self, token: &str) -> Outcome<Option<Claims>> {
        for (at, hash) in self.hashes(STATIC, token).into_iter().enumerate() {
            let rows = self.sql.run(
                "SELECT id, scopes, agents, network FROM token WHERE hash = ?1",
                &[hash.as_str().into()],
            )?;
            let Some(row) = rows.first() else { continue };
            let id = column(row, 0).text();
            if at > 0 {
                // Hashed under the pepper before: from now on under the one in use.
                let parameters = [id.into(), self.token_hash(token).into()];
                self.sql.run("UPDATE token SET hash = ?2 WHERE id = ?1", &parameters)?;
            }
            let agents = serde_json::from_str(column(row, 2).text()).unwrap_or_default();
            let network = column(row, 3).maybe_text().filter(|network| !network.is_empty());
            return Ok(Some(Claims::of_token(id, scopes_of(column(row, 1)), agents, network)));
        }
        Ok(None)
    }

    fn agents_own(&self, token: &str) -> Outcome<Option<Claims>> {
        let key = token_key(token);
        for (at, hash) in self.hashes(AGENT, &key).into_iter().enumerate() {
            let credential = stored_key(&hash);
            let rows = self.sql.run(
                "SELECT id, actor_uid, expires, claimed FROM agent WHERE credential = ?1",
                &[credential.as_str().into()],
            )?;
            let Some(row) = rows.first() else { continue };
            let id = column(row, 0).text();
            if column(row, 2).maybe_int().is_some_and(|end| end <= self.world.now()) {
                return Ok(None);
            }
            if column(row, 3).int() != 0 {
                // Whoever claimed the handle has the token.
                self.sql.run("UPDATE agent SET claimed = 0 WHERE id = ?1", &[id.into()])?;
            }
            let newest = if at == 0 { credential.clone() } else { self.stored_credential(&key) };
            if at > 0 {
                let parameters = [credential.into(), newest.as_str().into()];
                self.sql.run("UPDATE agent SET credential = ?2 WHERE credential = ?1", &parameters)?;
            }
            return Ok(Some(Claims::of_agent(id, column(row, 1).text(), &newest)));
        }
        Ok(None)
    }

    /// The hashes that a text may have been stored under, that of the pepper in use first.
    fn hashes(&self, purpose: &str, text: &str) -> Vec<String> {
        let versions: Vec<u32> = self.pepper.versions().collect();
        let hash = |version| self.pepper.derive_with(version, purpose, &[self.home(), text]);
        versions.into_iter().filter_map(hash).map(|hash| hex(&hash)).collect()
    }

    /// What is stored of a static token.
    pub(super) fn token_hash(&self, token: &str) -> String {
        hex(&self.pepper.derive(STATIC, &[self.home(), token]))
    }

    /// What is stored of a credential key: an agent's own is a hash again, under the pepper; `token:<id>` and
    /// `anonymous` are no secrets.
    pub(super) fn stored_credential(&self, key: &str) -> String {
        if key.starts_with("agent-token:") {
            stored_key(&hex(&self.pepper.derive(AGENT, &[self.home(), key])))
        } else {
            key.to_owned()
        }
    }
}

fn stored_key(hash: &str) -> String {
    format!("agent:{hash}")
}

/// Scopes as they are stored.
pub(super) fn scopes_of(value: &Value) -> Scopes {
    serde_json::from_value(serde_json::Value::from(value.int())).unwrap_or(Scopes::NONE)
}
