//! Agents of an account: their names, and what is to become of them.

use super::saga::{Pending, RETRY};
use super::{Account, Answer, World};
use crate::agent;
use crate::sql::{column, Sql, Value};
use moltghost_protocol::control::account::Name;
use moltghost_protocol::control::agent::{AgentRecord, Change};
use moltghost_protocol::control::page::{Page, PageRequest};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AgentId, Alias};
use moltghost_protocol::object::account::{CreateAgent, Created, Which};
use moltghost_protocol::object::agent::{AgentOp, Create};

/// An agent's row.
pub(super) struct Row {
    pub id: AgentId,
    pub name: Option<String>,
    pub alias: Option<Alias>,
    pub pending: Option<String>,
    pub terminated: bool,
}

impl Row {
    fn read(row: &[Value]) -> Answer<Self> {
        let unreadable = |_| Problem::new(Code::InternalError, "a stored agent cannot be read");
        Ok(Self {
            id: AgentId::parse(column(row, 0).text()).map_err(unreadable)?,
            name: column(row, 1).maybe_text(),
            alias: column(row, 2)
                .maybe_text()
                .map(|text| Alias::parse(&text))
                .transpose()
                .map_err(unreadable)?,
            pending: column(row, 3).maybe_text(),
            terminated: *column(row, 4) != Value::Null,
        })
    }
}

impl<S: Sql, W: World> Account<S, W> {
    fn row_where(&self, condition: &str, value: &str) -> Answer<Option<Row>> {
        let query = format!("SELECT id, name, alias, pending, terminated FROM agent WHERE {condition} = ?1");
        self.sql.run(&query, &[value.into()])?.first().map(|row| Row::read(row)).transpose()
    }

    /// Agents for which something is still to be done.
    pub(super) fn pending_rows(&self) -> Answer<Vec<Row>> {
        let query = "SELECT id, name, alias, pending, terminated FROM agent WHERE pending IS NOT NULL";
        self.sql.run(query, &[])?.iter().map(|row| Row::read(row)).collect()
    }

    /// Waits until it is settled who has a name, where a change that may be undone would give it up.
    async fn settle_name(&self, name: &str) -> Answer<()> {
        while let Some(id) = self.leaving(name)? {
            match self.complete(&id).await {
                Err(problem) if problem.code == Code::InternalError => return Err(problem),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn row(&self, id: &AgentId) -> Answer<Option<Row>> {
        self.row_where("id", id.as_str())
    }

    /// The row of an agent that is there and settled: what a crash left over is done first.
    async fn settled(&self, id: &AgentId) -> Answer<Row> {
        self.document()?;
        if self.row(id)?.is_some_and(|row| row.pending.is_some()) {
            self.complete(id).await?;
        }
        self.row(id)?.ok_or_else(agent::unknown)
    }

    /// Creates an agent, unless its name is taken: then the one that has it answers whether it is the same.
    pub(super) async fn create_agent(&self, ask: CreateAgent) -> Answer<Created<AgentRecord>> {
        self.document()?;
        let name = ask.settings.name.as_str();
        // Others of that name may come and be refused while this one waits: each time the name is looked for anew.
        loop {
            self.settle_name(name).await?;
            let Some(row) = self.row_where("name", name)? else { break };
            if row.pending.is_some() {
                // It may turn out that it cannot be; then the name is free.
                let _ = self.complete(&row.id).await;
            }
            if self.row_where("name", name)?.is_some_and(|kept| kept.id == row.id) {
                let account = self.document()?.id;
                let create =
                    Create { id: row.id.clone(), account, settings: ask.settings, connect: ask.connect };
                let document = self.world.agent(&row.id, AgentOp::Create(Box::new(create))).await?;
                return Ok(Created { new: false, document });
            }
        }
        self.sql.run(
            "INSERT INTO agent (id, name, alias, pending, created) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                ask.id.as_str().into(),
                name.into(),
                ask.settings.alias.as_ref().map(Alias::as_str).into(),
                self.sealed(
                    &ask.id,
                    &Pending::Create { settings: ask.settings.clone(), connect: ask.connect },
                )?,
                self.world.now().into(),
            ],
        )?;
        self.world.wake(self.world.now() + RETRY);
        Ok(Created { new: true, document: self.complete(&ask.id).await? })
    }

    /// Ids of agents in their order, terminated ones left out.
    pub(super) fn agents(&self, page: &PageRequest) -> Answer<Page<AgentId>> {
        self.document()?;
        let rows = self.sql.run(
            "SELECT id FROM agent WHERE id > ?1 AND terminated IS NULL ORDER BY id LIMIT ?2",
            &[page.after.as_str().into(), (i64::from(page.limit) + 1).into()],
        )?;
        let ids = rows.iter().filter_map(|row| AgentId::parse(column(row, 0).text()).ok());
        Ok(Page::cut(ids.collect(), page.limit, ToString::to_string))
    }

    /// Which agent of this account is meant.
    pub(super) fn find(&self, which: &Which) -> Answer<AgentId> {
        self.document()?;
        let row = match which {
            Which::Id(id) => self.row(id)?,
            // An alias stands for one agent of the whole deployment, so it goes before a name.
            Which::Name(text) => match self.row_where("alias", text)? {
                None => self.row_where("name", text)?,
                found => found,
            },
        };
        row.map(|row| row.id).ok_or_else(agent::unknown)
    }

    /// Changes an agent. A new name or alias is the account's to give; the rest is the agent's.
    pub(super) async fn change_agent(&self, id: &AgentId, change: Change) -> Answer<AgentRecord> {
        let row = loop {
            let row = self.settled(id).await?;
            match &change.name {
                Some(name) if self.leaving(name.as_str())?.is_some() => {
                    self.settle_name(name.as_str()).await?;
                }
                _ => break row,
            }
        };
        if row.terminated {
            // The agent's own refusal, which names the state.
            return self.world.agent(id, AgentOp::Change(Box::new(change))).await;
        }
        if let Some(name) = &change.name {
            if self.row_where("name", name.as_str())?.is_some_and(|other| other.id != *id) {
                let message = "An agent of this account has that name. Choose another.";
                return Err(Problem::new(Code::NameTaken, message).param("name"));
            }
        }
        let pending = Pending::Change { change: change.clone(), name: row.name, alias: row.alias };
        self.sql.run(
            "UPDATE agent SET name = coalesce(?2, name), alias = CASE WHEN ?3 THEN ?4 ELSE alias END,
             pending = ?5, projected = 0 WHERE id = ?1 AND terminated IS NULL",
            &[
                id.as_str().into(),
                change.name.as_ref().map(Name::as_str).into(),
                i64::from(change.alias.is_some()).into(),
                change.alias.flatten().as_ref().map(Alias::as_str).into(),
                self.sealed(id, &pending)?,
            ],
        )?;
        self.world.wake(self.world.now() + RETRY);
        self.complete(id).await
    }

    /// Ends an agent for ever: its name is free for another at once, its alias 30 days later, its id never.
    pub(super) async fn terminate_agent(&self, id: &AgentId) -> Answer<AgentRecord> {
        let row = self.settled(id).await?;
        if row.terminated {
            return self.world.agent(id, AgentOp::Show).await;
        }
        let now = self.world.now();
        self.sql.run(
            "UPDATE agent SET name = NULL, terminated = ?2, pending = ?3, projected = 0 WHERE id = ?1",
            &[id.as_str().into(), now.into(), self.sealed(id, &Pending::Terminate)?],
        )?;
        self.world.wake(now + RETRY);
        self.complete(id).await
    }
}
