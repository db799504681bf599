//! Frames of attachments, and their ends. The state machine says what follows from a frame; here it is done.

use super::attachment::{Cause, End, Incoming, KeptAttachment, Phase, Step};
use super::log::Log;
use super::peers::{kept, Attachment, Kept};
use super::{Hub, World};
use crate::sql::Sql;
use crate::stream::link::Socket;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::event::EventType;
use moltghost_protocol::moltnet::frame;
use moltghost_protocol::time::Millis;

/// How long nothing must have changed before what has is kept with the sockets, and how long that may be put off. The
/// timer for it keeps the hub awake, so that nothing is lost by falling asleep; with the hub itself its sockets are
/// lost, too.
pub(super) const SETTLE: Millis = 1_000;
pub(super) const SETTLE_AT_LATEST: Millis = 10_000;

/// Kept with a socket that the hub has ended, so that its close is not told twice.
const NOBODYS: &str = "null";

impl<S: Sql, W: World> Hub<S, W> {
    /// The number of a socket's attachment, if it is one.
    pub fn attachment(&self, socket: &W::Socket) -> Option<u64> {
        let peers = self.peers().ok()?;
        let number = socket.number();
        peers.attachments.contains_key(&number).then_some(number)
    }

    /// Takes what came over an attachment's socket. Answers whether the directory is to be asked about it, see
    /// [`Hub::identify`].
    pub fn said(&self, number: u64, incoming: Incoming<'_>) -> bool {
        match self.step(number, incoming) {
            Ok(asks) => asks,
            Err(error) => {
                self.world.fault(&error);
                false
            }
        }
    }

    fn step(&self, number: u64, incoming: Incoming<'_>) -> Outcome<bool> {
        let (step, who, claim, moved) = {
            let mut peers = self.peers()?;
            let Some(attachment) = peers.attachments.get_mut(&number) else { return Ok(false) };
            let (mut who, mut claim, mut heard) = (None, String::new(), false);
            if let Phase::Live(live) = &mut attachment.phase {
                self.name_unacked(live)?;
                claim = std::mem::take(&mut live.kept.claim);
                heard = live.kept.unanswered > 0 || !claim.is_empty();
                live.kept.unanswered = 0;
                who = Some((live.kept.agent.clone(), live.kept.name.clone()));
            }
            let now = self.world.now();
            let step = attachment.phase.take(incoming, &self.settings.id, now, || self.nonce());
            match &step {
                Step::Say(text) => attachment.socket.say(text),
                Step::Acked(_) => attachment.moved = true,
                _ => {}
            }
            // At once, as no timer is to keep the hub awake for the answers to its heartbeats.
            if heard && !attachment.moved {
                attachment.save();
            }
            (step, who, claim, attachment.moved)
        };
        if !claim.is_empty() {
            self.forget_claim(&claim);
        }
        match step {
            Step::Ask => return Ok(true),
            Step::End(end) => self.end(number, &end),
            Step::Acked(taken) => {
                if let Some((agent, name)) = who {
                    self.delivered(&agent, &name, &taken)?;
                }
            }
            Step::Nothing | Step::Say(_) => {}
        }
        if moved {
            self.settle_later();
        }
        Ok(false)
    }

    /// After the hub's sleep, ids of what waits for its `ACK` are read from the log again.
    fn name_unacked(&self, live: &mut super::attachment::Live) -> Outcome<()> {
        if !live.unacked.has_unnamed() {
            return Ok(());
        }
        for seq in live.unacked.unnamed() {
            let id = Log::id_at(&self.sql, seq)?.unwrap_or_default();
            live.unacked.name(seq, &id);
        }
        Ok(())
    }

    /// A socket has closed. Where that woke the hub, it was not among the open ones any more and is known by what is
    /// kept with it; one that the hub has ended itself is nobody's.
    pub fn detached(&self, socket: &W::Socket, code: u16) {
        let number = self.attachment(socket).or_else(|| match kept(socket)? {
            Kept::Attachment(kept) => {
                Some(self.peers().ok()?.attach(&self.settings.id, socket.clone(), kept))
            }
            Kept::Observer(_) => None,
        });
        match number {
            Some(number) => self.finish(number, &Cause::of_close(code)),
            None => self.closed(socket),
        }
    }

    /// Ends an attachment.
    pub(super) fn end(&self, number: u64, end: &End) {
        if let Ok(peers) = self.peers() {
            if let Some(attachment) = peers.attachments.get(&number) {
                if let Some(error) = &end.error {
                    attachment.socket.say(&frame::error(error));
                }
                attachment.socket.keep(NOBODYS);
                attachment.socket.close(end.code, end.cause.reason());
            }
        }
        self.finish(number, &end.cause);
    }

    /// Ends all attachments that `which` picks.
    pub(super) fn end_where(&self, end: &End, which: impl Fn(&Attachment<W::Socket>) -> bool) -> Outcome<()> {
        let picked: Vec<u64> = {
            let peers = self.peers()?;
            let picked = peers.attachments.iter().filter(|(_, attachment)| which(attachment));
            picked.map(|(number, _)| *number).collect()
        };
        for number in picked {
            self.end(number, end);
        }
        Ok(())
    }

    /// An attachment is no more: tells what became of its wakes and that its agent has left.
    fn finish(&self, number: u64, cause: &Cause) {
        let done = (|| {
            let Some(attachment) = self.peers()?.attachments.remove(&number) else { return Ok(()) };
            let Phase::Live(live) = attachment.phase else { return Ok(()) };
            let (agent, name) = (live.kept.agent.as_str(), live.kept.name.as_str());
            if *cause != Cause::AgentRemoved {
                let wakes: Vec<i64> = live.unacked.wakes().collect();
                self.tell_of_wakes(EventType::AgentWakeFailed, agent, name, &wakes, &cause.wake_error())?;
            }
            if !live.kept.claim.is_empty() {
                self.world.wake(self.world.now());
            }
            self.disconnected(agent, name, cause)
        })();
        if let Err(error) = done {
            self.world.fault(&error);
        }
    }

    /// Keeps what has changed with the sockets, a while from now.
    pub(super) fn settle_later(&self) {
        let now = self.world.now();
        let unsettled = self.unsettled.get();
        self.unsettled.set(Some((unsettled.map_or(now, |(since, _)| since), now)));
        if unsettled.is_none() {
            self.flush_later(&self.settles, SETTLE);
        }
    }

    /// Keeps what has changed with the sockets, where nothing has changed for a while or much is not kept yet.
    pub(super) fn settle(&self) {
        let Some((since, last)) = self.unsettled.get() else { return };
        let now = self.world.now();
        let left = (SETTLE - (now - last)).min(SETTLE_AT_LATEST - (now - since));
        // A clock that was set back does not put it off either.
        if (1..=SETTLE).contains(&left) && last <= now {
            self.flush_later(&self.settles, left);
        } else {
            self.settle_now();
        }
    }

    pub(super) fn settle_now(&self) {
        self.unsettled.set(None);
        let Ok(mut peers) = self.peers() else { return };
        for attachment in peers.attachments.values_mut().filter(|attachment| attachment.moved) {
            attachment.save();
        }
    }
}

impl<K: Socket> Attachment<K> {
    /// Keeps what it is with its socket.
    pub fn save(&mut self) {
        self.moved = false;
        let Phase::Live(live) = &mut self.phase else { return };
        live.kept.unacked = live.unacked.write();
        let live = Some(live.kept.clone());
        keep(&self.socket, &KeptAttachment { admitted: self.admitted.clone(), until: 0, live });
    }
}

/// Keeps it with a socket.
pub(super) fn keep(socket: &impl Socket, kept: &KeptAttachment) {
    let kept = Kept::<(), _>::Attachment(kept);
    socket.keep(&serde_json::to_string(&kept).unwrap_or_default());
}
