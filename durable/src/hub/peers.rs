//! Who is at the other end of the hub's sockets, in memory. What is kept with each socket outlives the hub's sleep;
//! after it this is read from there.

use super::attachment::{KeptAttachment, Live, Phase};
use super::observe::{Observer, Peer};
use super::{Hub, World};
use crate::sql::Sql;
use crate::stream::link::Socket;
use moltghost_protocol::moltnet::delivery::{Audience, Reader};
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::object::hub::Admitted;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What is kept with a socket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept<O, A> {
    /// It is an observer's.
    Observer(O),
    /// It is an attachment's.
    Attachment(A),
}

/// An attachment in memory.
pub(super) struct Attachment<K> {
    pub socket: K,
    /// How it was let in; from `READY` on with what it is told.
    pub admitted: Admitted,
    pub phase: Phase,
    /// Whether what is kept with the socket is behind.
    pub moved: bool,
}

/// The hub's peers.
pub(super) struct Peers<K> {
    pub observers: BTreeMap<u64, Peer<K>>,
    pub attachments: BTreeMap<u64, Attachment<K>>,
    readers: Vec<Rc<Reader>>,
    next: u64,
}

impl<K: Socket> Peers<K> {
    /// Reads them from their sockets.
    pub fn of(sockets: Vec<K>, home: &str) -> Self {
        let mut peers =
            Self { observers: BTreeMap::new(), attachments: BTreeMap::new(), readers: Vec::new(), next: 1 };
        let mut attached = Vec::new();
        for socket in sockets {
            match kept(&socket) {
                Some(Kept::Observer(observer)) => {
                    let reader = peers.reader(home, &observer.admitted.audience);
                    peers.next = peers.next.max(observer.number + 1);
                    socket.set_number(observer.number);
                    peers.observers.insert(observer.number, Peer::new(socket, observer, reader));
                }
                Some(Kept::Attachment(kept)) => attached.push((socket, kept)),
                None => {}
            }
        }
        for (socket, kept) in attached {
            peers.attach(home, socket, kept);
        }
        peers
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.observers.is_empty() && self.attachments.is_empty()
    }

    /// An attachment as it is kept with its socket; answers its number.
    pub fn attach(&mut self, home: &str, socket: K, kept: KeptAttachment) -> u64 {
        let KeptAttachment { admitted, until, live } = kept;
        let phase = match live {
            Some(live) => {
                let reader = self.reader(home, &admitted.audience);
                Phase::Live(Box::new(Live::new(live, reader)))
            }
            None => Phase::Hello(until),
        };
        let number = self.fresh_number();
        socket.set_number(number);
        self.attachments.insert(number, Attachment { socket, admitted, phase, moved: false });
        number
    }

    /// A number that no other socket of the hub has.
    pub fn fresh_number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// The reader for an audience, the same one for all that are told the same.
    pub fn reader(&mut self, home: &str, audience: &Audience) -> Rc<Reader> {
        self.readers.retain(|reader| Rc::strong_count(reader) > 1);
        if let Some(reader) = self.readers.iter().find(|reader| reader.audience == *audience) {
            return Rc::clone(reader);
        }
        let reader = Rc::new(audience.clone().reader(home));
        self.readers.push(Rc::clone(&reader));
        reader
    }
}

/// What is kept with a socket, if it has said who it is.
pub(super) fn kept<K: Socket>(socket: &K) -> Option<Kept<Observer, KeptAttachment>> {
    serde_json::from_str(&socket.state()?).ok()
}

impl<S: Sql, W: World> Hub<S, W> {
    /// Takes a frame of a socket.
    pub fn frame(&self, socket: &W::Socket, text: &str) {
        let taken = match self.observer(socket) {
            Ok(Some(number)) => self.took(number, text),
            Ok(None) if socket.state().is_none() => {
                self.greet(socket, text);
                Ok(())
            }
            // One that was ended, or whose frames come another way.
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            self.world.fault(&error);
        }
    }

    /// The number of a socket's observer, if it is one.
    fn observer(&self, socket: &W::Socket) -> Outcome<Option<u64>> {
        let peers = self.peers()?;
        let number = socket.number();
        Ok(peers.observers.contains_key(&number).then_some(number))
    }

    /// A socket has closed.
    pub fn closed(&self, socket: &W::Socket) {
        if let Ok(mut peers) = self.peers() {
            peers.observers.remove(&socket.number());
        }
    }
}
