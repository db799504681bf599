//! Wakes: messages that are meant for an agent, a direct conversation that it takes part in or a mention. What became
//! of each is an event; a message that no attachment has acknowledged stays noted for the agent, for whoever asks in
//! `IDENTIFY` for what was missed.

use super::log::Event;
use super::notices::AgentEvent;
use super::unacked::Sent;
use super::{Hub, World};
use crate::sql::{column, Sql, SqlError, Statement};
use moltghost_protocol::moltnet::actor::Actor;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::event::EventType;
use moltghost_protocol::moltnet::member;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Most messages that are sent to an agent as missed; those of the last week at most, as the log.
pub(super) const MAX_MISSED: i64 = 1_000;

/// What a message says of whom it is meant for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Meant {
    id: String,
    from: Actor,
    target: Target,
    mentions: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Target {
    kind: String,
    participant_ids: Vec<String>,
}

impl Meant {
    /// Reads it from an event; `None` for one that is no message.
    pub fn of(event: &Event) -> Option<Self> {
        Self::read(event.kind, &event.body)
    }

    /// Reads it from an event's body.
    pub fn read(kind: EventType, body: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            message: Meant,
        }
        (kind == EventType::MessageCreated).then_some(())?;
        serde_json::from_str::<Body>(body).ok().map(|body| body.message)
    }

    /// Whether an agent of this handle and name is meant.
    pub fn means(&self, home: &str, agent: &str, name: &str) -> bool {
        if self.target.kind == "dm" {
            return self.target.participant_ids.iter().any(|one| member::matches(home, agent, one));
        }
        let named = |mention: &String| !name.is_empty() && mention == name;
        self.mentions.iter().any(|mention| named(mention) || member::matches(home, agent, mention))
    }

    /// Handles of the local agents that it is meant for, the sender left out.
    pub fn local<'a>(&'a self, home: &'a str) -> impl Iterator<Item = &'a str> {
        let list = if self.target.kind == "dm" { &self.target.participant_ids } else { &self.mentions };
        let sender = member::identity(&self.from.network_id, &self.from.id);
        let identities = list.iter().map(move |one| member::identity(home, one));
        identities.filter(move |one| one.0 == home && *one != sender).map(|(_, agent)| agent)
    }
}

/// Notes whom the messages among the events are meant for.
pub(super) fn note(home: &str, seq: i64, meant: &Meant, statements: &mut Vec<Statement>) {
    for agent in meant.local(home) {
        statements.push((
            "INSERT OR IGNORE INTO missed (agent, seq) VALUES (?1, ?2)",
            vec![agent.into(), seq.into()],
        ));
    }
}

impl<S: Sql, W: World> Hub<S, W> {
    /// Messages meant for an agent that nobody has acknowledged, up to a place, in order.
    pub(super) fn missed(&self, agent: &str, up_to: i64) -> Result<Vec<i64>, SqlError> {
        let rows = self.sql.run(
            "SELECT seq FROM missed WHERE agent = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT ?3",
            &[agent.into(), up_to.into(), MAX_MISSED.into()],
        )?;
        let mut places: Vec<i64> = rows.iter().map(|row| column(row, 0).int()).collect();
        places.reverse();
        Ok(places)
    }

    /// Wakes were taken: says so, and notes them no longer.
    pub(super) fn delivered(&self, agent: &str, name: &str, taken: &[Sent]) -> Outcome<()> {
        let wakes: Vec<i64> = taken
            .iter()
            .filter(|sent| sent.kind == super::unacked::Kind::Wake)
            .map(|sent| sent.seq)
            .collect();
        self.tell_of_wakes(EventType::AgentWakeDelivered, agent, name, &wakes, "")
    }

    /// Tells what became of wakes.
    pub(super) fn tell_of_wakes(
        &self,
        kind: EventType,
        agent: &str,
        name: &str,
        wakes: &[i64],
        error: &str,
    ) -> Outcome<()> {
        if wakes.is_empty() {
            return Ok(());
        }
        let mut statements: Vec<Statement> = Vec::new();
        let mut drafts = Vec::with_capacity(wakes.len());
        for seq in wakes {
            if kind == EventType::AgentWakeDelivered {
                let gone = "DELETE FROM missed WHERE agent = ?1 AND seq = ?2";
                statements.push((gone, vec![agent.into(), (*seq).into()]));
            }
            let Some(body) = self.body_at(*seq)? else { continue };
            let Some(message) = Woken::of(&body) else { continue };
            let reason = if message.dm { "dm" } else { "mention" };
            let event = AgentEvent {
                message_id: &message.id,
                reason,
                target: message.target.as_deref(),
                error,
                ..AgentEvent::new(&self.settings.id, agent, name)
            };
            drafts.push(self.draft(kind, &event, self.world.now())?);
        }
        self.append(statements, drafts)
    }

    fn body_at(&self, seq: i64) -> Result<Option<String>, SqlError> {
        let rows = self.sql.run("SELECT body FROM event WHERE seq = ?1", &[seq.into()])?;
        Ok(rows.first().and_then(|row| column(row, 0).maybe_text()))
    }
}

/// What an event about a wake repeats of its message.
struct Woken {
    id: String,
    target: Option<Box<RawValue>>,
    dm: bool,
}

impl Woken {
    fn of(body: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            message: Message,
        }
        #[derive(Deserialize)]
        struct Message {
            id: String,
            target: Option<Box<RawValue>>,
        }
        let Message { id, target } = serde_json::from_str::<Body>(body).ok()?.message;
        let kind: Option<Target> = target.as_ref().and_then(|target| serde_json::from_str(target.get()).ok());
        Some(Self { id, dm: kind.is_some_and(|target| target.kind == "dm"), target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(message: &str) -> Meant {
        Meant::read(EventType::MessageCreated, &format!(r#"{{"id":"e","message":{message}}}"#)).unwrap()
    }

    #[test]
    fn each_row_of_whom_a_message_wakes() {
        let room = meant(
            r#"{"id":"m","from":{"type":"agent","id":"b","network_id":"local"},"target":{"kind":"room","room_id":"r"},
                "mentions":["molt://local/agents/a","molt://far/agents/c","molt://local/agents/b"]}"#,
        );
        assert!(room.means("local", "a", "A") && room.means("local", "b", ""));
        assert!(!room.means("local", "c", "C"));
        assert_eq!(room.local("local").collect::<Vec<_>>(), ["a"]);
        let named = meant(r#"{"target":{"kind":"room"},"mentions":["Alpha Prime"]}"#);
        assert!(named.means("local", "a", "Alpha Prime") && !named.means("local", "a", ""));
        let dm = meant(
            r#"{"from":{"id":"a","network_id":"local"},"target":{"kind":"dm","participant_ids":["a","far:b","local:c"]}}"#,
        );
        assert!(dm.means("local", "a", "") && dm.means("local", "c", "") && !dm.means("local", "b", ""));
        assert_eq!(dm.local("local").collect::<Vec<_>>(), ["c"]);
        assert!(Meant::read(EventType::DmCreated, "{}").is_none());
        assert!(Meant::read(EventType::MessageCreated, "{}").is_none());
    }
}
