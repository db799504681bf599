//! Why a command did not do what was asked, and the exit code that says so (docs/cli.md).
//!
//! Every message says what to do next; none holds a credential.

use std::fmt;

/// What a failed command tells its caller. The number is the exit code and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Anything that has no code of its own.
    Other = 1,
    /// The command line cannot be read. clap ends the program with the same code.
    Usage = 2,
    /// No credential, or one that may not do this.
    Credential = 3,
    /// No such agent, key or file; or the agent was terminated.
    NotFound = 4,
    /// What is there stands against it: a name that is taken, a state that it cannot leave.
    Conflict = 5,
    /// Not now: a limit, or a deployment that is not ready. Trying again later may help.
    Unavailable = 6,
    /// The deployment cannot be reached.
    Unreachable = 7,
    /// What was waited for did not come.
    Waited = 8,
    /// `doctor` found something that must be mended.
    Unhealthy = 9,
    /// Ended by Ctrl-C.
    Interrupted = 130,
}

/// A failure: its kind, what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub kind: Kind,
    /// What happened, in plain words.
    pub message: String,
    /// What to do next, where that is not in the message.
    pub next: Option<String>,
    /// The deployment's error code, such as `name_taken`.
    pub code: Option<String>,
    /// The id of the request, for the operator's log.
    pub request_id: Option<String>,
}

impl Failure {
    /// A failure without further advice.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), next: None, code: None, request_id: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// The failure as `--json` prints it.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "error": {
                "message": self.message,
                "next": self.next,
                "code": self.code,
                "request_id": self.request_id,
                "exit_code": self.kind as u8,
            }
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(code) = &self.code {
            write!(f, " ({code}")?;
            if let Some(id) = &self.request_id {
                write!(f, ", request {id}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Kind::Other, error.to_string())
    }
}
