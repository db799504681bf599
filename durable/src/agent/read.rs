//! What can be read of an endpoint: health, status, who may call from a browser, and the way to its models.

use super::admit::lost;
use super::endpoint::{not_found, terminated, Answer, Endpoint, Loaded};
use crate::sql::Sql;
use moltghost_protocol::control::agent::{Origin, State};
use moltghost_protocol::control::link::LinkStatus;
use moltghost_protocol::error::Problem;
use moltghost_protocol::id::{Alias, KeyId};
use moltghost_protocol::object::agent::{Health, HealthDetail, Inspect, Inspection, Read, Reading, Status};
use moltghost_protocol::time::{month, rfc3339, Millis};

/// Version of the access layer, as `/v1/health` and `/v1/status` show it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

impl<S: Sql> Endpoint<S> {
    /// Answers a reading that needs a key.
    pub(super) fn inspect(&mut self, ask: &Inspect, now: Millis) -> Answer<Inspection> {
        let pepper = self.pepper.clone();
        let loaded = self.existing()?;
        if !loaded.is_called(ask.alias.as_ref()) {
            return Err(not_found());
        }
        let cors = loaded.settings.cors_origins.clone();
        let checked = loaded.check_caller(ask.key.as_ref(), ask.browser.as_deref(), &pepper, now);
        let rate = match &checked {
            Ok(key) => Some(loaded.permits.rate(key, loaded.rates(key), now)),
            Err(_) => None,
        };
        let read = checked.and_then(|key| self.reading(ask, &key, now));
        Ok(Inspection { cors, outcome: read.unwrap_or_else(Read::Refused), rate })
    }

    fn reading(&mut self, ask: &Inspect, key: &KeyId, now: Millis) -> Result<Read, Problem> {
        let what = ask.what;
        if what == Reading::Models {
            self.existing()?.serving(now)?;
        }
        // A message of the first version does not say its path.
        let path = match (ask.path.as_str(), what) {
            ("", Reading::Models) => "/v1/models",
            ("", Reading::Status) => "/v1/status",
            ("", Reading::Health) => "/v1/health",
            ("", Reading::Ticket) => "/v1/ws-ticket",
            (path, _) => path,
        };
        self.existing()?.check_path(key, path)?;
        if what == Reading::Status {
            // What is shown must be stored: figures that wait in memory are written first.
            self.flush(now)?;
        }
        if what == Reading::Ticket {
            let presented = ask.key.as_ref().map_or("", |key| &key.key);
            let ticket = ask.ticket.as_deref().unwrap_or_default();
            self.keep_ticket(key, presented, ask.browser.as_deref(), ticket, now)?;
            return Ok(Read::Ticket);
        }
        let queued = u32::try_from(self.queue.len()).unwrap_or(u32::MAX);
        let sql = &self.sql;
        let Some(loaded) = &mut self.loaded else { return Err(not_found()) };
        Ok(match what {
            Reading::Models => {
                if loaded.lost {
                    return Err(lost());
                }
                Read::Models(Box::new(loaded.target(None).ok_or_else(|| loaded.unreachable())?))
            }
            Reading::Health => Read::Health(Box::new(loaded.detail(now))),
            Reading::Ticket => Read::Ticket,
            Reading::Status => Read::Status(Box::new(Status {
                agent: loaded.id.clone(),
                state: loaded.state,
                since: rfc3339(loaded.since),
                model: loaded.settings.model.clone(),
                version: VERSION.to_owned(),
                links: loaded.shown_links(now),
                region: loaded.settings.region,
                in_flight: loaded.runs.in_flight(),
                queued,
                limits: loaded.settings.limits,
                requests: Some(loaded.permits.rate(key, loaded.rates(key), now)),
                usage: super::usage::month(sql, month(now))?,
                availability: super::availability::shown(sql, loaded.presence, now)?,
                timeout_seconds: loaded.settings.timeout_seconds,
            })),
        })
    }

    /// Public health: one word.
    pub(super) fn health(&mut self) -> Answer<Health> {
        let now = self.now;
        let loaded = self.existing()?;
        let status = if loaded.state == State::Terminated {
            Err(terminated())
        } else {
            Ok(loaded.word(now).to_owned())
        };
        let alias = loaded.settings.alias.as_ref().map(ToString::to_string).unwrap_or_default();
        Ok(Health { cors: loaded.settings.cors_origins.clone(), status, alias: Some(alias) })
    }

    /// Which browsers may call.
    pub(super) fn cors(&mut self, alias: Option<&Alias>) -> Answer<Vec<String>> {
        let loaded = self.existing()?;
        if loaded.is_called(alias) {
            Ok(loaded.settings.cors_origins.clone())
        } else {
            Err(not_found())
        }
    }
}

impl Loaded {
    fn word(&self, now: Millis) -> &'static str {
        match self.state {
            State::Running if self.shown_links(now).iter().any(|link| link.up) => "ok",
            State::Running => "degraded",
            State::Deploying | State::Initializing => "initializing",
            State::Paused => "paused",
            State::Failed | State::Terminated => "failed",
        }
    }

    fn detail(&self, now: Millis) -> HealthDetail {
        HealthDetail {
            status: self.word(now).to_owned(),
            state: self.state,
            since: rfc3339(self.since),
            replicas_up: u32::try_from(self.shown_links(now).iter().filter(|link| link.up).count())
                .unwrap_or(0),
            version: VERSION.to_owned(),
        }
    }

    pub(super) fn shown_links(&self, now: Millis) -> Vec<LinkStatus> {
        if self.settings.origin == Origin::Tunnel {
            let links = self.links.shown(now);
            if !links.is_empty() {
                return links;
            }
        }
        vec![self.only_link()]
    }

    fn only_link(&self) -> LinkStatus {
        let kind = match self.settings.origin {
            Origin::Tunnel => "tunnel",
            Origin::Http { .. } => "http",
        };
        LinkStatus {
            kind: kind.to_owned(),
            up: kind == "http" && self.state == State::Running,
            last_error: self.reason.clone(),
            capabilities: self.capabilities(),
            replica: None,
            weight: None,
            region: None,
            since: None,
            in_flight: self.runs.in_flight(),
            breaker: None,
            draining: false,
        }
    }
}
