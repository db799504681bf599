//! The endpoint surface without the platform: which route a path is, what a caller's body asks for, what goes to the
//! pod, and what comes back, plain or streamed (agent-endpoints §2, §7, §9).

pub mod capability;
pub mod chat_request;
pub mod completion;
mod flat;
pub mod flat_stream;
pub mod headers;
pub mod models;
pub mod plain_answer;
pub mod pod_answer;
pub mod pod_error;
pub mod route;
pub mod skills;
pub mod sse;
pub mod stream_facts;
pub mod stream_scanner;
pub mod usage;
