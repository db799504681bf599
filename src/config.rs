//! The Worker's configuration: its variables and secrets, read once for each instance and refused by name.

use moltghost_durable::bindings::{entry, Failure};
use moltghost_protocol::credential::{same_text, Pepper};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::host::Hosts;
use moltghost_protocol::origin::{OriginRules, OriginUrl};
use moltghost_protocol::webhook::WebhookSecret;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// Everything that an operator sets.
pub struct Config {
    /// `DOMAIN`, `HOSTS`, `PATH_ENDPOINTS`: which host serves what.
    pub hosts: Hosts,
    /// `DEVELOPMENT`, `ORIGIN_HOSTS`: where pods may be.
    pub origins: OriginRules,
    /// `PROVISIONER_URL`, `PROVISIONER_SECRET`: who is told what agents are to be.
    pub provisioner: Option<Provisioner>,
    /// `METRICS_AGENT_LABELS`: whether `/api/v1/metrics` lists agents one by one.
    pub agent_labels: bool,
    /// `CALL_LOG`: whether every call writes a line of the log.
    pub logs_calls: bool,
    /// Whether `EDGE_FILTER`, the rate-limit binding, is there.
    pub has_filter: bool,
    /// `OPERATOR_TOKEN`, and `OPERATOR_TOKEN_NEXT` while one gives way to the other.
    operators: Vec<String>,
    /// `KEY_PEPPER`, and `KEY_PEPPER_PREVIOUS` while one gives way to the other.
    pepper: Option<Pepper>,
    /// Origins that may be called.
    checked: RefCell<Vec<(String, Rc<OriginUrl>)>>,
}

/// Who is told what state each agent is to be in.
pub struct Provisioner {
    /// Where.
    pub url: String,
    /// What messages are signed with.
    pub secret: WebhookSecret,
}

impl Provisioner {
    /// Reads the configuration; the error names the variable that cannot be used. The rules are those of origins, but
    /// for the operator's own list of hosts.
    fn read(url: &str, secret: &str, origins: &OriginRules) -> Result<Option<Self>, String> {
        if url.is_empty() {
            return Ok(None);
        }
        let rules = OriginRules { allowlist: Vec::new(), ..origins.clone() };
        let url = rules.check(url).map_err(|why| format!("PROVISIONER_URL cannot be used: {why}."))?;
        let secret = WebhookSecret::parse(secret).ok_or(
            "PROVISIONER_SECRET must be whsec_ and 24 to 64 bytes in base64. Set it with `wrangler secret put \
             PROVISIONER_SECRET`, or take PROVISIONER_URL away.",
        )?;
        Ok(Some(Self { url: url.base().to_owned(), secret }))
    }
}

/// Most origins that are remembered; when there are more, all are forgotten.
const CHECKED: usize = 64;

/// Shortest operator token in bytes.
const MIN_TOKEN: usize = 16;

thread_local! {
    static CONFIG: RefCell<Option<Rc<Config>>> = const { RefCell::new(None) };
}

impl Config {
    /// The configuration of this instance.
    ///
    /// # Errors
    /// `not_configured` naming the variable that cannot be used.
    pub fn of(env: &JsValue) -> Result<Rc<Self>, Problem> {
        CONFIG.with_borrow_mut(|cached| {
            if let Some(config) = cached {
                return Ok(Rc::clone(config));
            }
            let config = Self::read(env).map_err(|why| Problem::new(Code::NotConfigured, why))?;
            Ok(Rc::clone(cached.insert(Rc::new(config))))
        })
    }

    fn read(env: &JsValue) -> Result<Self, String> {
        let text = |name: &str| -> Result<String, String> {
            entry::variable(env, name).map(Option::unwrap_or_default).map_err(|Failure(why)| why)
        };
        let domain = text("DOMAIN")?;
        if domain.is_empty() {
            return Err(
                "DOMAIN is not set. Set the domain that this deployment serves: make deploy DOMAIN=….".into(),
            );
        }
        let hosts = Hosts::new(&domain, &text("HOSTS")?, text("PATH_ENDPOINTS")? == "on")?;
        let development = text("DEVELOPMENT")? == "on";
        let origins = OriginRules::new(development, &text("ORIGIN_HOSTS")?, hosts.clone())?;
        let provisioner =
            Provisioner::read(&text("PROVISIONER_URL")?, &text("PROVISIONER_SECRET")?, &origins)?;
        let operators = [text("OPERATOR_TOKEN")?, text("OPERATOR_TOKEN_NEXT")?];
        let previous = text("KEY_PEPPER_PREVIOUS")?;
        Ok(Self {
            hosts,
            origins,
            provisioner,
            agent_labels: text("METRICS_AGENT_LABELS")? == "on",
            logs_calls: text("CALL_LOG")? != "off",
            has_filter: entry::has_filter(env),
            operators: operators.into_iter().filter(|token| token.len() >= MIN_TOKEN).collect(),
            pepper: Pepper::parse(&text("KEY_PEPPER")?, Some(previous.as_str())),
            checked: RefCell::default(),
        })
    }

    /// An agent's origin. What may be called is remembered: an instance's rules never change, and asking them costs more
    /// than all else that is done to find a pod.
    ///
    /// # Errors
    /// Why it may not be called.
    pub fn origin(&self, url: &str) -> Result<Rc<OriginUrl>, &'static str> {
        let mut checked = self.checked.borrow_mut();
        if let Some((_, origin)) = checked.iter().find(|(known, _)| known == url) {
            return Ok(Rc::clone(origin));
        }
        let origin = Rc::new(self.origins.check(url)?);
        if checked.len() >= CHECKED {
            checked.clear();
        }
        checked.push((url.to_owned(), Rc::clone(&origin)));
        Ok(origin)
    }

    /// Whether both secrets are there.
    pub fn is_complete(&self) -> bool {
        !self.operators.is_empty() && self.pepper.is_some()
    }

    /// The pepper.
    ///
    /// # Errors
    /// `not_configured`.
    pub fn pepper(&self) -> Result<&Pepper, Problem> {
        self.pepper.as_ref().ok_or_else(not_configured)
    }

    /// Whether a credential is the operator's; costs the same for every wrong one of a length.
    pub fn is_operator(&self, credential: &str) -> bool {
        self.operators.iter().fold(false, |found, token| same_text(token, credential) | found)
    }
}

/// `not_configured`: the deployment lacks its secrets.
pub fn not_configured() -> Problem {
    Problem::new(
        Code::NotConfigured,
        "This deployment lacks its secrets. Set them with `wrangler secret put OPERATOR_TOKEN` and \
         `wrangler secret put KEY_PEPPER`, each at least 16 characters long.",
    )
}
