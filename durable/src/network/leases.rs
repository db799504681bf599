//! Leases for posts: a room's leave to take messages of a busy sender without asking here about each (decision 0021).
//!
//! Invariant: nothing that decides about a message is acknowledged as changed while a room may still act on a lease of
//! before. A change ends all leases: it raises the revision in its own commit, and its answer waits until every room
//! that may hold a lease has been told. Which rooms those are is stored before a lease leaves, so that a restart knows
//! them; a lease that is on its way meanwhile is refused by the room, which keeps the revision.

use super::rates::Rate;
use super::{Network, World};
use crate::bindings::entry::together;
use crate::sql::{column, Sql};
use moltghost_protocol::moltnet::access::Caller;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::name::ConversationKind;
use moltghost_protocol::object::network::LeaseAsk;
use moltghost_protocol::object::room::{PostLease, RoomAsk};
use moltghost_protocol::time::Millis;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

/// Posts of the window after which a sender is busy.
const BUSY: u32 = 4;

/// A lease is this part of the limit, at most so many posts, and none is given for less.
const PART: u32 = 100;
const MOST: u32 = 200;
const LEAST: u32 = 16;

/// All leases of one caller together, with those that were recalled in the same window, are at most this part of its
/// limit: what is leased and not used counts as used.
const TOGETHER: u32 = 10;

/// Rooms that hold leases at one time.
const ROOMS: usize = 200;

/// How long none is given after leases were recalled: many changes in a row recall leases once in a while at most.
const REST: Millis = 1_000;

/// How much longer than its lease a room is told of changes: its clock may be behind.
const SKEW: Millis = 5_000;

/// What is leased.
#[derive(Debug, Default)]
pub(super) struct Leases {
    /// Until when a room may hold any.
    rooms: HashMap<String, Millis>,
    /// By room and key, whose they are and for how many posts, until when.
    lent: HashMap<(String, String), (String, u32, Millis)>,
    /// By whose they were, for how many posts leases were recalled, until when these count as used.
    lost: HashMap<String, (u32, Millis)>,
    /// A change of this turn has ended them, and rooms are to be told.
    ended: bool,
    /// Rooms are to be told of an earlier change: they could not be, or the instance that should have is gone.
    owed: bool,
    /// None is given before this.
    not_before: Millis,
    /// Changes that wait until rooms have been told.
    recalling: u32,
}

/// What a lease is given for.
pub(super) struct Lent<'a> {
    /// What is asked for.
    pub ask: LeaseAsk,
    /// See [`PostLease::caller`].
    pub caller: &'a Caller,
    /// See [`PostLease::name`].
    pub name: Option<String>,
}

/// Rooms that must be told that leases are over.
#[derive(Debug, PartialEq, Eq)]
pub struct Recall {
    rooms: Vec<String>,
    revision: u64,
    /// Whether it is for a change of this turn, which must not be acknowledged before.
    pub holds: bool,
}

impl<S: Sql, W: World> Network<S, W> {
    /// What the instance before has left. Whether it has told every room of its last change nobody knows.
    pub(super) fn load_leases(&self) -> Outcome<()> {
        let rows = self.sql.run("SELECT room, until FROM leased", &[])?;
        let mut leases = self.leases.borrow_mut();
        leases.rooms =
            rows.iter().map(|row| (column(row, 0).text().to_owned(), column(row, 1).int())).collect();
        leases.owed = !leases.rooms.is_empty();
        Ok(())
    }

    /// A lease for a room, which lacks nothing, if the sender is busy.
    pub(super) fn lease(
        &self,
        rate: &Rate<'_>,
        who: &str,
        room: &str,
        lent: Lent<'_>,
    ) -> Outcome<Option<PostLease>> {
        let posts = (rate.limit / PART).min(MOST);
        let now = self.world.now();
        let mut leases = self.leases.borrow_mut();
        leases.lent.retain(|_, (_, _, until)| *until > now);
        leases.rooms.retain(|_, until| *until > now);
        leases.lost.retain(|_, (_, until)| *until > now);
        let LeaseAsk { key, spent } = lent.ask;
        let place = (room.to_owned(), key);
        let resting = leases.ended || leases.owed || leases.recalling > 0 || now < leases.not_before;
        if let Some((_, _, until)) = leases.lent.get(&place).filter(|_| !spent && !resting) {
            // The room holds it, and another instance of the Worker did not know.
            let (until, revision, caller) = (*until, self.revision()?, lent.caller.clone());
            return Ok(Some(PostLease { key: place.1, posts: 0, until, revision, caller, name: lent.name }));
        }
        let others = leases.lent.iter().filter(|(other, (of, _, _))| *of == who && **other != place);
        let others: u32 = others.map(|(_, (_, posts, _))| *posts).sum();
        let together = others + leases.lost.get(who).map_or(0, |(posts, _)| *posts);
        let full = leases.rooms.len() >= ROOMS && !leases.rooms.contains_key(room);
        if posts < LEAST || together + posts > rate.limit / TOGETHER || full || resting {
            return Ok(None);
        }
        let Some(end) = self.lend(rate, who, posts, BUSY)? else { return Ok(None) };
        let expires = match &lent.caller.agent {
            Some(agent) => self.agent_row(agent)?.and_then(|row| row.expires),
            None => None,
        };
        let until = expires.map_or(end, |expires| expires.min(end));
        let told = until + SKEW;
        if leases.rooms.get(room).is_none_or(|known| *known < told) {
            self.sql.run("DELETE FROM leased WHERE until <= ?1", &[now.into()])?;
            self.sql.run(
                "INSERT INTO leased (room, until) VALUES (?1, ?2)
                 ON CONFLICT (room) DO UPDATE SET until = excluded.until",
                &[room.into(), told.into()],
            )?;
            leases.rooms.insert(room.to_owned(), told);
        }
        let key = place.1.clone();
        leases.lent.insert(place, (who.to_owned(), posts, until));
        let (revision, caller) = (self.revision()?, lent.caller.clone());
        Ok(Some(PostLease { key, posts, until, revision, caller, name: lent.name }))
    }

    fn revision(&self) -> Outcome<u64> {
        let rows = self.sql.run("SELECT number FROM revision", &[])?;
        Ok(rows.first().and_then(|row| u64::try_from(column(row, 0).int()).ok()).unwrap_or(0))
    }

    /// Something has changed that decides about messages.
    pub(super) fn ends_leases(&self) {
        self.leases.borrow_mut().ended = true;
    }

    /// Which rooms must be told before what was done in this turn is acknowledged. To be called in that turn.
    ///
    /// # Errors
    /// What the database says; a change may not be acknowledged then.
    pub fn recall(&self) -> Outcome<Option<Recall>> {
        let mut leases = self.leases.borrow_mut();
        let (holds, owed) = (std::mem::take(&mut leases.ended), std::mem::take(&mut leases.owed));
        if !holds && !owed {
            return Ok(None);
        }
        let now = self.world.now();
        leases.rooms.retain(|_, until| *until > now);
        // How much of them was used nobody knows.
        for (_, (who, posts, until)) in std::mem::take(&mut leases.lent) {
            let (lost, end) = leases.lost.entry(who).or_insert((0, until));
            *lost += posts;
            *end = until.max(*end);
        }
        if leases.rooms.is_empty() {
            return Ok(None);
        }
        self.sql.run("UPDATE revision SET number = number + 1", &[])?;
        leases.not_before = now + REST;
        leases.recalling += 1;
        let mut rooms: Vec<String> = leases.rooms.keys().cloned().collect();
        rooms.sort_unstable();
        Ok(Some(Recall { rooms, revision: self.revision()?, holds }))
    }

    /// Tells rooms that leases are over.
    ///
    /// # Errors
    /// 503 where one cannot be told; it is tried again with the next message.
    pub async fn tell_recall(&self, recall: &Recall) -> Outcome<()> {
        let told = self.told(recall).await;
        let mut leases = self.leases.borrow_mut();
        leases.recalling = leases.recalling.saturating_sub(1);
        if told.is_err() {
            leases.owed = true;
            return told;
        }
        for room in &recall.rooms {
            leases.rooms.remove(room);
        }
        drop(leases);
        let rooms = serde_json::to_string(&recall.rooms).unwrap_or_default();
        self.sql
            .run("DELETE FROM leased WHERE room IN (SELECT value FROM json_each(?1))", &[rooms.into()])?;
        Ok(())
    }

    async fn told(&self, recall: &Recall) -> Outcome<()> {
        let revision = recall.revision;
        let names: Vec<_> =
            recall.rooms.iter().map(|room| self.conversation(ConversationKind::Room, room)).collect();
        let failed = &RefCell::new(None);
        let tell = |name| async move {
            if let Err(error) = self.world.room(name, RoomAsk::Recall { revision }).await {
                // One that was never opened holds none.
                if error.status != 404 {
                    failed.replace(Some(error));
                }
            }
        };
        together(
            names.iter().map(|name| Box::pin(tell(name)) as Pin<Box<dyn Future<Output = ()>>>).collect(),
        )
        .await;
        match failed.take() {
            None => Ok(()),
            Some(error) => Err(MoltnetError::unavailable(format!(
                "this is stored, and not every room knows yet ({error}); ask again in a moment to be sure"
            ))),
        }
    }
}
