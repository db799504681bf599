//! What `Network` tells of the network itself, in its own order and each once: the number of the last is written with
//! what follows from it. Whoever was let in before its credential ended is shown out, whether its link comes before or
//! after the notice.

use super::attachment::End;
use super::log::Draft;
use super::{Hub, World};
use crate::sql::{column, Sql, Statement};
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::event::{write, EventType};
use moltghost_protocol::moltnet::fqid;
use moltghost_protocol::moltnet::id::mint;
use moltghost_protocol::object::hub::{Admitted, News, Notice};
use moltghost_protocol::time::{rfc3339, Millis};

/// What events about agents carry.
#[derive(serde::Serialize)]
pub(super) struct AgentEvent<'a> {
    pub agent_id: &'a str,
    pub network_id: &'a str,
    pub fqid: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub message_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a serde_json::value::RawValue>,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub error: &'a str,
}

impl<'a> AgentEvent<'a> {
    /// An event about an agent that says no more than which.
    pub fn new(network: &'a str, agent: &'a str, name: &'a str) -> Self {
        Self {
            agent_id: agent,
            network_id: network,
            fqid: fqid::agent(network, agent),
            name,
            message_id: "",
            reason: "",
            target: None,
            error: "",
        }
    }
}

impl<S: Sql, W: World> Hub<S, W> {
    /// An event of the network itself that is to be appended.
    pub(super) fn draft(
        &self,
        kind: EventType,
        payload: &impl serde::Serialize,
        at: Millis,
    ) -> Outcome<Draft> {
        let id = mint("evt", at, self.world.random()?);
        let payload = serde_json::to_string(payload).unwrap_or_default();
        let body = write(&id, kind, &self.settings.id, &payload, &rfc3339(at));
        Ok(Draft { id, kind, conversation: None, at, body })
    }

    /// Takes notices; answers the number of the last.
    pub(super) fn take_notices(&self, notices: &[Notice]) -> Outcome<u64> {
        let known = self.last_notice()?;
        let mut last = known;
        let (mut statements, mut drafts): (Vec<Statement>, Vec<Draft>) = (Vec::new(), Vec::new());
        let new: Vec<&Notice> = notices.iter().filter(|notice| notice.number > known).collect();
        for notice in &new {
            last = notice.number;
            match &notice.news {
                News::AgentRemoved { agent, name } => {
                    let event =
                        AgentEvent { reason: "removed", ..AgentEvent::new(&self.settings.id, agent, name) };
                    drafts.push(self.draft(EventType::AgentRemoved, &event, notice.at)?);
                    statements.push(("DELETE FROM missed WHERE agent = ?1", vec![agent.as_str().into()]));
                }
                News::Ended(principal) => statements.push((
                    "INSERT INTO ended (principal, notice) VALUES (?1, ?2)
                     ON CONFLICT (principal) DO UPDATE SET notice = excluded.notice",
                    vec![principal.as_str().into(), notice.number.into()],
                )),
            }
        }
        if last > known {
            statements.push(("UPDATE stream SET notice = ?1", vec![last.into()]));
            self.append(statements, drafts)?;
            for notice in new {
                match &notice.news {
                    News::Ended(principal) => {
                        self.end_streams(principal, notice.number)?;
                        self.end_where(&End::ended(), |attachment| {
                            let admitted = &attachment.admitted;
                            admitted.identity == *principal && admitted.since < notice.number
                        })?;
                    }
                    News::AgentRemoved { agent, .. } => {
                        self.end_where(&End::removed(), |attachment| attachment.is_of(agent))?;
                    }
                }
            }
        }
        Ok(last)
    }

    /// Whether what let somebody in has ended since.
    pub(super) fn has_ended(&self, admitted: &Admitted) -> Outcome<bool> {
        let query = "SELECT 1 FROM ended WHERE principal = ?1 AND notice > ?2";
        let rows = self.sql.run(query, &[admitted.identity.as_str().into(), admitted.since.into()])?;
        Ok(!rows.is_empty() || admitted.ends.is_some_and(|end| end <= self.world.now()))
    }

    fn last_notice(&self) -> Outcome<u64> {
        let rows = self.sql.run("SELECT notice FROM stream", &[])?;
        Ok(rows.first().map_or(0, |row| u64::try_from(column(row, 0).int()).unwrap_or(0)))
    }
}
