//! Arguments of the commands about keys, accounts and tokens.

#![allow(clippy::doc_markdown, reason = "clap prints these comments as they stand")]

use super::agent_name;
use clap::Subcommand;

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

/// `account …`.
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Make an account; for operators
    Create {
        /// What it is called
        name: String,
        /// Its id, which is part of its keys and tokens; none: a random one
        #[arg(long)]
        id: Option<String>,
    },
    /// List accounts; for operators
    #[command(visible_alias = "ls")]
    List,
    /// Make a token for this command line and the control API, and print it; it is shown this once
    CreateToken {
        /// What it is for
        #[arg(long, value_name = "LABEL")]
        name: String,
        /// What it may do: viewer, operator or admin
        #[arg(long, default_value = "admin")]
        role: String,
        /// When it ends, such as 2027-01-31T12:00:00Z
        #[arg(long, value_name = "TIME")]
        expires_at: Option<String>,
        /// The account; none: that of the token in use
        #[arg(long)]
        account: Option<String>,
    },
    /// List tokens, without their secrets
    ListTokens {
        /// The account; none: that of the token in use
        #[arg(long)]
        account: Option<String>,
    },
    /// Revoke a token: it opens nothing from now on
    RevokeToken {
        /// Id of the token, the token itself, or `-` for the token on standard input
        token: String,
        /// The account; none: that of the token itself, or of the token in use
        #[arg(long)]
        account: Option<String>,
    },
}
