//! What the Worker, and objects among themselves, ask of an `Account` object: of an account, of the deployment's
//! register of accounts, or of an alias (see [`crate::name::AccountName`]).

use crate::control::account::{AccountDocument, Name, NewToken, Role};
use crate::control::agent::{Change, Settings, State};
use crate::control::event::AgentEvent;
use crate::control::page::PageRequest;
use crate::credential::SecretHash;
use crate::id::{AccountId, AgentId, Alias, TokenId};
use crate::metrics::figures::Figures;
use crate::time::Millis;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One request to an `Account` object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountAsk {
    /// To an account, by the operator.
    Operator(AccountOp),
    /// To an account, by a holder of one of its tokens.
    Token {
        /// Public id of the token.
        id: TokenId,
        /// The whole token; hashed by the object, never stored.
        token: String,
        /// What is asked.
        op: AccountOp,
    },
    /// To the register of accounts.
    Register(RegisterOp),
    /// To an alias.
    Alias(AliasOp),
    /// To an account, by one of its agents. Answers `null`.
    Report(Box<Report>),
}

/// What an agent tells its account; telling it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The agent.
    pub agent: AgentId,
    /// Its state.
    pub state: State,
    /// What happened, in order.
    pub events: Vec<Reported>,
    /// Everything that was counted since the beginning.
    pub figures: Figures,
}

/// One event of an agent's outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// Its place in the outbox.
    pub seq: i64,
    /// When, and what; `None` for what cannot be read any more.
    pub event: Option<(Millis, AgentEvent)>,
}

/// What an account tells the register; telling it again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// The account.
    pub account: AccountId,
    /// How many agents are in which state.
    pub agents: BTreeMap<String, u64>,
    /// Everything that was counted since the beginning.
    pub figures: Figures,
}

/// Sums over the deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// How many accounts there are.
    pub accounts: u64,
    /// How many agents are in which state.
    pub agents: BTreeMap<String, u64>,
    /// Everything that was counted since the beginning.
    pub figures: Figures,
    /// What was refused before any object was asked, by error code.
    #[serde(default)]
    pub edge: BTreeMap<String, u64>,
}

/// What one instance of the Worker has refused since its last report, before any object was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeReport {
    /// The instance, 16 hexadecimal digits.
    pub instance: String,
    /// Which report of the instance, from 1 on.
    pub number: u64,
    /// Refusals by error code.
    pub refused: BTreeMap<String, u64>,
}

/// Numbers of one agent since the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentFigures {
    /// The agent.
    pub agent: AgentId,
    /// Its numbers.
    pub figures: Figures,
}

/// The answer to [`AccountOp::Watch`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watching {
    /// When the token expires, and the stream with it.
    pub ends: Option<Millis>,
    /// Where the link begins, so that one that breaks before any event came goes on from there; empty where a gap is
    /// told first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cursor: String,
}

/// What can be asked of an account.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountOp {
    /// Creates it. Answers [`Created`] with an [`AccountDocument`].
    Create {
        /// Its id.
        id: AccountId,
        /// Its name.
        name: Name,
    },
    /// Answers [`AccountDocument`].
    Show,
    /// What is the token that asks? Answers [`crate::control::account::TokenDocument`].
    Token(TokenId),
    /// Creates a token; the same id again with the same settings is the same token. Answers [`Created`] with a
    /// [`crate::control::account::TokenDocument`].
    CreateToken {
        /// Its id.
        id: TokenId,
        /// Its settings.
        token: NewToken,
        /// Its hash.
        hash: SecretHash,
    },
    /// Answers a page of [`crate::control::account::TokenDocument`].
    Tokens(PageRequest),
    /// Answers [`crate::control::account::TokenDocument`].
    RevokeToken(TokenId),
    /// Creates an agent. Answers [`Created`] with an [`crate::control::agent::AgentRecord`].
    CreateAgent(Box<CreateAgent>),
    /// Answers a page of agent ids, in the order of ids.
    Agents(PageRequest),
    /// Which agent is meant, and may this be done to it? Answers [`AgentId`].
    Find {
        /// Which.
        agent: Which,
        /// The least role that may do it.
        role: Role,
    },
    /// Changes an agent's name, alias or anything else. Answers [`crate::control::agent::AgentRecord`].
    ChangeAgent {
        /// Which.
        agent: AgentId,
        /// What is to change.
        change: Box<Change>,
    },
    /// Watches events. Only the first frame of a link asks this. Answers [`Watching`].
    Watch,
    /// Answers a page of [`AgentFigures`].
    Figures(PageRequest),
    /// Ends an agent. Answers [`crate::control::agent::AgentRecord`].
    TerminateAgent(AgentId),
}

impl AccountOp {
    /// The least role that may ask this with an account token; `None` where no token may.
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Create { .. } | Self::Figures(_) => None,
            Self::Show | Self::Token(_) | Self::Agents(_) | Self::Watch => Some(Role::Viewer),
            Self::Find { role, .. } => Some(*role),
            Self::CreateToken { .. }
            | Self::Tokens(_)
            | Self::RevokeToken(_)
            | Self::CreateAgent(_)
            | Self::ChangeAgent { .. }
            | Self::TerminateAgent(_) => Some(Role::Admin),
        }
    }
}

/// A new agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateAgent {
    /// The id that it gets if the name is free.
    pub id: AgentId,
    /// Its settings.
    pub settings: Settings,
    /// Hash of the connect token that it gets if the name is free.
    pub connect: SecretHash,
}

/// How an agent was named in a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// By its id.
    Id(AgentId),
    /// By its name in the account, or its alias; a name goes first.
    Name(String),
}

/// Something that was asked to be created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created<T> {
    /// Whether it is new: 201, or 200 where it was there already.
    pub new: bool,
    /// It.
    pub document: T,
}

/// What can be asked of the register.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterOp {
    /// Adds an account; again is nothing. Answers `null`.
    Add(AccountDocument),
    /// Answers a page of [`AccountDocument`], in the order of ids.
    List(PageRequest),
    /// Takes an account's numbers. Answers `null`.
    Report(Box<AccountReport>),
    /// Takes an instance's refusals; again is nothing. Answers `null`.
    Edge(EdgeReport),
    /// Answers [`Sums`].
    Sums,
    /// Ends a session of the console before its time; again is nothing. Answers `null`.
    EndSession {
        /// Which.
        id: String,
        /// When it ends by itself.
        ends: Millis,
    },
    /// Was this session ended? Answers `bool`.
    IsEnded(String),
}

/// What can be asked of an alias.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AliasOp {
    /// Takes it for an agent; again for the same agent is nothing. Answers `null`, or `name_taken`.
    Claim {
        /// The alias.
        alias: Alias,
        /// The agent.
        agent: AgentId,
    },
    /// Gives it up; it is free for others 30 days later. Nothing if another holds it. Answers `null`.
    Release(AgentId),
    /// Who holds it? Answers [`AgentId`] or `agent_not_found`.
    Resolve,
}
