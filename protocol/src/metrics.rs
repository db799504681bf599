//! Numbers about calls: what is counted, over which time it is asked for, and how it is shown.
//!
//! Never content and never a secret: codes, counts and durations alone.

pub mod exposition;
pub mod figures;
pub mod histogram;
pub mod range;
