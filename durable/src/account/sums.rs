//! Numbers summed up: an account's over its agents, the deployment's over its accounts.
//!
//! Who tells, tells everything since the beginning, again and again, and only ever more; who listens adds what is more
//! than it knew. So nothing is counted twice, and what was lost on the way comes with the next telling. Nobody is ever
//! asked: an agent or account at rest stays at rest.

use super::events::json;
use super::{schema, Account, Answer, World};
use crate::migrate;
use crate::sql::{column, Sql, SqlError, Value};
use moltghost_protocol::control::page::{Page, PageRequest};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AgentId;
use moltghost_protocol::metrics::figures::Figures;
use moltghost_protocol::object::account::{AccountReport, AgentFigures, RegisterOp, Sums};
use moltghost_protocol::time::Millis;
use std::collections::BTreeMap;

/// How long after a change the register is told.
pub(super) const REPORT_AFTER: Millis = 20_000;

impl<S: Sql, W: World> Account<S, W> {
    /// The sum that this object keeps.
    pub(super) fn total(&self) -> Result<Figures, SqlError> {
        let rows = self.sql.run("SELECT figures FROM total", &[])?;
        Ok(rows.first().map(|row| figures(column(row, 0))).unwrap_or_default())
    }

    /// Tells the register what it does not know yet.
    pub(super) async fn tell_register(&self) -> Answer<()> {
        let changes = self.sql.run("SELECT changes FROM total WHERE changes > told", &[])?;
        let Some(changes) = changes.first().map(|row| column(row, 0).clone()) else { return Ok(()) };
        let figures = self.total()?;
        let rows = self.sql.run("SELECT state, count(*) FROM reporter GROUP BY state", &[])?;
        let count = |row: &Vec<Value>| u64::try_from(column(row, 1).int()).unwrap_or_default();
        let agents = rows.iter().map(|row| (column(row, 0).text().to_owned(), count(row))).collect();
        let report = AccountReport { account: self.document()?.id, agents, figures };
        self.world.register(RegisterOp::Report(Box::new(report))).await?;
        // What changed meanwhile is told with the next.
        self.sql.run("UPDATE total SET told = max(told, ?1)", &[changes])?;
        Ok(())
    }

    /// Numbers of each agent, in the order of ids.
    pub(super) fn agent_figures(&self, page: &PageRequest) -> Answer<Page<AgentFigures>> {
        self.document()?;
        let rows = self.sql.run(
            "SELECT agent, figures FROM reporter WHERE agent > ?1 ORDER BY agent LIMIT ?2",
            &[page.after.as_str().into(), (i64::from(page.limit) + 1).into()],
        )?;
        let read = |row: &Vec<Value>| {
            let agent = AgentId::parse(column(row, 0).text()).ok()?;
            Some(AgentFigures { agent, figures: figures(column(row, 1)) })
        };
        Ok(Page::cut(rows.iter().filter_map(read).collect(), page.limit, |item| item.agent.to_string()))
    }

    /// The register takes an account's report.
    pub(super) fn take_sums(&self, report: &AccountReport) -> Answer<()> {
        migrate::migrate(&self.sql, migrate::version(&self.sql)?, schema::REGISTER)?;
        let account = report.account.as_str();
        let rows = self.sql.run("SELECT figures FROM reporter WHERE account = ?1", &[account.into()])?;
        let before = rows.first().map(|row| figures(column(row, 0))).unwrap_or_default();
        let mut total = self.total()?;
        let more = report.figures.weight() > before.weight();
        if more {
            total.add(&report.figures.since(&before));
        }
        let known = if more { &report.figures } else { &before };
        let agents = serde_json::to_string(&report.agents).unwrap_or_default();
        self.sql.batch(&[
            (
                "REPLACE INTO reporter (account, agents, figures) VALUES (?1, ?2, ?3)",
                vec![account.into(), agents.into(), json(known)],
            ),
            ("UPDATE total SET figures = ?1", vec![json(&total)]),
        ])?;
        Ok(())
    }

    /// The register's sums over all accounts.
    pub(super) fn sums(&self) -> Answer<Sums> {
        let Some(version) = migrate::version(&self.sql)? else { return Ok(Sums::default()) };
        migrate::migrate(&self.sql, Some(version), schema::REGISTER)?;
        let mut sums = Sums { figures: self.total()?, ..Sums::default() };
        let rows = self.sql.run("SELECT count(*) FROM listed", &[])?;
        sums.accounts = rows.first().map_or(0, |row| column(row, 0).int()).unsigned_abs();
        for row in self.sql.run("SELECT agents FROM reporter", &[])? {
            let agents: BTreeMap<String, u64> = serde_json::from_str(column(&row, 0).text())
                .map_err(|_| Problem::new(Code::InternalError, "a stored account's agents cannot be read"))?;
            for (state, count) in agents {
                *sums.agents.entry(state).or_default() += count;
            }
        }
        Ok(sums)
    }
}

/// Stored figures. What cannot be read counts as nothing.
fn figures(stored: &Value) -> Figures {
    serde_json::from_str(stored.text()).unwrap_or_default()
}
