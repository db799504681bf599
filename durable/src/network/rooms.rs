//! Rooms: made, shown, changed, removed. A room's row is what everybody is judged by; the room's own object learns of
//! a change from the alarm, or from the next message's ticket.

use super::window::Collection;
use super::{document, Asker, Network, World};
use crate::sql::{column, Sql, Statement, Value};
use moltghost_protocol::moltnet::claims::{could_write, View};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::policy::{Visibility, WritePolicy};
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::moltnet::room::{Access, CreateRoom, NewRoom, Removed, Room, UpdateMembers};
use moltghost_protocol::moltnet::{id, member};
use moltghost_protocol::object::network::Reply;
use moltghost_protocol::time::Millis;

const COLUMNS: &str =
    "SELECT id, name, visibility, write_policy, members, created, version, synced, removed, nonce, quiet FROM room";

/// A room's row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub room: NewRoom,
    pub created: Millis,
    pub version: u64,
    pub synced: u64,
    pub removed: bool,
    pub nonce: String,
    pub quiet: bool,
}

impl Row {
    fn read(row: &[Value]) -> Outcome<Self> {
        let unreadable = |why: String| MoltnetError::internal(format!("a stored room cannot be read: {why}"));
        let number = |at| u64::try_from(column(row, at).int()).unwrap_or(0);
        Ok(Self {
            room: NewRoom {
                id: column(row, 0).text().to_owned(),
                name: column(row, 1).text().to_owned(),
                visibility: Visibility::parse(column(row, 2).text()).map_err(unreadable)?,
                write_policy: WritePolicy::parse(column(row, 3).text()).map_err(unreadable)?,
                members: serde_json::from_str(column(row, 4).text())
                    .map_err(|e| unreadable(e.to_string()))?,
            },
            created: column(row, 5).int(),
            version: number(6),
            synced: number(7),
            removed: column(row, 8).maybe_int().is_some(),
            nonce: column(row, 9).text().to_owned(),
            quiet: column(row, 10).int() != 0,
        })
    }
}

/// Whom a room's members are, as they are stored.
fn list(members: &[String]) -> String {
    serde_json::to_string(members).unwrap_or_default()
}

/// Which rooms a view shows, as a condition on `room` with its parameters `?1` to `?3`.
pub(super) fn seen(view: &View) -> (&'static str, Vec<Value>) {
    if view.all {
        return ("removed IS NULL", vec![]);
    }
    let condition = "removed IS NULL AND ((?1 = 1 AND visibility = 'public')
        OR id IN (SELECT room FROM member WHERE member IN (SELECT value FROM json_each(?2)))
        OR id IN (SELECT room FROM member WHERE network = ?3))";
    let network = view.network.clone().unwrap_or_default();
    (condition, vec![i64::from(view.public).into(), list(&view.members).into(), network.into()])
}

impl<S: Sql, W: World> Network<S, W> {
    /// A room's row, removed or not.
    pub(super) fn room_row(&self, id: &str) -> Outcome<Option<Row>> {
        let rows = self.sql.run(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?;
        rows.first().map(|row| Row::read(row)).transpose()
    }

    /// Rows that the rooms' own objects have not learnt.
    pub(super) fn untold_rows(&self, limit: i64) -> Outcome<Vec<Row>> {
        let query = format!("{COLUMNS} WHERE synced < version ORDER BY id LIMIT ?1");
        self.sql.run(&query, &[limit.into()])?.iter().map(|row| Row::read(row)).collect()
    }

    /// A room that is there; white space around its id does not count.
    ///
    /// # Errors
    /// 404.
    pub(super) fn existing_room(&self, id: &str) -> Outcome<Row> {
        self.room_row(id.trim())?.filter(|row| !row.removed).ok_or_else(|| unknown_room(id))
    }

    /// A room that the caller sees.
    ///
    /// # Errors
    /// 404; 403 where it is there and not seen, which callers without a token do not learn.
    pub(super) fn seen_room(&self, asker: &Asker, id: &str) -> Outcome<Row> {
        let row = self.existing_room(id)?;
        if self.view(asker).sees(self.home(), row.room.visibility, &row.room.members) {
            return Ok(row);
        }
        Err(if asker.known {
            MoltnetError::forbidden(format!("room {} is not readable", id.trim()))
        } else {
            unknown_room(id)
        })
    }

    /// The agents in whose name a caller writes: those of its list, and those registered with its credential.
    pub(super) fn spoken_for(&self, asker: &Asker) -> Outcome<Vec<String>> {
        let Some(claims) = &asker.claims else { return Ok(Vec::new()) };
        let mut agents = claims.agents.clone();
        if claims.agent.is_none() && agents.is_empty() {
            let query = "SELECT id FROM agent WHERE credential = ?1 LIMIT 1000";
            let rows = self.sql.run(query, &[claims.credential.as_str().into()])?;
            agents.extend(rows.iter().map(|row| column(row, 0).text().to_owned()));
        }
        Ok(agents)
    }

    /// A room's document, with what the caller may do in it.
    pub(super) fn shown(&self, asker: &Asker, agents: &[String], row: Row) -> Room {
        let (visibility, policy) = (row.room.visibility, row.room.write_policy);
        let can_write = could_write(&self.settings, asker.claims.as_ref(), agents, policy, &row.room.members);
        let access = Access::new(self.settings.reads_publicly(), visibility, policy, can_write);
        Room { access: Some(access), ..Room::new(self.home(), row.room, row.created) }
    }

    pub(super) fn room(&self, asker: &Asker, id: &str) -> Outcome<Reply> {
        let row = self.seen_room(asker, id)?;
        document(200, &self.shown(asker, &self.spoken_for(asker)?, row))
    }

    /// Documents of the first rooms that a caller sees.
    pub(super) fn first_rooms(&self, asker: &Asker, limit: u32) -> Outcome<Vec<Room>> {
        let (condition, parameters) = seen(&self.view(asker));
        let query = format!("{COLUMNS} WHERE {condition} ORDER BY id LIMIT {limit}");
        let rows = self.sql.run(&query, &parameters)?;
        let agents = self.spoken_for(asker)?;
        rows.iter().map(|row| Ok(self.shown(asker, &agents, Row::read(row)?))).collect()
    }

    pub(super) fn rooms(&self, asker: &Asker, request: &PageRequest) -> Outcome<Reply> {
        let (condition, parameters) = seen(&self.view(asker));
        let collection = Collection { select: COLUMNS, condition, parameters, id: "id" };
        let rows = collection.read(&self.sql, request)?;
        let agents = self.spoken_for(asker)?;
        let items: Outcome<Vec<String>> = rows
            .found
            .iter()
            .map(|row| {
                let room = self.shown(asker, &agents, Row::read(row)?);
                serde_json::to_string(&room).map_err(|error| MoltnetError::internal(error.to_string()))
            })
            .collect();
        Ok(Reply::Document { status: 200, body: rows.write("rooms", request, items?) })
    }

    pub(super) fn create_room(&self, request: &CreateRoom, nonce: &str) -> Outcome<Reply> {
        let new = request.check().map_err(MoltnetError::invalid)?;
        if let Some(row) = self.room_row(&new.id)? {
            if row.removed || nonce.is_empty() || row.nonce != nonce {
                return Err(exists(&new.id));
            }
            // The same request, sent again.
            return document(201, &Room::new(self.home(), row.room, row.created));
        }
        let now = self.world.now();
        self.add_room(&new, now, nonce)?;
        document(201, &Room::new(self.home(), new, now))
    }

    /// Writes a new room.
    ///
    /// # Errors
    /// 429 where the network is full.
    pub(super) fn add_room(&self, new: &NewRoom, now: Millis, nonce: &str) -> Outcome<()> {
        self.make_space(1, new.members.len(), 0)?;
        let mut statements: Vec<Statement> = vec![(
            "INSERT INTO room (id, name, visibility, write_policy, members, created, nonce)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            vec![
                new.id.as_str().into(),
                new.name.as_str().into(),
                new.visibility.as_str().into(),
                new.write_policy.as_str().into(),
                list(&new.members).into(),
                now.into(),
                nonce.into(),
            ],
        )];
        statements.extend(new.members.iter().map(|member| self.enter(&new.id, member)));
        statements.push(total(1, new.members.len(), 0, 0));
        self.sql.batch(&statements)?;
        self.changed();
        Ok(())
    }

    fn enter(&self, room: &str, member: &str) -> Statement {
        let network = member::identity(self.home(), member).0;
        (
            "INSERT INTO member (member, room, network) VALUES (?1, ?2, ?3)",
            vec![member.into(), room.into(), network.into()],
        )
    }

    /// Writes what a room is from now on; `quiet` where clients are not told. Answers whether anything changed.
    pub(super) fn change_room(&self, row: &Row, to: &NewRoom, quiet: bool) -> Outcome<bool> {
        if row.room == *to {
            return Ok(false);
        }
        let before = &row.room.members;
        let added: Vec<&String> = to.members.iter().filter(|member| !before.contains(member)).collect();
        let removed: Vec<&String> = before.iter().filter(|member| !to.members.contains(member)).collect();
        self.make_space(0, added.len(), 0)?;
        let mut statements: Vec<Statement> = vec![(
            "UPDATE room SET name = ?2, visibility = ?3, write_policy = ?4, members = ?5, version = version + 1,
             quiet = ?6 AND (synced = version OR quiet) WHERE id = ?1",
            vec![
                to.id.as_str().into(),
                to.name.as_str().into(),
                to.visibility.as_str().into(),
                to.write_policy.as_str().into(),
                list(&to.members).into(),
                i64::from(quiet).into(),
            ],
        )];
        statements.extend(added.iter().map(|member| self.enter(&to.id, member)));
        statements.extend(removed.iter().map(|member| -> Statement {
            (
                "DELETE FROM member WHERE member = ?1 AND room = ?2",
                vec![member.as_str().into(), to.id.as_str().into()],
            )
        }));
        statements.push(total(0, added.len(), removed.len(), 0));
        self.sql.batch(&statements)?;
        self.changed();
        Ok(true)
    }

    pub(super) fn update_members(&self, id: &str, change: &UpdateMembers) -> Outcome<Reply> {
        change.check().map_err(MoltnetError::invalid)?;
        let row = self.existing_room(id.trim())?;
        let members = change.applied(&row.room.members);
        if members.len() > id::MAX_MEMBERS && members.len() > row.room.members.len() {
            return Err(MoltnetError::invalid(format!(
                "room {} would have {} members: {} are allowed",
                quote(&row.room.id),
                members.len(),
                id::MAX_MEMBERS
            )));
        }
        let after = NewRoom { members, ..row.room.clone() };
        self.change_room(&row, &after, false)?;
        document(200, &Room::new(self.home(), after, row.created))
    }

    pub(super) fn remove_room(&self, id: &str) -> Outcome<Reply> {
        let id = id.trim();
        if id::check(id).is_err() {
            return Err(MoltnetError::invalid("room id is required"));
        }
        let row = self.existing_room(id)?;
        self.sql.batch(&[
            (
                "UPDATE room SET removed = ?2, version = version + 1 WHERE id = ?1",
                vec![id.into(), self.world.now().into()],
            ),
            ("DELETE FROM member WHERE room = ?1", vec![id.into()]),
            total(0, 0, row.room.members.len(), 0),
        ])?;
        self.changed();
        document(200, &Removed::new("room", id))
    }
}

/// 404 for a room.
pub(super) fn unknown_room(id: &str) -> MoltnetError {
    MoltnetError::not_found(format!("unknown room {}", quote(id)))
}

/// 409 for a room.
pub(super) fn exists(id: &str) -> MoltnetError {
    MoltnetError::conflict(format!("room {} already exists", quote(id)))
}

/// Adds to the totals.
pub(super) fn total(rooms: i64, entered: usize, left: usize, agents: i64) -> Statement {
    let members = i64::try_from(entered).unwrap_or(0) - i64::try_from(left).unwrap_or(0);
    (
        "UPDATE total SET rooms = rooms + ?1, members = members + ?2, agents = agents + ?3",
        vec![rooms.into(), members.into(), agents.into()],
    )
}
