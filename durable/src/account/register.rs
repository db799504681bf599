//! The register: which accounts the deployment has.

use super::{schema, Account, World};
use crate::migrate;
use crate::sql::{column, Sql, Value};
use moltghost_protocol::control::account::AccountDocument;
use moltghost_protocol::control::page::{Page, PageRequest};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AccountId;
use moltghost_protocol::object::account::RegisterOp;
use moltghost_protocol::object::write_answer;
use moltghost_protocol::time::Millis;

impl<S: Sql, W: World> Account<S, W> {
    pub(super) fn register(&self, op: &RegisterOp) -> String {
        match op {
            RegisterOp::Add(account) => write_answer(&self.enlisted(account)),
            RegisterOp::List(page) => write_answer(&self.list(page)),
            RegisterOp::Report(report) => write_answer(&self.take_sums(report)),
            RegisterOp::Edge(report) => write_answer(&self.take_refusals(report)),
            RegisterOp::Sums => write_answer(&self.sums()),
            RegisterOp::EndSession { id, ends } => write_answer(&self.end_session(id, *ends)),
            RegisterOp::IsEnded(id) => write_answer(&self.is_ended(id)),
        }
    }

    fn enlisted(&self, account: &AccountDocument) -> Result<(), Problem> {
        migrate::migrate(&self.sql, migrate::version(&self.sql)?, schema::REGISTER)?;
        self.sql.run(
            "INSERT INTO listed (id, name, created) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING",
            &[account.id.as_str().into(), account.name.as_str().into(), account.created_at.as_str().into()],
        )?;
        Ok(())
    }

    /// Remembers that a session was ended, until it would have ended by itself.
    fn end_session(&self, id: &str, ends: Millis) -> Result<(), Problem> {
        migrate::migrate(&self.sql, migrate::version(&self.sql)?, schema::REGISTER)?;
        self.sql.run("DELETE FROM ended_session WHERE ends <= ?1", &[self.world.now().into()])?;
        self.sql.run(
            "INSERT INTO ended_session (id, ends) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING",
            &[id.into(), ends.into()],
        )?;
        Ok(())
    }

    fn is_ended(&self, id: &str) -> Result<bool, Problem> {
        let Some(version) = migrate::version(&self.sql)? else { return Ok(false) };
        migrate::migrate(&self.sql, Some(version), schema::REGISTER)?;
        Ok(!self.sql.run("SELECT 1 FROM ended_session WHERE id = ?1", &[id.into()])?.is_empty())
    }

    fn list(&self, page: &PageRequest) -> Result<Page<AccountDocument>, Problem> {
        let Some(version) = migrate::version(&self.sql)? else {
            return Ok(Page::cut(vec![], 1, |_| String::new()));
        };
        migrate::migrate(&self.sql, Some(version), schema::REGISTER)?;
        let limit = i64::from(page.limit) + 1;
        let rows = self.sql.run(
            "SELECT id, name, created FROM listed WHERE id > ?1 ORDER BY id LIMIT ?2",
            &[page.after.as_str().into(), limit.into()],
        )?;
        let accounts: Result<Vec<_>, _> = rows.iter().map(|row| read(row)).collect();
        Ok(Page::cut(accounts?, page.limit, |account| account.id.to_string()))
    }
}

fn read(row: &[Value]) -> Result<AccountDocument, Problem> {
    let unreadable = |_| Problem::new(Code::InternalError, "a listed account cannot be read");
    Ok(AccountDocument {
        id: AccountId::parse(column(row, 0).text()).map_err(|e| unreadable(e.0))?,
        name: column(row, 1).text().to_owned().try_into().map_err(unreadable)?,
        created_at: column(row, 2).text().to_owned(),
    })
}
