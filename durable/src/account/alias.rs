//! An alias: who holds it. Unique in the deployment because it is one object; free for others 30 days after its
//! holder gave it up, so that nobody takes over the callers of a renamed agent.

use super::{schema, Account, Answer, World};
use crate::migrate;
use crate::sql::{column, Sql};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AgentId, Alias};
use moltghost_protocol::object::account::AliasOp;
use moltghost_protocol::object::write_answer;
use moltghost_protocol::time::{Millis, DAY};

/// How long an alias that was given up stays closed to others.
const HOLD: Millis = 30 * DAY;

impl<S: Sql, W: World> Account<S, W> {
    pub(super) fn alias(&self, op: &AliasOp) -> String {
        match op {
            AliasOp::Claim { alias, agent } => write_answer(&self.claim(alias, agent)),
            AliasOp::Release(agent) => write_answer(&self.release(agent)),
            AliasOp::Resolve => write_answer(&self.resolve()),
        }
    }

    /// The holder, and when it gave the alias up.
    fn holder(&self) -> Answer<Option<(AgentId, Option<Millis>)>> {
        let Some(version) = migrate::version(&self.sql)? else { return Ok(None) };
        migrate::migrate(&self.sql, Some(version), schema::ALIAS)?;
        let rows = self.sql.run("SELECT agent, released FROM holder", &[])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let agent = AgentId::parse(column(row, 0).text())
            .map_err(|_| Problem::new(Code::InternalError, "the stored holder of an alias cannot be read"))?;
        Ok(Some((agent, column(row, 1).maybe_int())))
    }

    fn claim(&self, alias: &Alias, agent: &AgentId) -> Answer<()> {
        let now = self.world.now();
        match self.holder()? {
            Some((holder, released)) if holder != *agent && released.is_none_or(|at| now < at + HOLD) => {
                Err(Problem::new(Code::NameTaken, format!("The alias {alias} is taken. Choose another."))
                    .param("alias"))
            }
            held => {
                if held.is_none() {
                    migrate::migrate(&self.sql, migrate::version(&self.sql)?, schema::ALIAS)?;
                }
                self.sql.batch(&[
                    ("DELETE FROM holder", vec![]),
                    ("INSERT INTO holder (agent) VALUES (?1)", vec![agent.as_str().into()]),
                ])?;
                Ok(())
            }
        }
    }

    fn release(&self, agent: &AgentId) -> Answer<()> {
        match self.holder()? {
            Some((holder, None)) if holder == *agent => {
                self.sql.run("UPDATE holder SET released = ?1", &[self.world.now().into()])?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn resolve(&self) -> Answer<AgentId> {
        match self.holder()? {
            Some((agent, None)) => Ok(agent),
            _ => Err(crate::agent::unknown()),
        }
    }
}
