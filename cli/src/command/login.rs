//! `login` and `logout`: a deployment's address and a token, kept in the file of `settings`.
//!
//! Invariant: a token is kept only after the deployment took it.

use crate::api::{Api, Call};
use crate::args::Login;
use crate::failure::{Failure, Kind};
use crate::hidden;
use crate::output::Output;
use crate::settings::{address, Settings};
use serde_json::json;
use std::io::{BufRead, IsTerminal};

/// `login`.
pub async fn login(args: Login, output: Output) -> Result<(), Failure> {
    let mut settings = Settings::load()?;
    let base = match (&args.api, args.network) {
        (Some(given), _) => address(given)
            .map_err(|why| Failure::new(Kind::Usage, format!("{given} is no address: {why}.")))?,
        (None, true) => settings.network()?,
        (None, false) => settings.api()?,
    };
    let token = token(args.token_stdin, &base).await?;
    let api = Api::new(base.clone(), Some(token.clone()));
    let who = if args.network { check_network(&api).await? } else { check_control(&api, &token).await? };
    if args.network {
        settings.stored.network = Some(base.clone());
        settings.stored.network_token = Some(token);
    } else {
        settings.stored.api = Some(base.clone());
        settings.stored.token = Some(token);
    }
    settings.save()?;
    let file = settings.file();
    output.either(
        &json!({ "api": base, "as": who, "file": file }),
        &format!("Signed in at {base} as {who}; kept in {file}"),
    )
}

/// `logout`.
pub fn logout(output: Output) -> Result<(), Failure> {
    let settings = Settings::load()?;
    let there = settings.path.exists();
    if there {
        std::fs::remove_file(&settings.path)?;
    }
    let file = settings.file();
    let text = if there { format!("Removed {file}") } else { "There is nothing to remove".to_owned() };
    output.either(&json!({ "file": file, "removed": there }), &text)
}

/// Reads the token: from standard input if that is asked for or no terminal, else without showing it.
async fn token(from_stdin: bool, base: &str) -> Result<String, Failure> {
    let read = if from_stdin || !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    } else {
        let prompt = format!("Token for {base}: ");
        // Elsewhere, so that Ctrl-C is heard meanwhile.
        let asking = tokio::task::spawn_blocking(move || hidden::read(&prompt));
        asking.await.unwrap_or_else(|error| Err(error.into()))
    };
    let token = read?.trim().to_owned();
    if token.is_empty() {
        return Err(Failure::new(Kind::Credential, "No token was given.")
            .next("An account token begins with molta_; the operator makes one with POST /api/v1/accounts/{id}/tokens."));
    }
    Ok(token)
}

/// Who the token makes its holder: an account's token names its account, the operator's sees them all.
async fn check_control(api: &Api, token: &str) -> Result<String, Failure> {
    if token.starts_with("molti_") {
        return Err(Failure::new(
            Kind::Credential,
            "This is an agent's key, which calls agents and manages none.",
        )
        .next("Use an account token (molta_…) or the operator's."));
    }
    if let Some(parsed) = moltghost_protocol::credential::AccountToken::parse(token) {
        api.ask(Call::get("/api/v1/agents?limit=1")).await?;
        return Ok(format!("account {}", parsed.account));
    }
    api.ask(Call::get("/api/v1/accounts?limit=1")).await?;
    Ok("operator".to_owned())
}

/// `/v1/rooms` asks for a token where `/v1/network` need not.
async fn check_network(api: &Api) -> Result<String, Failure> {
    api.ask(Call::get("/v1/rooms?limit=1")).await?;
    let network = api.ask(Call::get("/v1/network")).await?;
    let id = network.get("id").and_then(serde_json::Value::as_str).unwrap_or_default();
    Ok(format!("member of the network {id}"))
}
