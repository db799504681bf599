//! Rotating a key: a new secret under the same id, and a while in which the old one is valid too.
//!
//! One row changes, in one commit with the event that tells of it, so a rotation is there whole or not at all. Its id
//! makes it idempotent: the secret is derived from it, so asking again tells the same one, and the grace period does not
//! begin anew. Runs belong to the key and go on; sockets belong to the secret that opened them, and close when it ends.

use super::endpoint::{Answer, Endpoint};
use super::keys::OldSecret;
use super::stored::to_json;
use crate::sql::{Sql, Statement};
use moltghost_protocol::control::event::AgentEvent;
use moltghost_protocol::control::key::KeyDocument;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::RotateKey;
use moltghost_protocol::time::{rfc3339, Millis};

/// Rotations of a key that are remembered, so that none of them is taken for a new one.
const REMEMBERED: usize = 32;

impl<S: Sql> Endpoint<S> {
    /// Gives a key a new secret.
    pub(super) fn rotate_key(&mut self, ask: RotateKey, now: Millis) -> Answer<KeyDocument> {
        let unknown = || Problem::new(Code::NotFound, "There is no such key.");
        let loaded = self.existing().map_err(|_| unknown())?;
        let key = loaded.keys.get(&ask.id).ok_or_else(unknown)?;
        if !key.is_live(now) {
            return Err(Problem::new(
                Code::InvalidState,
                "The key was revoked or has expired: it has no secret to change. Make a new key.",
            ));
        }
        if let Some(rotation) = &ask.rotation {
            if key.rotations.last() == Some(rotation) && key.hash == ask.hash {
                return Ok(key.document(&ask.id, &loaded.account, now));
            }
            if key.rotations.contains(rotation) {
                return Err(Problem::new(
                    Code::IdempotencyMismatch,
                    "This rotation_id belongs to an earlier rotation of the key. Use a new rotation_id.",
                )
                .param("rotation_id"));
            }
        }
        let mut rotations = key.rotations.clone();
        rotations.extend(ask.rotation);
        let forgotten = rotations.len().saturating_sub(REMEMBERED);
        rotations.drain(..forgotten);
        let old = OldSecret { hash: key.hash.clone(), until: now + Millis::from(ask.grace_seconds) * 1_000 };
        let row = [
            ask.id.as_str().into(),
            ask.hash.hash.as_str().into(),
            u64::from(ask.hash.version).into(),
            now.into(),
            to_json(&rotations),
            old.hash.hash.as_str().into(),
            u64::from(old.hash.version).into(),
            old.until.into(),
        ];
        let told = AgentEvent::KeyRotated { key: key.named(&ask.id), old_secret_until: rfc3339(old.until) };
        let mut statements: Vec<Statement> = vec![(
            "UPDATE key SET hash = ?2, pepper = ?3, rotated = ?4, rotations = ?5, old_hash = ?6, old_pepper = ?7,
             old_until = ?8 WHERE id = ?1",
            row.to_vec(),
        )];
        statements.extend(self.event(&told));
        self.sql.batch(&statements)?;
        // Sockets of a secret that is valid no more close at once.
        self.alarmed = true;
        let loaded = self.existing()?;
        let key = loaded.keys.get_mut(&ask.id).ok_or_else(unknown)?;
        key.hash = ask.hash;
        key.rotated = Some(now);
        key.rotations = rotations;
        key.old = Some(old);
        Ok(key.document(&ask.id, &loaded.account, now))
    }
}
