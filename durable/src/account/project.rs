//! The account's directory in D1, for operators' own queries. Nothing here ever reads it back: a D1 that is out
//! delays this projection and nothing else.

use super::{Account, Answer, World};
use crate::sql::{column, Sql, Statement};

/// Most rows in one transaction (architecture rule 15).
const BATCH: i64 = 500;

const ACCOUNT: &str = "INSERT INTO account (id, name, created_at) VALUES (?1, ?2, ?3)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name";
const AGENT: &str = "INSERT INTO agent (id, account, name, alias, created_at, terminated_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, alias = excluded.alias,
    terminated_at = excluded.terminated_at";

impl<S: Sql, W: World> Account<S, W> {
    /// Writes what changed since the last time. Each row is marked only if it is still what was written.
    pub(super) async fn project(&self) -> Answer<()> {
        let account = self.document()?.id;
        let rows = self.sql.run("SELECT id, name, created FROM account WHERE projected = 0", &[])?;
        if !rows.is_empty() {
            self.world.project(rows.into_iter().map(|row| (ACCOUNT, row)).collect()).await?;
            self.sql.run("UPDATE account SET projected = 1", &[])?;
        }
        loop {
            let rows = self.sql.run(
                "SELECT id, ?1, name, alias, created, terminated FROM agent
                 WHERE projected = 0 AND pending IS NULL LIMIT ?2",
                &[account.as_str().into(), BATCH.into()],
            )?;
            if rows.is_empty() {
                return Ok(());
            }
            let statements: Vec<Statement> = rows.iter().map(|row| (AGENT, row.clone())).collect();
            self.world.project(statements).await?;
            for row in &rows {
                self.sql.run(
                    "UPDATE agent SET projected = 1 WHERE id = ?1 AND name IS ?2 AND alias IS ?3 AND terminated IS ?4",
                    &[
                        column(row, 0).clone(),
                        column(row, 2).clone(),
                        column(row, 3).clone(),
                        column(row, 5).clone(),
                    ],
                )?;
            }
        }
    }
}
