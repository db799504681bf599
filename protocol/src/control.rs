//! The control API's requests and documents (agent-endpoints §10): what comes in, checked field by field, and what
//! goes out.

pub mod account;
pub mod agent;
mod agent_origin;
pub mod browser_origin;
mod change;
pub mod event;
pub mod fields;
pub mod key;
pub mod limits;
pub mod link;
pub mod page;
pub mod state;
