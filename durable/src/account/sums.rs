//! Numbers summed up: an account's over its agents, the deployment's over its accounts.
//!
//! Who tells, tells everything since the beginning, again and again, and only ever more; who listens keeps the newest of
//! each. So nothing is counted twice, and what was lost on the way comes with the next telling. Nobody is ever
//! asked: an agent or account at rest stays at rest.

use super::events::json;
use super::{schema, Account, Answer, World};
use crate::migrate;
use crate::sql::{column, Sql, Statement, Value};
use moltghost_protocol::control::page::{Page, PageRequest};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AgentId;
use moltghost_protocol::metrics::figures::Figures;
use moltghost_protocol::object::account::{AccountReport, AgentFigures, EdgeReport, RegisterOp, Sums};
use moltghost_protocol::time::{Millis, DAY};
use std::collections::BTreeMap;

/// How long the newest report of an instance is remembered, so that it is not counted twice.
const INSTANCE_KEPT: Millis = DAY;

/// How long after a change the register is told.
pub(super) const REPORT_AFTER: Millis = 20_000;

impl<S: Sql, W: World> Account<S, W> {
    /// Tells the register the account's sums, if any agent has told anything. Telling them again changes nothing there,
    /// so nothing is kept of what was told: the alarm that rings is all.
    pub(super) async fn tell_register(&self) -> Answer<()> {
        let account = self.document()?.id;
        let rows = self.sql.run("SELECT state, figures FROM reporter", &[])?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut report = AccountReport { account, agents: BTreeMap::new(), figures: Figures::default() };
        for row in &rows {
            *report.agents.entry(column(row, 0).text().to_owned()).or_default() += 1;
            report.figures.add(&figures(column(row, 1)));
        }
        self.world.register(RegisterOp::Report(Box::new(report))).await
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
        let rows =
            self.sql.run("SELECT agents, figures FROM reporter WHERE account = ?1", &[account.into()])?;
        let row = rows.first().map(Vec::as_slice).unwrap_or_default();
        let before = figures(column(row, 1));
        let more = report.figures.weight() > before.weight();
        let agents = serde_json::to_string(&report.agents).unwrap_or_default();
        if more || column(row, 0).text() != agents {
            let newest = if more { &report.figures } else { &before };
            self.sql.run(
                "REPLACE INTO reporter (account, agents, figures) VALUES (?1, ?2, ?3)",
                &[account.into(), agents.into(), json(newest)],
            )?;
        }
        Ok(())
    }

    /// The register takes an instance's refusals, each report once. A deployment without accounts keeps nothing.
    pub(super) fn take_refusals(&self, report: &EdgeReport) -> Answer<()> {
        let Some(version) = migrate::version(&self.sql)? else { return Ok(()) };
        migrate::migrate(&self.sql, Some(version), schema::REGISTER)?;
        let instance = report.instance.as_str();
        let rows =
            self.sql.run("SELECT number FROM edge_instance WHERE instance = ?1", &[instance.into()])?;
        let known = rows.first().map_or(0, |row| column(row, 0).int()).unsigned_abs();
        if report.number <= known {
            return Ok(());
        }
        let now = self.world.now();
        let mut statements: Vec<Statement> = vec![
            ("DELETE FROM edge_instance WHERE at < ?1", vec![(now - INSTANCE_KEPT).into()]),
            (
                "REPLACE INTO edge_instance (instance, number, at) VALUES (?1, ?2, ?3)",
                vec![instance.into(), report.number.into(), now.into()],
            ),
        ];
        statements.extend(report.refused.iter().map(|(code, count)| -> Statement {
            (
                "INSERT INTO edge_refusal (code, count) VALUES (?1, ?2)
                 ON CONFLICT (code) DO UPDATE SET count = count + ?2",
                vec![code.as_str().into(), (*count).into()],
            )
        }));
        self.sql.batch(&statements)?;
        Ok(())
    }

    /// The register's sums over all accounts.
    pub(super) fn sums(&self) -> Answer<Sums> {
        let Some(version) = migrate::version(&self.sql)? else { return Ok(Sums::default()) };
        migrate::migrate(&self.sql, Some(version), schema::REGISTER)?;
        let mut sums = Sums::default();
        let rows = self.sql.run("SELECT count(*) FROM listed", &[])?;
        sums.accounts = rows.first().map_or(0, |row| column(row, 0).int()).unsigned_abs();
        for row in self.sql.run("SELECT agents, figures FROM reporter", &[])? {
            sums.figures.add(&figures(column(&row, 1)));
            let agents: BTreeMap<String, u64> = serde_json::from_str(column(&row, 0).text())
                .map_err(|_| Problem::new(Code::InternalError, "a stored account's agents cannot be read"))?;
            for (state, count) in agents {
                *sums.agents.entry(state).or_default() += count;
            }
        }
        for row in self.sql.run("SELECT code, count FROM edge_refusal", &[])? {
            sums.edge.insert(column(&row, 0).text().to_owned(), column(&row, 1).int().unsigned_abs());
        }
        Ok(sums)
    }
}

/// Stored figures. What cannot be read counts as nothing.
fn figures(stored: &Value) -> Figures {
    serde_json::from_str(stored.text()).unwrap_or_default()
}
