//! The states of an endpoint and what leads from one to the other (agent-endpoints §3).

use super::availability::Presence;
use super::endpoint::{Answer, Endpoint, Loaded, Turn};
use super::notices::Notices;
use super::outbox::Outbox;
use super::permits::Permits;
use super::runs::Runs;
use super::schema::STEPS;
use super::start::Starting;
use super::tunnel::DRAIN_MS;
use crate::migrate;
use crate::sql::Sql;
use moltghost_protocol::control::agent::{AgentRecord, Change, Origin, State};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::{Create, Started};
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::Goodbye;
use std::collections::HashMap;
use std::rc::Rc;

impl<S: Sql> Endpoint<S> {
    /// Creates the endpoint: the first write that its object makes. Again with the same settings it is the same
    /// endpoint; with others it is `name_taken`.
    pub(super) fn create(&mut self, ask: Create, turn: &Turn<'_>) -> Answer<AgentRecord> {
        if let Some(loaded) = &self.loaded {
            let same =
                loaded.id == ask.id && loaded.account == ask.account && loaded.settings == ask.settings;
            return if same {
                self.record()
            } else {
                Err(Problem::new(
                    Code::NameTaken,
                    "An agent of this name exists with other settings. Change it with PATCH, or take another name.",
                )
                .param("name"))
            };
        }
        let nonce = Self::nonce(turn)?;
        migrate::migrate(&self.sql, migrate::version(&self.sql)?, STEPS)?;
        self.loaded = Some(Loaded {
            id: ask.id,
            account: ask.account,
            settings: ask.settings,
            sealed: None,
            lost: false,
            connect: ask.connect,
            state: State::Deploying,
            since: turn.now,
            reason: None,
            created: turn.now,
            updated: turn.now,
            keys: HashMap::new(),
            used_keys: Vec::new(),
            runs: Runs::default(),
            outbox: Outbox::default(),
            notices: Notices::of("create"),
            announced: None,
            permits: Permits::default(),
            probed: 0,
            starting: Starting::default(),
            startup: None,
            found: None,
            links: Rc::clone(&self.links),
            presence: Presence::default(),
        });
        self.stored(Some(nonce))
    }

    /// Changes settings.
    pub(super) fn change(&mut self, change: Change, turn: &Turn<'_>) -> Answer<AgentRecord> {
        let nonce = Self::nonce(turn)?;
        let loaded = self.existing()?;
        if loaded.state == State::Terminated {
            return Err(illegal(loaded.state, "changed"));
        }
        if loaded.lost && change.origin.is_none() {
            return Err(super::admit::lost());
        }
        let elsewhere = change.origin.is_some();
        let before = loaded.settings.clone();
        loaded.settings = change.apply(before.clone())?;
        if (loaded.settings.replicas, &loaded.settings.name) != (before.replicas, &before.name) {
            loaded.notices.done = Some("change");
        }
        if elsewhere {
            (loaded.found, loaded.probed) = (None, 0);
            loaded.starting = Starting::default();
        }
        loaded.updated = turn.now;
        if loaded.settings.origin != Origin::Tunnel {
            self.farewell = Some((Goodbye::NotTunnel, DRAIN_MS));
        }
        self.stored(Some(nonce))
    }

    /// Asks the agent to run. It is `running` once a probe of its pod has succeeded, which the Worker makes.
    pub(super) fn start(&mut self, turn: &Turn<'_>) -> Answer<Started> {
        let loaded = self.existing()?;
        match loaded.state {
            State::Terminated => return Err(illegal(loaded.state, "started")),
            State::Running | State::Initializing => {}
            State::Deploying | State::Paused | State::Failed => {
                loaded.enter(State::Initializing, None, turn.now);
                loaded.notices.done = Some("start");
            }
        }
        self.started(turn)
    }

    /// Asks an agent that was started before to start anew: its pod is probed as if nothing were known of it. Runs in
    /// flight end as they would.
    pub(super) fn restart(&mut self, turn: &Turn<'_>) -> Answer<Started> {
        let loaded = self.existing()?;
        match loaded.state {
            State::Deploying | State::Terminated => return Err(illegal(loaded.state, "restarted")),
            State::Running | State::Initializing | State::Paused | State::Failed => {
                loaded.enter(State::Initializing, None, turn.now);
                loaded.found = None;
                loaded.links.forget();
                loaded.notices.done = Some("restart");
            }
        }
        self.started(turn)
    }

    /// Stores what `start` or `restart` came to, and hands out the probe.
    fn started(&mut self, turn: &Turn<'_>) -> Answer<Started> {
        let loaded = self.existing()?;
        let probe = if loaded.state == State::Initializing { loaded.hand_out_probe(turn.now) } else { None };
        Ok(Started { record: self.stored(None)?, probe })
    }

    /// Takes the result of a probe: `None` for good. It counts only while the agent starts.
    pub(super) fn probed(&mut self, error: Option<String>, now: Millis) -> Answer<AgentRecord> {
        self.existing()?.probed(error, now);
        self.stored(None)
    }

    /// Stops serving; runs in flight end as they would.
    pub(super) fn pause(&mut self, now: Millis) -> Answer<AgentRecord> {
        let loaded = self.existing()?;
        match loaded.state {
            State::Paused => {}
            State::Running | State::Initializing => {
                loaded.enter(State::Paused, None, now);
                loaded.notices.done = Some("pause");
            }
            State::Deploying | State::Failed | State::Terminated => {
                return Err(illegal(loaded.state, "paused"))
            }
        }
        self.stored(None)
    }

    /// The same, and tells the runs in flight to end.
    pub(super) fn pause_now(&mut self, now: Millis) -> Answer<AgentRecord> {
        let record = self.pause(now)?;
        self.flush(now)?;
        let loaded = self.loaded.as_mut().ok_or_else(super::endpoint::not_found)?;
        loaded.runs.abort(&self.sql)?;
        self.alarmed = true;
        Ok(record)
    }

    /// Ends the endpoint for ever; again is the same.
    pub(super) fn terminate(&mut self, now: Millis) -> Answer<AgentRecord> {
        let loaded = self.existing()?;
        if loaded.state != State::Terminated {
            loaded.enter(State::Terminated, None, now);
            loaded.notices.done = Some("terminate");
            loaded.settings.alias = None;
        }
        self.farewell = Some((Goodbye::Terminated, 0));
        self.alarmed = true;
        self.stored(None)
    }

    fn stored(&mut self, nonce: Option<[u8; 12]>) -> Answer<AgentRecord> {
        self.store(nonce)?;
        self.record()
    }
}

impl Loaded {
    /// Changes the state.
    pub(super) fn enter(&mut self, state: State, reason: Option<String>, now: Millis) {
        self.starting = Starting::default();
        self.state = state;
        self.since = now;
        self.updated = now;
        self.reason = reason;
    }
}

fn illegal(state: State, wanted: &str) -> Problem {
    Problem::new(Code::InvalidState, format!("The agent is {} and cannot be {wanted}.", state.as_str()))
        .with("state", state.as_str())
}
