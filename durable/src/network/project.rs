//! The directory in D1, for operators' own queries. Nothing here ever reads it back: a D1 that is out delays this
//! projection and nothing else. What is written twice is the same row twice.

use super::{Network, World};
use crate::sql::{column, Sql, Statement, Value};
use moltghost_protocol::moltnet::error::Outcome;

/// Most rows in one transaction; a room's row is 70 kB at most, so that a transaction stays below 1 MB.
const ROOMS: i64 = 14;
const AGENTS: i64 = 500;

const ROOM: &str = "INSERT INTO network_room
    (network, id, name, visibility, write_policy, members, created_at, removed_at, version)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (network, id) DO UPDATE SET name = excluded.name, visibility = excluded.visibility,
    write_policy = excluded.write_policy, members = excluded.members, removed_at = excluded.removed_at,
    version = excluded.version WHERE excluded.version >= version";
const AGENT: &str = "INSERT INTO network_agent (network, id, actor_uid, name, created_at, updated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (network, id) DO UPDATE SET actor_uid = excluded.actor_uid, name = excluded.name,
    created_at = excluded.created_at, updated_at = excluded.updated_at";
const GONE: &str = "DELETE FROM network_agent WHERE network = ?1 AND id = ?2";

impl<S: Sql, W: World> Network<S, W> {
    /// Writes what changed since the last time. Each row is marked only if it is still what was written.
    pub(super) async fn project(&self) -> Outcome<()> {
        self.project_rows(
            "SELECT ?1, id, name, visibility, write_policy, members, created, removed, version FROM room
             WHERE projected < version ORDER BY id LIMIT ?2",
            ROOMS,
            ROOM,
            "UPDATE room SET projected = ?2 WHERE id = ?1 AND projected < ?2",
            8,
        )
        .await?;
        self.project_rows(
            "SELECT ?1, id FROM gone ORDER BY id LIMIT ?2",
            AGENTS,
            GONE,
            "DELETE FROM gone WHERE id = ?1 AND ?2 = id",
            1,
        )
        .await?;
        self.project_rows(
            "SELECT ?1, id, actor_uid, name, created, updated FROM agent WHERE projected = 0 ORDER BY id LIMIT ?2",
            AGENTS,
            AGENT,
            "UPDATE agent SET projected = 1 WHERE id = ?1 AND updated = ?2",
            5,
        )
        .await
    }

    /// Projects one table; `state` is the column that says which state of the row was written.
    async fn project_rows(
        &self,
        select: &str,
        batch: i64,
        write: &'static str,
        mark: &str,
        state: usize,
    ) -> Outcome<()> {
        loop {
            let rows = self.sql.run(select, &[self.home().into(), batch.into()])?;
            if rows.is_empty() {
                return Ok(());
            }
            let statements: Vec<Statement> = rows.iter().map(|row| (write, row.clone())).collect();
            self.world.project(statements).await?;
            for row in &rows {
                let marked: [Value; 2] = [column(row, 1).clone(), column(row, state).clone()];
                self.sql.run(mark, &marked)?;
            }
        }
    }
}
