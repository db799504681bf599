//! What rooms' own objects must learn, step by step. A room's row says what it is and the newest version that its
//! object has; a crash anywhere leaves that difference, and the alarm goes on from it. Steps are idempotent: a room
//! takes nothing that is not newer.

use super::{Network, World};
use crate::sql::Sql;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::room::RoomAsk;
use moltghost_protocol::time::Millis;

/// How long the alarm waits before it takes steps that failed.
pub(super) const RETRY: Millis = 10_000;

/// Rooms that one alarm tells.
const BATCH: i64 = 200;

impl<S: Sql, W: World> Network<S, W> {
    /// Tells rooms what they lack. Answers whether more is to be told.
    pub(super) async fn tell_rooms(&self) -> Outcome<bool> {
        let rows = self.untold_rows(BATCH)?;
        let mut failed = None;
        for row in &rows {
            let conversation = self.conversation(ConversationKind::Room, &row.room.id);
            let ask = if row.removed {
                RoomAsk::Close { version: row.version }
            } else {
                RoomAsk::Open(Box::new(self.opened(row)?))
            };
            match self.world.room(&conversation, ask).await {
                // One that is closed or was never opened has nothing to learn.
                Err(error) if error.status != 404 => {
                    failed = Some(error);
                    continue;
                }
                _ => {}
            }
            self.sql.run(
                "UPDATE room SET synced = ?2 WHERE id = ?1 AND synced < ?2",
                &[row.room.id.as_str().into(), row.version.into()],
            )?;
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(i64::try_from(rows.len()).unwrap_or(0) >= BATCH || !self.untold_rows(1)?.is_empty()),
        }
    }
}
