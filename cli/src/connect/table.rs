//! The streams of one link: what each may send and receive, and what has come for it.
//!
//! Invariant: whatever the pod or the endpoint sends, no more is held than the windows allow; room on the link that a
//! stream took is given back when the stream is over, so that none is ever lost. The pod gets the end of a request's
//! body once the socket has taken ACCEPTED: what was not accepted, no pod can have run.

use bytes::{Bytes, BytesMut};
use moltghost_protocol::tunnel::{
    Allowance, Credit, Frame, Goodbye, Half, Reset, Side, Step, Stream, LINK_WINDOW, MAX_BODY, MAX_STREAMS,
    STREAM_WINDOW,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// What came in makes these frames due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Room for more bytes, on a stream or (0) on the link.
    Window(u32, u32),
    /// A stream that is not taken on.
    Refuse(u32),
    /// The pod gets the last of the request.
    Accepted(u32),
}

/// Whether the endpoint was told that the pod takes the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Unsaid,
    /// It is on its way to the socket.
    Due,
    Said,
}

/// All streams of a link.
#[derive(Debug, Default)]
pub struct Table {
    inner: Mutex<Inner>,
    /// Told whenever a stream is over.
    over: Notify,
}

#[derive(Debug)]
struct Inner {
    streams: HashMap<u32, Entry>,
    /// The highest id so far.
    last: u32,
    credit: Credit,
    allowance: Allowance,
    /// Whether new streams are refused.
    leaving: bool,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            streams: HashMap::new(),
            last: 0,
            credit: Credit::new(LINK_WINDOW),
            allowance: Allowance::new(LINK_WINDOW),
            leaving: false,
        }
    }
}

#[derive(Debug)]
struct Entry {
    state: Stream,
    credit: Credit,
    allowance: Allowance,
    /// Bytes of the request that the pod has not taken yet.
    body: BytesMut,
    reader: Option<Waker>,
    accepted: Word,
    /// Told of credit.
    room: Arc<Notify>,
    give_up: Option<Reset>,
    /// Told of having to give up.
    quit: Arc<Notify>,
    task: Option<AbortHandle>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            state: Stream::default(),
            credit: Credit::new(STREAM_WINDOW),
            allowance: Allowance::new(STREAM_WINDOW),
            body: BytesMut::new(),
            reader: None,
            accepted: Word::Unsaid,
            room: Arc::new(Notify::new()),
            give_up: None,
            quit: Arc::new(Notify::new()),
            task: None,
        }
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock; a poisoned one would be as good.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// How many streams there are.
    pub fn len(&self) -> usize {
        self.lock().streams.len()
    }

    /// Takes on no more streams.
    pub fn leave(&self) {
        self.lock().leaving = true;
    }

    /// Until there are no streams.
    pub async fn emptied(&self) {
        loop {
            let over = self.over.notified();
            if self.len() == 0 {
                return;
            }
            over.await;
        }
    }

    /// Ends every stream without a word: the link is gone.
    pub fn clear(&self) {
        for (_, entry) in self.lock().streams.drain() {
            entry.end();
        }
        self.over.notify_waiters();
    }

    /// Opens a stream for a request; `false` if it is refused, which is then `due`.
    ///
    /// # Errors
    /// The endpoint has broken the protocol: the link ends.
    pub fn open(&self, id: u32, frame: &Frame<'_>, due: &mut Vec<Due>) -> Result<bool, Goodbye> {
        let mut inner = self.lock();
        if id <= inner.last {
            return Err(Goodbye::Protocol);
        }
        inner.last = id;
        if inner.leaving || inner.streams.len() >= MAX_STREAMS {
            due.push(Due::Refuse(id));
            return Ok(false);
        }
        let mut entry = Entry::default();
        entry.state.take(Side::Endpoint, frame).map_err(|_| Goodbye::Protocol)?;
        inner.streams.insert(id, entry);
        Ok(true)
    }

    /// The task that serves a stream.
    pub fn serve(&self, id: u32, task: AbortHandle) {
        match self.lock().streams.get_mut(&id) {
            Some(entry) => entry.task = Some(task),
            None => task.abort(),
        }
    }

    /// Takes a frame of a stream that came from the endpoint, other than its request.
    ///
    /// # Errors
    /// The endpoint has broken the protocol: the link ends.
    pub fn receive(&self, id: u32, frame: &Frame<'_>, due: &mut Vec<Due>) -> Result<(), Goodbye> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let bytes = if let Frame::Body(bytes) = frame { length(bytes.len()) } else { 0 };
        inner.allowance.receive(bytes).map_err(|_| Goodbye::Protocol)?;
        let Some(entry) = inner.streams.get_mut(&id) else {
            if id > inner.last {
                return Err(Goodbye::Protocol);
            }
            // The stream is over, which the endpoint may not have heard of.
            pass(&mut inner.allowance, bytes, due);
            return Ok(());
        };
        let step = entry.state.take(Side::Endpoint, frame);
        match (step, frame) {
            (Ok(Step::Take), Frame::Body(body)) if entry.allowance.receive(bytes).is_ok() => {
                entry.body.extend_from_slice(body);
                entry.wake_reader();
            }
            (Ok(Step::Take), Frame::Body(_)) => {
                entry.give_up(Reset::FlowControl);
                pass(&mut inner.allowance, bytes, due);
            }
            (Ok(Step::Take), Frame::End) => entry.wake_reader(),
            (Ok(Step::Take), Frame::Window(room)) => {
                entry.credit.add(*room);
                entry.room.notify_one();
            }
            (Ok(Step::Over), _) => {
                self.remove(inner, id, due);
            }
            (Ok(_), _) => pass(&mut inner.allowance, bytes, due),
            (Err(_), _) => {
                entry.give_up(Reset::Protocol);
                pass(&mut inner.allowance, bytes, due);
            }
        }
        Ok(())
    }

    /// The endpoint has made room on the link.
    pub fn widen(&self, room: u32) {
        let mut inner = self.lock();
        inner.credit.add(room);
        for entry in inner.streams.values() {
            entry.room.notify_one();
        }
    }

    /// Whether a frame of ours may be sent now; tells the stream of it. Bytes that are not sent are room again.
    pub fn send(&self, id: u32, frame: &Frame<'_>, due: &mut Vec<Due>) -> bool {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let step = inner.streams.get_mut(&id).map(|entry| entry.state.take(Side::Connector, frame));
        match step {
            Some(Ok(Step::Take)) => true,
            Some(Ok(Step::Over)) => {
                self.remove(inner, id, due);
                true
            }
            _ => {
                if let Frame::Body(bytes) = frame {
                    inner.credit.add(length(bytes.len()));
                    for entry in inner.streams.values() {
                        entry.room.notify_one();
                    }
                }
                false
            }
        }
    }

    fn remove(&self, inner: &mut Inner, id: u32, due: &mut Vec<Due>) {
        if let Some(entry) = inner.streams.remove(&id) {
            // What nobody takes any more is room on the link again.
            pass(&mut inner.allowance, length(entry.body.len()), due);
            entry.end();
        }
        self.over.notify_waiters();
    }

    /// Waits until bytes may be sent, and takes credit for at most `most` of them; 0 if the stream is over.
    pub async fn reserve(&self, id: u32, most: usize) -> usize {
        loop {
            let wake = {
                let mut inner = self.lock();
                let inner = &mut *inner;
                let Some(entry) = inner.streams.get_mut(&id) else { return 0 };
                let room = entry.credit.left().min(inner.credit.left()).min(length(most.min(MAX_BODY)));
                if room > 0 {
                    entry.credit.spend(room);
                    inner.credit.spend(room);
                    return room as usize;
                }
                Arc::clone(&entry.room)
            };
            // One permit is kept, so credit that came since is not missed.
            wake.notified().await;
        }
    }

    /// Waits until the stream has to be given up.
    pub async fn given_up(&self, id: u32) -> Reset {
        loop {
            let wake = {
                let inner = self.lock();
                let Some(entry) = inner.streams.get(&id) else { return Reset::Cancelled };
                if let Some(reason) = entry.give_up {
                    return reason;
                }
                Arc::clone(&entry.quit)
            };
            wake.notified().await;
        }
    }

    /// Bytes of the request for the pod; `None` once they are over. The last of them, and the end of those that came
    /// without one, wait until ACCEPTED, which is then `due`, was written.
    pub fn poll_body(
        &self,
        id: u32,
        context: &Context<'_>,
        due: &mut Vec<Due>,
    ) -> Poll<Option<Result<Bytes, Gone>>> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let Some(entry) = inner.streams.get_mut(&id) else { return Poll::Ready(Some(Err(Gone))) };
        let ended = entry.state.request() == Half::Ended;
        if ended && entry.accepted != Word::Said {
            if entry.accepted == Word::Unsaid {
                entry.accepted = Word::Due;
                due.push(Due::Accepted(id));
            }
            entry.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        if !entry.body.is_empty() {
            let bytes = entry.body.split().freeze();
            let taken = length(bytes.len());
            if let Some(room) = entry.allowance.pass(taken) {
                due.push(Due::Window(id, room));
            }
            pass(&mut inner.allowance, taken, due);
            return Poll::Ready(Some(Ok(bytes)));
        }
        if ended {
            return Poll::Ready(None);
        }
        entry.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// The socket has taken ACCEPTED, or the stream had no use for it any more.
    pub fn accepted(&self, id: u32) {
        if let Some(entry) = self.lock().streams.get_mut(&id) {
            entry.accepted = Word::Said;
            entry.wake_reader();
        }
    }

    /// Bytes of the request that are still to be taken, if all of it has come.
    pub fn whole(&self, id: u32) -> Option<u64> {
        let inner = self.lock();
        let entry = inner.streams.get(&id)?;
        (entry.state.request() == Half::Ended).then_some(entry.body.len() as u64)
    }
}

/// The stream is over: there is nothing more to read.
#[derive(Debug)]
pub struct Gone;

impl Entry {
    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn give_up(&mut self, reason: Reset) {
        self.give_up.get_or_insert(reason);
        self.quit.notify_one();
    }

    fn end(mut self) {
        self.wake_reader();
        if let Some(task) = self.task {
            task.abort();
        }
    }
}

fn pass(allowance: &mut Allowance, bytes: u32, due: &mut Vec<Due>) {
    if bytes > 0 {
        if let Some(room) = allowance.pass(bytes) {
            due.push(Due::Window(0, room));
        }
    }
}

#[cfg(test)]
mod tests;
