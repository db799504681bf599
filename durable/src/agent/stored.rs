//! The row of an endpoint: how it is read, and how it is written with what is to be told of it.
//!
//! A write is one commit. Where it fails, what is in memory is not what is stored, so that is forgotten and the next
//! message reads it again.

use super::availability::Presence;
use super::endpoint::{Answer, Endpoint, Loaded, Turn};
use super::notices::Notices;
use super::outbox::Outbox;
use super::permits::Permits;
use super::runs::Runs;
use super::start::Starting;
use crate::sql::{column, Sql, Statement, Value};
use moltghost_protocol::control::agent::{Origin, Settings};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::seal::{self, Place};
use serde::Serialize;
use std::rc::Rc;

impl<S: Sql> Endpoint<S> {
    /// Reads the endpoint, if it was ever created.
    pub(super) fn load(&mut self) -> Answer<()> {
        let rows = self.sql.run(
            "SELECT id, account, settings, origin_headers, state, since, reason, connect, created, updated,
                    capabilities, startup
             FROM agent",
            &[],
        )?;
        let Some(row) = rows.first() else { return Ok(()) };
        let stored = |at: usize| column(row, at);
        let mut settings: Settings = from_json(stored(2))?;
        let mut lost = false;
        if let (Origin::Http { headers, .. }, Value::Text(sealed)) = (&mut settings.origin, stored(3)) {
            match seal::open(&self.pepper, self.place(), sealed).map(|text| serde_json::from_str(&text)) {
                Some(Ok(opened)) => *headers = opened,
                _ => lost = true,
            }
        }
        self.loaded = Some(Loaded {
            id: from_json(&quoted(stored(0)))?,
            account: from_json(&quoted(stored(1)))?,
            settings,
            sealed: stored(3).maybe_text(),
            lost,
            state: from_json(&quoted(stored(4)))?,
            since: stored(5).int(),
            reason: stored(6).maybe_text(),
            connect: from_json(stored(7))?,
            created: stored(8).int(),
            updated: stored(9).int(),
            keys: self.load_keys()?,
            used_keys: Vec::new(),
            runs: Runs::load(&self.sql)?,
            outbox: Outbox::load(&self.sql)?,
            notices: Notices::load(&self.sql)?,
            announced: Some((from_json(&quoted(stored(4)))?, stored(6).maybe_text())),
            permits: Permits::load(&self.sql)?,
            probed: 0,
            starting: Starting::default(),
            startup: stored(11).maybe_int(),
            found: serde_json::from_str(stored(10).text()).ok(),
            links: Rc::clone(&self.links),
            presence: Presence::load(&self.sql)?,
        });
        self.locate();
        Ok(())
    }

    /// Tells the links where the agent is.
    fn locate(&self) {
        if let Some(loaded) = &self.loaded {
            loaded.links.place(loaded.settings.region);
        }
    }

    /// A nonce to seal with.
    pub(super) fn nonce(turn: &Turn<'_>) -> Answer<[u8; 12]> {
        (turn.nonce)()
            .ok_or_else(|| Problem::new(Code::InternalError, "there are no random bytes to seal with"))
    }

    /// Where this endpoint's sealed values belong.
    pub(super) fn place(&self) -> Place<'_> {
        Place { object: &self.name, field: "origin.headers" }
    }

    /// Writes the row of the endpoint as it is in memory, its secrets sealed anew where a nonce is given.
    pub(super) fn store(&mut self, nonce: Option<[u8; 12]>) -> Answer<()> {
        let Some(loaded) = &self.loaded else { return Ok(()) };
        let resealed = match (nonce, &loaded.settings.origin) {
            (None, _) => loaded.sealed.clone(),
            (Some(nonce), Origin::Http { headers, .. }) if !headers.is_empty() => {
                seal::seal(&self.pepper, self.place(), to_json(headers).text(), nonce)
            }
            (Some(_), _) => None,
        };
        let row = [
            loaded.id.as_str().into(),
            loaded.account.as_str().into(),
            to_json(&loaded.shown_settings()),
            resealed.clone().into(),
            loaded.state.as_str().into(),
            loaded.since.into(),
            loaded.reason.clone().into(),
            to_json(&loaded.connect),
            loaded.created.into(),
            loaded.updated.into(),
            loaded.found.map_or(Value::Null, |found| to_json(&found)),
            loaded.startup.into(),
        ];
        let mut statements: Vec<Statement> = vec![(
            "REPLACE INTO agent
             (id, account, settings, origin_headers, state, since, reason, connect, created, updated, capabilities,
              startup)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            row.to_vec(),
        )];
        statements.extend(self.state_event());
        statements.extend(self.notice());
        statements.extend(self.presence());
        let written = self.sql.batch(&statements);
        if let Err(error) = written {
            // What is in memory is not what is stored: the next message reads it again.
            self.loaded = None;
            return Err(error.into());
        }
        self.locate();
        if let Some(loaded) = &mut self.loaded {
            loaded.sealed = resealed;
            loaded.lost &= nonce.is_none();
        }
        Ok(())
    }
}

pub(super) fn to_json(value: &impl Serialize) -> Value {
    Value::Text(serde_json::to_string(value).unwrap_or_default())
}

pub(super) fn from_json<T: serde::de::DeserializeOwned>(value: &Value) -> Answer<T> {
    serde_json::from_str(value.text())
        .map_err(|error| Problem::new(Code::InternalError, format!("a stored row cannot be read: {error}")))
}

pub(super) fn quoted(value: &Value) -> Value {
    to_json(&value.text())
}
