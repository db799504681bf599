//! Conversations that were told a moment ago that nobody follows, and so let what comes gather. Who begins to follow is
//! to see the next event at once: they are told then that somebody does.
//!
//! They are in memory alone. One that is not told goes on by itself, a moment later.

use super::{Hub, World};
use crate::sql::Sql;
use moltghost_protocol::time::Millis;
use std::collections::HashMap;

/// How long a conversation may let what comes gather after it was told, and how long its answer may be on its way.
const GATHERING: Millis = 2_000;

/// Conversations that are told at one time.
const MOST: usize = 200;

/// When conversations were told, by their names.
pub(super) type Quiet = HashMap<String, Millis>;

impl<S: Sql, W: World> Hub<S, W> {
    /// A conversation is told that nobody follows.
    pub(super) fn lets_gather(&self, name: String) {
        let now = self.world.now();
        let mut quiet = self.quiet.borrow_mut();
        if quiet.len() >= MOST && !quiet.contains_key(&name) {
            quiet.retain(|_, told| is_recent(*told, now));
        }
        if quiet.len() < MOST || quiet.contains_key(&name) {
            quiet.insert(name, now);
        }
    }

    /// Somebody has begun to follow where nobody did.
    pub(super) fn is_followed(&self) {
        let now = self.world.now();
        let quiet = std::mem::take(&mut *self.quiet.borrow_mut());
        let names: Vec<String> =
            quiet.into_iter().filter(|(_, told)| is_recent(*told, now)).map(|(name, _)| name).collect();
        if !names.is_empty() {
            self.world.followed(names);
        }
    }
}

fn is_recent(told: Millis, now: Millis) -> bool {
    (0..GATHERING).contains(&(now - told))
}
