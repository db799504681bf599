//! Where a connector connects to, and the token with which it may.
//!
//! Invariant: a new connect token is made only when the user says so, since it ends the links of the old one.

use crate::api::{agent_path, Api, Call};
use crate::failure::{Failure, Kind};
use crate::output::cell;
use crate::settings::{variable, Settings, CONNECT_TOKEN};
use hyper::Uri;
use moltghost_protocol::credential::ConnectToken;
use serde_json::json;

/// An endpoint to connect to.
#[derive(Clone)]
pub struct Target {
    /// Id of the agent.
    pub agent: String,
    /// Address of its `/_connect`, with the scheme http or https.
    pub uri: Uri,
    /// The connect token; nothing prints it.
    pub token: String,
}

/// Finds the agent by its name, and a token for it: from the environment, from the file, or a new one.
///
/// # Errors
/// There is no such agent, or no token.
pub async fn find(name: &str, new_token: bool) -> Result<Target, Failure> {
    let mut settings = Settings::load()?;
    let given = variable(CONNECT_TOKEN);
    // A machine that holds nothing but a connect token need not ask who the agent is: the token says it.
    if let (Some(token), Err(_)) = (&given, settings.token()) {
        let parsed = parse(token)?;
        let agent = parsed.agent.to_string();
        let endpoint = endpoint_of(&settings.api()?, &agent);
        return Ok(Target { uri: connect_uri(&endpoint)?, agent, token: token.clone() });
    }
    let api = Api::new(settings.api()?, Some(settings.token()?));
    let document = api.ask(Call::get(agent_path(name))).await?;
    let agent = cell(&document, "id");
    if document.pointer("/origin/type").and_then(serde_json::Value::as_str) == Some("http") {
        return Err(Failure::new(
            Kind::Conflict,
            format!("{name} is reached at an address, so that no connector serves it."),
        )
        .next("Deploy an agent without --origin, or set its origin to {\"type\":\"tunnel\"}."));
    }
    let token = if let Some(token) = given {
        token
    } else if new_token {
        let path = format!("{}/connect-token", agent_path(name));
        let made = api.ask(Call::post(path, json!({}))).await?;
        let token = cell(&made, "connect_token");
        settings.keep_connect_token(&agent, &token)?;
        token
    } else if let Some(kept) = settings.stored.connect_tokens.get(&agent) {
        kept.clone()
    } else {
        return Err(Failure::new(
            Kind::Credential,
            format!("There is no connect token for {name} on this machine."),
        )
        .next(format!(
            "Set {CONNECT_TOKEN}, or add --new-token, which makes one and ends the links of the one before."
        )));
    };
    let parsed = parse(&token)?;
    if parsed.agent.as_str() != agent {
        return Err(Failure::new(
            Kind::Credential,
            format!("The connect token is another agent's, not that of {name}."),
        ));
    }
    Ok(Target { uri: connect_uri(&cell(&document, "endpoint"))?, agent, token })
}

fn parse(token: &str) -> Result<ConnectToken, Failure> {
    ConnectToken::parse(token).ok_or_else(|| {
        Failure::new(Kind::Credential, "That is no connect token: there is a typing error in it, or it is something else.")
            .next("It begins with moltc_; moltghost deploy keeps it, and moltghost connect NAME --new-token makes another.")
    })
}

/// The endpoint of an agent at a deployment, where the deployment is not asked.
pub fn endpoint_of(api: &str, agent: &str) -> String {
    match api.split_once("://api.") {
        Some((scheme, domain)) => format!("{scheme}://{agent}.agent.{domain}"),
        None => format!("{api}/agents/{agent}"),
    }
}

fn connect_uri(endpoint: &str) -> Result<Uri, Failure> {
    format!("{endpoint}/_connect")
        .parse()
        .map_err(|_| Failure::new(Kind::Unreachable, format!("{endpoint} is no address of an endpoint.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_can_be_told_from_the_deployments_address() {
        assert_eq!(endpoint_of("https://api.example.com", "abc"), "https://abc.agent.example.com");
        assert_eq!(endpoint_of("http://127.0.0.1:8787", "abc"), "http://127.0.0.1:8787/agents/abc");
        assert_eq!(
            connect_uri("https://abc.agent.example.com").unwrap(),
            "https://abc.agent.example.com/_connect"
        );
    }
}
