//! The `Account` object: an account (`acct:<id>`), the register of the deployment's accounts (`accounts`), or an
//! alias (`alias:<alias>`), by its name.
//!
//! All state is in SQL and read anew for each message, since a message may wait for other objects half-way. What
//! spans objects is a saga: the account commits what is to be, which is what an acknowledgement rests on, then takes
//! idempotent steps; its alarm takes those that a crash left over.

mod agents;
mod alias;
mod events;
mod object;
mod project;
mod register;
mod saga;
mod schema;
mod sums;
#[cfg(test)]
mod tests;
mod tokens;

pub use events::{token_ended, MAX_STREAMS};
pub use object::Account as AccountObject;

use crate::migrate;
use crate::sql::{column, Sql, Statement};
use crate::stream::link::Socket;
use moltghost_protocol::control::account::{AccountDocument, Name};
use moltghost_protocol::control::agent::AgentRecord;
use moltghost_protocol::credential::Pepper;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, AgentId, Alias};
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::{AccountAsk, AccountOp, AliasOp, Created, RegisterOp};
use moltghost_protocol::object::agent::AgentOp;
use moltghost_protocol::object::write_answer;
use moltghost_protocol::time::{rfc3339, Millis};
use std::cell::Cell;
use std::future::Future;

/// An answer, or why not.
type Answer<T> = Result<T, Problem>;

/// What an account needs of the world.
pub trait World {
    /// A reader's socket.
    type Socket: Socket;
    /// Now.
    fn now(&self) -> Millis;
    /// Random bytes that were never given before.
    ///
    /// # Errors
    /// Where the runtime gives none; nothing is sealed then.
    fn nonce(&self) -> Answer<[u8; 12]>;
    /// Makes sure that the alarm rings no later than `time`.
    fn wake(&self, time: Millis);
    /// The sockets of who watches, and of who has not said yet what it wants.
    fn sockets(&self) -> Vec<Self::Socket>;
    /// Asks an alias.
    fn alias(&self, alias: &Alias, op: AliasOp) -> impl Future<Output = Answer<()>>;
    /// Asks the register.
    fn register(&self, op: RegisterOp) -> impl Future<Output = Answer<()>>;
    /// Asks an endpoint.
    fn agent(&self, id: &AgentId, op: AgentOp) -> impl Future<Output = Answer<AgentRecord>>;
    /// Writes to D1 in one transaction.
    fn project(&self, statements: Vec<Statement>) -> impl Future<Output = Answer<()>>;
}

/// One object of the class.
pub struct Account<S, W> {
    sql: S,
    world: W,
    pepper: Pepper,
    name: AccountName,
    /// When readers were last written to, to find out which have left.
    probed: Cell<Millis>,
}

impl<S: Sql, W: World> Account<S, W> {
    /// The object on a database; reads nothing yet.
    pub fn new(sql: S, world: W, pepper: Pepper, name: AccountName) -> Self {
        Self { sql, world, pepper, name, probed: Cell::new(0) }
    }

    /// Takes one message and gives its answer, both as text.
    pub async fn handle(&self, message: &str) -> String {
        match moltghost_protocol::object::read::<AccountAsk>(message) {
            Ok(AccountAsk::Register(op)) => self.register(&op),
            Ok(AccountAsk::Report(report)) => write_answer(&self.take_report(&report)),
            Ok(AccountAsk::Alias(op)) => self.alias(&op),
            Ok(AccountAsk::Operator(op)) => self.operate(op).await,
            Ok(AccountAsk::Token { id, token, op }) => match self.check_token(&id, &token, &op) {
                Ok(()) => self.operate(op).await,
                Err(problem) => write_answer::<()>(&Err(problem)),
            },
            Err(problem) => write_answer::<()>(&Err(problem)),
        }
    }

    async fn operate(&self, op: AccountOp) -> String {
        match op {
            AccountOp::Create { id, name } => write_answer(&self.create(id, name).await),
            AccountOp::Show => write_answer(&self.document()),
            AccountOp::CreateToken { id, token, hash } => {
                write_answer(&self.create_token(&id, &token, &hash))
            }
            AccountOp::Tokens(page) => write_answer(&self.tokens(&page)),
            AccountOp::Token(id) => write_answer(&self.token_document(&id)),
            AccountOp::RevokeToken(id) => write_answer(&self.revoke_token(&id)),
            AccountOp::CreateAgent(ask) => write_answer(&self.create_agent(*ask).await),
            AccountOp::Agents(page) => write_answer(&self.agents(&page)),
            AccountOp::Watch => write_answer::<()>(&Err(Problem::new(
                Code::InternalError,
                "only the first frame of a link asks to watch",
            ))),
            AccountOp::Figures(page) => write_answer(&self.agent_figures(&page)),
            AccountOp::Find { agent, .. } => write_answer(&self.find(&agent)),
            AccountOp::ChangeAgent { agent, change } => {
                write_answer(&self.change_agent(&agent, *change).await)
            }
            AccountOp::TerminateAgent(agent) => write_answer(&self.terminate_agent(&agent).await),
        }
    }

    /// Creates the account: the first write that its object makes. Again with the same name is the same account.
    async fn create(&self, id: AccountId, name: Name) -> Answer<Created<AccountDocument>> {
        let existing = self.document().ok();
        if let Some(document) = &existing {
            if document.name != name {
                return Err(Problem::new(
                    Code::NameTaken,
                    "An account with this id exists under another name. Take another id.",
                )
                .param("id"));
            }
        } else {
            migrate::migrate(&self.sql, migrate::version(&self.sql)?, schema::ACCOUNT)?;
            self.sql.run(
                "INSERT INTO account (id, name, created) VALUES (?1, ?2, ?3)",
                &[id.as_str().into(), name.as_str().into(), self.world.now().into()],
            )?;
            self.world.wake(self.world.now() + saga::RETRY);
        }
        self.enlist().await?;
        Ok(Created { new: existing.is_none(), document: self.document()? })
    }

    /// Puts the account into the register, unless it is there.
    async fn enlist(&self) -> Answer<()> {
        if self.sql.run("SELECT 1 FROM account WHERE registered = 0", &[])?.is_empty() {
            return Ok(());
        }
        self.world.register(RegisterOp::Add(self.document()?)).await?;
        self.sql.run("UPDATE account SET registered = 1", &[])?;
        Ok(())
    }

    /// The account as the API shows it; brings an older schema up to date on the way.
    ///
    /// # Errors
    /// `not_found` where it was never created.
    fn document(&self) -> Answer<AccountDocument> {
        let unknown = || Problem::new(Code::NotFound, "There is no such account.");
        let version = migrate::version(&self.sql)?.ok_or_else(unknown)?;
        migrate::migrate(&self.sql, Some(version), schema::ACCOUNT)?;
        let rows = self.sql.run("SELECT id, name, created FROM account", &[])?;
        let row = rows.first().ok_or_else(unknown)?;
        let unreadable = |_| Problem::new(Code::InternalError, "the stored account cannot be read");
        Ok(AccountDocument {
            id: AccountId::parse(column(row, 0).text()).map_err(|e| unreadable(e.0))?,
            name: column(row, 1).text().to_owned().try_into().map_err(unreadable)?,
            created_at: rfc3339(column(row, 2).int()),
        })
    }

    /// Takes the steps that are left over, projects to D1, tells the register. Rings again while something is left.
    pub async fn alarm(&self) {
        if !matches!(self.name, AccountName::Account(_)) || self.document().is_err() {
            return;
        }
        let steps = self.enlist().await.and(self.complete_all().await);
        let projected = self.project().await;
        let told = self.tell_register().await;
        if steps.is_err() || projected.is_err() || told.is_err() {
            self.world.wake(self.world.now() + saga::RETRY);
        }
    }
}
