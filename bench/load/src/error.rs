//! The one error type of the load generator.

use std::fmt;

/// Why a command could not be carried out. Failures of single requests are not errors of the command: they are
/// counted in its report.
#[derive(Debug)]
pub enum LoadError {
    /// The command line does not make sense; the text says where.
    Usage(String),
    /// A socket, timer or file could not be used.
    Io(std::io::Error),
    /// The HTTP library refused a request or response.
    Http(String),
    /// A report could not be written.
    Json(serde_json::Error),
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Http(text) => formatter.write_str(text),
            Self::Io(error) => write!(formatter, "{error}"),
            Self::Json(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<std::io::Error> for LoadError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<serde_json::Error> for LoadError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error)
    }
}

impl From<hyper::Error> for LoadError {
    fn from(error: hyper::Error) -> Self {
        Self::Http(error.to_string())
    }
}

impl From<hyper::http::Error> for LoadError {
    fn from(error: hyper::http::Error) -> Self {
        Self::Http(error.to_string())
    }
}

impl From<lexopt::Error> for LoadError {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}
