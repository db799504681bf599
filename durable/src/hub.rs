//! The `Hub` object, `hub:<network>:<n>`: live delivery. It takes what conversations and `Network` tell into one log,
//! and sends it to observers and attachments.
//!
//! What is told is appended and written to the sockets in one turn, so nothing is shown before it is stored, and whoever
//! resumes goes live in the turn in which it has read the log to its end. A socket has no queue, only a place in the
//! log: one that is slow or comes back reads on from there. If the hub goes, its tellers tell again, its sockets come
//! back, and the log says where everybody was. Where it does not reach back that far the reader is told of the gap.

mod attach;
mod attachment;
mod conversations;
mod fanout;
mod frames;
mod handshake;
mod heartbeat;
mod log;
mod notices;
mod object;
mod observe;
mod peers;
mod presence;
mod push;
mod quiet;
mod schema;
#[cfg(test)]
mod tests;
mod trim;
mod unacked;
mod wake;

pub use object::Hub as HubObject;

use crate::migrate;
use crate::sql::{Sql, Statement};
use crate::stream::link::Socket;
use conversations::Conversations;
use log::{Draft, Log};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::settings::Settings;
use moltghost_protocol::object::hub::{Figures, HubAsk};
use moltghost_protocol::object::network::{NetworkOp, Reply};
use moltghost_protocol::object::{read, write_outcome};
use moltghost_protocol::time::Millis;
use peers::Peers;
use std::cell::{Cell, RefCell, RefMut};
use std::future::Future;

/// How long the alarm waits after a failure.
const RETRY: Millis = 10_000;

/// What the hub needs of the world.
pub trait World {
    /// The end of a peer's socket.
    type Socket: Socket + Clone;
    /// Now.
    fn now(&self) -> Millis;
    /// Random bits that were never given before.
    ///
    /// # Errors
    /// Where the runtime gives none.
    fn random(&self) -> Outcome<u128>;
    /// Writes a failure to the log.
    fn fault(&self, error: &MoltnetError);
    /// Makes sure that the alarm rings no later than `time`.
    fn wake(&self, time: Millis);
    /// Calls [`Hub::flush`] after `ms`, in a turn of its own.
    fn later(&self, ms: Millis);
    /// Tells conversations, by their names, that somebody follows. Nothing waits for it.
    fn followed(&self, conversations: Vec<String>);
    /// Asks the directory; `nonce` as in `NetworkAsk`.
    fn network(&self, op: NetworkOp, nonce: String) -> impl Future<Output = Outcome<Reply>>;
    /// The open sockets.
    fn sockets(&self) -> Vec<Self::Socket>;
}

/// One object of the class.
pub struct Hub<S, W: World> {
    sql: S,
    world: W,
    settings: Settings,
    state: RefCell<Option<State<W::Socket>>>,
    peers: RefCell<Option<Peers<W::Socket>>>,
    /// When observers were told last, and whether they are to be told later.
    told: Cell<Millis>,
    pacing: Cell<bool>,
    /// Who was told a moment ago that nobody follows.
    quiet: RefCell<quiet::Quiet>,
    /// When observers were last asked whether they are still there.
    probed: Cell<Millis>,
    /// Since when, and when last, something changed that is not kept yet with the sockets of attachments.
    unsettled: Cell<Option<(Millis, Millis)>>,
    /// When timers ring for that, and for slow attachments.
    settles: Cell<Millis>,
    looks: Cell<Millis>,
}

/// What is in memory of what is stored.
pub(crate) struct State<K> {
    log: Log,
    conversations: Conversations,
    sockets: std::marker::PhantomData<K>,
}

impl<S: Sql, W: World> Hub<S, W> {
    /// The object on a database; reads nothing yet.
    pub fn new(sql: S, world: W, settings: Settings) -> Self {
        Self {
            sql,
            world,
            settings,
            state: RefCell::default(),
            peers: RefCell::default(),
            told: Cell::new(0),
            pacing: Cell::new(false),
            quiet: RefCell::default(),
            probed: Cell::new(0),
            unsettled: Cell::new(None),
            settles: Cell::new(0),
            looks: Cell::new(0),
        }
    }

    /// Takes one message and gives its answer, both as text.
    pub fn handle(&self, message: &str) -> String {
        match read::<HubAsk>(message) {
            Ok(HubAsk::Push(push)) => write_outcome(&self.take_push(&push)),
            Ok(HubAsk::Notices(notices)) => {
                write_outcome(&self.prepare().and_then(|()| self.take_notices(&notices)))
            }
            Ok(HubAsk::Presence) => write_outcome(&self.prepare().and_then(|()| self.present())),
            Ok(HubAsk::Figures) => write_outcome(&self.figures()),
            Ok(HubAsk::Observe(_)) => write_outcome::<()>(&Err(MoltnetError::internal(
                "only the first frame of a link asks to observe",
            ))),
            Err(problem) => write_outcome::<()>(&Err(problem.into())),
        }
    }

    /// Does what is left over. Answers nothing and fails never: the platform would give up after six times.
    pub async fn alarm(&self) {
        if let Err(error) = self.prepare().and_then(|()| self.beat()) {
            self.world.fault(&error);
            self.world.wake(self.world.now() + RETRY);
        }
        // Readers that were left behind, by whatever.
        self.flush();
        self.undo_claims().await;
        match self.trim() {
            Ok(Some(time)) => self.world.wake(time),
            Ok(None) => {}
            Err(error) => {
                self.world.fault(&error);
                self.world.wake(self.world.now() + RETRY);
            }
        }
    }

    fn figures(&self) -> Outcome<Figures> {
        let peers = self.peers()?;
        let live = peers.attachments.values().filter(|one| matches!(one.phase, attachment::Phase::Live(_)));
        let attachments = u64::try_from(live.count()).unwrap_or(u64::MAX);
        let observers = peers.observers.len();
        Ok(Figures { attachments, observers: u64::try_from(observers).unwrap_or(u64::MAX) })
    }

    /// Appends events, in one commit with other statements, and sends them on.
    fn append(&self, statements: Vec<Statement>, drafts: Vec<Draft>) -> Outcome<()> {
        let news = !drafts.is_empty();
        {
            let mut state = self.state()?;
            let begins = state.log.span.oldest >= state.log.span.newest;
            state.log.append(&self.sql, statements, drafts)?;
            if begins && news {
                self.world.wake(self.world.now() + trim::KEPT_MS);
            }
        }
        if news {
            self.tell_attachments();
            self.tell_observers();
            if self.trim_is_due() {
                self.world.wake(self.world.now());
            }
        }
        Ok(())
    }

    /// Has [`Hub::flush`] called after `ms`, unless a timer for the same purpose, which `rings` then, comes first: what
    /// each event and each flush asks for again would otherwise make timers without end. Timers may ring a little early.
    fn flush_later(&self, rings: &Cell<Millis>, ms: Millis) {
        let now = self.world.now();
        if !(now + 2..=now + ms).contains(&rings.get()) {
            rings.set(now + ms);
            self.world.later(ms);
        }
    }

    /// Makes or updates the schema. The name of a hub comes from the configuration, never from a caller, so whoever
    /// asks first may make it.
    fn prepare(&self) -> Outcome<()> {
        if self.state.borrow().is_none() {
            migrate::migrate(&self.sql, migrate::version(&self.sql)?, schema::STEPS)?;
            let log = Log::read(&self.sql)?;
            if self.sql.finds("SELECT 1 FROM claim LIMIT 1")? {
                // Its socket may be lost with the instance before.
                self.world.wake(self.world.now());
            }
            let conversations = Conversations::default();
            *self.state.borrow_mut() = Some(State { log, conversations, sockets: std::marker::PhantomData });
        }
        Ok(())
    }

    /// What is stored.
    fn state(&self) -> Outcome<RefMut<'_, State<W::Socket>>> {
        self.prepare()?;
        RefMut::filter_map(self.state.borrow_mut(), Option::as_mut)
            .map_err(|_| MoltnetError::internal("a hub has no state"))
    }

    /// Who is connected.
    fn peers(&self) -> Outcome<RefMut<'_, Peers<W::Socket>>> {
        if self.peers.borrow().is_none() {
            *self.peers.borrow_mut() = Some(Peers::of(self.world.sockets(), &self.settings.id));
        }
        RefMut::filter_map(self.peers.borrow_mut(), Option::as_mut)
            .map_err(|_| MoltnetError::internal("a hub has no peers"))
    }
}
