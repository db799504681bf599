//! Static tokens of the directory: made, replaced, ended. Shown once.

use super::credential::scopes_of;
use super::notices::notice;
use super::{document, Network, World};
use crate::sql::{column, Sql, Statement, Value};
use moltghost_protocol::alphabet::{encode, BASE62};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::member;
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::moltnet::token::{id_of, NewToken, TokenDocument, MAX_TOKENS};
use moltghost_protocol::object::hub::News;
use moltghost_protocol::object::network::Reply;
use moltghost_protocol::time::{rfc3339, Millis};

/// The notice that ends what a static token opened.
fn ended(now: Millis, id: &str) -> Statement {
    notice(now, &News::Ended(format!("token:{id}")))
}

impl<S: Sql, W: World> Network<S, W> {
    pub(super) fn put_token(&self, new: &NewToken) -> Outcome<Reply> {
        let scopes = new.check()?;
        let (value, made) = match new.value.trim() {
            "" => {
                let half = || Ok::<_, MoltnetError>(encode(BASE62, self.world.random()?, 21));
                (format!("mnet_{}{}", half()?, half()?), true)
            }
            value => (value.to_owned(), false),
        };
        let id = match new.id.trim() {
            "" => id_of(&value),
            id => id.to_owned(),
        };
        let hash = self.token_hash(&value);
        let rows = self.sql.run("SELECT id FROM token WHERE hash = ?1", &[hash.as_str().into()])?;
        if rows.first().is_some_and(|row| column(row, 0).text() != id) {
            return Err(MoltnetError::conflict("another token has this value; choose another"));
        }
        let count = self.sql.run("SELECT count(*), max(id = ?1) FROM token", &[id.as_str().into()])?;
        let (count, known) = count.first().map_or((0, 0), |row| (column(row, 0).int(), column(row, 1).int()));
        if count >= MAX_TOKENS && known == 0 {
            return Err(MoltnetError::invalid(format!("a network has {MAX_TOKENS} static tokens or fewer")));
        }
        let agents = serde_json::to_string(&member::unique(&new.agents)).unwrap_or_default();
        let scopes = serde_json::to_value(scopes).ok().and_then(|scopes| scopes.as_i64()).unwrap_or(0);
        let now = self.world.now();
        let written = (
            "INSERT INTO token (id, hash, scopes, agents, network, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, scopes = excluded.scopes,
             agents = excluded.agents, network = excluded.network",
            vec![
                id.as_str().into(),
                hash.into(),
                scopes.into(),
                agents.into(),
                new.network_id.trim().into(),
                now.into(),
            ],
        );
        if known == 0 {
            self.sql.batch(&[written])?;
        } else {
            // What the one before opened may be more than this one opens.
            self.sql.batch(&[written, ended(now, &id)])?;
            self.changed();
        }
        let shown = self.token_where("WHERE id = ?1", &[id.as_str().into()])?.pop();
        let shown =
            shown.ok_or_else(|| MoltnetError::internal("a token is not there after it was written"))?;
        document(201, &TokenDocument { value: made.then_some(value), ..shown })
    }

    pub(super) fn remove_token(&self, id: &str) -> Outcome<Reply> {
        let shown = self.token_where("WHERE id = ?1", &[id.trim().into()])?.pop();
        let shown =
            shown.ok_or_else(|| MoltnetError::not_found(format!("unknown token {}", quote(id.trim()))))?;
        let gone = ("DELETE FROM token WHERE id = ?1", vec![shown.id.as_str().into()]);
        self.sql.batch(&[gone, ended(self.world.now(), &shown.id)])?;
        self.changed();
        document(200, &shown)
    }

    /// Every static token.
    pub(super) fn listed_tokens(&self) -> Outcome<Vec<TokenDocument>> {
        self.token_where("ORDER BY id", &[])
    }

    fn token_where(&self, condition: &str, parameters: &[Value]) -> Outcome<Vec<TokenDocument>> {
        let query = format!("SELECT id, scopes, agents, network, created FROM token {condition}");
        let rows = self.sql.run(&query, parameters)?;
        let read = |row: &Vec<Value>| TokenDocument {
            id: column(row, 0).text().to_owned(),
            scopes: scopes_of(column(row, 1)).names().into_iter().map(str::to_owned).collect(),
            agents: serde_json::from_str(column(row, 2).text()).unwrap_or_default(),
            network_id: column(row, 3).text().to_owned(),
            created_at: rfc3339(column(row, 4).int()),
            value: None,
        };
        Ok(rows.iter().map(read).collect())
    }
}
