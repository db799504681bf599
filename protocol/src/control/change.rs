//! A change of an agent's settings: read from a body, and made on what was set before.

use super::account::Name;
use super::agent::Settings;
use super::agent_origin::{take_origin, Origin};
use super::browser_origin::is_allowable;
use super::fields::{wrong, Fields};
use super::limits::{self, Limits};
use crate::endpoint::headers::check_forward_header;
use crate::endpoint::models::is_model;
use crate::error::Problem;
use crate::id::Alias;
use crate::region::{self, Region};
use serde::{Deserialize, Deserializer, Serialize};

/// Most entries of `models`.
const MAX_MODELS: usize = 64;

/// Most `replicas`.
const MAX_REPLICAS: u32 = 16;

/// Longest `start_deadline_seconds`.
const MAX_START_DEADLINE: u32 = 3_600;

/// What each number must be, as a refusal says it.
const REPLICAS: &str = "it must be a whole number from 1 to 16";
const START_DEADLINE: &str = "it must be a whole number from 1 to 3600";
const TIMEOUT: &str = "it must be a whole number from 1 to limits.max_timeout_seconds";

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

    /// Takes what is there of a change.
    ///
    /// # Errors
    /// `invalid_request` naming the field.
    pub(super) fn take(fields: &mut Fields) -> Result<Self, Problem> {
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
            replicas: fields.number("replicas", REPLICAS)?,
            start_deadline_seconds: fields.number("start_deadline_seconds", START_DEADLINE)?,
            legacy_403: fields.optional("legacy_403")?,
            region: if fields.has("region") { Some(take_region(fields)?) } else { None },
            origin: fields.nested("origin")?.map(take_origin).transpose()?,
            timeout_seconds: fields.number("timeout_seconds", TIMEOUT)?,
            ..Self::default()
        };
        if let Some(mut cors) = fields.nested("cors")? {
            change.cors_origins = Some(check_cors(cors.required("origins")?)?);
            cors.finish()?;
        }
        change.forward_headers = fields.optional("forward_headers")?.map(check_forward).transpose()?;
        if let Some(mut limits) = fields.nested("limits")? {
            change.body_bytes = limits.number("body_bytes", limits::BODY_BYTES)?;
            change.max_timeout_seconds = limits.number("max_timeout_seconds", limits::MAX_TIMEOUT)?;
            change.rpm = if limits.has("rpm") { Some(limits.number("rpm", limits::RPM)?) } else { None };
            change.concurrency = limits.number("concurrency", limits::CONCURRENCY)?;
            change.queue = limits.number("queue", limits::QUEUE)?;
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
            return Err(wrong("replicas", REPLICAS));
        }
        if !(1..=MAX_START_DEADLINE).contains(&settings.start_deadline_seconds) {
            return Err(wrong("start_deadline_seconds", START_DEADLINE));
        }
        let limits = settings.limits;
        if !(1..=limits.max_timeout_seconds).contains(&settings.timeout_seconds) {
            let why = format!("{TIMEOUT} ({})", limits.max_timeout_seconds);
            return Err(wrong("timeout_seconds", &why));
        }
        Ok(settings)
    }
}

fn take_region(fields: &mut Fields) -> Result<Option<Region>, Problem> {
    let name: Option<String> = fields.optional("region")?;
    name.map(|name| Region::parse(&name).ok_or_else(|| region::unknown("region"))).transpose()
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
        .map(|name| match check_forward_header(&name) {
            Ok(()) => Ok(name.to_ascii_lowercase()),
            Err(why) => Err(wrong("forward_headers", &format!("`{name}`: {why}"))),
        })
        .collect()
}
