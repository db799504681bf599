//! JSON texts of which only a few members matter: their spans are found in one pass that also proves the whole text
//! right, and edits touch those spans alone. A request of ten megabytes is neither copied nor taken apart, and what
//! we do not know goes on byte for byte.
//!
//! Requests are read as strictly as `serde_json` reads them (a differential fuzz target holds us to it), besides
//! two limits: [`MAX_DEPTH`] and [`MAX_MEMBERS`]. Answers of pods are read as `JSON.parse` reads them.

pub mod cursor;
pub mod edits;
pub mod members;
mod scalar;
pub mod text;

pub use edits::Edits;
pub use members::{Kind, Members, Value};
pub use text::RawStr;

use crate::error::{Code, Problem};
use cursor::{Fault, Reason};
use std::fmt;

/// Deepest nesting of arrays and objects.
pub const MAX_DEPTH: u32 = 128;

/// Most members in the outermost object; it bounds what a hostile body can make us remember.
pub const MAX_MEMBERS: usize = 1_024;

/// Which texts count as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// What `serde_json` accepts: no half of a surrogate pair alone, no number beyond a 64-bit float.
    Request,
    /// What `JSON.parse` accepts: servers that cut their text into UTF-16 units do send such halves.
    Answer,
}

/// Why a text cannot be used. Lines are counted by line feeds, columns in bytes; both begin at 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// The text is not JSON.
    Syntax {
        /// Line of the first byte that is wrong.
        line: usize,
        /// Its column, in bytes.
        column: usize,
        /// What is wrong there, in plain words.
        reason: &'static str,
    },
    /// The text is not UTF-8.
    NotUtf8 {
        /// Line of the first byte that is wrong.
        line: usize,
        /// Its column, in bytes.
        column: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep {
        /// Line of the bracket that is one too many.
        line: usize,
        /// Its column, in bytes.
        column: usize,
    },
    /// More than [`MAX_MEMBERS`] members.
    TooManyMembers,
    /// JSON, but not an object.
    NotAnObject,
    /// Nothing but white space.
    Empty,
    /// A member that may stand once stands twice.
    Repeated(String),
}

impl JsonError {
    pub(crate) fn at(text: &[u8], fault: Fault) -> Self {
        let (line, column) = position(text, fault.at);
        match fault.reason {
            Reason::Syntax(reason) => Self::Syntax { line, column, reason },
            Reason::TooDeep => Self::TooDeep { line, column },
        }
    }
}

/// Line and column of the byte at `at`.
pub(crate) fn position(text: &[u8], at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |newline| newline + 1);
    let line = before.iter().fold(1, |line, b| line + usize::from(*b == b'\n'));
    (line, before.len() - line_start + 1)
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, column, reason } => {
                write!(f, "the body is not valid JSON: {reason}, at line {line}, column {column}")
            }
            Self::NotUtf8 { line, column } => {
                write!(f, "the body is not valid UTF-8, at line {line}, column {column}")
            }
            Self::TooDeep { line, column } => {
                write!(
                    f,
                    "the body is nested deeper than {MAX_DEPTH} levels, at line {line}, column {column}"
                )
            }
            Self::TooManyMembers => write!(f, "the body has more than {MAX_MEMBERS} members"),
            Self::NotAnObject => f.write_str("the body must be a JSON object, such as {\"messages\":[…]}"),
            Self::Empty => f.write_str("the body is empty; it must be a JSON object, at line 1, column 1"),
            Self::Repeated(name) => write!(f, "`{name}` stands more than once; send it once"),
        }
    }
}

impl std::error::Error for JsonError {}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        let code = match error {
            JsonError::NotAnObject | JsonError::Repeated(_) | JsonError::TooManyMembers => {
                Code::InvalidRequest
            }
            _ => Code::InvalidJson,
        };
        let problem = Self::new(code, error.to_string());
        match error {
            JsonError::Repeated(name) => problem.param(name),
            _ => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_lines_and_bytes_from_one() {
        assert_eq!(position(b"", 0), (1, 1));
        assert_eq!(position(b"ab\ncd", 2), (1, 3));
        assert_eq!(position(b"ab\ncd", 3), (2, 1));
        assert_eq!(position("é\né".as_bytes(), 5), (2, 3));
        assert_eq!(position(b"ab", 99), (1, 3));
    }

    #[test]
    fn every_error_becomes_the_documented_refusal() {
        let syntax = JsonError::Syntax { line: 2, column: 7, reason: "a value is missing" };
        let problem = Problem::from(syntax);
        assert_eq!(problem.code, Code::InvalidJson);
        assert_eq!(problem.message, "the body is not valid JSON: a value is missing, at line 2, column 7");
        assert_eq!(Problem::from(JsonError::Empty).code, Code::InvalidJson);
        assert_eq!(Problem::from(JsonError::NotAnObject).code, Code::InvalidRequest);
        assert_eq!(Problem::from(JsonError::Repeated("n".into())).param.as_deref(), Some("n"));
    }
}
