//! Which conversations hold a lease for a caller's messages, as far as this instance knows (decision 0021). It may be
//! wrong: the conversation knows, and refers who has none to the network.

use moltghost_protocol::credential::Pepper;
use moltghost_protocol::moltnet::message::SendRequest;
use moltghost_protocol::name::{Conversation, ConversationKind};
use moltghost_protocol::object::room::lease_key;
use std::cell::RefCell;
use std::collections::HashSet;

/// Most leases that are known at one time. Beyond it all are forgotten, which costs each sender one message more.
const KNOWN: usize = 10_000;

thread_local! {
    static HELD: RefCell<HashSet<(String, String)>> = RefCell::default();
}

/// A lease that a room may hold.
pub struct Lease {
    /// What it is for.
    pub key: String,
    /// The room's object.
    pub conversation: String,
}

impl Lease {
    /// The lease that a message needs; `None` for one that goes to no room. The credential may be anything: what the
    /// network does not know gets no lease.
    pub fn of(
        pepper: &Pepper,
        network: &str,
        credential: Option<&str>,
        client: &str,
        message: &SendRequest,
    ) -> Option<Self> {
        if !matches!(message.target.kind.as_str(), "room" | "thread") {
            return None;
        }
        let key = lease_key(pepper, network, credential, client, message);
        let id = message.target.room_id.trim().to_owned();
        let room = Conversation { kind: ConversationKind::Room, network: network.to_owned(), id };
        Some(Self { key, conversation: room.to_string() })
    }

    /// Whether the room holds it, most likely.
    pub fn is_held(&self) -> bool {
        HELD.with_borrow(|held| held.contains(&self.place()))
    }

    /// The room has kept it.
    pub fn keep(self) {
        HELD.with_borrow_mut(|held| {
            if held.len() >= KNOWN {
                held.clear();
            }
            held.insert((self.conversation, self.key));
        });
    }

    /// The room holds it no more.
    pub fn forget(&self) {
        HELD.with_borrow_mut(|held| held.remove(&self.place()));
    }

    fn place(&self) -> (String, String) {
        (self.conversation.clone(), self.key.clone())
    }
}
