//! The `Agent` object, `ep:<agent-id>`: one endpoint. It owns the lifecycle, the keys and the runs.
//!
//! [`Endpoint`] holds in memory what every call needs and in SQL what must outlive it. A call is admitted from
//! memory after one read of the database (an event that touches no storage could come to a stale instance); its
//! lease and the settlements that came with it are written in the next turn of the event loop, in one commit with
//! those of every call that came meanwhile. A crash in between loses leases that are younger than a turn: their runs
//! are never charged. What is later than a turn is never lost.

mod admit;
mod availability;
mod caller;
mod callers;
mod capabilities;
mod endpoint;
mod grant;
mod instance;
mod keys;
mod lifecycle;
mod links;
mod metrics;
mod notices;
mod notifying;
mod object;
mod outbox;
mod permits;
mod probing;
mod queue;
mod read;
mod rotate;
mod runs;
mod schema;
mod sockets;
mod start;
mod stored;
mod telling;
#[cfg(test)]
mod tests;
mod ticket;
mod tunnel;
mod tunneling;
mod usage;
mod watch;

pub use endpoint::{not_found as unknown, Endpoint, Reply, Turn};
#[cfg(test)]
pub use links::none as no_links;
pub use object::Agent as AgentObject;
