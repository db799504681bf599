//! `deploy`: an agent is created, and its id printed; with `--wait` the agent runs, too.
//!
//! Stopped half-way, the agent is there: the same command again finds it and goes on.

use super::wait::{self, Until};
use crate::api::{agent_path, Call};
use crate::args::Deploy;
use crate::command::control;
use crate::failure::Failure;
use crate::output::{cell, Output};
use crate::secret_header::SecretHeader;
use crate::settings::Settings;
use serde_json::{json, Map, Value};

/// `deploy`.
pub async fn deploy(args: Deploy, output: Output) -> Result<(), Failure> {
    let api = control()?;
    let body = body(&args)?;
    let mut agent = api.ask(Call::post("/api/v1/agents", body)).await?;
    let id = cell(&agent, "id");
    let kept = keep_connect_token(&agent, &id);
    // A pod at an address has nobody to announce it: asking it whether it is ready is all that is left to do.
    if args.origin.is_some() && cell(&agent, "state") == "deploying" {
        let connect_token = agent.get("connect_token").cloned();
        agent = api.ask(Call::post(format!("{}/start", agent_path(&id)), json!({}))).await?;
        if let (Some(token), Some(members)) = (connect_token, agent.as_object_mut()) {
            members.insert("connect_token".to_owned(), token);
        }
    }
    if args.wait {
        // The id first: it is of use while the rest takes its time.
        if !output.json {
            output.line(&id)?;
        }
        if args.origin.is_none() && cell(&agent, "state") == "deploying" {
            output.say(&format!(
                "· waiting for a pod: moltghost connect {} --to http://127.0.0.1:11434",
                args.name
            ));
        }
        let agent = wait::until(&api, &id, Until::Running { seconds: args.timeout }, output).await?;
        output.say(&format!("· running: {}", cell(&agent, "endpoint")));
        return if output.json { output.document(&agent) } else { Ok(()) };
    }
    if output.json {
        output.document(&agent)?;
    } else {
        output.line(&id)?;
    }
    match kept {
        Some(Ok(file)) => output.say(&format!("· its connect token is kept in {file}")),
        // The agent is there all the same.
        Some(Err(why)) => output.say(&format!(
            "· its connect token is not kept: {why} Make another with: moltghost agent connect-token {}",
            args.name
        )),
        None => {}
    }
    output.say(&next(&args, &agent));
    Ok(())
}

/// What is to be done next.
fn next(args: &Deploy, agent: &Value) -> String {
    let name = &args.name;
    match (cell(agent, "state").as_str(), args.origin.is_some()) {
        ("running", _) => format!("· running: {}", cell(agent, "endpoint")),
        ("initializing", true) => {
            format!("· the pod is being asked whether it is ready; look with: moltghost status {name}")
        }
        ("deploying" | "initializing", false) => {
            format!("· next, where the pod runs: moltghost connect {name} --to http://127.0.0.1:11434")
        }
        (state, _) => format!("· it is {state}; look with: moltghost status {name}"),
    }
}

/// The connect token is told once, in the answer that creates the agent: a connector on this machine finds it here.
fn keep_connect_token(agent: &Value, id: &str) -> Option<Result<String, Failure>> {
    let token = agent.get("connect_token").and_then(Value::as_str)?;
    Some(Settings::load().and_then(|mut settings| settings.keep_connect_token(id, token)))
}

fn body(args: &Deploy) -> Result<Value, Failure> {
    let mut body = Map::new();
    let (account, name) = match args.name.split_once('/') {
        Some((account, name)) => (Some(account), name),
        None => (None, args.name.as_str()),
    };
    let mut put = |member: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(member.to_owned(), value);
        }
    };
    put("account", account.map(Value::from));
    put("name", Some(name.into()));
    put("region", args.region.clone().map(Value::from));
    put("replicas", args.replicas.map(Value::from));
    put("alias", args.alias.clone().map(Value::from));
    put("model", args.model.clone().map(Value::from));
    if let Some(url) = &args.origin {
        let mut headers = Map::new();
        for given in &args.headers {
            let header = SecretHeader::read(given)?;
            headers.insert(header.name, header.value.into());
        }
        put("origin", Some(json!({ "type": "http", "url": url, "headers": headers })));
    }
    Ok(Value::Object(body))
}
