//! The typed requests between the Worker and its objects, and their answers.
//!
//! One message asks for one thing and carries the settlements that wait in the Worker for the same object. Each
//! carries the version of this format; a reader takes its own and the one before, since a deploy mixes them
//! (architecture rule 15).

pub mod account;
pub mod agent;
pub mod attach;
pub mod hub;
pub mod network;
pub mod room;
pub mod tunnel;
pub mod worker;

use crate::error::{Code, Problem};
use crate::moltnet::error::{MoltnetError, Outcome};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of the messages that this build writes.
pub const VERSION: u32 = 1;

/// A message to an object.
#[derive(Debug, Serialize, Deserialize)]
pub struct Message<T> {
    /// Version of the format.
    pub v: u32,
    /// What is asked.
    pub ask: T,
}

/// Writes a message.
pub fn write<T: Serialize>(ask: &T) -> String {
    #[derive(Serialize)]
    struct Borrowed<'a, T> {
        v: u32,
        ask: &'a T,
    }
    serde_json::to_string(&Borrowed { v: VERSION, ask }).unwrap_or_default()
}

/// Reads a message of this version or the one before.
///
/// # Errors
/// `internal_error` for a message of another version or of no known form.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let message: Message<T> = serde_json::from_str(text).map_err(|error| {
        Problem::new(Code::InternalError, format!("an object got a message it cannot read: {error}"))
    })?;
    if message.v == VERSION || message.v + 1 == VERSION {
        Ok(message.ask)
    } else {
        Err(Problem::new(Code::InternalError, format!("an object got a message of version {}", message.v)))
    }
}

/// Writes an answer.
pub fn write_answer<T: Serialize>(answer: &Result<T, Problem>) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}

/// Reads an answer.
///
/// # Errors
/// The object's refusal, or `internal_error` for an answer of no known form.
pub fn read_answer<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str::<Result<T, Problem>>(text).unwrap_or_else(|error| {
        Err(Problem::new(
            Code::InternalError,
            format!("an object gave an answer that cannot be read: {error}"),
        ))
    })
}

/// Writes an answer of an object of the network.
pub fn write_outcome<T: Serialize>(outcome: &Outcome<T>) -> String {
    serde_json::to_string(outcome).unwrap_or_default()
}

/// Reads an answer of an object of the network.
///
/// # Errors
/// The object's refusal, or 500 for an answer of no known form.
pub fn read_outcome<T: DeserializeOwned>(text: &str) -> Outcome<T> {
    serde_json::from_str::<Outcome<T>>(text).unwrap_or_else(|error| {
        Err(MoltnetError::internal(format!("an object gave an answer that cannot be read: {error}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_keep_their_form() {
        assert_eq!(write(&"x"), r#"{"v":1,"ask":"x"}"#);
        assert_eq!(read::<String>(r#"{"v":1,"ask":"x"}"#).unwrap(), "x");
        assert_eq!(read::<String>(r#"{"v":0,"ask":"x"}"#).unwrap(), "x");
        assert!(read::<String>(r#"{"v":2,"ask":"x"}"#).is_err());
        assert_eq!(write_answer(&Ok(1)), r#"{"Ok":1}"#);
        assert_eq!(read_answer::<u32>(r#"{"Ok":1}"#).unwrap(), 1);
        let problem = Problem::new(Code::NotFound, "no");
        assert_eq!(read_answer::<u32>(&write_answer::<u32>(&Err(problem.clone()))), Err(problem));
    }
}
