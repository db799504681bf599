//! The command line, as clap reads it. Its words are the program's help; docs/cli.md says more.

#![allow(clippy::doc_markdown, reason = "clap prints these comments as they stand")]

mod access;
mod agents;
mod pods;

pub use access::{Account, Auth};
pub use agents::{Agent, Deploy, Start, Status};
pub use pods::{Connect, Dev};

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
  MOLTGHOST_CHECKOUT       checkout that has the Worker, for dev
  SSL_CERT_FILE            certificates to trust, in place of the machine's

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
    /// Run a deployment on this machine in front of a server of yours, and print lines to paste
    Dev(Dev),
    /// Show an agent: where it stands and where it is reached
    Status(Status),
    /// List, start, stop and end agents
    #[command(subcommand)]
    Agent(Agent),
    /// Make and revoke keys for callers
    #[command(subcommand)]
    Auth(Auth),
    /// Make accounts, and tokens for this command line
    #[command(subcommand)]
    Account(Account),
    /// Show what agents used
    Usage(Usage),
    /// Show what happened to an agent: its states, links and keys
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
