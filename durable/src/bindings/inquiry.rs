//! A small question to a pod, such as what models it has, and its whole answer. It belongs to no caller: nobody's
//! leaving ends it, and it has a time of its own.

use super::tunnel::Tunnel;
use super::{glue, task, Failure};
use js_sys::{Promise, Uint8Array};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    /// `METHOD URL\n`, with the whole URL, then `name: value\n` lines. Redirects are not followed.
    pub head: &'a str,
    /// The body.
    pub body: Option<&'a [u8]>,
    /// Wall time in milliseconds, the reading of the answer included.
    pub timeout_ms: u32,
    /// Largest answer that is read, in bytes.
    pub limit: u32,
}

/// What came of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// An answer: its status, and its body unless that is larger than the limit.
    Answer(u16, Option<String>),
    /// Nothing came in time.
    Late,
    /// The pod cannot be reached, or its answer broke off.
    Failed,
}

/// A question that was sent.
pub struct Asked(Promise);

impl Inquiry<'_> {
    /// Sends the question over a pod's tunnel, where the URL is the path alone.
    ///
    /// # Errors
    /// Where the environment is not one.
    pub fn send_over(&self, tunnel: &Tunnel) -> Result<Asked, Failure> {
        let body = self.body.map(Uint8Array::from);
        Ok(Asked(glue::inquire_over(&tunnel.0, self.head, body, self.timeout_ms, self.limit)?))
    }

    /// Sends the question; several can be under way at once.
    ///
    /// # Errors
    /// Where the runtime takes no such request.
    pub fn send(&self) -> Result<Asked, Failure> {
        let body = self.body.map(Uint8Array::from);
        Ok(Asked(glue::inquire(self.head, body, self.timeout_ms, self.limit)?))
    }
}

impl Asked {
    /// Waits for the answer.
    pub async fn reply(self) -> Reply {
        let Some(text) = task::settled(&self.0).await.ok().and_then(|text| text.as_string()) else {
            return Reply::Failed;
        };
        let (head, body) = text.split_once('\n').unwrap_or_default();
        let (status, how) = head.split_once(' ').unwrap_or_default();
        match (status.parse(), how) {
            (Ok(status), "whole") => Reply::Answer(status, Some(body.to_owned())),
            (Ok(status), "cut") => Reply::Answer(status, None),
            (_, "late") => Reply::Late,
            _ => Reply::Failed,
        }
    }
}
