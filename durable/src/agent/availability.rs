//! How much of the time an agent was there for its callers, by day (UTC), over 30 days (agent-endpoints §2).
//!
//! It is to be there while it is `running` or `failed`. It is there while it is `running` and, where its pods come over
//! a tunnel, a link is up. While it is paused, deployed or starts, nothing is counted. A row is written only when that
//! changes, so an agent whose links hold costs nothing.

use super::endpoint::{Answer, Endpoint, Loaded};
use crate::sql::{column, Sql, SqlError, Statement};
use moltghost_protocol::control::agent::{Origin, State};
use moltghost_protocol::object::agent::Availability;
use moltghost_protocol::time::{rfc3339, Millis, DAY};

/// Days that are kept and shown, today among them.
const DAYS: i64 = 30;

/// Whether the agent is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Being {
    /// It need not be.
    #[default]
    Uncounted,
    There,
    Away,
}

/// What it is, and since when.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Presence {
    being: Being,
    since: Millis,
}

impl Presence {
    /// Reads it; nothing is counted of the time before it was written first.
    pub(super) fn load(sql: &impl Sql) -> Result<Self, SqlError> {
        let rows = sql.run("SELECT there, since FROM presence", &[])?;
        Ok(rows.first().map_or_else(Self::default, |row| Self {
            being: match column(row, 0).maybe_int() {
                None => Being::Uncounted,
                Some(0) => Being::Away,
                Some(_) => Being::There,
            },
            since: column(row, 1).int(),
        }))
    }

    /// It is this from now on. Answers what writes that.
    fn becomes(&mut self, being: Being, now: Millis) -> Vec<Statement> {
        if self.being == being {
            return Vec::new();
        }
        let mut statements: Vec<Statement> = self
            .parts(now)
            .map(|(day, there, away)| {
                (
                    "INSERT INTO availability (day, there, away) VALUES (?1, ?2, ?3) ON CONFLICT (day)
                     DO UPDATE SET there = there + excluded.there, away = away + excluded.away",
                    vec![day.into(), there.into(), away.into()],
                )
            })
            .collect();
        *self = Self { being, since: now };
        let there: Option<i64> = match being {
            Being::Uncounted => None,
            Being::Away => Some(0),
            Being::There => Some(1),
        };
        statements.push(("DELETE FROM availability WHERE day < ?1", vec![first_day(now).into()]));
        statements.push((
            "REPLACE INTO presence (only_one, there, since) VALUES (1, ?1, ?2)",
            vec![there.into(), now.into()],
        ));
        statements
    }

    /// The time until now that is in no row yet, as far as it is shown: days since 1970, milliseconds there and away.
    fn parts(self, now: Millis) -> impl Iterator<Item = (i64, Millis, Millis)> {
        let from = match self.being {
            Being::Uncounted => now,
            Being::There | Being::Away => self.since.max(first_day(now) * DAY),
        };
        let days = from.div_euclid(DAY)..=now.div_euclid(DAY);
        days.filter_map(move |day| {
            let spent = now.min((day + 1) * DAY) - from.max(day * DAY);
            let there = self.being == Being::There;
            (spent > 0).then_some(if there { (day, spent, 0) } else { (day, 0, spent) })
        })
    }
}

/// The first day that is shown.
fn first_day(now: Millis) -> i64 {
    now.div_euclid(DAY) - (DAYS - 1)
}

impl Loaded {
    fn being(&self) -> Being {
        match self.state {
            State::Running if self.settings.origin != Origin::Tunnel || self.links.any() => Being::There,
            State::Running | State::Failed => Being::Away,
            State::Deploying | State::Initializing | State::Paused | State::Terminated => Being::Uncounted,
        }
    }
}

impl<S: Sql> Endpoint<S> {
    /// What writes that the agent has come or gone, where it has.
    pub(super) fn presence(&mut self) -> Vec<Statement> {
        let now = self.now;
        self.loaded.as_mut().map_or_else(Vec::new, |loaded| {
            let being = loaded.being();
            loaded.presence.becomes(being, now)
        })
    }

    /// Writes that, and what tells of it, in one commit.
    pub(super) fn keep_presence(&mut self, told: Option<Statement>) -> Answer<()> {
        let before = self.loaded.as_ref().map(|loaded| loaded.presence);
        let mut statements = self.presence();
        statements.extend(told);
        if statements.is_empty() {
            return Ok(());
        }
        self.sql.batch(&statements).inspect_err(|_| {
            if let (Some(loaded), Some(before)) = (&mut self.loaded, before) {
                loaded.presence = before;
            }
        })?;
        Ok(())
    }
}

/// What is shown of it.
pub(super) fn shown(sql: &impl Sql, presence: Presence, now: Millis) -> Result<Availability, SqlError> {
    let from = first_day(now);
    let rows = sql.run("SELECT sum(there), sum(away) FROM availability WHERE day >= ?1", &[from.into()])?;
    let stored = rows.first().map_or((0, 0), |row| {
        (column(row, 0).maybe_int().unwrap_or(0), column(row, 1).maybe_int().unwrap_or(0))
    });
    let (there, away) =
        presence.parts(now).fold(stored, |(there, away), (_, more, gone)| (there + more, away + gone));
    let seconds = |ms: Millis| u32::try_from(ms / 1_000).unwrap_or(0);
    Ok(Availability::of(rfc3339(from * DAY), seconds(there), seconds(away)))
}
