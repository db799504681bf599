//! Keys of an endpoint: made, listed, revoked, last used. Revoking binds the very next call, since this object is
//! the only one that checks.

use super::caller::{opens, wrong_key};
use super::endpoint::{Answer, Endpoint, Loaded};
use super::stored::{from_json, to_json};
use crate::sql::{column, Sql, Statement, Value};
use moltghost_protocol::control::account::Name;
use moltghost_protocol::control::agent::State;
use moltghost_protocol::control::event::{AgentEvent, KeyRef};
use moltghost_protocol::control::key::{KeyDocument, KeySettings, ROTATE_AFTER_DAYS};
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

/// A key as it is held in memory.
pub(super) struct Key {
    pub name: Name,
    pub hash: SecretHash,
    pub created: Millis,
    pub last_used: Option<Millis>,
    pub revoked: Option<Millis>,
    pub expires: Option<Millis>,
    /// Whether an event told that its time is over.
    pub end_told: bool,
    pub settings: KeySettings,
    /// When its secret was last changed, and the ids of the rotations, the last one last.
    pub rotated: Option<Millis>,
    pub rotations: Vec<String>,
    /// The secret before that.
    pub old: Option<OldSecret>,
}

/// A secret that a rotation left valid for a while.
pub(super) struct OldSecret {
    pub hash: SecretHash,
    pub until: Millis,
}

impl Key {
    /// Whether the key opens anything: neither revoked nor at its end.
    pub(super) fn is_live(&self, now: Millis) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }

    /// The key as events name it.
    pub(super) fn named(&self, id: &KeyId) -> KeyRef {
        KeyRef { id: id.clone(), name: self.name.clone() }
    }

    /// When its time is over, as long as an event is due then.
    pub(super) fn end_due(&self) -> Option<Millis> {
        self.expires.filter(|_| self.revoked.is_none() && !self.end_told)
    }

    /// When it, or its secret before the last rotation, will open nothing any more, as long as something is to be done
    /// then: an event told, sockets closed.
    pub(super) fn next_end(&self, now: Millis) -> Option<Millis> {
        let old = self.old.as_ref().map(|old| old.until).filter(|until| now < *until && self.is_live(now));
        self.end_due().into_iter().chain(old).min()
    }

    /// The hash of the secret before the last rotation, while that is valid.
    pub(super) fn old_hash(&self, now: Millis) -> Option<&SecretHash> {
        self.old.as_ref().filter(|old| now < old.until).map(|old| &old.hash)
    }

    /// Notes a use. Answers whether it is news: the first in a minute.
    pub(super) fn used(&mut self, now: Millis) -> bool {
        let minute = now - now.rem_euclid(MINUTE);
        let news = self.last_used.is_none_or(|at| at < minute);
        if news {
            self.last_used = Some(minute);
        }
        news
    }

    /// The key as the API shows it.
    pub(super) fn document(&self, id: &KeyId, account: &AccountId, now: Millis) -> KeyDocument {
        let days = |since: Millis| (now - since).max(0) / DAY;
        let secret_age = days(self.rotated.unwrap_or(self.created));
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
            expires_at: self.expires.map(rfc3339),
            rotated_at: self.rotated.map(rfc3339),
            old_secret_until: self.old.as_ref().filter(|old| now < old.until).map(|old| rfc3339(old.until)),
            settings: self.settings.clone(),
            age_days: days(self.created),
            rotate_due: self.is_live(now) && secret_age >= ROTATE_AFTER_DAYS,
        }
    }
}

/// A key as its row has it. A row of the first version has nothing of what came later.
fn read(row: &[Value]) -> Answer<(KeyId, Key)> {
    let unreadable = |_| Problem::new(Code::InternalError, "a stored key cannot be read");
    let text = |at| column(row, at).text().to_owned();
    let hash = |at, version| SecretHash {
        version: u32::try_from(column(row, version).int()).unwrap_or_default(),
        hash: text(at),
    };
    let json = |at| column(row, at).maybe_text();
    let key = Key {
        name: text(1).try_into().map_err(unreadable)?,
        hash: hash(2, 3),
        created: column(row, 4).int(),
        last_used: column(row, 5).maybe_int(),
        revoked: column(row, 6).maybe_int(),
        expires: column(row, 7).maybe_int(),
        settings: json(8).map_or(Ok(KeySettings::default()), |_| from_json(column(row, 8)))?,
        rotated: column(row, 9).maybe_int(),
        rotations: json(10).map_or(Ok(Vec::new()), |_| from_json(column(row, 10)))?,
        end_told: column(row, 14).int() != 0,
        old: column(row, 13).maybe_int().map(|until| OldSecret { hash: hash(11, 12), until }),
    };
    Ok((KeyId::parse(&text(0)).map_err(|error| unreadable(error.0))?, key))
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
        let rows = self.sql.run(
            "SELECT id, name, hash, pepper, created, last_used, revoked, expires, settings, rotated, rotations,
             old_hash, old_pepper, old_until, end_told FROM key",
            &[],
        )?;
        rows.iter().map(|row| read(row)).collect()
    }

    /// Makes a key. The same id again with the same settings is the same key; with others it is a mismatch.
    pub(super) fn create_key(&mut self, ask: CreateKey, now: Millis) -> Answer<KeyDocument> {
        let loaded = self.existing()?;
        if loaded.state == State::Terminated {
            return Err(Problem::new(Code::InvalidState, "The agent is terminated: it takes no more keys."));
        }
        if let Some(key) = loaded.keys.get(&ask.id) {
            let same = key.name == ask.key.name
                && key.expires == ask.key.expires_at
                && key.settings == ask.key.settings;
            // The secret that would be told is the first one's.
            if !same || key.revoked.is_some() || key.rotated.is_some() {
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
        let key = Key {
            name: ask.key.name,
            hash: ask.hash,
            created: now,
            last_used: None,
            revoked: None,
            expires: ask.key.expires_at,
            end_told: false,
            settings: ask.key.settings,
            rotated: None,
            rotations: Vec::new(),
            old: None,
        };
        let row: Vec<Value> = vec![
            ask.id.as_str().into(),
            key.name.as_str().into(),
            key.hash.hash.as_str().into(),
            u64::from(key.hash.version).into(),
            now.into(),
            key.expires.into(),
            to_json(&key.settings),
        ];
        let mut statements: Vec<Statement> = vec![(
            "INSERT INTO key (id, name, hash, pepper, created, expires, settings)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            row,
        )];
        statements.extend(self.event(&AgentEvent::KeyCreated { key: key.named(&ask.id) }));
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
            let named = known.named(id);
            let mut statements: Vec<Statement> =
                vec![("UPDATE key SET revoked = ?2 WHERE id = ?1", vec![id.as_str().into(), now.into()])];
            statements.extend(self.event(&AgentEvent::KeyRevoked { key: named }));
            self.sql.batch(&statements)?;
        }
        self.alarmed = true;
        let loaded = self.existing()?;
        let key = loaded.keys.get_mut(id).ok_or_else(unknown)?;
        key.revoked = key.revoked.or(Some(now));
        Ok(key.document(id, &loaded.account, now))
    }

    /// Writes the events of keys whose time is over, each once. A terminated agent's keys have ended before.
    ///
    /// # Errors
    /// What the database says; the events are due still.
    pub(super) fn tell_ended_keys(&mut self, now: Millis) -> Answer<()> {
        let Some(loaded) = &self.loaded else { return Ok(()) };
        let over = |key: &Key| key.end_due().filter(|end| *end <= now);
        let ended: Vec<(KeyId, AgentEvent)> = loaded
            .keys
            .iter()
            .filter_map(|(id, key)| {
                let expires_at = rfc3339(over(key)?);
                Some((id.clone(), AgentEvent::KeyExpired { key: key.named(id), expires_at }))
            })
            .collect();
        let silent = loaded.state == State::Terminated;
        let mut statements: Vec<Statement> = Vec::new();
        for (id, event) in &ended {
            statements.push(("UPDATE key SET end_told = 1 WHERE id = ?1", vec![id.as_str().into()]));
            statements.extend(self.event(event).filter(|_| !silent));
        }
        if statements.is_empty() {
            return Ok(());
        }
        self.sql.batch(&statements)?;
        for (id, _) in &ended {
            if let Some(key) = self.loaded.as_mut().and_then(|loaded| loaded.keys.get_mut(id)) {
                key.end_told = true;
            }
        }
        Ok(())
    }

    /// Revokes a key by itself: only who holds it can.
    pub(super) fn revoke_by_key(&mut self, id: &KeyId, text: &str, now: Millis) -> Answer<KeyDocument> {
        let pepper = self.pepper.clone();
        let key = self.loaded.as_ref().and_then(|loaded| loaded.keys.get(id));
        match ApiKey::parse(text) {
            Some(given) if opens(key, &given.secret, &pepper, now) => self.revoke_key(id, now),
            _ => Err(wrong_key()),
        }
    }
}

fn mismatch() -> Problem {
    Problem::new(
        Code::IdempotencyMismatch,
        "This Idempotency-Key made a key with other settings, or one that was rotated or revoked since. Use a new \
         Idempotency-Key.",
    )
}
