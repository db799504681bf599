//! Keys of an endpoint: made, listed, revoked, last used. Revoking binds the very next call, since this object is
//! the only one that checks.

use super::admit::wrong_key;
use super::endpoint::{Answer, Endpoint, Key, Loaded};
use crate::sql::{column, Sql, Statement, Value};
use moltghost_protocol::control::agent::State;
use moltghost_protocol::control::event::{AgentEvent, KeyRef};
use moltghost_protocol::control::key::{KeyDocument, ROTATE_AFTER_DAYS};
use moltghost_protocol::control::page::{Page, PageRequest};
use moltghost_protocol::credential::{ApiKey, SecretHash};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, KeyId};
use moltghost_protocol::object::agent::CreateKey;
use moltghost_protocol::time::{rfc3339, Millis, DAY};
use std::collections::HashMap;

/// Last use is kept to the minute: one row a minute, however many calls.
const MINUTE: Millis = 60_000;

/// Most keys that an agent has, revoked ones included.
const MAX_KEYS: usize = 1_000;

impl Key {
    /// Notes a use. Answers whether it is news: the first in a minute.
    pub(super) fn used(&mut self, now: Millis) -> bool {
        let minute = now - now.rem_euclid(MINUTE);
        let news = self.last_used.is_none_or(|at| at < minute);
        if news {
            self.last_used = Some(minute);
        }
        news
    }

    fn document(&self, id: &KeyId, account: &AccountId, now: Millis) -> KeyDocument {
        let age_days = (now - self.created).max(0) / DAY;
        KeyDocument {
            id: id.clone(),
            agent: id.agent(),
            account: account.clone(),
            name: self.name.clone(),
            key: None,
            masked: ApiKey::mask(account, id),
            created_at: rfc3339(self.created),
            last_used_at: self.last_used.map(rfc3339),
            revoked_at: self.revoked.map(rfc3339),
            age_days,
            rotate_due: self.revoked.is_none() && age_days >= ROTATE_AFTER_DAYS,
        }
    }
}

/// Statements for the uses that are only in memory.
pub(super) fn unwritten_use(loaded: &mut Loaded) -> Vec<Statement> {
    let keys = &loaded.keys;
    let write = |id: KeyId| {
        let used = keys.get(&id)?.last_used;
        Some(("UPDATE key SET last_used = ?2 WHERE id = ?1", vec![id.as_str().into(), used.into()]))
    };
    std::mem::take(&mut loaded.used_keys).into_iter().filter_map(write).collect()
}

impl<S: Sql> Endpoint<S> {
    pub(super) fn load_keys(&self) -> Answer<HashMap<KeyId, Key>> {
        let rows =
            self.sql.run("SELECT id, name, hash, pepper, created, last_used, revoked FROM key", &[])?;
        let unreadable = |_| Problem::new(Code::InternalError, "a stored key cannot be read");
        rows.iter()
            .map(|row| {
                let text = |at| column(row, at).text().to_owned();
                let id = KeyId::parse(&text(0)).map_err(|e| unreadable(e.0))?;
                let key = Key {
                    name: text(1).try_into().map_err(unreadable)?,
                    hash: SecretHash {
                        version: u32::try_from(column(row, 3).int()).unwrap_or_default(),
                        hash: text(2),
                    },
                    created: column(row, 4).int(),
                    last_used: column(row, 5).maybe_int(),
                    revoked: column(row, 6).maybe_int(),
                };
                Ok((id, key))
            })
            .collect()
    }

    /// Makes a key. The same id again with the same name is the same key; with another it is a mismatch.
    pub(super) fn create_key(&mut self, ask: CreateKey, now: Millis) -> Answer<KeyDocument> {
        let loaded = self.existing()?;
        if loaded.state == State::Terminated {
            return Err(Problem::new(Code::InvalidState, "The agent is terminated: it takes no more keys."));
        }
        if let Some(key) = loaded.keys.get(&ask.id) {
            if key.name != ask.key.name || key.revoked.is_some() {
                return Err(mismatch());
            }
            return Ok(key.document(&ask.id, &loaded.account, now));
        }
        if loaded.keys.len() >= MAX_KEYS {
            return Err(Problem::new(
                Code::InvalidState,
                "The agent has 1000 keys, which is the most it can have.",
            ));
        }
        let key = Key { name: ask.key.name, hash: ask.hash, created: now, last_used: None, revoked: None };
        let row: Vec<Value> = vec![
            ask.id.as_str().into(),
            key.name.as_str().into(),
            key.hash.hash.as_str().into(),
            u64::from(key.hash.version).into(),
            now.into(),
        ];
        let mut statements: Vec<Statement> =
            vec![("INSERT INTO key (id, name, hash, pepper, created) VALUES (?1, ?2, ?3, ?4, ?5)", row)];
        let named = KeyRef { id: ask.id.clone(), name: key.name.clone() };
        statements.extend(self.event(&AgentEvent::KeyCreated { key: named }));
        self.sql.batch(&statements)?;
        let loaded = self.existing()?;
        let document = key.document(&ask.id, &loaded.account, now);
        loaded.keys.insert(ask.id, key);
        Ok(document)
    }

    /// A page of keys in the order of their ids.
    pub(super) fn keys(&mut self, page: &PageRequest, now: Millis) -> Answer<Page<KeyDocument>> {
        let loaded = self.existing()?;
        let mut ids: Vec<&KeyId> =
            loaded.keys.keys().filter(|id| id.as_str() > page.after.as_str()).collect();
        ids.sort();
        let most = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
        let documents = ids
            .into_iter()
            .take(most)
            .filter_map(|id| loaded.keys.get(id).map(|key| key.document(id, &loaded.account, now)));
        Ok(Page::cut(documents.collect(), page.limit, |key| key.id.to_string()))
    }

    /// Revokes a key; again is the same.
    pub(super) fn revoke_key(&mut self, id: &KeyId, now: Millis) -> Answer<KeyDocument> {
        let unknown = || Problem::new(Code::NotFound, "There is no such key.");
        let known = self.existing().map_err(|_| unknown())?.keys.get(id).ok_or_else(unknown)?;
        if known.revoked.is_none() {
            let named = KeyRef { id: id.clone(), name: known.name.clone() };
            let mut statements: Vec<Statement> =
                vec![("UPDATE key SET revoked = ?2 WHERE id = ?1", vec![id.as_str().into(), now.into()])];
            statements.extend(self.event(&AgentEvent::KeyRevoked { key: named }));
            self.sql.batch(&statements)?;
        }
        let loaded = self.existing()?;
        let key = loaded.keys.get_mut(id).ok_or_else(unknown)?;
        key.revoked = key.revoked.or(Some(now));
        Ok(key.document(id, &loaded.account, now))
    }

    /// Revokes a key by itself: only who holds it can.
    pub(super) fn revoke_by_key(&mut self, id: &KeyId, text: &str, now: Millis) -> Answer<KeyDocument> {
        let pepper = self.pepper.clone();
        let none = SecretHash::none(&pepper);
        let keys = self.loaded.as_ref().map(|loaded| &loaded.keys);
        let hash = keys.and_then(|keys| keys.get(id)).map_or(&none, |key| &key.hash);
        match ApiKey::parse(text) {
            Some(given) if hash.matches(&given.secret, &pepper) => self.revoke_key(id, now),
            _ => Err(wrong_key()),
        }
    }
}

fn mismatch() -> Problem {
    Problem::new(
        Code::IdempotencyMismatch,
        "This Idempotency-Key made a key of another name, or one that was revoked. Use a new Idempotency-Key.",
    )
}
