//! Arguments of the commands that run beside a pod.

#![allow(clippy::doc_markdown, reason = "clap prints these comments as they stand")]

use super::agent_name;
use clap::Args;
use moltghost_protocol::region::Region;
use std::path::PathBuf;

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
    /// Region where this pod runs, such as ap-southeast-1: calls go first to the pods that are near the agent
    #[arg(long, value_parser = region)]
    pub region: Option<Region>,
    /// How long calls in flight may take when it is told to end
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub drain: u64,
    /// Make a new connect token, which ends the links of the one before
    #[arg(long)]
    pub new_token: bool,
}

/// `dev`.
#[derive(Debug, Args)]
pub struct Dev {
    /// Name of the agent that is made
    #[arg(value_parser = agent_name, default_value = "dev")]
    pub name: String,
    /// Your server: it speaks OpenAI's API, such as http://127.0.0.1:11434
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// A secret header for it: NAME=env:VARIABLE, NAME=file:PATH or NAME=VALUE
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub headers: Vec<String>,
    /// Port of the local deployment; none: 8787
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// Checkout of MoltGhost that has the Worker; none: the one that this is run in, or built from
    #[arg(long, value_name = "FOLDER", env = "MOLTGHOST_CHECKOUT")]
    pub checkout: Option<PathBuf>,
}

/// A region of the documented list.
fn region(text: &str) -> Result<Region, String> {
    Region::parse(text)
        .ok_or_else(|| format!("regions are {}", Region::names().collect::<Vec<_>>().join(", ")))
}
