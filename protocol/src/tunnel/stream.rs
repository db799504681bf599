//! What may come when on a stream: one machine for both ends, told of every frame that is sent or received.

use super::{Frame, Reset};

/// Who sends a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The endpoint, which asks.
    Endpoint,
    /// The connector, which answers.
    Connector,
}

/// How far one side's half of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Its head has not come.
    Before,
    /// Its body flows.
    Open,
    /// Its body is over.
    Ended,
}

/// What to do about a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It counts.
    Take,
    /// It was sent before its sender could know that the stream is over: it is passed over. Bytes of a body still
    /// count on the link.
    Late,
    /// It counts, and the stream is over.
    Over,
}

/// A frame came that may not come there: its receiver answers with [`Reset::Protocol`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misplaced;

/// One stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    request: Half,
    response: Half,
    accepted: bool,
    /// Who gave it up, and why.
    reset: Option<(Side, Reset)>,
}

impl Default for Stream {
    fn default() -> Self {
        Self { request: Half::Before, response: Half::Before, accepted: false, reset: None }
    }
}

impl Stream {
    /// How far the request is.
    pub fn request(&self) -> Half {
        self.request
    }

    /// How far the response is.
    pub fn response(&self) -> Half {
        self.response
    }

    /// Whether the pod may have taken the request: then the call goes to no other link.
    pub fn is_accepted(&self) -> bool {
        self.accepted || self.response != Half::Before
    }

    /// Whether nothing more is to come: the response has ended, or one side has given up.
    pub fn is_over(&self) -> bool {
        self.response == Half::Ended || self.reset.is_some()
    }

    /// Takes a frame that `from` sends.
    ///
    /// # Errors
    /// [`Misplaced`], and the stream is as before.
    pub fn take(&mut self, from: Side, frame: &Frame<'_>) -> Result<Step, Misplaced> {
        if let Some(step) = self.after_the_end(from, frame) {
            return step;
        }
        let asked = self.request != Half::Before;
        match (from, frame) {
            (Side::Endpoint, Frame::Request(_)) if !asked => self.request = Half::Open,
            (Side::Endpoint, Frame::Body(_)) if self.request == Half::Open => {}
            (Side::Endpoint, Frame::End) if self.request == Half::Open => self.request = Half::Ended,
            (Side::Connector, Frame::Accepted) if asked && !self.is_accepted() => self.accepted = true,
            (Side::Connector, Frame::Response(_)) if asked && self.response == Half::Before => {
                self.response = Half::Open;
            }
            (Side::Connector, Frame::Body(_)) if self.response == Half::Open => {}
            (Side::Connector, Frame::End) if self.response == Half::Open => {
                self.response = Half::Ended;
                return Ok(Step::Over);
            }
            (_, Frame::Reset(reason)) if asked => {
                self.reset = Some((from, *reason));
                return Ok(Step::Over);
            }
            (_, Frame::Window(_)) if asked => {}
            _ => return Err(Misplaced),
        }
        Ok(Step::Take)
    }

    /// What of a frame that comes after the end, if this is after it: the side that made the end has nothing more to
    /// say, the other may not have heard of it.
    fn after_the_end(self, from: Side, frame: &Frame<'_>) -> Option<Result<Step, Misplaced>> {
        let ended_by = match self.reset {
            Some((by, _)) => by,
            None if self.response == Half::Ended => Side::Connector,
            None => return None,
        };
        // The end of a response may cross with room for it, or with its sender giving up what is over.
        let harmless = matches!(frame, Frame::Window(_) | Frame::Reset(_));
        let greets = matches!(frame, Frame::Request(_));
        Some(if !greets && (from != ended_by || harmless) { Ok(Step::Late) } else { Err(Misplaced) })
    }
}
