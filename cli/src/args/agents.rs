//! Arguments of the commands about agents.

#![allow(clippy::doc_markdown, reason = "clap prints these comments as they stand")]

use super::agent_name;
use clap::{Args, Subcommand};
use moltghost_protocol::tunnel::ReplicaName;

/// `deploy`.
#[derive(Debug, Args)]
pub struct Deploy {
    /// Name of the agent; an operator writes ACCOUNT/NAME
    #[arg(value_parser = agent_name)]
    pub name: String,
    /// Region of the pods, such as ap-southeast-1; a name that there is not is answered with those that there are
    #[arg(long)]
    pub region: Option<String>,
    /// Number of pods, 1 to 16
    #[arg(long, value_name = "N")]
    pub replicas: Option<u32>,
    /// A pod that is reached at an address, instead of by moltghost connect
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,
    /// A secret header for that address: NAME=env:VARIABLE, NAME=file:PATH or NAME=VALUE
    #[arg(long = "header", value_name = "NAME=VALUE", requires = "origin")]
    pub headers: Vec<String>,
    /// A second name for the agent's address
    #[arg(long)]
    pub alias: Option<String>,
    /// The model that callers get who name none
    #[arg(long)]
    pub model: Option<String>,
    /// Wait until the agent runs
    #[arg(long)]
    pub wait: bool,
    /// Longest wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
}

/// `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// The agent: name, alias or id
    #[arg(value_parser = agent_name)]
    pub name: String,
    /// Print its address and nothing else
    #[arg(long)]
    pub url: bool,
}

/// `agent …`.
#[derive(Debug, Subcommand)]
pub enum Agent {
    /// List agents
    #[command(visible_alias = "ls")]
    List {
        /// Those of this account; for operators
        #[arg(long)]
        account: Option<String>,
        /// Those in this state
        #[arg(long)]
        state: Option<String>,
    },
    /// Show everything about an agent
    Show {
        /// The agent: name, alias or id
        #[arg(value_parser = agent_name)]
        name: String,
    },
    /// Start an agent that was stopped or failed
    Start(Start),
    /// Send a replica's links away: calls in flight on them end as they would, new ones go to the others
    Drain {
        /// The agent: name, alias or id
        #[arg(value_parser = agent_name)]
        name: String,
        /// The replica, as agent show names it
        #[arg(value_parser = replica_name)]
        replica: String,
        /// End calls in flight, too
        #[arg(long)]
        now: bool,
    },
    /// Stop an agent: its endpoint answers 503 until it is started
    #[command(visible_alias = "pause")]
    Stop {
        /// The agent: name, alias or id
        #[arg(value_parser = agent_name)]
        name: String,
        /// End the calls in flight, with an error
        #[arg(long)]
        now: bool,
    },
    /// Start an agent anew: its pod is asked again what it can do
    Restart(Start),
    /// End an agent for ever: its endpoint answers 410, its keys are dead
    Terminate {
        /// The agent: name, alias or id
        #[arg(value_parser = agent_name)]
        name: String,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Make a new connect token and print it: the one before opens nothing from now on
    ConnectToken {
        /// The agent: name, alias or id
        #[arg(value_parser = agent_name)]
        name: String,
        /// End the calls in flight on links of the token before; else they have 30 seconds
        #[arg(long)]
        now: bool,
    },
    /// Give an agent's address a second name
    Alias {
        /// The agent: name, alias or id
        #[arg(value_parser = agent_name)]
        name: String,
        /// The new alias: lower-case letters, digits and single hyphens
        #[arg(required_unless_present = "remove")]
        alias: Option<String>,
        /// Take the alias away; it is free for others after 30 days
        #[arg(long, conflicts_with = "alias")]
        remove: bool,
    },
}

/// `agent start` and `agent restart`.
#[derive(Debug, Args)]
pub struct Start {
    /// The agent: name, alias or id
    #[arg(value_parser = agent_name)]
    pub name: String,
    /// Wait until the agent runs
    #[arg(long)]
    pub wait: bool,
    /// Longest wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
}

/// A replica's name, as its connector gave it.
fn replica_name(text: &str) -> Result<String, String> {
    ReplicaName::parse(text).map(|name| name.to_string()).ok_or_else(|| {
        "a replica is named by up to 63 letters, digits, dots, hyphens and underscores".to_owned()
    })
}
