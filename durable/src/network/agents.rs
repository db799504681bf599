//! Agents: everybody who is in a room that the caller sees, and everybody who registered. Shown and removed.

use super::notices::notice;
use super::rooms::{seen, total};
use super::window::Collection;
use super::{document, Asker, Network, World};
use crate::sql::{column, Sql, Value};
use moltghost_protocol::moltnet::agent::AgentSummary;
use moltghost_protocol::moltnet::claims::{agent_principal, spellings};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::moltnet::room::Removed;
use moltghost_protocol::moltnet::{fqid, member};
use moltghost_protocol::object::hub::News;
use moltghost_protocol::object::network::Reply;
use moltghost_protocol::time::Millis;

/// Most rooms that an agent's document lists, so that no document is too large for its readers.
const MAX_ROOMS: u32 = 1_000;

/// An agent's row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub id: String,
    pub actor_uid: String,
    pub name: String,
    pub credential: String,
    pub expires: Option<Millis>,
    pub created: Millis,
    pub updated: Millis,
}

impl Row {
    fn read(row: &[Value]) -> Self {
        let text = |at| column(row, at).text().to_owned();
        Self {
            id: text(0),
            actor_uid: text(1),
            name: text(2),
            credential: text(3),
            expires: column(row, 4).maybe_int(),
            created: column(row, 5).int(),
            updated: column(row, 6).int(),
        }
    }
}

impl<S: Sql, W: World> Network<S, W> {
    fn agent_where(&self, condition: &str, parameters: &[Value]) -> Outcome<Option<Row>> {
        let query = format!(
            "SELECT id, actor_uid, name, credential, expires, created, updated FROM agent WHERE {condition} LIMIT 1"
        );
        Ok(self.sql.run(&query, parameters)?.first().map(|row| Row::read(row)))
    }

    /// A registered agent.
    pub(super) fn agent_row(&self, id: &str) -> Outcome<Option<Row>> {
        self.agent_where("id = ?1", &[id.into()])
    }

    /// The agent that a credential registered under a name.
    pub(super) fn registered_as(&self, credential: &str, name: &str) -> Outcome<Option<Row>> {
        self.agent_where("credential = ?1 AND name = ?2", &[credential.into(), name.into()])
    }

    /// The agent whose own key this is.
    pub(super) fn registered_with(&self, credential: &str) -> Outcome<Option<Row>> {
        self.agent_where("credential = ?1", &[credential.into()])
    }

    /// An agent's document; `member` is how rooms spell it. A registered agent is in the rooms that have it in any
    /// spelling, anybody else in those that have exactly this one.
    fn summary(&self, asker: &Asker, member: &str) -> Outcome<AgentSummary> {
        let registered = self.agent_row(member)?;
        let (condition, mut parameters) = seen(&self.view(asker));
        let place = parameters.len() + 1;
        let spelled = match &registered {
            Some(row) => spellings(self.home(), &row.id).to_vec(),
            None => vec![member.to_owned()],
        };
        parameters.push(serde_json::to_string(&spelled).unwrap_or_default().into());
        let query = format!(
            "SELECT id FROM room WHERE {condition} AND id IN
             (SELECT room FROM member WHERE member IN (SELECT value FROM json_each(?{place})))
             ORDER BY id LIMIT {MAX_ROOMS}"
        );
        let rooms = self.sql.run(&query, &parameters)?;
        let rooms = rooms.iter().map(|row| column(row, 0).text().to_owned()).collect();
        let (network, agent) = member::identity(self.home(), member);
        let mut summary = AgentSummary {
            id: member.to_owned(),
            name: String::new(),
            actor_uid: String::new(),
            fqid: fqid::agent(network, agent),
            network_id: network.to_owned(),
            rooms,
            connected: false,
        };
        if let Some(row) = registered {
            summary.name = row.name;
            summary.actor_uid = row.actor_uid;
            summary.fqid = fqid::agent(self.home(), &row.id);
            self.home().clone_into(&mut summary.network_id);
        }
        Ok(summary)
    }

    pub(super) fn agents(&self, asker: &Asker, request: &PageRequest) -> Outcome<Reply> {
        let view = self.view(asker);
        let (condition, parameters) = seen(&view);
        // Who sees everything sees those too who are in no room.
        let select = if view.all {
            "SELECT id FROM (SELECT member AS id FROM member UNION SELECT id FROM agent)".to_owned()
        } else {
            format!(
                "SELECT id FROM (SELECT DISTINCT member AS id FROM member
                 WHERE room IN (SELECT id FROM room WHERE {condition}))"
            )
        };
        let collection = Collection { select: &select, condition: "1", parameters, id: "id" };
        let rows = collection.read(&self.sql, request)?;
        let items: Outcome<Vec<String>> = rows
            .found
            .iter()
            .map(|row| {
                let summary = self.summary(asker, column(row, 0).text())?;
                serde_json::to_string(&summary).map_err(|error| MoltnetError::internal(error.to_string()))
            })
            .collect();
        Ok(Reply::Document { status: 200, body: rows.write("agents", request, items?) })
    }

    pub(super) fn agent(&self, asker: &Asker, id: &str) -> Outcome<Reply> {
        let id = id.trim();
        let all = self.view(asker).all;
        let mut summary = self.summary(asker, id)?;
        if self.agent_row(id)?.is_some() {
            if summary.rooms.is_empty() && !all {
                return Err(unknown(id));
            }
        } else if !all || summary.rooms.is_empty() {
            return Err(unknown(id));
        } else {
            summary.fqid = fqid::agent(self.home(), id);
            self.home().clone_into(&mut summary.network_id);
        }
        document(200, &summary)
    }

    /// Removes an agent: its registration, and so its token, and the memberships spelt exactly so. All of it is gone
    /// with this turn; the rooms' own objects learn of it from the alarm or the next ticket.
    pub(super) fn remove_agent(&self, id: &str) -> Outcome<Reply> {
        let id = id.trim();
        let row = self.agent_row(id)?;
        let registered = row.is_some();
        let counted = self.sql.run("SELECT count(*) FROM member WHERE member = ?1", &[id.into()])?;
        let rooms = counted.first().map_or(0, |row| column(row, 0).int());
        if member::check(id).is_err() || (!registered && rooms == 0) {
            return Err(unknown(id));
        }
        let left = usize::try_from(rooms).unwrap_or(0);
        let one = || vec![Value::from(id)];
        let now = self.world.now();
        let (name, principal) =
            row.map(|row| (row.name, agent_principal(&row.actor_uid))).unwrap_or_default();
        self.sql.batch(&[
            (
                "UPDATE room SET version = version + 1, quiet = 0, members = (
                     SELECT json_group_array(value) FROM (
                         SELECT value FROM json_each(room.members) WHERE value <> ?1 ORDER BY value))
                 WHERE id IN (SELECT room FROM member WHERE member = ?1)",
                one(),
            ),
            ("DELETE FROM member WHERE member = ?1", one()),
            ("INSERT OR IGNORE INTO gone (id) SELECT id FROM agent WHERE id = ?1", one()),
            ("DELETE FROM agent WHERE id = ?1", one()),
            total(0, 0, left, -i64::from(registered)),
            notice(now, &News::AgentRemoved { agent: id.to_owned(), name }),
            notice(now, &News::Ended(principal)),
        ])?;
        self.changed();
        document(200, &Removed::new("agent", id))
    }
}

/// 404 for an agent.
pub(super) fn unknown(id: &str) -> MoltnetError {
    MoltnetError::not_found(format!("unknown agent {}", quote(id)))
}
