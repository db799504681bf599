//! The `Network` object, `net:<network>`: the directory. It owns what is unique in the network: ids of rooms, threads
//! and direct conversations, agents' handles, tokens. It decides who may do what; only a post's write policy is the
//! room's own.
//!
//! A message is taken in one synchronous turn: the credential is resolved, the gate applied, the answer found and
//! what changes written, all in one commit. So a revoked token is dead for the next message, and two callers never
//! get the same handle. What other objects must learn is written down in that commit and told by the alarm; until a
//! room has learnt its newest state, tickets and places for it say so.

mod agents;
mod apply;
mod attach;
mod conversations;
mod credential;
mod describe;
mod leases;
mod notices;
mod object;
mod once;
mod operator;
mod pairings;
mod project;
mod rates;
mod register;
mod rooms;
mod saga;
mod schema;
mod send;
#[cfg(test)]
pub(crate) mod tests;
mod tokens;
mod window;

pub use object::{settings, Network as NetworkObject};

use crate::bindings::object::{referral, Class};
use crate::migrate;
use crate::remembering::Remembering;
use crate::sql::{Sql, Statement};
use leases::Leases;
use moltghost_protocol::credential::Pepper;
use moltghost_protocol::moltnet::access::Scopes;
use moltghost_protocol::moltnet::claims::{Claims, View};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::{self, Credential, Gate};
use moltghost_protocol::moltnet::metrics::Metrics;
use moltghost_protocol::moltnet::settings::Settings;
use moltghost_protocol::name::Conversation;
use moltghost_protocol::object::hub::Notice;
use moltghost_protocol::object::network::{NetworkAsk, NetworkOp, Reply, What};
use moltghost_protocol::object::room::{Post, RoomAsk};
use moltghost_protocol::object::{read, write, write_outcome};
use moltghost_protocol::time::Millis;
use rates::Rates;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::future::Future;

/// What the directory needs of the world.
pub trait World {
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
    /// Asks a conversation.
    fn room(&self, conversation: &Conversation, ask: RoomAsk) -> impl Future<Output = Outcome<()>>;
    /// Tells the hub; answers the number of the last notice that it has.
    fn hub(&self, notices: Vec<Notice>) -> impl Future<Output = Outcome<u64>>;
    /// Writes to D1 in one transaction.
    fn project(&self, statements: Vec<Statement>) -> impl Future<Output = Outcome<()>>;
}

/// One object of the class.
pub struct Network<S, W> {
    sql: Remembering<S>,
    world: W,
    pepper: Pepper,
    settings: Settings,
    rates: RefCell<Rates>,
    leases: RefCell<Leases>,
    metrics: RefCell<Metrics>,
    /// Whether this instance has seen that the schema is the newest.
    ready: Cell<bool>,
    /// Whether D1 could not be written the last time.
    behind: Cell<bool>,
}

/// Who asks.
pub(crate) struct Asker {
    /// What the credential opens; `None`: nobody in particular.
    pub claims: Option<Claims>,
    /// Whether a token was sent, if only one that opens nothing here.
    pub known: bool,
    /// The caller's address.
    pub client: String,
}

impl<S: Sql, W: World> Network<S, W> {
    /// The object on a database; reads nothing yet.
    pub fn new(sql: S, world: W, pepper: Pepper, settings: Settings) -> Self {
        Self {
            sql: Remembering::new(sql),
            world,
            pepper,
            settings,
            rates: RefCell::default(),
            leases: RefCell::default(),
            metrics: RefCell::default(),
            ready: Cell::new(false),
            behind: Cell::new(false),
        }
    }

    /// Takes one message and gives its answer, both as text.
    pub fn handle(&self, message: &str) -> String {
        let ask = match read::<NetworkAsk>(message) {
            Ok(ask) => ask,
            Err(problem) => return write_outcome::<Reply>(&Err(problem.into())),
        };
        let refer = ask.refer;
        match self.take(ask) {
            Ok(Reply::Ticket(ticket)) if refer => {
                let post = Post { caller: ticket.caller, message: ticket.message };
                let ask = RoomAsk::Post { open: ticket.open, posts: vec![post], lease: ticket.lease };
                referral(Class::Room, &ticket.conversation.to_string(), &write(&ask))
            }
            outcome => write_outcome(&outcome),
        }
    }

    fn take(&self, ask: NetworkAsk) -> Outcome<Reply> {
        self.prepare()?;
        // An instance that was replaced must not answer from memory.
        self.sql.finds("SELECT 1 FROM total")?;
        let mut metrics = self.metrics.borrow_mut();
        ask.answered.into_iter().for_each(|sample| metrics.count(sample));
        drop(metrics);
        let op = match ask.op {
            // These come from other parts of ours, not from a caller.
            NetworkOp::DmSummary(summary) => return self.learn_summary(&summary),
            NetworkOp::Operator(op) => return self.operate(op, &ask.nonce),
            NetworkOp::Identify(ask_of) => return self.identify(&ask_of, &ask.nonce),
            NetworkOp::Unclaim(claim) => return self.unclaim(&claim),
            NetworkOp::Roomless(agents) => return self.roomless(&agents),
            op => op,
        };
        let credential = self.credential(ask.credential.as_deref())?;
        let known = matches!(credential, Credential::Known(_));
        let claims = gate_of(&op).enter(&self.settings, credential)?;
        let asker = Asker { claims, known, client: ask.client };
        match op {
            NetworkOp::Enter(_)
            | NetworkOp::DmSummary(_)
            | NetworkOp::Operator(_)
            | NetworkOp::Identify(_)
            | NetworkOp::Unclaim(_)
            | NetworkOp::Roomless(_) => Ok(Reply::Done),
            NetworkOp::Attach => self.attach(&asker),
            NetworkOp::Network => self.describe(&asker),
            NetworkOp::Rooms(page) => self.rooms(&asker, &page),
            NetworkOp::CreateRoom(request) => self.create_room(&request, &ask.nonce),
            NetworkOp::Room(id) => self.room(&asker, &id),
            NetworkOp::RemoveRoom(id) => self.once(&ask.nonce, &|| self.remove_room(&id)),
            NetworkOp::UpdateMembers { room, change } => self.update_members(&room, &change),
            NetworkOp::Read(what) => self.place(&asker, &what),
            NetworkOp::Dms(page) => self.dms(&asker, &page),
            NetworkOp::Agents(page) => self.agents(&asker, &page),
            NetworkOp::Agent(id) => self.agent(&asker, &id),
            NetworkOp::RemoveAgent(id) => self.once(&ask.nonce, &|| self.remove_agent(&id)),
            NetworkOp::Register(request) => self.register(&asker, &request, &ask.nonce),
            NetworkOp::Rotate { agent, request } => self.rotate(&asker, &agent, &request, &ask.nonce),
            NetworkOp::Apply(request) => self.bring_in(&request),
            NetworkOp::Send(request) => self.send(&asker, *request, ask.lease),
            NetworkOp::Pairings(page) => self.pairings(&page),
            NetworkOp::Pairing(id) => self.pairing(&id),
            NetworkOp::Document { document, base } => self.document(&asker, document, &base),
            NetworkOp::Observe => self.observe(&asker),
            NetworkOp::Metrics => Ok(Reply::Document { status: 200, body: self.metrics.borrow().write() }),
            NetworkOp::Search { room } => self.searchable(&asker, room.as_deref()),
        }
    }

    /// Brings the schema up to date. The name of a network comes from the configuration, never from a caller, so
    /// whoever asks first may make it.
    fn prepare(&self) -> Outcome<()> {
        if !self.ready.get() {
            migrate::migrate(&self.sql, migrate::version(&self.sql)?, schema::NETWORK)?;
            self.load_leases()?;
            self.ready.set(true);
        }
        Ok(())
    }

    fn home(&self) -> &str {
        &self.settings.id
    }

    fn view(&self, asker: &Asker) -> View {
        View::of(&self.settings, asker.claims.as_ref())
    }

    /// Takes the steps that are left over, then projects to D1. Rings again while something is left.
    pub async fn alarm(&self) {
        let prepared = self.prepare();
        let done = match prepared {
            Ok(()) => {
                let heard = self.tell_hub().await;
                let told = self.tell_rooms().await;
                let projected = self.project().await;
                self.behind.set(projected.is_err());
                heard.and(told).and_then(|more| projected.map(|()| more))
            }
            Err(error) => Err(error),
        };
        match done {
            Ok(false) => {}
            Ok(true) => self.world.wake(self.world.now()),
            Err(error) => {
                self.world.fault(&error);
                self.world.wake(self.world.now() + saga::RETRY);
            }
        }
    }

    /// Something was written that others must learn, and that may decide about messages.
    fn changed(&self) {
        self.world.wake(self.world.now());
        self.ends_leases();
    }
}

/// A document as an answer.
fn document(status: u16, document: &impl Serialize) -> Outcome<Reply> {
    let body = serde_json::to_string(document).map_err(|error| MoltnetError::internal(error.to_string()))?;
    Ok(Reply::Document { status, body })
}

/// The gate before what is asked. `moltnet.md` §2.2, with members let in where `moltnet-rulings.md` §4 says so.
fn gate_of(op: &NetworkOp) -> Gate {
    match op {
        NetworkOp::Enter(gate) => *gate,
        NetworkOp::Network => Gate::Public(gate::NETWORK),
        NetworkOp::Rooms(_) => Gate::PublicOrMember(gate::LIST),
        NetworkOp::Read(What::Dm(_) | What::Artifacts { .. }) | NetworkOp::Dms(_) => Gate::Member(gate::READ),
        NetworkOp::Room(_) | NetworkOp::Read(_) | NetworkOp::Search { .. } => {
            Gate::PublicOrMember(gate::READ)
        }
        NetworkOp::CreateRoom(_)
        | NetworkOp::RemoveRoom(_)
        | NetworkOp::UpdateMembers { .. }
        | NetworkOp::RemoveAgent(_)
        | NetworkOp::Apply(_)
        | NetworkOp::Metrics => Gate::Any(Scopes::ADMIN),
        NetworkOp::Agents(_) => Gate::Public(gate::LIST),
        NetworkOp::Agent(_) | NetworkOp::Observe => Gate::Public(gate::READ),
        NetworkOp::Register(_) => Gate::Register,
        NetworkOp::Rotate { .. } => Gate::Any(Scopes::ADMIN.and(Scopes::ATTACH)),
        NetworkOp::Send(_) => Gate::Any(gate::SEND),
        NetworkOp::Pairings(_) | NetworkOp::Pairing(_) => Gate::Any(gate::READ),
        NetworkOp::Document { document, .. } => gate::of_document(*document),
        NetworkOp::Attach => Gate::Attach,
        NetworkOp::DmSummary(_)
        | NetworkOp::Operator(_)
        | NetworkOp::Identify(_)
        | NetworkOp::Unclaim(_)
        | NetworkOp::Roomless(_) => Gate::Token,
    }
}
