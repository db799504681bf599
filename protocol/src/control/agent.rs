//! Agents: what an owner sets, the states they go through, and how the API shows them (agent-endpoints §3, §10).

use super::account::Name;
pub use super::agent_origin::Origin;
pub use super::change::Change;
use super::fields::Fields;
pub use super::limits::Limits;
use super::link::LinkStatus;
pub use super::state::State;
use crate::error::Problem;
use crate::id::{AccountId, AgentId, Alias};
use crate::region::Region;
use serde::{Deserialize, Serialize};

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
        for limit in ["rpm", "concurrency", "queue", "body_bytes", "max_timeout_seconds"] {
            for beyond in ["-1", "1.5", "\"1\"", "4294967296"] {
                let body = format!(r#"{{"name":"a","limits":{{"{limit}":{beyond}}}}}"#);
                let refused = settings(&body).unwrap_err();
                assert_eq!(refused.param, Some(format!("limits.{limit}")));
                assert!(!refused.message.contains("4294967295"), "{}", refused.message);
            }
        }
        let negative = settings(r#"{"name":"a","limits":{"rpm":-1}}"#).unwrap_err();
        assert_eq!(negative, settings(r#"{"name":"a","limits":{"rpm":0}}"#).unwrap_err());
        assert!(negative.message.contains("from 1 to 1000000, or null"), "{}", negative.message);
        assert_eq!(param(r#"{"name":"a","limits":{"tokens":1}}"#), "limits.tokens");
        assert_eq!(param(r#"{"name":"a","cors":{"origins":["x"]}}"#), "cors.origins");
        assert_eq!(param(r#"{"name":"a","forward_headers":["cookie"]}"#), "forward_headers");
        assert_eq!(param(r#"{"name":"a","models":[""]}"#), "models");
        let many = vec!["\"m\""; 65].join(",");
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
