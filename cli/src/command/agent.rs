//! `agent …`: listed, started, stopped, ended, given another name.

use super::status;
use super::wait::{self, Until};
use crate::api::{agent_path, Call};
use crate::args::{Agent, Start};
use crate::command::{all, control, query};
use crate::failure::{Failure, Kind};
use crate::output::{cell, table, time, Output};
use crate::settings::{Settings, CONNECT_TOKEN};
use serde_json::{json, Value};
use std::io::{BufRead, IsTerminal};

/// `agent …`.
pub async fn run(command: Agent, output: Output) -> Result<(), Failure> {
    match command {
        Agent::List { account, state } => list(account.as_deref(), state.as_deref(), output).await,
        Agent::Show { name } => status::show(&name, output).await,
        Agent::Start(args) => start(&args, "start", output).await,
        Agent::Restart(args) => start(&args, "restart", output).await,
        Agent::Stop { name, now } => {
            let body = if now { json!({ "now": true }) } else { json!({}) };
            let agent = control()?.ask(Call::post(format!("{}/stop", agent_path(&name)), body)).await?;
            done(&agent, &format!("{name} is {}: its endpoint answers 503", cell(&agent, "state")), output)
        }
        Agent::Drain { name, replica, now } => {
            let path = format!("{}/replicas/{replica}/drain", agent_path(&name));
            let body = if now { json!({ "now": true }) } else { json!({}) };
            let agent = control()?.ask(Call::post(path, body)).await?;
            done(&agent, &format!("{replica} takes no more calls of {name}; its connector ends"), output)
        }
        Agent::Terminate { name, yes } => terminate(&name, yes, output).await,
        Agent::ConnectToken { name, now } => connect_token(&name, now, output).await,
        Agent::Alias { name, alias, .. } => {
            let agent = control()?.ask(Call::patch(agent_path(&name), json!({ "alias": alias }))).await?;
            let text = match &alias {
                Some(alias) => format!("{name} is also reached as {alias}"),
                None => format!("{name} has no alias any more"),
            };
            done(&agent, &text, output)
        }
    }
}

async fn list(account: Option<&str>, state: Option<&str>, output: Output) -> Result<(), Failure> {
    let path = format!("/api/v1/agents{}", query(&[("account", account), ("state", state)]));
    let agents = all(&control()?, &path).await?;
    if output.json {
        return output.document(&json!({ "data": agents }));
    }
    let row = |agent: &Value| {
        vec![
            cell(agent, "name"),
            cell(agent, "id"),
            cell(agent, "state"),
            time(agent, "since"),
            cell(agent, "alias"),
            cell(agent, "endpoint"),
        ]
    };
    if agents.is_empty() {
        output.say("· there are none; make one with: moltghost deploy NAME");
        return Ok(());
    }
    output.line(&table(
        &["NAME", "ID", "STATE", "SINCE", "ALIAS", "ENDPOINT"],
        &agents.iter().map(row).collect::<Vec<_>>(),
    ))
}

async fn start(args: &Start, verb: &str, output: Output) -> Result<(), Failure> {
    let api = control()?;
    let name = &args.name;
    let mut agent = api.ask(Call::post(format!("{}/{verb}", agent_path(name)), json!({}))).await?;
    if args.wait {
        agent = wait::until(&api, name, Until::Running { seconds: args.timeout }, output).await?;
    }
    let state = cell(&agent, "state");
    let text = if state == "running" {
        format!("{name} is running: {}", cell(&agent, "endpoint"))
    } else {
        format!("{name} is {state}")
    };
    done(&agent, &text, output)?;
    if let Some(step) = status::next(name, &agent) {
        output.say(&format!("· next: {step}"));
    }
    Ok(())
}

/// The file keeps it too: a connector on this machine would go on with the one before.
async fn connect_token(name: &str, now: bool, output: Output) -> Result<(), Failure> {
    let body = if now { json!({ "now": true }) } else { json!({}) };
    let made = control()?.ask(Call::post(format!("{}/connect-token", agent_path(name)), body)).await?;
    let token = cell(&made, "connect_token");
    let kept =
        Settings::load().and_then(|mut settings| settings.keep_connect_token(&cell(&made, "agent"), &token));
    output.either(&made, &token)?;
    output.say(&match kept {
        Ok(file) => format!("· it is kept in {file}; on another machine set it in {CONNECT_TOKEN}"),
        Err(why) => format!("· it is not kept: {why} A connector takes it from {CONNECT_TOKEN}"),
    });
    Ok(())
}

async fn terminate(name: &str, yes: bool, output: Output) -> Result<(), Failure> {
    if !yes {
        if !std::io::stdin().is_terminal() {
            return Err(Failure::new(
                Kind::Usage,
                format!("{name} would be gone for ever, with its address and its keys."),
            )
            .next("If that is meant, add --yes."));
        }
        output.say(&format!(
            "{name} will be gone for ever, with its address and its keys. Write its name to go on:"
        ));
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        if line.trim() != name {
            return Err(Failure::new(Kind::Other, "Nothing was done."));
        }
    }
    let agent = control()?.ask(Call::delete(agent_path(name))).await?;
    done(&agent, &format!("{name} is terminated: its endpoint answers 410"), output)
}

fn done(agent: &Value, text: &str, output: Output) -> Result<(), Failure> {
    output.either(agent, text)
}
