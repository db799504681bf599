//! The SQL that rules see: `SQLite`, synchronous, in the object that runs them.

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// A value of `SQLite`. Rules store whole numbers below 2^53, since JavaScript carries them, and text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// `NULL`.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Int(n) => serializer.serialize_i64(*n),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a whole number or text")
            }

            fn visit_unit<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_i64<E: Error>(self, n: i64) -> Result<Value, E> {
                Ok(Value::Int(n))
            }

            fn visit_u64<E: Error>(self, n: u64) -> Result<Value, E> {
                i64::try_from(n).map(Value::Int).map_err(E::custom)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl Value {
    /// The whole number, or 0.
    pub fn int(&self) -> i64 {
        match self {
            Self::Int(n) => *n,
            Self::Null | Self::Text(_) => 0,
        }
    }

    /// The text, or nothing.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Null | Self::Int(_) => "",
        }
    }

    /// The whole number, unless it is `NULL`.
    pub fn maybe_int(&self) -> Option<i64> {
        if *self == Self::Null {
            None
        } else {
            Some(self.int())
        }
    }

    /// The text, unless it is `NULL`.
    pub fn maybe_text(&self) -> Option<String> {
        if *self == Self::Null {
            None
        } else {
            Some(self.text().to_owned())
        }
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Int(i64::try_from(n).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// What the database says went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError(pub String);

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SqlError {}

impl From<SqlError> for moltghost_protocol::error::Problem {
    fn from(error: SqlError) -> Self {
        use moltghost_protocol::error::{Code, Problem};
        Problem::new(Code::InternalError, format!("storage failed: {error}"))
    }
}

impl From<SqlError> for moltghost_protocol::moltnet::error::MoltnetError {
    fn from(error: SqlError) -> Self {
        Self::internal(format!("storage failed: {error}"))
    }
}

/// One statement with its parameters.
pub type Statement = (&'static str, Vec<Value>);

/// The database of one object.
///
/// What is written in one turn is committed together, and nothing that the object sends leaves before it is.
pub trait Sql {
    /// Runs one statement; parameters stand as `?1`, `?2`.
    ///
    /// # Errors
    /// What the database says.
    fn run(&self, query: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError>;

    /// Whether a statement without parameters finds any row.
    ///
    /// # Errors
    /// What the database says.
    fn finds(&self, query: &str) -> Result<bool, SqlError> {
        Ok(!self.run(query, &[])?.is_empty())
    }

    /// Runs several statements in order until one fails. Answers how many ran; those stay, and are committed with
    /// whatever else this turn writes.
    fn apply(&self, statements: &[(&str, Vec<Value>)]) -> (usize, Result<(), SqlError>) {
        for (ran, (query, parameters)) in statements.iter().enumerate() {
            if let Err(error) = self.run(query, parameters) {
                return (ran, Err(error));
            }
        }
        (statements.len(), Ok(()))
    }

    /// Size of the database in bytes.
    ///
    /// # Errors
    /// What the database says.
    fn size(&self) -> Result<u64, SqlError>;

    /// Runs several statements, all or none.
    ///
    /// # Errors
    /// What the database says of the one that failed; none has had effect then.
    fn batch(&self, statements: &[(&str, Vec<Value>)]) -> Result<(), SqlError>;
}

/// The value at `at` in a row, `NULL` beyond its end.
pub fn column(row: &[Value], at: usize) -> &Value {
    row.get(at).unwrap_or(&Value::Null)
}
