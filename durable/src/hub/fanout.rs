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
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Bytes that may be on their way to one attachment; one frame more may always be sent while it is not reached.
pub(super) const WINDOW: u64 = 256 * 1024;

/// How many must still be on their way for a slow attachment to be waited for.
const DRAINED: u64 = 64 * 1024;

/// How often a slow attachment is looked at.
pub(super) const LOOK: Millis = 100;

/// Most bytes of events in one `EVENTS` frame, the last left aside.
const FRAME_BYTES: usize = 256 * 1024;

/// Bytes before the text of a WebSocket's frame, at most.
const FRAME_HEAD: usize = 14;

/// A text, and how many bytes go on their way with it.
struct Sending<T>(T, u64);

impl<T> Sending<T> {
    fn of<K: Socket<Text = T>>(text: &str) -> Self {
        Self(K::text(text), (text.len() + FRAME_HEAD) as u64)
    }
}

/// What is made of one event: whom it is meant for, and its frame.
struct Made<T> {
    meant: Option<Meant>,
    single: Option<Sending<T>>,
}

/// What one turn has made.
pub(super) struct Round<T> {
    batches: BTreeMap<i64, Rc<Vec<Rc<Event>>>>,
    made: BTreeMap<i64, Made<T>>,
    several: HashMap<(i64, u64, u64), Sending<T>>,
}

impl<T> Default for Round<T> {
    fn default() -> Self {
        Self { batches: BTreeMap::new(), made: BTreeMap::new(), several: HashMap::new() }
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
            let (mut left, mut slow, mut fed) = (false, false, false);
            for attachment in peers.attachments.values_mut() {
                let Phase::Live(live) = &attachment.phase else { continue };
                if live.kept.at >= state.log.span.newest && live.gap.is_none() {
                    continue;
                }
                if now(live) {
                    fed |= self.feed(attachment, &mut state, &mut round)?;
                    slow |= matches!(&attachment.phase, Phase::Live(live) if live.slow);
                } else {
                    left = true;
                }
            }
            if slow {
                self.flush_later(&self.looks, LOOK);
            }
            if fed {
                self.settle_later();
            }
            Ok(left)
        })();
        sent.unwrap_or_else(|error| {
            self.world.fault(&error);
            false
        })
    }

    /// Sends an attachment what it lacks, as far as what is on its way to it allows. Answers whether it moved on,
    /// which is to be kept, see [`Hub::settle_later`].
    pub(super) fn feed(
        &self,
        attachment: &mut Attachment<W::Socket>,
        state: &mut State<W::Socket>,
        round: &mut Round<<W::Socket as Socket>::Text>,
    ) -> Outcome<bool> {
        let Phase::Live(live) = &mut attachment.phase else { return Ok(false) };
        let socket = &attachment.socket;
        if live.slow {
            live.on_way = socket.buffered();
            if live.on_way > DRAINED {
                return Ok(false);
            }
            live.slow = false;
        }
        let home = &self.settings.id;
        let mut moved = false;
        while !live.slow {
            let span = &state.log.span;
            if live.gap.is_none() && !span.reaches(live.kept.at) {
                live.gap = Some(span.cursor(live.kept.at).to_string());
                live.kept.at = span.oldest - 1;
            }
            (attachment.moved, moved) = (true, true);
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
                send(live, socket, &Sending::of::<W::Socket>(&frame::event(home, &id, &body)));
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
        Ok(moved)
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
            let made =
                round.made.entry(event.seq).or_insert_with(|| Made { meant: Meant::of(event), single: None });
            let (agent, name) = (&live.kept.agent, &live.kept.name);
            let means = made.meant.as_ref().is_some_and(|meant| meant.means(home, agent, name));
            live.unacked.note(event.seq, event.mark, if means { Kind::Wake } else { Kind::Plain });
            if several {
                group.push(event);
                bytes += event.body.len();
                let most = usize::try_from(live.kept.per_frame).unwrap_or(usize::MAX);
                if group.len() < most && bytes < FRAME_BYTES {
                    continue;
                }
                send_group(home, live, socket, &group, round);
                group.clear();
                bytes = 0;
            } else {
                let single = || Sending::of::<W::Socket>(&frame::event(home, &event.id, &event.body));
                send(live, socket, made.single.get_or_insert_with(single));
            }
            if live.slow {
                return Ok(());
            }
        }
        if !group.is_empty() {
            send_group(home, live, socket, &group, round);
        }
        Ok(())
    }
}

/// Sends, and finds out whether the reader is behind. The socket is asked only where what was sent since it was asked
/// last could be more than may be on the way.
fn send<K: Socket>(live: &mut Live, socket: &K, Sending(text, bytes): &Sending<K::Text>) {
    socket.send(text);
    live.on_way = live.on_way.saturating_add(*bytes);
    if live.on_way > WINDOW {
        live.on_way = socket.buffered();
    }
    live.slow = live.on_way > WINDOW;
}

fn send_group<K: Socket>(
    home: &str,
    live: &mut Live,
    socket: &K,
    group: &[&Rc<Event>],
    round: &mut Round<K::Text>,
) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    // Places tell groups apart: where as many lie between the same two, a sum of them does the rest.
    let sum = group.iter().fold(group.len() as u64, |sum, event| {
        sum.wrapping_mul(1_099_511_628_211).wrapping_add((event.seq - first.seq).unsigned_abs())
    });
    let key = (first.seq, last.seq.unsigned_abs(), sum);
    let made =
        || Sending::of::<K>(&frame::events(home, &last.id, group.iter().map(|event| event.body.as_str())));
    send(live, socket, round.several.entry(key).or_insert_with(made));
}
