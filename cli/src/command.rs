//! What the program does, one file for each command.

mod account;
mod agent;
mod apply;
mod auth;
mod deploy;
mod dev;
mod doctor;
mod login;
mod logs;
mod status;
mod usage;
mod wait;

use crate::api::{Api, Call};
use crate::args::{Cli, Command, Network};
use crate::failure::{Failure, Kind};
use crate::output::Output;
use crate::settings::Settings;
use clap::CommandFactory;
use serde_json::Value;

/// Runs a command until it is done, or until Ctrl-C.
///
/// # Errors
/// Why it was not done.
pub async fn run(command: Command, output: Output) -> Result<(), Failure> {
    // These have their own ways to end.
    let command = match command {
        Command::Connect(args) => return crate::connect::connect(args, output).await,
        Command::Dev(args) => return dev::dev(args, output).await,
        command => command,
    };
    tokio::select! {
        done = dispatch(command, output) => done,
        _ = tokio::signal::ctrl_c() => {
            Err(Failure::new(Kind::Interrupted, "Interrupted. What the deployment was asked for goes on."))
        }
    }
}

async fn dispatch(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Completions { shell } => completions(shell, output),
        Command::Connect(args) => crate::connect::connect(args, output).await,
        Command::Dev(args) => dev::dev(args, output).await,
        Command::Login(args) => login::login(args, output).await,
        Command::Logout => login::logout(output),
        Command::Deploy(args) => deploy::deploy(args, output).await,
        Command::Status(args) => status::status(args, output).await,
        Command::Agent(command) => agent::run(command, output).await,
        Command::Auth(command) => auth::run(command, output).await,
        Command::Account(command) => account::run(command, output).await,
        Command::Usage(args) => usage::usage(args, output).await,
        Command::Logs(args) => logs::logs(args, output).await,
        Command::Network(Network::Apply { file }) => apply::apply(file, output).await,
        Command::Doctor => doctor::doctor(output).await,
    }
}

fn completions(shell: clap_complete::Shell, output: Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "moltghost", &mut script);
    let script = String::from_utf8_lossy(&script);
    output.either(&serde_json::json!({ "shell": shell.to_string(), "script": script }), script.trim_end())
}

/// The control API, with the token that is set.
fn control() -> Result<Api, Failure> {
    let settings = Settings::load()?;
    Ok(Api::new(settings.api()?, Some(settings.token()?)))
}

/// A secret as it was given: itself, or `-` for a line of standard input, which other users cannot read.
fn argument_or_stdin(text: &str) -> Result<String, Failure> {
    if text.trim() != "-" {
        return Ok(text.trim().to_owned());
    }
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::stdin().lock(), &mut line)?;
    Ok(line.trim().to_owned())
}

/// All items of a list, page by page. `path` may have a query.
async fn all(api: &Api, path: &str) -> Result<Vec<Value>, Failure> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let join = if path.contains('?') { '&' } else { '?' };
        let mut page = api.ask(Call::get(format!("{path}{join}limit=200{cursor}"))).await?;
        if let Some(data) = page.get_mut("data").and_then(Value::as_array_mut) {
            items.append(data);
        }
        match page.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = format!("&cursor={}", crate::api::segment(next)),
            None => return Ok(items),
        }
    }
}

/// `?name=value&…` of those that are given.
fn query(pairs: &[(&str, Option<&str>)]) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if let Some(value) = value {
            text.push(if text.is_empty() { '?' } else { '&' });
            for part in [*name, "=", &crate::api::segment(value)] {
                text.push_str(part);
            }
        }
    }
    text
}
