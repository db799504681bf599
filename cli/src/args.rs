//! The command line, as clap reads it. Its words are the program's help; docs/cli.md says more.

#![allow(clippy::doc_markdown, reason = "clap prints these comments as they stand")]

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// Gives agents stable, secure HTTPS endpoints: deploy, connect, control.
#[derive(Debug, Parser)]
#[command(name = "moltghost", version, propagate_version = true, max_term_width = 100, after_help = ENVIRONMENT)]
pub struct Cli {
    /// Print JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing but what was asked for, and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const ENVIRONMENT: &str = "\
Environment:
  MOLTGHOST_API            address of the deployment, before the one that login keeps
  MOLTGHOST_TOKEN          account token or operator token, likewise
  MOLTGHOST_NETWORK        address of the network, where it is not net.DOMAIN
  MOLTGHOST_NETWORK_TOKEN  a token of the network with the scope admin
  MOLTGHOST_CONNECT_TOKEN  connect token of an agent, for connect
  MOLTGHOST_CONFIG         another file than ~/.config/moltghost/config.json

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 credential, 4 not found, 5 conflict, 6 not now,
7 unreachable, 8 waited in vain, 9 doctor found something, 130 interrupted.";

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Keep the address of a deployment, and a token for it
    Login(Login),
    /// Forget what login keeps
    Logout,
    /// Create an agent and print its id
    Deploy(Deploy),
    /// Serve an agent's calls from a pod that nobody else can reach
    Connect(Connect),
    /// Show an agent: where it stands and where it is reached
    Status(Status),
    /// List, start, stop and end agents
    #[command(subcommand)]
    Agent(Agent),
    /// Make and revoke keys for callers
    #[command(subcommand)]
    Auth(Auth),
    /// Show what agents used
    Usage(Usage),
    /// Show what happened to an agent: its states and keys
    Logs(Logs),
    /// Set up the chat network
    #[command(subcommand)]
    Network(Network),
    /// Look for what is wrong, and say what to do
    Doctor,
    /// Print a completion script: moltghost completions bash > /etc/bash_completion.d/moltghost
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// `login`.
#[derive(Debug, Args)]
pub struct Login {
    /// Address of the deployment, such as https://api.example.com
    pub api: Option<String>,
    /// Read the token from standard input instead of asking for it
    #[arg(long)]
    pub token_stdin: bool,
    /// The address is the network's, and the token one of its own (for network apply)
    #[arg(long)]
    pub network: bool,
}

/// `deploy`.
#[derive(Debug, Args)]
pub struct Deploy {
    /// Name of the agent; an operator writes ACCOUNT/NAME
    #[arg(value_parser = agent_name)]
    pub name: String,
    /// Region of the pods, such as ap-southeast-1
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

/// `connect`.
#[derive(Debug, Args)]
pub struct Connect {
    /// The agent: name, alias or id
    #[arg(value_parser = agent_name)]
    pub name: String,
    /// The pod: an OpenAI-compatible server, such as http://127.0.0.1:11434
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// Name of this pod among several; a newer connector of the same name takes the place of the older
    #[arg(long, value_name = "NAME")]
    pub replica: Option<String>,
    /// A secret header for the pod: NAME=env:VARIABLE, NAME=file:PATH or NAME=VALUE
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub headers: Vec<String>,
    /// Share of the calls among several pods, 1 to 100
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub weight: u16,
    /// Where this pod runs
    #[arg(long)]
    pub region: Option<String>,
    /// How long calls in flight may take when it is told to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub drain: u64,
    /// Make a new connect token, which ends the links of the one before
    #[arg(long)]
    pub new_token: bool,
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

/// `auth …`.
#[derive(Debug, Subcommand)]
pub enum Auth {
    /// Make a key and print it; it is shown this once
    CreateKey {
        /// The agent that it opens: name, alias or id
        #[arg(long, value_parser = agent_name)]
        agent: String,
        /// What it is for
        #[arg(long, value_name = "LABEL")]
        name: String,
        /// When it ends, such as 2027-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
        /// A path that it opens; none: all
        #[arg(long = "path", value_name = "PATH")]
        paths: Vec<String>,
        /// Requests that it may make in a minute
        #[arg(long)]
        rpm: Option<u32>,
    },
    /// List keys, without their secrets
    ListKeys {
        /// Those of this agent
        #[arg(long, value_parser = agent_name)]
        agent: Option<String>,
        /// Those of this account; for operators
        #[arg(long)]
        account: Option<String>,
    },
    /// Give a key a new secret and print it; the old one stays valid for a while
    RotateKey {
        /// Id of the key, or `-` for the key itself on standard input
        key: String,
        /// How long the old secret stays valid
        #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
        grace: u32,
    },
    /// Revoke a key: it opens nothing from now on
    RevokeKey {
        /// Id of the key, the key itself, or `-` for the key on standard input
        key: String,
    },
}

/// `usage`.
#[derive(Debug, Args)]
pub struct Usage {
    /// The agent: name, alias or id; none: all
    #[arg(value_parser = agent_name)]
    pub name: Option<String>,
    /// Those of this account; for operators
    #[arg(long)]
    pub account: Option<String>,
    /// First day, such as 2026-11-01
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// Last day
    #[arg(long, value_name = "DAY")]
    pub to: Option<String>,
}

/// `logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// The agent: name, alias or id
    #[arg(value_parser = agent_name)]
    pub name: String,
    /// Go on with what happens from now on
    #[arg(long, short)]
    pub follow: bool,
    /// Begin after the event of this id
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
}

/// `network …`.
#[derive(Debug, Subcommand)]
pub enum Network {
    /// Bring the rooms and agents of a Moltnet file in; nothing is removed
    Apply {
        /// The file, YAML or JSON; none: Moltnet, Moltnet.yaml and so on, as moltnet itself looks
        file: Option<PathBuf>,
    },
}

/// A name, alias or id, perhaps after an account's; the deployment says what exists.
fn agent_name(text: &str) -> Result<String, String> {
    let trimmed = text.trim();
    let fine = !trimmed.is_empty() && trimmed.len() <= 128 && trimmed.split('/').count() <= 2;
    if fine && trimmed.split('/').all(|part| part.starts_with(|c: char| c.is_ascii_alphanumeric())) {
        Ok(trimmed.to_owned())
    } else {
        Err("an agent is named by its name, alias or id (operators: ACCOUNT/NAME)".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_names_no_agent_is_refused() {
        for name in ["my-agent", "acme/my-agent", "k3v9x2m7qasf", " a "] {
            assert!(agent_name(name).is_ok(), "{name}");
        }
        for name in ["", "..", "a/..", "a/b/c", "/a", "-x"] {
            assert!(agent_name(name).is_err(), "{name}");
        }
    }
}
