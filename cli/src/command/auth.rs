//! `auth …`: keys of callers. A secret is printed by the command that makes it, alone on stdout.

use crate::api::{agent_path, segment, Call};
use crate::args::Auth;
use crate::command::{all, argument_or_stdin, control, query};
use crate::failure::{Failure, Kind};
use crate::output::{cell, table, time, Output};
use moltghost_protocol::credential::ApiKey;
use moltghost_protocol::id::KeyId;
use serde_json::{json, Value};

/// `auth …`.
pub async fn run(command: Auth, output: Output) -> Result<(), Failure> {
    match command {
        Auth::CreateKey { agent, name, expires_at, paths, rpm } => {
            let mut body = json!({ "name": name });
            if let Some(members) = body.as_object_mut() {
                let paths = if paths.is_empty() { None } else { Some(Value::from(paths)) };
                let limits = rpm.map(|rpm| json!({ "rpm": rpm }));
                let given = [
                    ("expires_at", expires_at.map(Value::from)),
                    ("allowed_paths", paths),
                    ("limits", limits),
                ];
                members.extend(
                    given.into_iter().filter_map(|(member, value)| Some((member.to_owned(), value?))),
                );
            }
            let call = Call::post(format!("{}/keys", agent_path(&agent)), body).once();
            let key = control()?.ask(call).await?;
            output.either(&key, &cell(&key, "key"))?;
            output.say(&format!("· it is shown this once; its id is {}", cell(&key, "id")));
            Ok(())
        }
        Auth::ListKeys { agent, account } => list(agent.as_deref(), account.as_deref(), output).await,
        Auth::RotateKey { key, grace } => rotate(&key, grace, output).await,
        Auth::RevokeKey { key } => revoke(&key, output).await,
    }
}

async fn list(agent: Option<&str>, account: Option<&str>, output: Output) -> Result<(), Failure> {
    let path = match agent {
        Some(agent) => format!("{}/keys", agent_path(agent)),
        None => format!("/api/v1/keys{}", query(&[("account", account)])),
    };
    let keys = all(&control()?, &path).await?;
    if output.json {
        return output.document(&json!({ "data": keys }));
    }
    if keys.is_empty() {
        output.say("· there are none; make one with: moltghost auth create-key --agent NAME --name LABEL");
        return Ok(());
    }
    let row = |key: &Value| {
        vec![
            cell(key, "id"),
            cell(key, "name"),
            cell(key, "agent"),
            standing(key),
            time(key, "created_at"),
            time(key, "last_used_at"),
        ]
    };
    output.line(&table(
        &["ID", "NAME", "AGENT", "STATE", "CREATED", "LAST USED"],
        &keys.iter().map(row).collect::<Vec<_>>(),
    ))
}

/// Whether the key opens anything, in a word or two.
fn standing(key: &Value) -> String {
    let is = |member: &str| key.get(member).is_some_and(Value::is_string);
    if is("revoked_at") {
        "revoked".to_owned()
    } else if is("expires_at") {
        format!("until {}", time(key, "expires_at"))
    } else if key.get("rotate_due").and_then(Value::as_bool) == Some(true) {
        "rotation due".to_owned()
    } else {
        "active".to_owned()
    }
}

async fn rotate(key: &str, grace: u32, output: Output) -> Result<(), Failure> {
    let id = match given(key)? {
        Given::Id(id) => id,
        Given::Key(key) => key.id,
    };
    let path = format!("{}/keys/{id}/rotate", agent_path(id.agent().as_str()));
    let rotation = format!("cli-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    let body = json!({ "grace_seconds": grace, "rotation_id": rotation });
    // The rotation's id makes it one, however often it is sent.
    let key = control()?.ask(Call::post(path, body).once()).await?;
    output.either(&key, &cell(&key, "key"))?;
    output.say(&match key.get("old_secret_until").and_then(Value::as_str) {
        Some(_) => format!(
            "· it is shown this once; the old one is valid until {} (UTC)",
            time(&key, "old_secret_until")
        ),
        None => "· it is shown this once; the old one opens nothing any more".to_owned(),
    });
    Ok(())
}

async fn revoke(key: &str, output: Output) -> Result<(), Failure> {
    let call = match given(key)? {
        Given::Id(id) => Call::delete(format!("/api/v1/keys/{}", segment(id.as_str()))),
        // The whole key proves that it is the right one.
        Given::Key(key) => Call::post("/api/v1/keys/revoke", json!({ "key": key.reveal() })),
    };
    let key = control()?.ask(call).await?;
    output.either(&key, &format!("{} is revoked: it opens nothing any more", cell(&key, "masked")))
}

enum Given {
    Id(KeyId),
    Key(ApiKey),
}

/// A key by its id, by itself, or by itself on standard input.
fn given(text: &str) -> Result<Given, Failure> {
    let text = argument_or_stdin(text)?;
    if let Some(key) = ApiKey::parse(&text) {
        return Ok(Given::Key(key));
    }
    if let Ok(id) = KeyId::parse(&text) {
        return Ok(Given::Id(id));
    }
    // What was given is not said again: it may be most of a key.
    Err(Failure::new(Kind::Usage, "That is neither a key nor the id of one: there is a typing error in it.")
        .next("Find its id with: moltghost auth list-keys"))
}
