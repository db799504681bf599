//! Observers: readers of the event stream, each at the other end of a link. The Worker holds the stream, the hub a place
//! in the log and what its credit is; see [`crate::stream`].
//!
//! Readers of the same audience at the same place get the same frame, which is made once. Frames follow each other no
//! faster than [`PACE`], and the slower the more readers there are, so that under load each carries what has come
//! meanwhile; a message alone is sent at once.

use super::frames::Frames;
use super::log::Log;
use super::peers::Peers;
use super::{Hub, World};
use crate::sql::Sql;
use crate::stream::link::{Link, Socket};
use crate::stream::log::Start;
use moltghost_protocol::moltnet::delivery::Reader;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::object::hub::{Admitted, HubAsk, Observe, Observing};
use moltghost_protocol::object::{read, write_outcome};
use moltghost_protocol::time::Millis;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Least time between two frames to observers, and the most.
const PACE: Millis = 20;
const MAX_PACE: Millis = 200;

/// How many readers, each of whom costs a send, make the time between two frames a millisecond longer.
const READERS_PER_MS: usize = 5;

/// How far a reader for whom nothing comes is moved on before that is kept with its socket.
const STRIDE: i64 = 512;

/// Least time between two times that observers are asked whether they are still there.
const PROBE_PACE: Millis = 500;

/// A link was closed because it was refused; the Worker does not make it anew.
const REFUSED: u16 = 4_403;

/// A link was closed because its credential ended.
const ENDED: u16 = 4_401;

/// An observer, as it is kept with its socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Observer {
    /// Tells the hub's sockets apart.
    pub number: u64,
    /// Who it is, and what it is told.
    pub admitted: Admitted,
    /// Where it is, and its credit.
    pub link: Link,
}

/// An observer in memory.
pub(super) struct Peer<K> {
    pub socket: K,
    pub observer: Observer,
    pub reader: Rc<Reader>,
    /// What stands up to there is told again, so that what its conversations are now counts.
    told: i64,
    /// What was kept last.
    kept: (i64, u64),
}

impl<K: Socket> Peer<K> {
    pub fn new(socket: K, observer: Observer, reader: Rc<Reader>) -> Self {
        let kept = (observer.link.at(), observer.link.sent());
        Self { socket, observer, reader, told: 0, kept }
    }

    /// Keeps where it is with its socket.
    pub fn keep(&mut self) {
        self.kept = (self.observer.link.at(), self.observer.link.sent());
        self.socket.keep(
            &serde_json::to_string(&super::peers::Kept::<_, ()>::Observer(&self.observer))
                .unwrap_or_default(),
        );
    }

    fn keep_if_moved(&mut self) {
        let (at, sent) = self.kept;
        let link = &self.observer.link;
        if link.sent() != sent || link.at() >= at + STRIDE {
            self.keep();
        }
    }
}

impl<S: Sql, W: World> Hub<S, W> {
    /// Takes the first frame of a socket: `<cursor>\n<message>`. The first frame back is the answer.
    pub(super) fn greet(&self, socket: &W::Socket, text: &str) {
        let opened = self.open_link(socket, text);
        if let Err(error) = opened {
            socket.say(&write_outcome::<()>(&Err(error)));
            socket.close(REFUSED, "refused");
        }
    }

    fn open_link(&self, socket: &W::Socket, text: &str) -> Outcome<()> {
        let unreadable = || MoltnetError::internal("a hub got a first frame that it cannot read");
        let (cursor, message) = text.split_once('\n').ok_or_else(unreadable)?;
        let HubAsk::Observe(observe) = read(message)? else { return Err(unreadable()) };
        self.prepare()?;
        if self.has_ended(&observe.admitted)? {
            return Err(MoltnetError::unauthorized("the token has ended"));
        }
        let start = self.start(cursor, &observe.last_event_id)?;
        let mut peers = self.peers()?;
        if let Err(full) = self.has_space(&peers, &observe) {
            self.probe(&peers)?;
            return Err(full);
        }
        let cursor = match &start.gap {
            Some(_) => String::new(),
            None => self.state()?.log.span.cursor(start.after).to_string(),
        };
        let reader = peers.reader(&self.settings.id, &observe.admitted.audience);
        let link = Link::begin(String::new(), start);
        let observer = Observer { number: peers.fresh_number(), admitted: observe.admitted, link };
        socket.set_number(observer.number);
        let mut peer = Peer::new(socket.clone(), observer, reader);
        peer.told = self.state()?.log.span.newest;
        peer.keep();
        socket.say(&write_outcome(&Ok(Observing { cursor })));
        let pumped = self.pump(&mut peer);
        let first = peers.is_empty();
        peers.observers.insert(peer.observer.number, peer);
        if first {
            self.is_followed();
        }
        pumped
    }

    fn has_space(&self, peers: &Peers<W::Socket>, observe: &Observe) -> Outcome<()> {
        let identity = &observe.admitted.identity;
        let own =
            peers.observers.values().filter(|peer| peer.observer.admitted.identity == *identity).count();
        if own >= self.settings.streams_per_identity || peers.observers.len() >= self.settings.streams {
            return Err(MoltnetError::unavailable("as many event streams are open as may be"));
        }
        Ok(())
    }

    /// Finds out which observers have left, so that who is refused now finds room when it asks again.
    fn probe(&self, peers: &Peers<W::Socket>) -> Outcome<()> {
        let now = self.world.now();
        if (0..PROBE_PACE).contains(&(now - self.probed.get())) {
            return Ok(());
        }
        self.probed.set(now);
        let state = self.state()?;
        for peer in peers.observers.values() {
            peer.observer.link.probe(&state.log.span, &peer.socket);
        }
        Ok(())
    }

    /// Where a link begins: after its own cursor, or else after the event that its reader saw last.
    pub(super) fn start(&self, cursor: &str, last_event_id: &str) -> Outcome<Start> {
        let state = self.state()?;
        let span = &state.log.span;
        if !cursor.is_empty() {
            return Ok(span.start(cursor));
        }
        let everything = Start { after: span.oldest - 1, gap: None };
        if last_event_id.is_empty() {
            return Ok(Start { after: span.newest, gap: None });
        }
        // Who saw the gap event and nothing since is told no other.
        if last_event_id.starts_with("evt_gap_") {
            return Ok(everything);
        }
        Ok(match Log::find(&self.sql, last_event_id)? {
            Some(after) => Start { after, gap: None },
            None => Start { gap: Some(last_event_id.to_owned()), ..everything },
        })
    }

    /// An observer's reader took some bytes.
    pub(super) fn took(&self, number: u64, text: &str) -> Outcome<()> {
        let mut peers = self.peers()?;
        let Some(peer) = peers.observers.get_mut(&number) else { return Ok(()) };
        match text.parse() {
            Ok(bytes) => peer.observer.link.took(bytes),
            Err(_) => peer.socket.close(1_008, "bytes are counted"),
        }
        let pumped = self.pump(peer);
        peer.keep();
        pumped
    }

    fn pump(&self, peer: &mut Peer<W::Socket>) -> Outcome<()> {
        let mut state = self.state()?;
        let span = state.log.span.clone();
        let frames = Frames::new(&self.sql, &mut state, self.world.now(), &self.settings.id);
        let result = peer.observer.link.advance(&frames.of(&peer.reader, peer.told), &span, &peer.socket);
        peer.keep_if_moved();
        Ok(result?)
    }

    /// Something was appended: sends it to observers, at once or when the last frame is a while ago.
    pub(super) fn tell_observers(&self) {
        if self.pace() {
            self.flush();
        }
    }

    /// Whether the last frames are a while ago; if not, [`Hub::flush`] is called when they are.
    pub(super) fn pace(&self) -> bool {
        let now = self.world.now();
        let since = now - self.told.get();
        let readers = self.peers().map_or(0, |peers| {
            peers.observers.len() + peers.attachments.values().filter(|one| one.takes_several()).count()
        });
        let pace = MAX_PACE.min(PACE + i64::try_from(readers / READERS_PER_MS).unwrap_or(MAX_PACE));
        if (0..pace).contains(&since) {
            if !self.pacing.replace(true) {
                self.world.later(pace - since);
            }
            return false;
        }
        true
    }

    /// Sends observers what they lack, as far as their credit goes.
    pub fn flush(&self) {
        self.pacing.set(false);
        self.told.set(self.world.now());
        if let Err(error) = self.flush_all() {
            self.world.fault(&error);
        }
        self.flush_attachments();
        self.settle();
    }

    fn flush_all(&self) -> Outcome<()> {
        let mut peers = self.peers()?;
        let mut state = self.state()?;
        let span = state.log.span.clone();
        let frames = Frames::new(&self.sql, &mut state, self.world.now(), &self.settings.id);
        for peer in peers.observers.values_mut() {
            let result = peer.observer.link.advance(&frames.of(&peer.reader, peer.told), &span, &peer.socket);
            peer.keep_if_moved();
            result?;
        }
        Ok(())
    }

    /// Ends the streams that a principal opened before a notice.
    pub(super) fn end_streams(&self, principal: &str, notice: u64) -> Outcome<()> {
        let mut peers = self.peers()?;
        peers.observers.retain(|_, peer| {
            let admitted = &peer.observer.admitted;
            let ended = admitted.identity == principal && admitted.since < notice;
            if ended {
                peer.socket.close(ENDED, "the token has ended");
            }
            !ended
        });
        Ok(())
    }
}
