//! One call of a pod and the stream of its answer.

use super::{glue, Failure};
use js_sys::Uint8Array;
use std::ops::Range;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// What happened next.
#[derive(Debug)]
pub enum Event {
    /// The pod's head arrived.
    Head(PodHead),
    /// A chunk of its body.
    Chunk(Vec<u8>),
    /// Its body ended in order.
    End,
    /// Nothing happened for the time of a heartbeat.
    Tick,
    /// The caller went away; the pod was told to stop.
    Gone,
    /// Time is up; the pod was told to stop.
    Timeout,
    /// The pod cannot be reached, or its answer broke off.
    Failed,
}

/// A pod's status and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodHead {
    /// HTTP status.
    pub status: u16,
    lines: String,
}

impl PodHead {
    fn parse(text: &str) -> Self {
        let (status, lines) = text.split_once('\n').unwrap_or((text, ""));
        Self { status: status.parse().unwrap_or(0), lines: lines.to_owned() }
    }

    /// Every header, its name in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.lines().filter_map(|line| line.split_once(": "))
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(n, _)| *n == name).map(|(_, value)| value)
    }
}

/// The whole body of a pod's answer.
#[derive(Debug)]
pub enum Whole {
    /// The bytes, and the same as JavaScript's, to be answered without copying them back.
    Bytes(Vec<u8>, JsValue),
    /// More than the limit.
    TooLarge,
    /// The caller went away.
    Gone,
    /// Time is up.
    Timeout,
    /// The answer broke off.
    Failed,
}

/// One call of a pod. Dropped without [`Exchange::finish`] or [`Exchange::close`], it tells the pod to stop.
pub struct Exchange {
    glue: glue::Exchange,
    ended: bool,
}

impl Exchange {
    /// Begins: from now on the caller is watched and time runs, which the entry's own deadline gives way to. A
    /// `beat_ms` of 0 means no heartbeats: a plain answer is waited for.
    ///
    /// # Errors
    /// Where the value is not a request.
    pub fn begin(request: &JsValue, timeout_ms: u64, beat_ms: u32) -> Result<Self, Failure> {
        #[allow(clippy::cast_precision_loss, reason = "times are far below 2^53")]
        let timeout = timeout_ms as f64;
        Ok(Self { glue: glue::Exchange::new(request, timeout, f64::from(beat_ms))?, ended: false })
    }

    /// Sends a request to the pod; never follows a redirect.
    ///
    /// # Errors
    /// Where a header or the URL is not one.
    pub fn send(&self, method: &str, url: &str, headers: &str, body: Option<&[u8]>) -> Result<(), Failure> {
        Ok(self.glue.send(method, url, headers, body.map(Uint8Array::from))?)
    }

    /// Waits for what happens next. A chunk is told once all that was written before has been taken.
    ///
    /// # Errors
    /// Never in practice; what JavaScript throws.
    pub async fn next(&self) -> Result<Event, Failure> {
        let value = JsFuture::from(self.glue.next()?).await?;
        if let Some(code) = value.as_f64() {
            return Ok(ended(code));
        }
        match value.as_string() {
            Some(text) => Ok(Event::Head(PodHead::parse(&text))),
            None => Ok(Event::Chunk(value.unchecked_into::<Uint8Array>().to_vec())),
        }
    }

    /// Lets the next chunk come while the last one is being written.
    ///
    /// # Errors
    /// What JavaScript throws.
    pub fn more(&self) -> Result<(), Failure> {
        Ok(self.glue.more()?)
    }

    /// Reads the whole body, of at most `limit` bytes.
    ///
    /// # Errors
    /// What JavaScript throws.
    pub async fn whole(&self, limit: u64) -> Result<Whole, Failure> {
        #[allow(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
        let limit = limit as f64;
        let early = self.glue.early()?;
        let value = if early.is_undefined() { JsFuture::from(self.glue.whole(limit)?).await? } else { early };
        Ok(match value.as_f64() {
            None => Whole::Bytes(value.unchecked_ref::<Uint8Array>().to_vec(), value),
            Some(-1.0) => Whole::TooLarge,
            Some(code) => match ended(code) {
                Event::Gone => Whole::Gone,
                Event::Timeout => Whole::Timeout,
                _ => Whole::Failed,
            },
        })
    }

    /// Commits the answer: its body is what [`Exchange::forward`] and [`Exchange::write`] write from now on.
    ///
    /// # Errors
    /// Where a header or the status is not one.
    pub fn open(&self, status: u16, headers: &str) -> Result<JsValue, Failure> {
        Ok(self.glue.open(status, headers)?)
    }

    /// Passes on a part of the chunk that came last, without copying it.
    ///
    /// # Errors
    /// What JavaScript throws.
    pub fn forward(&self, part: &Range<usize>) -> Result<(), Failure> {
        let edge = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        if part.is_empty() {
            Ok(())
        } else {
            Ok(self.glue.forward(edge(part.start), edge(part.end))?)
        }
    }

    /// Writes bytes of our own.
    ///
    /// # Errors
    /// What JavaScript throws.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.is_empty() {
            Ok(())
        } else {
            Ok(self.glue.write(bytes)?)
        }
    }

    /// Ends a committed answer in order. `fed`: the pod has given all it had; else it is told to stop.
    pub fn finish(mut self, fed: bool) {
        self.ended = true;
        let _ = self.glue.finish(fed);
    }

    /// Ends a committed answer in order, whose pod has said its last word and has a moment to end its own.
    pub async fn leave(mut self) {
        self.ended = true;
        if let Ok(promise) = self.glue.leave() {
            let _ = JsFuture::from(promise).await;
        }
    }

    /// Ends a call whose answer was not committed.
    pub fn close(mut self, fed: bool) {
        self.ended = true;
        let _ = self.glue.close(fed);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.glue.close(false);
        }
    }
}

/// Codes of `glue.js`.
fn ended(code: f64) -> Event {
    #[allow(clippy::cast_possible_truncation, reason = "the codes are small whole numbers")]
    match code as i32 {
        0 => Event::End,
        1 => Event::Tick,
        2 => Event::Gone,
        3 => Event::Timeout,
        _ => Event::Failed,
    }
}
