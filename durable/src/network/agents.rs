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

    /// The rooms that the asker sees and that have a member who is spelled in one of these ways.
    fn rooms_of(&self, asker: &Asker, spelled: &[String]) -> Outcome<Vec<String>> {
        let (condition, mut parameters) = seen(&self.view(asker));
        let place = parameters.len() + 1;
        parameters.push(serde_json::to_string(spelled).unwrap_or_default().into());
        let query = format!(
            "SELECT id FROM room WHERE {condition} AND id IN
             (SELECT room FROM member WHERE member IN (SELECT value FROM json_each(?{place})))
             ORDER BY id LIMIT {MAX_ROOMS}"
        );
        let rooms = self.sql.run(&query, &parameters)?;
        Ok(rooms.iter().map(|row| column(row, 0).text().to_owned()).collect())
    }

    /// The rooms of a registered agent, in whichever way they spell it; what is spelled like an agent of another network is
    /// not meant.
    fn rooms_of_agent(&self, asker: &Asker, id: &str) -> Outcome<Vec<String>> {
        let home = self.home();
        let mut spelled = spellings(home, id).to_vec();
        spelled.retain(|member| member::identity(home, member) == (home, id));
        self.rooms_of(asker, &spelled)
    }

    /// An agent as the list has it, by how rooms spell it: with the rooms that spell it so. Only an agent that is
    /// registered and in none of those has the rooms that spell it otherwise; else they are listed by that spelling.
    fn entry(&self, asker: &Asker, member: &str) -> Outcome<AgentSummary> {
        let registered = self.agent_row(member)?;
        let mut rooms = self.rooms_of(asker, &[member.to_owned()])?;
        if rooms.is_empty() && registered.is_some() {
            rooms = self.rooms_of_agent(asker, member)?;
        }
        Ok(self.summary(member, registered, rooms))
    }

    fn summary(&self, member: &str, registered: Option<Row>, rooms: Vec<String>) -> AgentSummary {
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
        summary
    }

    pub(super) fn agents(&self, asker: &Asker, request: &PageRequest) -> Outcome<Reply> {
        let view = self.view(asker);
        let (condition, mut parameters) = seen(&view);
        let select = if view.all {
            // Who sees everything sees those too who are in no room.
            "SELECT id FROM (SELECT member AS id FROM member UNION SELECT id FROM agent)".to_owned()
        } else {
            // Registered agents that rooms spell in full are there by their own id as well.
            let place = parameters.len();
            let (scoped, full) = (self.home().to_owned(), fqid::agent(self.home(), ""));
            let full_end = format!("{}0", full.trim_end_matches('/'));
            parameters.extend([format!("{scoped}:"), format!("{scoped};"), full, full_end].map(Value::from));
            let by_own_id = |from: usize, to: usize| {
                format!(
                    "SELECT substr(member, length(?{from}) + 1) FROM member
                     WHERE member > ?{from} AND member < ?{to} AND room IN visible
                     AND substr(member, length(?{from}) + 1) IN (SELECT id FROM agent)"
                )
            };
            format!(
                "SELECT id FROM (WITH visible AS (SELECT id FROM room WHERE {condition})
                 SELECT member AS id FROM member WHERE room IN visible UNION {} UNION {})",
                by_own_id(place + 1, place + 2),
                by_own_id(place + 3, place + 4)
            )
        };
        let collection = Collection { select: &select, condition: "1", parameters, id: "id" };
        let rows = collection.read(&self.sql, request)?;
        let items: Outcome<Vec<String>> = rows
            .found
            .iter()
            .map(|row| {
                let summary = self.entry(asker, column(row, 0).text())?;
                serde_json::to_string(&summary).map_err(|error| MoltnetError::internal(error.to_string()))
            })
            .collect();
        Ok(Reply::Document { status: 200, body: rows.write("agents", request, items?) })
    }

    pub(super) fn agent(&self, asker: &Asker, id: &str) -> Outcome<Reply> {
        let id = id.trim();
        let all = self.view(asker).all;
        let registered = self.agent_row(id)?;
        let known = registered.is_some();
        let rooms =
            if known { self.rooms_of_agent(asker, id)? } else { self.rooms_of(asker, &[id.to_owned()])? };
        let mut summary = self.summary(id, registered, rooms);
        if known {
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
