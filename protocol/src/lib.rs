//! What the Worker, its Durable Objects and the command line share: ids, credentials, wire types, validation,
//! parsers and the typed requests between Worker and objects.
//!
//! Nothing here knows Workers, sockets or clocks: whatever time or randomness a function needs is an argument.

#![forbid(unsafe_code)]

pub mod alphabet;
pub mod control;
pub mod credential;
pub mod endpoint;
pub mod error;
pub mod host;
pub mod id;
pub mod json;
pub mod limit;
pub mod metrics;
pub mod moltnet;
pub mod name;
pub mod object;
pub mod origin;
pub mod region;
pub mod request_id;
pub mod seal;
pub mod stream;
pub mod time;
pub mod tunnel;
pub mod webhook;
