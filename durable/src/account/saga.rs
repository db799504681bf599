//! What spans objects, step by step.
//!
//! An agent's row says what it is to be and, in `pending`, what is still to be done. Each step is idempotent and
//! each refusal undoes what the row promised, so a crash anywhere leaves either the old or the new, never half: the
//! alarm, or the next message about that agent, goes on from the row.

use super::agents::Row;
use super::{Account, Answer, World};
use crate::agent;
use crate::sql::{column, Sql, Value};
use moltghost_protocol::control::agent::{AgentRecord, Change, Settings};
use moltghost_protocol::credential::SecretHash;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AgentId, Alias};
use moltghost_protocol::object::account::AliasOp;
use moltghost_protocol::object::agent::{AgentOp, Create};
use moltghost_protocol::seal::{self, Place};
use moltghost_protocol::time::Millis;
use serde::{Deserialize, Serialize};

/// How long the alarm waits before it takes steps that were left over.
pub(super) const RETRY: Millis = 10_000;

/// What is still to be done for an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Pending {
    /// Claim its alias, create its endpoint.
    Create { settings: Settings, connect: SecretHash },
    /// Claim the new alias, change the endpoint, give up the old alias. `name` and `alias` are those before.
    Change { change: Change, name: Option<String>, alias: Option<Alias> },
    /// End the endpoint, give up the alias.
    Terminate,
}

impl<S: Sql, W: World> Account<S, W> {
    fn place(object: &str) -> Place<'_> {
        Place { object, field: "account.pending" }
    }

    pub(super) fn sealed(&self, id: &AgentId, pending: &Pending) -> Answer<Value> {
        let text = serde_json::to_string(pending).unwrap_or_default();
        seal::seal(&self.pepper, Self::place(id.as_str()), &text, self.world.nonce()?)
            .map(Value::Text)
            .ok_or_else(|| Problem::new(Code::InternalError, "what is pending cannot be sealed"))
    }

    fn opened(&self, row: &Row) -> Answer<Option<Pending>> {
        let Some(sealed) = &row.pending else { return Ok(None) };
        seal::open(&self.pepper, Self::place(row.id.as_str()), sealed)
            .and_then(|text| serde_json::from_str(&text).ok())
            .map(Some)
            .ok_or_else(|| Problem::new(Code::InternalError, "what is pending cannot be opened"))
    }

    /// Does what is pending for every agent.
    pub(super) async fn complete_all(&self) -> Answer<()> {
        let rows = self.sql.run("SELECT id FROM agent WHERE pending IS NOT NULL", &[])?;
        for id in rows.iter().filter_map(|row| AgentId::parse(column(row, 0).text()).ok()) {
            match self.complete(&id).await {
                Err(problem) if problem.code == Code::InternalError => return Err(problem),
                _ => {}
            }
        }
        Ok(())
    }

    /// Does what is pending for one agent. A refusal undoes it; a failure leaves it for the next time.
    pub(super) async fn complete(&self, id: &AgentId) -> Answer<AgentRecord> {
        let row = self.row(id)?.ok_or_else(agent::unknown)?;
        let done = match self.opened(&row)? {
            None => return self.world.agent(id, AgentOp::Show).await,
            Some(Pending::Create { settings, connect }) => self.finish_create(&row, settings, connect).await,
            Some(Pending::Change { change, name, alias }) => {
                self.finish_change(&row, change, name, alias).await
            }
            Some(Pending::Terminate) => self.finish_terminate(&row).await,
        };
        if done.is_ok() {
            // Only what was just done: another message may have asked for more meanwhile.
            self.sql.run(
                "UPDATE agent SET pending = NULL WHERE id = ?1 AND pending = ?2",
                &[id.as_str().into(), row.pending.into()],
            )?;
        }
        done
    }

    /// Which agent had a name until a change that may yet be undone: nobody else can have it before that is done.
    pub(super) fn leaving(&self, name: &str) -> Answer<Option<AgentId>> {
        for row in self.pending_rows()? {
            if let Ok(Some(Pending::Change { name: Some(before), .. })) = self.opened(&row) {
                if before == name && row.name.as_deref() != Some(name) {
                    return Ok(Some(row.id));
                }
            }
        }
        Ok(None)
    }

    async fn finish_create(&self, row: &Row, settings: Settings, connect: SecretHash) -> Answer<AgentRecord> {
        let forget = || self.sql.run("DELETE FROM agent WHERE id = ?1", &[row.id.as_str().into()]);
        if let Some(alias) = &settings.alias {
            let claimed = self.claim_for(&row.id, alias).await;
            if is_refusal(&claimed) {
                forget()?;
            }
            claimed?;
        }
        let alias = settings.alias.clone();
        let create = Create { id: row.id.clone(), account: self.document()?.id, settings, connect };
        let created = self.world.agent(&row.id, AgentOp::Create(Box::new(create))).await;
        if is_refusal(&created) {
            self.release_for(&row.id, alias.as_ref()).await?;
            forget()?;
        }
        created
    }

    async fn finish_change(
        &self,
        row: &Row,
        change: Change,
        name: Option<String>,
        before: Option<Alias>,
    ) -> Answer<AgentRecord> {
        let undo = || {
            let alias = before.as_ref().map(Alias::as_str);
            // Only this change: another message may have undone it, and asked for more, meanwhile.
            self.sql.run(
                "UPDATE agent SET name = ?2, alias = ?3, pending = NULL WHERE id = ?1 AND pending = ?4",
                &[row.id.as_str().into(), name.clone().into(), alias.into(), row.pending.clone().into()],
            )
        };
        let moved = row.alias != before;
        if let (true, Some(alias)) = (moved, &row.alias) {
            let claimed = self.claim_for(&row.id, alias).await;
            if is_refusal(&claimed) {
                undo()?;
            }
            claimed?;
        }
        let changed = self.world.agent(&row.id, AgentOp::Change(Box::new(change))).await;
        if is_refusal(&changed) {
            if moved {
                self.release_for(&row.id, row.alias.as_ref()).await?;
            }
            undo()?;
        }
        if changed.is_ok() && moved {
            self.release_for(&row.id, before.as_ref()).await?;
        }
        changed
    }

    async fn finish_terminate(&self, row: &Row) -> Answer<AgentRecord> {
        let ended = self.world.agent(&row.id, AgentOp::Terminate).await?;
        self.release_for(&row.id, row.alias.as_ref()).await?;
        self.sql.run("UPDATE agent SET alias = NULL WHERE id = ?1", &[row.id.as_str().into()])?;
        Ok(ended)
    }

    async fn claim_for(&self, id: &AgentId, alias: &Alias) -> Answer<()> {
        let claim = AliasOp::Claim { alias: alias.clone(), agent: id.clone() };
        self.world.alias(alias, claim).await
    }

    async fn release_for(&self, id: &AgentId, alias: Option<&Alias>) -> Answer<()> {
        match alias {
            Some(alias) => self.world.alias(alias, AliasOp::Release(id.clone())).await,
            None => Ok(()),
        }
    }
}

/// A refusal is final; an internal error may pass.
fn is_refusal<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Err(problem) if problem.code != Code::InternalError)
}
