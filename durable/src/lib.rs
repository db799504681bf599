//! The Durable Objects of the access layer: thin classes over rules that know only SQL, a clock and random bytes, so
//! that the very rules and the very SQL run natively in tests.

pub mod account;
pub mod agent;
pub mod bindings;
pub mod hub;
pub mod migrate;
pub mod network;
pub mod remembering;
pub mod room;
pub mod search;
pub mod sql;
pub mod stream;

#[cfg(test)]
mod sqlite;
