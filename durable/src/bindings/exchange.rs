//! One call of a pod and the stream of its answer.

use super::lines::Lines;
use super::object::Place;
use super::tunnel::Tunnel;
use super::{glue, task, Failure};
use js_sys::Uint8Array;
use std::ops::Range;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};

/// What happened before the body.
#[derive(Debug)]
pub enum Event {
    /// The pod's head arrived.
    Head(PodHead),
    /// Nothing happened for the time of a heartbeat, and the answer is not open yet.
    Tick,
    /// The caller went away; the pod was told to stop.
    Gone,
    /// Time is up, or the agent ended the run; the pod was told to stop.
    Timeout,
    /// The pod cannot be reached, or its answer broke off.
    Failed,
}

/// What a body's flow ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The pod ended its answer in order.
    Fed,
    /// The rules have seen the pod's last word.
    LastWord,
    /// The caller went away; the pod was told to stop.
    Gone,
    /// Time is up; the pod was told to stop.
    Timeout,
    /// The answer broke off.
    Failed,
}

/// What the rules say of bytes that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// They go on as they are. Where they do not, the rules have written what does.
    pub as_they_are: bool,
    /// What was written ends between two events, so that a heartbeat may follow.
    pub between_events: bool,
    /// The pod has said its last word.
    pub last: bool,
}

impl Step {
    /// The bits of `exchange.js`.
    fn bits(self) -> u32 {
        u32::from(self.as_they_are) | u32::from(self.between_events) << 1 | u32::from(self.last) << 2
    }
}

/// A pod's status and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodHead {
    /// HTTP status.
    pub status: u16,
    lines: Lines,
}

impl PodHead {
    fn parse(text: String) -> Self {
        let line = text.find('\n').unwrap_or(text.len());
        let status = text.get(..line).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, lines: Lines::below(text, line) }
    }

    /// Every header, its name in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.all()
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines.value(name)
    }
}

/// The whole body of a pod's answer.
#[derive(Debug)]
pub enum Whole {
    /// The bytes, and the same as JavaScript's, to be answered without copying them back.
    Bytes(Vec<u8>, JsValue),
    /// It takes long, and the answer may begin: [`Exchange::rest`] tells what comes.
    Slow,
    /// More than the limit.
    TooLarge,
    /// The caller went away.
    Gone,
    /// Time is up.
    Timeout,
    /// The answer broke off.
    Failed,
}

impl Whole {
    fn read(value: JsValue) -> Self {
        match value.as_f64() {
            None => Self::Bytes(value.unchecked_ref::<Uint8Array>().to_vec(), value),
            Some(_) => match code(&value) {
                -1 => Self::TooLarge,
                1 => Self::Slow,
                2 => Self::Gone,
                3 => Self::Timeout,
                _ => Self::Failed,
            },
        }
    }
}

/// One call of a pod. Dropped without [`Exchange::finish`] or [`Exchange::close`], it tells the pod to stop.
pub struct Exchange {
    glue: glue::Exchange,
    ended: bool,
}

impl Exchange {
    /// Begins: from now on the caller is watched and time runs, which the entry's own deadline gives way to. A
    /// `beat_ms` of 0 means no heartbeats: a plain answer is waited for, and may begin `early` once it takes long.
    ///
    /// # Errors
    /// Where the value is not a request.
    pub fn begin(request: &JsValue, timeout_ms: u64, beat_ms: u32, early: bool) -> Result<Self, Failure> {
        #[allow(clippy::cast_precision_loss, reason = "times are far below 2^53")]
        let timeout = timeout_ms as f64;
        Ok(Self { glue: glue::Exchange::new(request, timeout, f64::from(beat_ms), early)?, ended: false })
    }

    /// Sends a request to the pod; never follows a redirect. `head` is `METHOD URL\n`, then `name: value\n` lines.
    ///
    /// # Errors
    /// Where a header or the URL is not one.
    pub fn send(&self, head: &str, body: Option<&[u8]>) -> Result<(), Failure> {
        Ok(self.glue.send(head, body.map(Uint8Array::from))?)
    }

    /// The same over a pod's tunnel, with a path in the place of the URL.
    ///
    /// # Errors
    /// Where the environment is not one.
    pub fn send_over(&self, tunnel: &Tunnel, head: &str, body: Option<&[u8]>) -> Result<(), Failure> {
        Ok(self.glue.send_over(&tunnel.0, head, body.map(Uint8Array::from))?)
    }

    /// Whether the pod that failed was certainly not asked.
    pub fn unasked(&self) -> bool {
        self.glue.unasked().unwrap_or(false)
    }

    /// Lets the run's agent end it before its time, which is told as [`Event::Timeout`]; `message` asks the agent.
    ///
    /// # Errors
    /// Where the runtime has no timers, as outside requests.
    pub fn watch(&self, env: &JsValue, agent: &Place, message: &str) -> Result<(), Failure> {
        Ok(self.glue.watch(env, &agent.below(message))?)
    }

    /// What the agent told where it ended the run; nothing where its time was up.
    pub fn why(&self) -> Option<String> {
        self.glue.why().ok().filter(|why| !why.is_empty())
    }

    /// Waits for what happens before the body.
    ///
    /// # Errors
    /// Never in practice; what JavaScript throws.
    pub async fn next(&self) -> Result<Event, Failure> {
        let value = task::settled(&self.glue.next()?).await?;
        Ok(match value.as_string() {
            Some(text) => Event::Head(PodHead::parse(text)),
            None => match code(&value) {
                1 => Event::Tick,
                2 => Event::Gone,
                3 => Event::Timeout,
                _ => Event::Failed,
            },
        })
    }

    /// Passes the body on, in one call of `step` for what has come, without a wait in between. Answers what it ended
    /// with, once the caller has taken all that came before. Heartbeats go out by themselves. If these rules are gone
    /// by then, since their instance trapped, the caller gets `last_resort`, an event, and the answer ends.
    ///
    /// # Errors
    /// What `step` answers, or JavaScript throws.
    pub async fn flow(
        &self,
        step: impl FnMut(&Sink<'_>, &[u8]) -> Result<Step, Failure> + 'static,
        last_resort: &str,
    ) -> Result<End, Failure> {
        let body = self.glue.body()?;
        let mut step = step;
        let step: Closure<dyn FnMut(Vec<u8>) -> Result<u32, JsValue>> =
            Closure::new(move |chunk: Vec<u8>| match step(&Sink { glue: &body }, &chunk) {
                Ok(step) => Ok(step.bits()),
                Err(failure) => Err(JsValue::from_str(&failure.0)),
            });
        let value = task::settled(&self.glue.flow(step.as_ref(), last_resort)?).await?;
        Ok(match code(&value) {
            0 => End::Fed,
            2 => End::Gone,
            3 => End::Timeout,
            5 => End::LastWord,
            _ => End::Failed,
        })
    }

    /// Reads the whole body, of at most `limit` bytes.
    ///
    /// # Errors
    /// What JavaScript throws.
    pub async fn whole(&self, limit: u64) -> Result<Whole, Failure> {
        #[allow(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
        let limit = limit as f64;
        let early = self.glue.early()?;
        let value = if early.is_undefined() { task::settled(&self.glue.whole(limit)?).await? } else { early };
        Ok(Whole::read(value))
    }

    /// What [`Exchange::whole`] had not yet.
    ///
    /// # Errors
    /// What JavaScript throws.
    pub async fn rest(&self) -> Result<Whole, Failure> {
        Ok(Whole::read(task::settled(&self.glue.next()?).await?))
    }

    /// Commits the answer: its body is what [`Exchange::flow`] and [`Exchange::write`] write from now on, a heartbeat
    /// first if the pod's head is not there.
    ///
    /// # Errors
    /// Where a header or the status is not one.
    pub fn open(&self, status: u16, headers: &str) -> Result<JsValue, Failure> {
        Ok(self.glue.open(status, headers)?)
    }

    /// Writes bytes of our own.
    ///
    /// # Errors
    /// What JavaScript throws.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        Sink { glue: &self.glue.body()? }.write(bytes)
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
            let _ = task::settled(&promise).await;
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

/// Where the rules write, while a body flows, what goes on otherwise than it came.
pub struct Sink<'e> {
    glue: &'e glue::Flow,
}

impl Sink<'_> {
    /// Passes on a part of what came last, without copying it.
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
}

/// A code of `exchange.js`.
fn code(value: &JsValue) -> i32 {
    #[allow(clippy::cast_possible_truncation, reason = "the codes are small whole numbers")]
    value.as_f64().map_or(i32::MIN, |code| code as i32)
}
