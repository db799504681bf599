//! Who calls the control API: the operator, or a holder of an account token. Which account a call is about follows
//! from that, and whether the token's role lets it through is the account's object to say.

use super::session;
use crate::objects;
use crate::request::Request;
use moltghost_durable::agent::unknown;
use moltghost_protocol::control::account::Role;
use moltghost_protocol::control::agent::AgentRecord;
use moltghost_protocol::credential::AccountToken;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, AgentId, AgentRef};
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::{AccountAsk, AccountOp, Which};
use moltghost_protocol::object::agent::AgentOp;
use serde::de::DeserializeOwned;
use std::cell::Cell;

/// Who calls.
pub enum Caller {
    /// The operator of the deployment.
    Operator,
    /// A holder of an account token, which is not checked yet.
    Holder {
        /// The token's parts.
        token: AccountToken,
        /// The token as it was written.
        text: String,
        /// Whether its account was asked anything with it, which checks it.
        asked: Cell<bool>,
    },
}

/// Reads the credential. An account token is only read here; its account checks it.
///
/// # Errors
/// `invalid_token`.
pub fn caller(request: &Request) -> Result<Caller, Problem> {
    let config = request.config()?;
    let text = match request.bearer() {
        Some(text) => text.to_owned(),
        None => session::token(request)?.ok_or_else(|| {
            Problem::new(
                Code::InvalidToken,
                "The control API needs `Authorization: Bearer` with the operator token or an account token.",
            )
        })?,
    };
    if config.is_operator(&text) {
        return Ok(Caller::Operator);
    }
    match AccountToken::parse(&text) {
        Some(token) => Ok(Caller::Holder { token, text, asked: Cell::new(false) }),
        None => Err(Problem::new(
            Code::InvalidToken,
            "This token is not known here. Send `Authorization: Bearer` with an account token that was not \
             revoked and has not ended.",
        )),
    }
}

impl Caller {
    /// Whether nobody has been asked yet whether the token is one.
    pub fn is_unchecked(&self) -> bool {
        matches!(self, Self::Holder { asked, .. } if !asked.get())
    }

    /// What answers a path that can name nothing, in whose account whatever it names would be: `nothing`, once the
    /// credential is one.
    ///
    /// # Errors
    /// Always: `invalid_token`, or `nothing`.
    pub async fn finds_nothing<T>(&self, request: &Request, nothing: Problem) -> Result<T, Problem> {
        if let Self::Holder { token, .. } = self {
            let _: serde_json::Value = self.account(request, &token.account, AccountOp::Show).await?;
        }
        Err(nothing)
    }

    /// Refuses everybody but the operator.
    ///
    /// # Errors
    /// `role_not_allowed`, once the token turned out to be one; else `invalid_token`.
    pub async fn must_be_operator(&self, request: &Request) -> Result<(), Problem> {
        match self {
            Self::Operator => Ok(()),
            Self::Holder { token, .. } => {
                let _: serde_json::Value = self.account(request, &token.account, AccountOp::Show).await?;
                Err(Problem::new(Code::RoleNotAllowed, "This needs the operator token of the deployment."))
            }
        }
    }

    /// The account that a call is about: the token's own, or the one that the operator names.
    ///
    /// # Errors
    /// `invalid_request` where the operator names none.
    pub fn account_id(&self, named: Option<AccountId>) -> Result<AccountId, Problem> {
        match (self, named) {
            (Self::Holder { token, .. }, Some(named)) if named != token.account => {
                Err(Problem::new(Code::NotFound, "There is no such account."))
            }
            (Self::Holder { token, .. }, _) => Ok(token.account.clone()),
            (Self::Operator, Some(named)) => Ok(named),
            (Self::Operator, None) => Err(Problem::new(
                Code::InvalidRequest,
                "With the operator token, say which account is meant: `account`.",
            )
            .param("account")),
        }
    }

    /// Asks an account, in the caller's name.
    ///
    /// # Errors
    /// The account's refusal; `not_found` for another account than a token's own.
    pub async fn account<T: DeserializeOwned>(
        &self,
        request: &Request,
        id: &AccountId,
        op: AccountOp,
    ) -> Result<T, Problem> {
        objects::account(request, &AccountName::Account(id.clone()), &self.ask(id, op)?).await
    }

    /// What asks an account in the caller's name.
    ///
    /// # Errors
    /// `not_found` for another account than a token's own.
    pub fn ask(&self, id: &AccountId, op: AccountOp) -> Result<AccountAsk, Problem> {
        match self {
            Self::Operator => Ok(AccountAsk::Operator(op)),
            Self::Holder { token, text, asked } if token.account == *id => {
                asked.set(true);
                Ok(AccountAsk::Token { id: token.id.clone(), token: text.clone(), op })
            }
            Self::Holder { .. } => Err(Problem::new(Code::NotFound, "There is no such account.")),
        }
    }

    /// The agent that a path names, and its account, once the caller may do to it what needs `role`.
    ///
    /// # Errors
    /// `agent_not_found`, or the account's refusal of the token.
    pub async fn agent(
        &self,
        request: &Request,
        text: &str,
        role: Role,
    ) -> Result<(AccountId, AgentId), Problem> {
        let by_name = |text: &str| match AgentId::parse(text) {
            Ok(id) => Which::Id(id),
            Err(_) => Which::Name(text.to_owned()),
        };
        let find = |agent| AccountOp::Find { agent, role };
        match self {
            Self::Holder { token, .. } => {
                let account = token.account.clone();
                let id = self.account(request, &account, find(by_name(text))).await?;
                Ok((account, id))
            }
            Self::Operator => {
                if let Some((account, name)) = text.split_once('/') {
                    let account = AccountId::parse(account).map_err(|_| unknown())?;
                    let found = self.account(request, &account, find(Which::Name(name.to_owned()))).await;
                    let id = found.map_err(|problem| match problem.code {
                        Code::NotFound => unknown(),
                        _ => problem,
                    })?;
                    return Ok((account, id));
                }
                let id = match AgentRef::parse(text).map_err(|_| unknown())? {
                    AgentRef::Id(id) => id,
                    AgentRef::Alias(alias) => {
                        objects::forget(&alias);
                        objects::holder(request, &alias).await?
                    }
                };
                let record: AgentRecord = objects::agent(request, &id, AgentOp::Show).await?;
                Ok((record.account, id))
            }
        }
    }
}
