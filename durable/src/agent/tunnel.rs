//! The tunnel's end in the object: links of connectors on one side, calls of the Worker on the other, and frames that
//! go from one to the other under another id.
//!
//! The object holds no bytes of bodies, but for what a link has no room for at the moment: who sends has room that
//! who reads has given. What maps calls to streams is kept with their sockets, so it outlives the object's sleep; a
//! socket that closes ends what it carried, at once.

mod choice;
mod ending;
mod kept;
mod relay;
mod shown;
#[cfg(test)]
pub mod tests;

pub use ending::DRAIN_MS;

use super::capabilities::Found;
use kept::{Greeted, Kept, KeptCall, KeptLink};
use moltghost_protocol::region::Region;
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::{Credit, Stream, LINK_WINDOW};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The first number of a socket: callers' sockets on `/ws` have smaller ones.
const FIRST: u64 = 1 << 40;

/// A socket of the object.
pub trait Wire: Clone {
    /// What was kept with it.
    fn kept(&self) -> Option<String>;
    /// Keeps something with it, at most 16 KB.
    fn keep(&self, state: &str);
    /// Its number, for as long as this instance lives; 0 for one that has none.
    fn number(&self) -> u64;
    /// Gives it a number.
    fn set_number(&self, number: u64);
    /// Sends bytes; a socket that is closed already swallows them.
    fn send_bytes(&self, bytes: &[u8]);
    /// Sends text.
    fn send_text(&self, text: &str);
    /// Closes it.
    fn close(&self, code: u16, reason: &str);
}

/// What became of the links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A link to a replica is up.
    Up(String),
    /// A link to a replica is gone.
    Down(String),
}

/// What a link is asked to take and has no room for now.
enum Held {
    Body(u64, Vec<u8>),
    End(u64),
}

impl Held {
    fn call(&self) -> u64 {
        match self {
            Self::Body(call, _) | Self::End(call) => *call,
        }
    }
}

/// When a link was probed, and what that found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Probed {
    /// When the last probe was handed out.
    pub asked: Millis,
    /// What the pod serves.
    pub found: Option<Found>,
    /// Why the last probe failed.
    pub error: Option<String>,
}

/// A link that takes no more calls.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Leaving {
    /// Why and until when at the latest, where we have sent it away; the connector ends what it leaves by itself.
    pub sent: Option<(u8, Millis)>,
}

/// A connector's link.
pub struct Link<W> {
    socket: W,
    greeted: Option<Greeted>,
    /// The id of its next stream.
    next: u32,
    /// No new streams go here.
    leaving: Option<Leaving>,
    /// What is known of its pod.
    pub(super) probed: Probed,
    credit: Credit,
    /// Bytes that came and that the connector has no room back for yet.
    taken: u32,
    held: VecDeque<Held>,
    /// Calls in a row that it did not take, and until when it rests for that.
    failed: u32,
    rests: Millis,
    /// When it was chosen last, in the order of this instance.
    chosen: u64,
}

struct Call<W> {
    socket: W,
    run: Option<RunId>,
    /// Its link and its stream there, once it was sent.
    at: Option<(u64, u32)>,
    stream: Stream,
    /// Links that did not take it.
    tried: Vec<u64>,
    /// The only link that may.
    only: Option<u64>,
}

/// Links and calls.
pub struct Tunnel<W> {
    links: BTreeMap<u64, Link<W>>,
    calls: BTreeMap<u64, Call<W>>,
    /// Calls by link and stream.
    streams: HashMap<(u64, u32), u64>,
    /// The number of the next socket, and of the next choice.
    next: u64,
    chosen: u64,
    /// The agent's region.
    home: Option<Region>,
}

/// Whose a socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// A connector's.
    Link(u64),
    /// A call's.
    Call(u64),
}

impl<W: Wire> Tunnel<W> {
    /// What the open sockets of the object carry.
    pub fn of(sockets: Vec<W>) -> Self {
        let mut tunnel = Self {
            links: BTreeMap::new(),
            calls: BTreeMap::new(),
            streams: HashMap::new(),
            next: FIRST,
            chosen: 0,
            home: None,
        };
        for socket in sockets {
            tunnel.restore(socket);
        }
        tunnel
    }

    fn restore(&mut self, socket: W) {
        let number = match kept::of(&socket) {
            Some(Kept::Link(kept)) => {
                let mut credit = Credit::new(LINK_WINDOW);
                credit.spend(LINK_WINDOW.saturating_sub(kept.credit));
                socket.set_number(kept.number);
                let link = Link {
                    socket,
                    greeted: kept.greeted,
                    next: kept.next,
                    leaving: kept.leaving,
                    probed: kept.probed,
                    credit,
                    // Room that was not told of is forgotten with the instance: rather some twice than never.
                    taken: relay::TOLD_AT - 1,
                    held: VecDeque::new(),
                    failed: 0,
                    rests: 0,
                    chosen: 0,
                };
                self.links.insert(kept.number, link);
                kept.number
            }
            Some(Kept::Call(kept)) => {
                let stream = kept.stream();
                socket.set_number(kept.number);
                if let Some(at) = kept.at {
                    self.streams.insert(at, kept.number);
                }
                let (tried, only) = (Vec::new(), kept.only);
                let call = Call { socket, run: kept.run, at: kept.at, stream, tried, only };
                self.calls.insert(kept.number, call);
                kept.number
            }
            None => 0,
        };
        self.next = self.next.max(number + 1);
    }

    /// Takes the socket of a connector. Answers its number, which no link of this agent has had before.
    pub fn accept_link(&mut self, socket: W, now: Millis) -> u64 {
        self.next = self.next.max(u64::try_from(now).unwrap_or_default());
        let number = self.number();
        socket.set_number(number);
        let link = Link {
            socket,
            greeted: None,
            next: 1,
            leaving: None,
            probed: Probed::default(),
            credit: Credit::new(LINK_WINDOW),
            taken: 0,
            held: VecDeque::new(),
            failed: 0,
            rests: 0,
            chosen: 0,
        };
        self.links.insert(number, link);
        self.keep_link(number);
        number
    }

    /// Takes the socket of a call, which may be for one link alone. Answers its number.
    pub fn accept_call(&mut self, socket: W, run: Option<RunId>, only: Option<u64>) -> u64 {
        let number = self.number();
        socket.set_number(number);
        let (stream, tried) = (Stream::default(), Vec::new());
        self.calls.insert(number, Call { socket, run, at: None, stream, tried, only });
        self.keep_call(number);
        number
    }

    /// Answers a call that waits for its turn.
    pub fn tell_call(&self, number: u64, text: &str) {
        if let Some(call) = self.calls.get(&number) {
            call.socket.send_text(text);
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Whose a socket is; `None` for one that is nobody's any more.
    pub fn whose(&self, socket: &W) -> Option<Whose> {
        let number = socket.number();
        if self.links.contains_key(&number) {
            Some(Whose::Link(number))
        } else {
            self.calls.contains_key(&number).then_some(Whose::Call(number))
        }
    }

    fn keep_link(&self, number: u64) {
        if let Some(link) = self.links.get(&number) {
            kept::keep(
                &link.socket,
                &Kept::Link(KeptLink {
                    number,
                    greeted: link.greeted.clone(),
                    next: link.next,
                    leaving: link.leaving,
                    credit: link.credit.left(),
                    probed: link.probed.clone(),
                }),
            );
        }
    }

    fn keep_call(&self, number: u64) {
        if let Some(call) = self.calls.get(&number) {
            kept::keep(&call.socket, &Kept::Call(KeptCall::of(number, call)));
        }
    }
}
