//! Everything that names something: credentials, ids, hosts, paths, origins, headers. None panics, and what is
//! accepted reads back as itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::credential::{AccountToken, ApiKey, ConnectToken};
use moltghost_protocol::endpoint::headers::{from_pod, to_pod, ContentType};
use moltghost_protocol::endpoint::route::{split_agent_path, Lookup, Route};
use moltghost_protocol::host::{is_loopback, Hosts};
use moltghost_protocol::id::{AgentId, AgentRef, Alias, KeyId};
use moltghost_protocol::origin::{check_header, OriginRules, OriginUrl};

fuzz_target!(|text: &str| {
    if let Some(key) = ApiKey::parse(text) {
        assert_eq!(key.reveal(), text);
    }
    if let Some(token) = AccountToken::parse(text) {
        assert_eq!(token.reveal(), text);
    }
    if let Some(token) = ConnectToken::parse(text) {
        assert_eq!(token.reveal(), text);
    }
    for id in [AgentId::parse(text).map(String::from), Alias::parse(text).map(String::from)] {
        assert!(id.is_err() || id.as_deref() == Ok(text));
    }
    let _ = KeyId::parse(text);
    hosts(text);
    origins(text);
    let _ = split_agent_path(text);
    if let Lookup::Found { model: Some(model), .. } = Route::find("GET", text) {
        assert!(!model.is_empty() && !model.chars().any(char::is_control));
    }
    headers(text);
});

fn hosts(text: &str) {
    let hosts = Hosts::new("example.com", "extra.example", true).expect("a configuration");
    let found = hosts.surface(text);
    assert_eq!(hosts.surface(&text.to_ascii_uppercase()), found);
    let _ = (is_loopback(text), Hosts::new(text, text, false));
    if AgentRef::parse(text).is_ok() {
        assert!(hosts.surface(&format!("{text}.agent.example.com:80")).is_ok());
    }
}

fn origins(text: &str) {
    if let Ok(url) = OriginUrl::read(text) {
        assert_eq!(OriginUrl::read(url.base()).as_ref(), Ok(&url));
        let joined =
            OriginUrl::read(&url.join("/v1/chat/completions")).map(|joined| joined.host() == url.host());
        // Joining may make it too long; nothing else may go wrong.
        assert!(joined == Ok(true) || url.base().len() > 2_000);
    }
    let own = Hosts::new("example.com", "", true).expect("a configuration");
    let rules = OriginRules::new(false, "", own).expect("a configuration");
    if let Ok(url) = rules.check(text) {
        assert!(url.is_https() && url.host().contains('.') && !is_loopback(url.host()));
    }
}

fn headers(text: &str) {
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    let forward = [name.to_owned()];
    let given = || std::iter::once((name, value));
    for (_, value) in to_pod(given(), &forward).into_iter().chain(from_pod(given())) {
        assert!(!value.contains(['\r', '\n', '\0']));
    }
    let _ = (check_header(name, value), ContentType::of(value));
}
