//! `network apply`: the rooms and agents of a Moltnet file, in the original's own format (`moltnet.v1`).

use crate::api::{Api, Call};
use crate::failure::{Failure, Kind};
use crate::output::{table, Output};
use crate::settings::{variable, Settings, NETWORK_TOKEN};
use moltghost_protocol::moltnet::apply::{ApplyAgent, ApplyRequest, ApplyResult};
use moltghost_protocol::moltnet::room::CreateRoom;
use moltghost_protocol::moltnet::token::id_of;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where the original looks for its file.
const CANDIDATES: [&str; 4] = ["Moltnet", "moltnet.yaml", "moltnet.yml", "moltnet.json"];

/// What of the original's file an apply reads; the server's own settings stand beside it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    version: Option<String>,
    network: Option<Network>,
    auth: Option<Auth>,
    rooms: Option<Vec<CreateRoom>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Network {
    id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    tokens: Option<Vec<Token>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Token {
    id: Option<String>,
    value: Option<String>,
    agents: Option<Vec<String>>,
}

/// `network apply`.
pub async fn apply(file: Option<PathBuf>, output: Output) -> Result<(), Failure> {
    let path = find(file)?;
    let request = read(&path)?;
    let settings = Settings::load()?;
    let api = Api::new(settings.network()?, settings.network_token());
    let body =
        serde_json::to_value(&request).map_err(|error| Failure::new(Kind::Other, error.to_string()))?;
    let answer = api.ask(Call::post("/v1/apply", body)).await.map_err(|failure| match failure.kind {
        Kind::Credential => failure.next(format!(
            "It needs a token with the scope admin: moltghost login --network, or {NETWORK_TOKEN}."
        )),
        _ => failure,
    })?;
    if output.json {
        return output.document(&answer);
    }
    let result: ApplyResult = serde_json::from_value(answer).map_err(|error| {
        Failure::new(Kind::Unreachable, format!("The answer is no result of an apply: {error}."))
    })?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    rows.extend(result.rooms.iter().map(|room| vec!["room".into(), room.id.clone(), "there".into()]));
    rows.extend(
        result.agents.iter().map(|agent| vec!["agent".into(), agent.agent_id.clone(), "there".into()]),
    );
    rows.extend(
        result
            .skipped
            .iter()
            .map(|room| vec!["room".into(), room.room_id.clone(), format!("left out: {}", room.error)]),
    );
    if rows.is_empty() {
        output.say(&format!("· {} names neither rooms nor agents", path.display()));
        return Ok(());
    }
    output.line(&table(&["KIND", "ID", "NOW"], &rows))
}

fn find(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    if let Some(path) = given.or_else(|| variable("MOLTNET_CONFIG").map(PathBuf::from)) {
        return Ok(path);
    }
    CANDIDATES.iter().map(PathBuf::from).find(|path| path.is_file()).ok_or_else(|| {
        Failure::new(Kind::NotFound, format!("There is no {} here.", CANDIDATES.join(", ")))
            .next("Name the file: moltghost network apply FILE")
    })
}

fn read(path: &Path) -> Result<ApplyRequest, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Kind::NotFound, format!("{}: {error}.", path.display())))?;
    let wrong = |why: String| Failure::new(Kind::Usage, format!("{}: {why}.", path.display()));
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let file: Option<File> = if json {
        serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?
    } else {
        serde_yaml_ng::from_str(&text).map_err(|error| wrong(error.to_string()))?
    };
    request(file.unwrap_or_default()).map_err(wrong)
}

/// The request that the file asks for. An agent's credential is named, never sent: a token's id, or what its value
/// comes to.
fn request(file: File) -> Result<ApplyRequest, String> {
    match file.version.as_deref().map(str::trim) {
        None | Some("" | "moltnet.v1") => {}
        Some(other) => return Err(format!("version {other} is not known; this reads moltnet.v1")),
    }
    let mut agents = Vec::new();
    let tokens = file.auth.and_then(|auth| auth.tokens).unwrap_or_default();
    for (at, token) in tokens.iter().enumerate() {
        let held = token.agents.as_deref().unwrap_or_default();
        let text = |value: &Option<String>| {
            value.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let Some(id) = text(&token.id).or_else(|| text(&token.value).map(|value| id_of(&value))) else {
            if held.is_empty() {
                continue;
            }
            return Err(format!(
                "auth.tokens[{at}].id is required when agents are declared without a token value"
            ));
        };
        for agent in held {
            let agent = ApplyAgent {
                id: agent.clone(),
                credential_key: format!("token:{id}"),
                ..ApplyAgent::default()
            };
            agents.push(agent);
        }
    }
    let network_id = file.network.and_then(|network| network.id).unwrap_or_default();
    Ok(ApplyRequest { network_id, rooms: file.rooms.unwrap_or_default(), agents })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<ApplyRequest, String> {
        request(serde_yaml_ng::from_str::<Option<File>>(text).unwrap().unwrap_or_default())
    }

    #[test]
    fn a_file_of_the_original_is_read_and_no_token_is_sent() {
        let request = of("
version: moltnet.v1
network: { id: local, name: Local }
server: { listen_addr: ':8787' }
auth:
  mode: bearer
  tokens:
    - { id: alpha, value: magic-value, scopes: [write], agents: [alpha, beta] }
    - { value: ' secret ', scopes: [attach], agents: [gamma] }
    - { id: nobody, value: x }
rooms:
  - id: general
    members: [alpha]
    visibility: public
")
        .unwrap();
        assert_eq!(request.network_id, "local");
        assert_eq!(request.rooms.len(), 1);
        let keys: Vec<_> =
            request.agents.iter().map(|a| (a.id.as_str(), a.credential_key.as_str())).collect();
        assert_eq!(
            keys,
            [("alpha", "token:alpha"), ("beta", "token:alpha"), ("gamma", "token:tok_2bb80d537b1da3e3")]
        );
        assert!(!serde_json::to_string(&request).unwrap().contains("magic-value"));
    }

    #[test]
    fn nothing_is_a_file_too_and_faults_are_named() {
        assert_eq!(of("").unwrap(), ApplyRequest::default());
        assert!(of("version: moltnet.v2").unwrap_err().contains("moltnet.v2"));
        assert!(of("auth: {tokens: [{agents: [a]}]}").unwrap_err().starts_with("auth.tokens[0].id"));
    }
}
