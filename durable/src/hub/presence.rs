//! Who is attached: what the open sockets say. Events tell of it, and a list of those that were told to be attached is
//! written with them, so that a hub that lost its sockets tells that they left.

use super::attachment::{Cause, Phase};
use super::notices::AgentEvent;
use super::peers::Attachment;
use super::{Hub, World};
use crate::sql::{column, Sql};
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::event::EventType;
use std::collections::BTreeSet;

impl<K> Attachment<K> {
    /// Whether it asked for several events in a frame.
    pub fn takes_several(&self) -> bool {
        matches!(&self.phase, Phase::Live(live) if live.kept.per_frame > 1)
    }

    /// Whether it is an attachment of this agent.
    pub fn is_of(&self, agent: &str) -> bool {
        matches!(&self.phase, Phase::Live(live) if live.kept.agent == agent)
    }
}

impl<S: Sql, W: World> Hub<S, W> {
    /// The agents that are attached.
    pub(super) fn present(&self) -> Outcome<BTreeSet<String>> {
        let peers = self.peers()?;
        let agent = |attachment: &Attachment<W::Socket>| match &attachment.phase {
            Phase::Live(live) => Some(live.kept.agent.clone()),
            _ => None,
        };
        Ok(peers.attachments.values().filter_map(agent).collect())
    }

    /// An agent attaches: told before `READY`, as the original does.
    pub(super) fn connected(&self, agent: &str, name: &str) -> Outcome<()> {
        let statements = vec![(
            "INSERT OR REPLACE INTO attached (agent, name) VALUES (?1, ?2)",
            vec![agent.into(), name.into()],
        )];
        let reason = if self.settings.debug_events { "attachment_ready" } else { "" };
        let event = AgentEvent { reason, ..AgentEvent::new(&self.settings.id, agent, name) };
        let draft = self.draft(EventType::AgentConnected, &event, self.world.now())?;
        self.append(statements, vec![draft])
    }

    /// An attachment of an agent has ended; it has left if it has no other.
    pub(super) fn disconnected(&self, agent: &str, name: &str, cause: &Cause) -> Outcome<()> {
        if self.peers()?.attachments.values().any(|other| other.is_of(agent)) {
            return Ok(());
        }
        self.tell_that_it_left(agent, name, cause.reason(), &cause.error())
    }

    fn tell_that_it_left(&self, agent: &str, name: &str, reason: &str, error: &str) -> Outcome<()> {
        let (reason, error) = if self.settings.debug_events { (reason, error) } else { ("", "") };
        let event = AgentEvent { reason, error, ..AgentEvent::new(&self.settings.id, agent, name) };
        let draft = self.draft(EventType::AgentDisconnected, &event, self.world.now())?;
        self.append(vec![("DELETE FROM attached WHERE agent = ?1", vec![agent.into()])], vec![draft])
    }

    /// Tells of agents that were attached when the hub was lost, and have not come back.
    pub(super) fn notice_the_lost(&self) -> Outcome<()> {
        let rows = self.sql.run("SELECT agent, name FROM attached", &[])?;
        let present = self.present()?;
        for row in &rows {
            let (agent, name) = (column(row, 0).text(), column(row, 1).text());
            if !present.contains(agent) {
                self.tell_that_it_left(agent, name, "attachment_closed", "")?;
            }
        }
        Ok(())
    }
}
