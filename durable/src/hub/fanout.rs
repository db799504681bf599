//! From the log to attachments. Each attachment has a place in the log and reads on from there, whether it is live,
//! resumes, or was slow: what is on its way to it is bounded, and the log is its queue. What one turn makes of an event
//! is made once for all.

use super::attachment::{Live, Phase};
use super::conversations::Conversations;
use super::frames::gap_event;
use super::log::{Event, Log};
use super::peers::Attachment;
use super::unacked::{mark, Kind};
use super::wake::Meant;
use super::{Hub, State, World};
use crate::sql::Sql;
use crate::stream::link::Socket;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::frame;
use moltghost_protocol::time::Millis;
use std::collections::HashMap;
use std::rc::Rc;

/// Bytes that may be on their way to one attachment; one frame more may always be sent while it is not reached.
const WINDOW: u64 = 256 * 1024;

/// How many must still be on their way for a slow attachment to be waited for.
const DRAINED: u64 = 64 * 1024;

/// How often a slow attachment is looked at.
pub(super) const LOOK: Millis = 100;

/// Most bytes of events in one `EVENTS` frame, the last left aside.
const FRAME_BYTES: usize = 256 * 1024;

/// What one turn has made.
pub(super) struct Round<T> {
    batches: HashMap<i64, Rc<Vec<Rc<Event>>>>,
    singles: HashMap<i64, T>,
    several: HashMap<(i64, u64, u64), T>,
    meant: HashMap<i64, Option<Rc<Meant>>>,
}

impl<T> Default for Round<T> {
    fn default() -> Self {
        Self {
            batches: HashMap::new(),
            singles: HashMap::new(),
            several: HashMap::new(),
            meant: HashMap::new(),
        }
    }
}

impl<S: Sql, W: World> Hub<S, W> {
    /// Something was appended: sends it to attachments, to those that asked for several events in a frame later.
    pub(super) fn tell_attachments(&self) {
        let later = self.send_all(|live| live.kept.per_frame <= 1);
        if later && self.pace() {
            self.flush_attachments();
        }
    }

    /// Sends what is left over: to attachments that asked for several events in a frame, and to slow ones.
    pub(super) fn flush_attachments(&self) {
        self.send_all(|_| true);
    }

    /// Sends attachments what they lack; answers whether any that `now` leaves out lacks something.
    fn send_all(&self, now: impl Fn(&Live) -> bool) -> bool {
        let sent = (|| {
            let mut peers = self.peers()?;
            if peers.attachments.is_empty() {
                return Ok(false);
            }
            let mut state = self.state()?;
            let mut round = Round::default();
            let (mut left, mut slow) = (false, false);
            for attachment in peers.attachments.values_mut() {
                let Phase::Live(live) = &attachment.phase else { continue };
                if live.kept.at >= state.log.span.newest && live.gap.is_none() {
                    continue;
                }
                if now(live) {
                    self.feed(attachment, &mut state, &mut round)?;
                    slow |= matches!(&attachment.phase, Phase::Live(live) if live.slow);
                } else {
                    left = true;
                }
            }
            if slow {
                self.flush_later(&self.looks, LOOK);
            }
            Ok(left)
        })();
        sent.unwrap_or_else(|error| {
            self.world.fault(&error);
            false
        })
    }

    /// Sends an attachment what it lacks, as far as what is on its way to it allows.
    pub(super) fn feed(
        &self,
        attachment: &mut Attachment<W::Socket>,
        state: &mut State<W::Socket>,
        round: &mut Round<<W::Socket as Socket>::Text>,
    ) -> Outcome<()> {
        let Phase::Live(live) = &mut attachment.phase else { return Ok(()) };
        let socket = &attachment.socket;
        if live.slow {
            if socket.buffered() > DRAINED {
                return Ok(());
            }
            live.slow = false;
        }
        let home = &self.settings.id;
        while !live.slow {
            let span = &state.log.span;
            if live.gap.is_none() && !span.reaches(live.kept.at) {
                live.gap = Some(span.cursor(live.kept.at).to_string());
                live.kept.at = span.oldest - 1;
            }
            attachment.moved = true;
            if let Some(seq) = live.missed.pop_front() {
                if let Some(event) = Log::exactly(&self.sql, &mut state.conversations, seq)? {
                    let at = live.kept.at;
                    self.send_batch(live, socket, &[event], &mut state.conversations, round)?;
                    live.kept.at = at;
                }
                continue;
            }
            if let Some(requested) = live.gap.take() {
                let (id, body) = gap_event(&self.sql, &state.log, home, self.world.now(), &requested);
                live.unacked.note(live.kept.at, mark(&id), Kind::Gap);
                live.slow = socket.send_counted(&W::Socket::text(&frame::event(home, &id, &body))) > WINDOW;
                continue;
            }
            let at = live.kept.at;
            if at >= span.newest {
                break;
            }
            let batch = if let Some(batch) = round.batches.get(&at) {
                Rc::clone(batch)
            } else {
                let State { log, conversations, .. } = state;
                let batch = Rc::new(log.after(&self.sql, conversations, at)?);
                round.batches.insert(at, Rc::clone(&batch));
                batch
            };
            if batch.is_empty() {
                break;
            }
            self.send_batch(live, socket, &batch, &mut state.conversations, round)?;
        }
        self.settle_later();
        Ok(())
    }

    fn send_batch(
        &self,
        live: &mut Live,
        socket: &W::Socket,
        batch: &[Rc<Event>],
        conversations: &mut Conversations,
        round: &mut Round<<W::Socket as Socket>::Text>,
    ) -> Outcome<()> {
        let home = self.settings.id.as_str();
        let several = live.kept.per_frame > 1;
        let (mut group, mut bytes): (Vec<&Rc<Event>>, usize) = (Vec::new(), 0);
        for event in batch {
            live.kept.at = event.seq;
            let standing = event.standing(&self.sql, conversations, live.told)?;
            if !live.reader.receives(event.kind, standing.as_deref()) {
                continue;
            }
            let kind = self.kind(live, event, round);
            live.unacked.note(event.seq, event.mark, kind);
            if several {
                group.push(event);
                bytes += event.body.len();
                let most = usize::try_from(live.kept.per_frame).unwrap_or(usize::MAX);
                if group.len() < most && bytes < FRAME_BYTES {
                    continue;
                }
                live.slow = send_group(home, socket, &group, round) > WINDOW;
                group.clear();
                bytes = 0;
            } else {
                let made = || W::Socket::text(&frame::event(home, &event.id, &event.body));
                live.slow = socket.send_counted(round.singles.entry(event.seq).or_insert_with(made)) > WINDOW;
            }
            if live.slow {
                return Ok(());
            }
        }
        if !group.is_empty() {
            live.slow = send_group(home, socket, &group, round) > WINDOW;
        }
        Ok(())
    }

    fn kind(&self, live: &Live, event: &Event, round: &mut Round<<W::Socket as Socket>::Text>) -> Kind {
        let meant = round.meant.entry(event.seq).or_insert_with(|| Meant::of(event).map(Rc::new));
        let (agent, name) = (&live.kept.agent, &live.kept.name);
        if meant.as_ref().is_some_and(|meant| meant.means(&self.settings.id, agent, name)) {
            Kind::Wake
        } else {
            Kind::Plain
        }
    }
}

fn send_group<K: Socket>(home: &str, socket: &K, group: &[&Rc<Event>], round: &mut Round<K::Text>) -> u64 {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return 0 };
    // Places tell groups apart: where as many lie between the same two, a sum of them does the rest.
    let sum = group.iter().fold(group.len() as u64, |sum, event| {
        sum.wrapping_mul(1_099_511_628_211).wrapping_add((event.seq - first.seq).unsigned_abs())
    });
    let key = (first.seq, last.seq.unsigned_abs(), sum);
    let made = || K::text(&frame::events(home, &last.id, group.iter().map(|event| event.body.as_str())));
    socket.send_counted(round.several.entry(key).or_insert_with(made))
}
