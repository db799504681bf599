//! `GET /metrics`: the deployment's numbers in Prometheus' text format. Whatever it shows was told by agents and
//! accounts by themselves; nobody is asked, so scraping wakes nobody but the register.

use super::auth::Caller;
use crate::answer::Answer;
use crate::objects;
use crate::request::Request;
use crate::system::VERSION;
use moltghost_protocol::control::account::AccountDocument;
use moltghost_protocol::control::page::{Page, PageRequest, MAX_LIMIT};
use moltghost_protocol::error::Problem;
use moltghost_protocol::metrics::exposition::{self, ByAgent, CONTENT_TYPE, MAX_AGENTS};
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::{AccountAsk, AccountOp, AgentFigures, RegisterOp, Sums};

/// `GET /metrics`.
pub async fn metrics(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    caller.must_be_operator(request).await?;
    let sums: Sums =
        objects::account(request, &AccountName::Register, &AccountAsk::Register(RegisterOp::Sums)).await?;
    let by_agent = if request.config()?.agent_labels { Some(by_agent(request).await?) } else { None };
    Ok(Answer::text(200, CONTENT_TYPE, exposition::write(VERSION, &sums, by_agent.as_ref())))
}

/// Numbers of single agents, from their accounts.
async fn by_agent(request: &Request) -> Result<ByAgent, Problem> {
    let mut found = ByAgent::default();
    let mut after = String::new();
    loop {
        let page = PageRequest { limit: MAX_LIMIT, after };
        let ask = AccountAsk::Register(RegisterOp::List(page));
        let accounts: Page<AccountDocument> = objects::account(request, &AccountName::Register, &ask).await?;
        let last = accounts.data.last().map(|account| account.id.to_string());
        for account in accounts.data {
            if !of_account(request, &account, &mut found).await? {
                return Ok(found);
            }
        }
        match last {
            Some(last) if accounts.next_cursor.is_some() => after = last,
            _ => return Ok(found),
        }
    }
}

/// Adds an account's agents. Answers whether there is room for more.
async fn of_account(
    request: &Request,
    account: &AccountDocument,
    found: &mut ByAgent,
) -> Result<bool, Problem> {
    let name = AccountName::Account(account.id.clone());
    let mut after = String::new();
    loop {
        let ask = AccountAsk::Operator(AccountOp::Figures(PageRequest { limit: MAX_LIMIT, after }));
        let agents: Page<AgentFigures> = objects::account(request, &name, &ask).await?;
        let last = agents.data.last().map(|agent| agent.agent.to_string());
        for agent in agents.data {
            if found.agents.len() >= MAX_AGENTS {
                found.more = true;
                return Ok(false);
            }
            found.agents.push((account.id.to_string(), agent));
        }
        match last {
            Some(last) if agents.next_cursor.is_some() => after = last,
            _ => return Ok(true),
        }
    }
}
