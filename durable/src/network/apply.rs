//! A configuration is brought in: agents are bound to their credentials, rooms made or brought to what it says.
//! Everything is checked before anything is written, and it is written in one turn. Nothing is ever removed.

use super::agents::Row;
use super::notices::notice;
use super::{document, Network, World};
use crate::sql::Sql;
use moltghost_protocol::moltnet::apply::{ApplyRequest, ApplyResult, Skipped};
use moltghost_protocol::moltnet::claims::agent_principal;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::room::{NewRoom, Room};
use moltghost_protocol::object::hub::News;
use moltghost_protocol::object::network::Reply;

impl<S: Sql, W: World> Network<S, W> {
    pub(super) fn bring_in(&self, request: &ApplyRequest) -> Outcome<Reply> {
        let checked = request.check(self.home()).map_err(MoltnetError::invalid)?;
        let mut fresh: Vec<&NewRoom> = Vec::new();
        for room in &checked.rooms {
            if !fresh.iter().any(|known| known.id == room.id) && self.room_row(&room.id)?.is_none() {
                fresh.push(room);
            }
        }
        let agents = checked.agents.iter().map(|(id, _, _)| self.agent_row(id));
        let new_agents = agents.collect::<Outcome<Vec<_>>>()?.iter().filter(|row| row.is_none()).count();
        let members = fresh.iter().map(|room| room.members.len()).sum();
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.make_space(count(fresh.len()), members, count(new_agents))?;
        let mut result = ApplyResult { applied: true, rooms: vec![], agents: vec![], skipped: vec![] };
        for (agent, name, key) in &checked.agents {
            let row = self.bind_agent(agent, name, &self.stored_credential(key))?;
            result.agents.push(self.shown_agent(&row));
        }
        for room in checked.rooms {
            let created = match self.room_row(&room.id)? {
                None => {
                    let now = self.world.now();
                    self.add_room(&room, now, "")?;
                    now
                }
                Some(row) if row.removed => {
                    let error = format!("room {} was removed, and its id is never used again", room.id);
                    result.skipped.push(Skipped { room_id: room.id, error });
                    continue;
                }
                Some(row) => {
                    self.change_room(&row, &room, true)?;
                    row.created
                }
            };
            result.rooms.push(Room::new(self.home(), room, created));
        }
        document(200, &result)
    }

    /// Registers an agent with a credential, or binds it anew.
    fn bind_agent(&self, agent: &str, name: &str, credential: &str) -> Outcome<Row> {
        let now = self.world.now();
        let Some(row) = self.agent_row(agent)? else {
            return self.add_agent(agent, name, credential, now);
        };
        let name = if name.is_empty() { row.name.clone() } else { name.to_owned() };
        // A token that was given an end keeps it, as long as it is the same token.
        let expires = row.expires.filter(|_| row.credential == credential);
        // Whom it was bound to before speaks for it no longer.
        let ended = (row.credential != credential)
            .then(|| notice(now, &News::Ended(agent_principal(&row.actor_uid))));
        let credential = credential.to_owned();
        let row = Row { name, credential, expires, updated: now.max(row.created + 1), ..row };
        self.write_agent(&row, ended)?;
        Ok(row)
    }
}
