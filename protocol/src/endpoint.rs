//! The endpoint surface without the platform: which route a path is, what a caller's body asks for, what goes to the
//! pod, and what comes back, plain or streamed (agent-endpoints §2, §7, §9).

pub mod api;
pub mod capability;
pub mod completion;
mod flat;
pub mod flat_stream;
pub mod headers;
pub mod models;
pub mod plain_answer;
pub mod pod_answer;
pub mod pod_error;
pub mod response;
pub mod route;
pub mod run_request;
pub mod skills;
pub mod socket_frame;
pub mod sse;
pub mod stream_facts;
pub mod stream_scanner;
pub mod tool_result;
pub mod usage;
