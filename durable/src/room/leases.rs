//! Leases that the network has given: messages of busy senders that need not go by the network's object first
//! (decision 0021). They are in memory alone; who finds none is referred to the network.
//!
//! A lease of before the last recall may still arrive, on a message that was on its way. So the newest revision that
//! was recalled is stored, and no older lease is kept.

use super::conversation::Room;
use crate::sql::{column, Sql};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::room::{LeasedPost, Post, PostLease};
use moltghost_protocol::time::Millis;
use std::collections::HashMap;

/// Leases that are kept at one time.
const KEPT: usize = 1_000;

/// Leases by their keys.
pub(super) type Leases = HashMap<String, PostLease>;

/// What becomes of a message that may come under a lease.
pub(super) enum Leased {
    /// The network is to be asked: there is no lease.
    Refer,
    /// The network is to be asked about this one.
    ReferOnce,
    /// The network would refuse it so.
    Refused(MoltnetError),
    /// It may be stored, if the room lets it.
    Post(Box<Post>),
}

impl<S: Sql> Room<S> {
    /// Keeps a lease, unless it has been recalled already. Answers whether it is kept.
    pub(super) fn keep(&mut self, lease: PostLease, now: Millis) -> bool {
        if self.open_one().is_err() || self.recalled().is_none_or(|newest| lease.revision < newest) {
            return false;
        }
        if self.leases.len() >= KEPT {
            self.leases.retain(|_, lease| lease.until > now);
        }
        let held = self.leases.get(&lease.key).filter(|held| held.until > now);
        let more = held.map_or(0, |held| held.posts);
        let fits = self.leases.len() < KEPT || self.leases.contains_key(&lease.key);
        if fits {
            let posts = lease.posts.saturating_add(more);
            self.leases.insert(lease.key.clone(), PostLease { posts, ..lease });
        }
        fits
    }

    /// The newest revision that was recalled; `None` where that cannot be read.
    fn recalled(&self) -> Option<u64> {
        let rows = self.sql.run("SELECT revision FROM recalled", &[]).ok()?;
        Some(rows.first().map_or(0, |row| u64::try_from(column(row, 0).int()).unwrap_or(u64::MAX)))
    }

    /// Ends every lease of before a revision, for good.
    pub(super) fn recall(&mut self, revision: u64) -> Outcome<()> {
        self.leases.retain(|_, lease| lease.revision >= revision);
        // One that was never opened holds none, and none is on its way to it.
        if self.loaded.is_some() {
            self.sql.batch(&[
                ("DELETE FROM recalled WHERE revision < ?1", vec![revision.into()]),
                (
                    "INSERT INTO recalled SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM recalled)",
                    vec![revision.into()],
                ),
            ])?;
        }
        Ok(())
    }

    /// Decides about a message as the network would. Whatever depends on more than the lease and the room goes there:
    /// threads that are new, and a room of another name.
    pub(super) fn leased(&mut self, asked: LeasedPost, now: Millis) -> Leased {
        let home = self.name.network.clone();
        let Some(lease) = self.leases.get_mut(&asked.key) else { return Leased::Refer };
        if lease.posts == 0 || lease.until <= now || self.name.kind != ConversationKind::Room {
            self.leases.remove(&asked.key);
            return Leased::Refer;
        }
        let target = &asked.message.target;
        if target.room_id.trim() != self.name.id || !matches!(target.kind.as_str(), "room" | "thread") {
            return Leased::ReferOnce;
        }
        let (caller, name) = (lease.caller.clone(), lease.name.clone());
        if target.kind == "thread" && !self.has_thread(target.thread_id.trim()) {
            return Leased::ReferOnce;
        }
        if let Some(lease) = self.leases.get_mut(&asked.key) {
            lease.posts -= 1;
        }
        if let Err(fault) = asked.message.check() {
            return Leased::Refused(MoltnetError::invalid(fault));
        }
        // The Worker has named it.
        let mut message = asked.message.normalised(&home, String::new);
        if let Some(name) = name {
            message.from.name = name;
        }
        Leased::Post(Box::new(Post { caller, message }))
    }

    fn has_thread(&self, id: &str) -> bool {
        self.sql.run("SELECT 1 FROM thread WHERE id = ?1", &[id.into()]).is_ok_and(|rows| !rows.is_empty())
    }
}
