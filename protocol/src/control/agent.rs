//! Agents: what an owner sets, the states they go through, and how the API shows them (agent-endpoints §3, §10).

use super::account::Name;
use super::browser_origin::is_allowable;
use super::fields::{wrong, Fields};
pub use super::limits::Limits;
use super::link::LinkStatus;
pub use super::state::State;
use crate::endpoint::models::is_model;
use crate::error::Problem;
use crate::id::{AccountId, AgentId, Alias};
use crate::region::{self, Region};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// Most entries of `models`.
const MAX_MODELS: usize = 64;

/// Most `replicas`.
const MAX_REPLICAS: u32 = 16;

/// Longest `start_deadline_seconds`.
const MAX_START_DEADLINE: u32 = 3_600;

/// How the pod is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The pod dials out to us.
    Tunnel,
    /// A URL that the Worker fetches, with fixed secret headers.
    Http {
        /// Base URL, checked by [`crate::origin::OriginRules`].
        url: String,
        /// Names (lower case) and values; the values are shown by no route.
        headers: BTreeMap<String, String>,
    },
}

/// Everything that an owner sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Unique in the account.
    pub name: Name,
    /// Another name for the host, unique in the deployment.
    pub alias: Option<Alias>,
    /// The model that a request without one gets.
    pub model: Option<String>,
    /// The models that callers may ask for; empty for all that the pod has.
    #[serde(default)]
    pub models: Vec<String>,
    /// How the pod is reached.
    pub origin: Origin,
    /// Wall time of a run that asks for none, in seconds.
    pub timeout_seconds: u32,
    /// Origins of browsers that may call; `*` stands for all.
    pub cors_origins: Vec<String>,
    /// Request headers that are passed to the pod besides the usual ones, lower case.
    pub forward_headers: Vec<String>,
    /// Limits.
    pub limits: Limits,
    /// Whether a plain answer may begin with white space while the pod still works on it.
    #[serde(default)]
    pub early_headers: bool,
    /// Replicas of the pod that the provisioner is to run.
    #[serde(default = "one")]
    pub replicas: u32,
    /// How long a start may take, in seconds.
    #[serde(default = "start_deadline")]
    pub start_deadline_seconds: u32,
    /// Whether a call of `/v1/chat` over the request limit is answered with 403 instead of 429.
    #[serde(default)]
    pub legacy_403: bool,
    /// Where the pods are: the object is made near it, and calls go first to the replicas that are near it.
    #[serde(default)]
    pub region: Option<Region>,
}

/// As many replicas as there are unless the owner says otherwise.
fn one() -> u32 {
    1
}

/// How long a start may take unless the owner says otherwise, in seconds.
fn start_deadline() -> u32 {
    300
}

impl Settings {
    /// Whether callers may ask for a model.
    pub fn may_use(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|allowed| allowed == model)
    }
}

/// `PATCH /agents/{…}`: what is to change. A field that is not there stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// A new name.
    pub name: Option<Name>,
    /// A new alias, or `Some(None)` for none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub alias: Option<Option<Alias>>,
    /// A new default model, or `Some(None)` for none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub model: Option<Option<String>>,
    /// Other models that may be asked for.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// Another way to the pod.
    pub origin: Option<Origin>,
    /// Another default wall time.
    pub timeout_seconds: Option<u32>,
    /// Other allowed origins.
    pub cors_origins: Option<Vec<String>>,
    /// Other forwarded headers.
    pub forward_headers: Option<Vec<String>>,
    /// Another largest body.
    pub body_bytes: Option<u64>,
    /// Another longest wall time.
    pub max_timeout_seconds: Option<u32>,
    /// Whether plain answers may begin early.
    #[serde(default)]
    pub early_headers: Option<bool>,
    /// Another number of replicas.
    #[serde(default)]
    pub replicas: Option<u32>,
    /// Another time that a start may take.
    #[serde(default)]
    pub start_deadline_seconds: Option<u32>,
    /// Whether the request limit answers 403 on `/v1/chat`.
    #[serde(default)]
    pub legacy_403: Option<bool>,
    /// Another region, or `Some(None)` for none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub region: Option<Option<Region>>,
    /// Another request limit, or `Some(None)` for none.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
    pub rpm: Option<Option<u32>>,
    /// Another number of runs at once.
    pub concurrency: Option<u32>,
    /// Another number of calls that wait.
    pub queue: Option<u32>,
}

/// A field that is there, be it null: a change to none is not the same as no change.
#[allow(clippy::option_option, reason = "that is what is told apart here")]
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `POST /agents`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAgent {
    /// The account, which the operator names.
    pub account: Option<AccountId>,
    /// What the agent is to be.
    pub settings: Settings,
}

impl NewAgent {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request` naming the field.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let account = fields.optional("account")?;
        let name: Name = fields.required("name")?;
        let change = Change::take(&mut fields)?;
        fields.finish()?;
        let blank = Settings {
            name,
            alias: None,
            model: None,
            models: Vec::new(),
            origin: Origin::Tunnel,
            timeout_seconds: Limits::default().max_timeout_seconds,
            cors_origins: vec!["*".to_owned()],
            forward_headers: Vec::new(),
            limits: Limits::default(),
            early_headers: false,
            replicas: one(),
            start_deadline_seconds: start_deadline(),
            legacy_403: false,
            region: None,
        };
        Ok(Self { account, settings: change.apply(blank)? })
    }
}

/// `POST /agents/{…}/pause`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// Whether calls in flight are ended, with an error; else they end as they would.
    pub now: bool,
}

impl Pause {
    /// Reads a body; an empty one is fine.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request`.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let now = fields.optional("now")?.unwrap_or(false);
        fields.finish()?;
        Ok(Self { now })
    }
}

impl Change {
    /// Reads a body.
    ///
    /// # Errors
    /// `invalid_json` or `invalid_request` naming the field.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let mut fields = Fields::parse(body)?;
        let name = fields.optional("name")?;
        let change = Self { name, ..Self::take(&mut fields)? };
        fields.finish()?;
        Ok(change)
    }

    fn take(fields: &mut Fields) -> Result<Self, Problem> {
        let alias = if fields.has("alias") { Some(fields.optional("alias")?) } else { None };
        let model = if fields.has("model") { Some(fields.optional::<String>("model")?) } else { None };
        if model.as_ref().and_then(Option::as_ref).is_some_and(|m| !is_model(m)) {
            return Err(wrong("model", "it must have 1 to 256 bytes, none a control character"));
        }
        let mut change = Self {
            alias,
            model,
            models: fields.optional("models")?.map(check_models).transpose()?,
            early_headers: fields.optional("early_headers")?,
            replicas: fields.optional("replicas")?,
            start_deadline_seconds: fields.optional("start_deadline_seconds")?,
            legacy_403: fields.optional("legacy_403")?,
            region: if fields.has("region") { Some(take_region(fields)?) } else { None },
            origin: fields.nested("origin")?.map(take_origin).transpose()?,
            timeout_seconds: fields.optional("timeout_seconds")?,
            ..Self::default()
        };
        if let Some(mut cors) = fields.nested("cors")? {
            change.cors_origins = Some(check_cors(cors.required("origins")?)?);
            cors.finish()?;
        }
        change.forward_headers = fields.optional("forward_headers")?.map(check_forward).transpose()?;
        if let Some(mut limits) = fields.nested("limits")? {
            change.body_bytes = limits.optional("body_bytes")?;
            change.max_timeout_seconds = limits.optional("max_timeout_seconds")?;
            change.rpm = if limits.has("rpm") { Some(limits.optional("rpm")?) } else { None };
            change.concurrency = limits.optional("concurrency")?;
            change.queue = limits.optional("queue")?;
            limits.finish()?;
        }
        Ok(change)
    }

    /// `settings` with this change made.
    ///
    /// # Errors
    /// `invalid_request` where the result would break a limit.
    pub fn apply(self, mut settings: Settings) -> Result<Settings, Problem> {
        settings.name = self.name.unwrap_or(settings.name);
        settings.alias = self.alias.unwrap_or(settings.alias);
        settings.model = self.model.unwrap_or(settings.model);
        settings.models = self.models.unwrap_or(settings.models);
        settings.early_headers = self.early_headers.unwrap_or(settings.early_headers);
        settings.replicas = self.replicas.unwrap_or(settings.replicas);
        settings.start_deadline_seconds =
            self.start_deadline_seconds.unwrap_or(settings.start_deadline_seconds);
        settings.legacy_403 = self.legacy_403.unwrap_or(settings.legacy_403);
        settings.region = self.region.unwrap_or(settings.region);
        settings.origin = self.origin.unwrap_or(settings.origin);
        settings.cors_origins = self.cors_origins.unwrap_or(settings.cors_origins);
        settings.forward_headers = self.forward_headers.unwrap_or(settings.forward_headers);
        let before = settings.limits;
        settings.limits = Limits {
            rpm: self.rpm.unwrap_or(before.rpm),
            concurrency: self.concurrency.unwrap_or(before.concurrency),
            queue: self.queue.unwrap_or(before.queue),
            body_bytes: self.body_bytes.unwrap_or(before.body_bytes),
            max_timeout_seconds: self.max_timeout_seconds.unwrap_or(before.max_timeout_seconds),
        };
        settings.limits.check()?;
        // A default that nobody set follows the longest time down.
        settings.timeout_seconds = match self.timeout_seconds {
            Some(seconds) => seconds,
            None => settings.timeout_seconds.min(settings.limits.max_timeout_seconds),
        };
        if settings.model.as_ref().is_some_and(|model| !settings.may_use(model)) {
            return Err(wrong("model", "it must be one of models"));
        }
        if !(1..=MAX_REPLICAS).contains(&settings.replicas) {
            return Err(wrong("replicas", "it must be 1 to 16"));
        }
        if !(1..=MAX_START_DEADLINE).contains(&settings.start_deadline_seconds) {
            return Err(wrong("start_deadline_seconds", "it must be 1 to 3600"));
        }
        let limits = settings.limits;
        if !(1..=limits.max_timeout_seconds).contains(&settings.timeout_seconds) {
            let why = format!("it must be 1 to limits.max_timeout_seconds ({})", limits.max_timeout_seconds);
            return Err(wrong("timeout_seconds", &why));
        }
        Ok(settings)
    }
}

fn take_region(fields: &mut Fields) -> Result<Option<Region>, Problem> {
    let name: Option<String> = fields.optional("region")?;
    name.map(|name| Region::parse(&name).ok_or_else(|| region::unknown("region"))).transpose()
}

fn take_origin(mut fields: Fields) -> Result<Origin, Problem> {
    let kind: String = fields.required("type")?;
    let origin = match kind.as_str() {
        "tunnel" => Origin::Tunnel,
        "http" => {
            let url = fields.required("url")?;
            let given =
                fields.nested("headers")?.map(Fields::rest::<String>).transpose()?.unwrap_or_default();
            if given.len() > crate::origin::MAX_HEADERS {
                return Err(wrong("origin.headers", "there may be at most 16"));
            }
            let mut headers = BTreeMap::new();
            for (name, value) in given {
                crate::origin::check_header(&name, &value)
                    .map_err(|why| wrong(&format!("origin.headers.{name}"), why))?;
                if headers.insert(name.to_ascii_lowercase(), value).is_some() {
                    return Err(wrong(
                        &format!("origin.headers.{name}"),
                        "it stands twice, in two spellings",
                    ));
                }
            }
            Origin::Http { url, headers }
        }
        _ => return Err(wrong("origin.type", "it must be tunnel or http")),
    };
    fields.finish()?;
    Ok(origin)
}

fn check_cors(origins: Vec<String>) -> Result<Vec<String>, Problem> {
    if origins.len() > 32 || !origins.iter().all(|origin| is_allowable(origin)) {
        return Err(wrong(
            "cors.origins",
            "it must be at most 32 of `*` and origins such as https://app.example",
        ));
    }
    Ok(origins)
}

fn check_models(models: Vec<String>) -> Result<Vec<String>, Problem> {
    if models.len() > MAX_MODELS || !models.iter().all(|model| is_model(model)) {
        return Err(wrong("models", "it must be at most 64 ids of models, each of 1 to 256 bytes"));
    }
    Ok(models)
}

fn check_forward(names: Vec<String>) -> Result<Vec<String>, Problem> {
    if names.len() > 32 {
        return Err(wrong("forward_headers", "there may be at most 32"));
    }
    names
        .into_iter()
        .map(|name| match crate::endpoint::headers::check_forward_header(&name) {
            Ok(()) => Ok(name.to_ascii_lowercase()),
            Err(why) => Err(wrong("forward_headers", &format!("`{name}`: {why}"))),
        })
        .collect()
}

/// An agent as its object knows it; the Worker adds the addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRecord {
    /// Id, for ever.
    pub id: AgentId,
    /// The account it belongs to.
    pub account: AccountId,
    /// Settings; the values of origin headers are blank.
    pub settings: Settings,
    /// State.
    pub state: State,
    /// When it came into that state, RFC 3339.
    pub since: String,
    /// Why it is in that state, where there is something to say.
    pub reason: Option<String>,
    /// When it was created, RFC 3339.
    pub created_at: String,
    /// When its settings or state last changed, RFC 3339.
    pub updated_at: String,
    /// The ways to its pods.
    #[serde(default)]
    pub links: Vec<LinkStatus>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn settings(body: &str) -> Result<Settings, Problem> {
        NewAgent::parse(body.as_bytes()).map(|agent| agent.settings)
    }

    fn param(body: &str) -> String {
        settings(body).unwrap_err().param.unwrap()
    }

    #[test]
    fn an_agent_needs_a_name_and_nothing_else() {
        let made = settings(r#"{"name":"my-agent"}"#).unwrap();
        assert_eq!(made.origin, Origin::Tunnel);
        assert_eq!((made.timeout_seconds, made.limits), (300, Limits::default()));
        assert_eq!(made.cors_origins, ["*"]);
    }

    #[test]
    fn every_wrong_field_is_named() {
        assert_eq!(param(r#"{"name":"1"}"#), "name");
        assert_eq!(param(r#"{"name":"a","alias":"www"}"#), "alias");
        assert_eq!(param(r#"{"name":"a","nothing":3}"#), "nothing");
        assert_eq!(param(r#"{"name":"a","replicas":0}"#), "replicas");
        assert_eq!(param(r#"{"name":"a","replicas":17}"#), "replicas");
        assert_eq!(settings(r#"{"name":"a","replicas":16}"#).unwrap().replicas, 16);
        assert_eq!(param(r#"{"name":"a","origin":{"type":"http"}}"#), "origin.url");
        assert_eq!(param(r#"{"name":"a","origin":{"type":"x"}}"#), "origin.type");
        assert_eq!(param(r#"{"name":"a","timeout_seconds":301}"#), "timeout_seconds");
        assert_eq!(param(r#"{"name":"a","limits":{"body_bytes":26214401}}"#), "limits.body_bytes");
        assert_eq!(param(r#"{"name":"a","limits":{"rpm":0}}"#), "limits.rpm");
        assert_eq!(param(r#"{"name":"a","limits":{"tokens":1}}"#), "limits.tokens");
        assert_eq!(param(r#"{"name":"a","cors":{"origins":["x"]}}"#), "cors.origins");
        assert_eq!(param(r#"{"name":"a","forward_headers":["cookie"]}"#), "forward_headers");
        assert_eq!(param(r#"{"name":"a","models":[""]}"#), "models");
        let many = vec!["\"m\""; MAX_MODELS + 1].join(",");
        assert_eq!(param(&format!(r#"{{"name":"a","models":[{many}]}}"#)), "models");
        assert_eq!(param(r#"{"name":"a","models":["m"],"model":"n"}"#), "model");
        assert_eq!(param(r#"{"name":"a","early_headers":1}"#), "early_headers");
        assert_eq!(param(r#"{"name":"a","legacy_403":"yes"}"#), "legacy_403");
        assert_eq!(param(r#"{"name":"a","start_deadline_seconds":0}"#), "start_deadline_seconds");
        assert_eq!(param(r#"{"name":"a","start_deadline_seconds":3601}"#), "start_deadline_seconds");
        assert!(settings(r#"{"name":"a","start_deadline_seconds":3600}"#).is_ok());
        let unknown = settings(r#"{"name":"a","region":"eu"}"#).unwrap_err();
        assert_eq!((unknown.code, unknown.param.as_deref()), (Code::UnknownRegion, Some("region")));
        assert_eq!(settings(r#"{"name":"a","region":"weur"}"#).unwrap().region, Region::parse("weur"));
    }

    #[test]
    fn settings_of_the_first_version_are_read() {
        let mut stored = serde_json::to_value(settings(r#"{"name":"a"}"#).unwrap()).unwrap();
        for added in ["models", "early_headers", "replicas", "start_deadline_seconds", "legacy_403", "region"]
        {
            stored.as_object_mut().unwrap().remove(added).unwrap();
        }
        let read: Settings = serde_json::from_value(stored).unwrap();
        assert_eq!(read, settings(r#"{"name":"a"}"#).unwrap());
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let before = settings(r#"{"name":"a","alias":"abc","model":"m"}"#).unwrap();
        let change = Change::parse(br#"{"alias":null,"limits":{"max_timeout_seconds":60}}"#).unwrap();
        let told: Change = serde_json::from_str(&serde_json::to_string(&change).unwrap()).unwrap();
        assert_eq!(told, change);
        let after = change.apply(before.clone()).unwrap();
        assert_eq!(after.alias, None);
        assert_eq!(after.model, before.model);
        assert_eq!(after.timeout_seconds, 60);
    }
}
