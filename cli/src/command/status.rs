//! `status` and `agent show`: one agent, for people.

use crate::api::{agent_path, Call};
use crate::args::Status;
use crate::command::control;
use crate::failure::Failure;
use crate::output::{cell, list, time, Output};
use serde_json::Value;

/// `status`.
pub async fn status(args: Status, output: Output) -> Result<(), Failure> {
    let agent = control()?.ask(Call::get(agent_path(&args.name))).await?;
    if args.url {
        let url = cell(&agent, "endpoint");
        return output.either(&serde_json::json!({ "url": url }), &url);
    }
    output.either(&agent, &short(&agent))?;
    if let Some(step) = next(&args.name, &agent) {
        output.say(&format!("· next: {step}"));
    }
    Ok(())
}

/// `agent show`.
pub async fn show(name: &str, output: Output) -> Result<(), Failure> {
    let agent = control()?.ask(Call::get(agent_path(name))).await?;
    output.either(&agent, &format!("{}\n{}", short(&agent), more(&agent)))
}

/// Where it stands and where it is reached.
pub fn short(agent: &Value) -> String {
    let mut pairs = vec![
        ("name", cell(agent, "name")),
        ("id", cell(agent, "id")),
        ("state", format!("{}, since {}", cell(agent, "state"), time(agent, "since"))),
    ];
    if agent.get("reason").is_some_and(Value::is_string) {
        pairs.push(("reason", cell(agent, "reason")));
    }
    pairs.push(("endpoint", cell(agent, "endpoint")));
    if agent.get("alias").is_some_and(Value::is_string) {
        pairs.push(("alias", cell(agent, "alias")));
    }
    pairs.push(("origin", origin(agent)));
    pairs.extend(links(agent));
    list(&pairs)
}

/// What was set.
fn more(agent: &Value) -> String {
    let limits = agent.get("limits").cloned().unwrap_or_default();
    list(&[
        ("account", cell(agent, "account")),
        ("model", cell(agent, "model")),
        ("region", cell(agent, "region")),
        ("replicas", cell(agent, "replicas")),
        ("by path", cell(agent, "path_endpoint")),
        ("timeout", format!("{} s", cell(agent, "timeout_seconds"))),
        ("requests per minute", cell(&limits, "rpm")),
        (
            "calls at once",
            format!("{}, and {} that wait", cell(&limits, "concurrency"), cell(&limits, "queue")),
        ),
        ("largest body", format!("{} bytes", cell(&limits, "body_bytes"))),
        ("created", time(agent, "created_at")),
        ("changed", time(agent, "updated_at")),
    ])
}

fn origin(agent: &Value) -> String {
    let origin = agent.get("origin").cloned().unwrap_or_default();
    match origin.get("url").and_then(Value::as_str) {
        Some(url) => format!("{url} ({})", cell(&origin, "type")),
        None => cell(&origin, "type"),
    }
}

/// One line for each link to a pod, where the deployment tells them.
fn links(agent: &Value) -> Vec<(&'static str, String)> {
    let links = agent.get("links").and_then(Value::as_array);
    links.into_iter().flatten().map(|link| ("link", describe(link))).collect()
}

fn describe(link: &Value) -> String {
    let mut text = match link.get("replica") {
        Some(Value::String(name)) => name.clone(),
        _ => cell(link, "type"),
    };
    if link.get("region").is_some_and(Value::is_string) {
        text = format!("{text}, {}", cell(link, "region"));
    }
    let draining = link.get("draining").and_then(Value::as_bool) == Some(true);
    match link.get("up").and_then(Value::as_bool) {
        _ if draining => text.push_str(", draining"),
        Some(true) => text.push_str(", up"),
        Some(false) => text.push_str(", down"),
        None => {}
    }
    if let Some(calls) =
        link.get("in_flight").and_then(Value::as_u64).filter(|_| link.get("breaker").is_some())
    {
        text = format!("{text}, {calls} in flight");
    }
    match link.get("breaker").and_then(Value::as_str) {
        Some("open") => text.push_str(", resting: it did not take its last calls"),
        Some("half_open") => text.push_str(", on trial"),
        _ => {}
    }
    if link.get("breaker").is_some() && link.get("last_error").is_some_and(Value::is_string) {
        text = format!("{text}, {}", cell(link, "last_error"));
    }
    text
}

/// The command that brings the agent on, if there is one.
pub fn next(name: &str, agent: &Value) -> Option<String> {
    let tunnel = agent.pointer("/origin/type").and_then(Value::as_str) == Some("tunnel");
    Some(match cell(agent, "state").as_str() {
        "paused" => format!("moltghost agent start {name}"),
        "failed" => format!("mend the pod, then moltghost agent start {name}"),
        "deploying" if !tunnel => format!("moltghost agent start {name}"),
        "deploying" | "initializing" if tunnel => {
            format!("where the pod runs, moltghost connect {name} --to http://127.0.0.1:11434")
        }
        _ => return None,
    })
}
