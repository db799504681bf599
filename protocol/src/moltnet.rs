//! The wire of Moltnet: what a chat network of rooms, threads and direct conversations says over HTTP, with the
//! original's names, omissions and refusals, so that its own programs work unmodified.
//!
//! Members that are empty are left out where the original leaves them out, and `null` stands for a member that is
//! not there.

pub mod access;
pub mod actor;
pub mod agent;
pub mod apply;
pub mod artifact;
pub mod claims;
pub mod cursor;
pub mod decode;
pub mod delivery;
pub mod discovery;
pub mod error;
pub mod event;
pub mod fqid;
pub mod frame;
pub mod gate;
pub mod id;
pub mod limits;
pub mod member;
pub mod mention;
pub mod message;
pub mod metrics;
pub mod network;
pub mod page;
pub mod pairing;
pub mod part;
pub mod policy;
pub mod quote;
pub mod registration;
pub mod room;
pub mod route;
pub mod sender;
pub mod settings;
pub mod target;
pub mod thread;
pub mod token;
pub mod url;

use serde::{Deserialize, Deserializer};

/// Reads a member that may be `null`, which stands for its default.
///
/// # Errors
/// Where the value is neither `null` nor a `T`.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(reader: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(reader)?.unwrap_or_default())
}

/// Reads a list that may be `null`, and may hold `null`, which stands for its default.
///
/// # Errors
/// Where the value is neither `null` nor a list of values that are `null` or a `T`.
pub fn nullable_list<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    reader: D,
) -> Result<Vec<T>, D::Error> {
    let list: Option<Vec<Option<T>>> = Option::deserialize(reader)?;
    Ok(list.unwrap_or_default().into_iter().map(Option::unwrap_or_default).collect())
}
