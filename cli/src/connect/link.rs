//! One link: what comes over it is taken at once, what goes out is written in batches.
//!
//! Invariant: reading waits for nothing but the socket, so that a pod that is slow, or a caller who is, stops nobody
//! else; when the link is gone no call of it goes on.

use super::call::{self, Line, Out};
use super::pod::{Head, Pod};
use super::report::Report;
use super::table::{Due, Table};
use super::upgrade::Socket;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use moltghost_protocol::tunnel::{Frame, Frames, Goodbye, Message, Reset};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{channel, unbounded_channel, Receiver, UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::Message as Wire;

/// A WebSocket ping that often, which the endpoint's platform answers without waking it.
const PING: Duration = Duration::from_secs(20);
/// Silence after which the link counts as lost.
const SILENCE: Duration = Duration::from_secs(45);
/// Frames of streams that wait to be written: with 64 KiB each the most that is held for a socket that is slow.
const WAITING: usize = 32;
/// A message is sent once it is that long, though more waits.
const BATCH: usize = 128 * 1024;
/// What may be due to an endpoint that does not read.
const MOST_DUE: usize = 4_096;
/// How long an endpoint may take to answer that the socket is closed, or to close it after its own time.
const LATE: Duration = Duration::from_secs(2);

/// Whether the program is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is not.
    No,
    /// Once the calls in flight are over, at the latest after so long.
    Drain(Duration),
}

/// How a link ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The socket was lost: why.
    Lost(String),
    /// The endpoint said goodbye.
    Goodbye(Goodbye),
    /// The program ends, and no call is left.
    Drained,
}

/// What is sent besides frames of streams.
enum Control {
    Due(Due),
    Pong([u8; 8]),
    Goaway(Goodbye, u32),
    Ping,
    Close(Goodbye),
}

/// Runs a link to its end. `leaving` is told when the endpoint wants no more of it, so that another can be opened
/// while calls of this one go on.
pub async fn run(
    socket: Socket,
    pod: Pod,
    report: Arc<Report>,
    mut stop: watch::Receiver<Stop>,
    leaving: oneshot::Sender<Goodbye>,
) -> End {
    let (sink, stream) = socket.split();
    let table = Arc::new(Table::default());
    let (out, waiting) = channel(WAITING);
    let (due, dues) = unbounded_channel();
    let (control, controls) = unbounded_channel();
    let line = Line { table: Arc::clone(&table), out, due, pod, report };
    let writer =
        Writer { sink, table: Arc::clone(&table), message: Message::default(), accepted: Vec::new() };
    let mut reader = Reader {
        stream,
        line,
        control: control.clone(),
        leaving: Some(leaving),
        goodbye: None,
        heard: Instant::now(),
    };
    let end = tokio::select! {
        end = reader.run() => end,
        why = writer.run(waiting, dues, controls) => End::Lost(why),
        end = drain(&mut stop, &table, &control) => end,
    };
    table.clear();
    end
}

/// Waits until the program is to end, then until the calls are over.
async fn drain(stop: &mut watch::Receiver<Stop>, table: &Table, control: &UnboundedSender<Control>) -> End {
    let patience = loop {
        if let Stop::Drain(patience) = *stop.borrow_and_update() {
            break patience;
        }
        if stop.changed().await.is_err() {
            return std::future::pending().await;
        }
    };
    table.leave();
    let millis = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    let _ = control.send(Control::Goaway(Goodbye::Shutdown, millis));
    let _ = tokio::time::timeout(patience, table.emptied()).await;
    let _ = control.send(Control::Close(Goodbye::Shutdown));
    // The other end answers the close, which the reader sees; if it does not, there is nothing to wait for.
    tokio::time::sleep(Duration::from_secs(2)).await;
    End::Drained
}

/// Until nothing holds a link that its endpoint leaves: no call is left on it, or its time is over.
async fn unheld(leaving: Option<Leaving>, table: &Table) -> Leaving {
    match leaving {
        Some(leaving) if leaving.closing => tokio::time::sleep_until(leaving.by).await,
        Some(leaving) => {
            let _ = tokio::time::timeout_at(leaving.by, table.emptied()).await;
        }
        None => std::future::pending().await,
    }
    leaving.unwrap_or(Leaving { goodbye: Goodbye::Shutdown, by: tokio::time::Instant::now(), closing: true })
}

/// What is known of a link that its endpoint leaves.
#[derive(Debug, Clone, Copy)]
struct Leaving {
    goodbye: Goodbye,
    /// When the socket is closed whatever goes on there.
    by: tokio::time::Instant,
    /// Whether we have begun to close it.
    closing: bool,
}

struct Reader {
    stream: SplitStream<Socket>,
    line: Line,
    control: UnboundedSender<Control>,
    leaving: Option<oneshot::Sender<Goodbye>>,
    goodbye: Option<Leaving>,
    heard: Instant,
}

impl Reader {
    async fn run(&mut self) -> End {
        let table = Arc::clone(&self.line.table);
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
        loop {
            let next = tokio::select! {
                next = self.stream.next() => next,
                leaving = unheld(self.goodbye, &table) => {
                    if leaving.closing {
                        return End::Goodbye(leaving.goodbye);
                    }
                    // The endpoint opens nothing any more, so that the link need not wait for it.
                    let by = tokio::time::Instant::now() + LATE;
                    self.goodbye = Some(Leaving { by, closing: true, ..leaving });
                    let _ = self.control.send(Control::Close(leaving.goodbye));
                    continue;
                }
                _ = ping.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return End::Lost(format!("nothing was heard for {} s", SILENCE.as_secs()));
                    }
                    let _ = self.control.send(Control::Ping);
                    continue;
                }
            };
            self.heard = Instant::now();
            let taken = match next {
                Some(Ok(Wire::Binary(bytes))) => self.message(&bytes),
                Some(Ok(Wire::Close(frame))) => return self.closed(frame.as_ref()),
                Some(Ok(Wire::Text(_))) => Err(Goodbye::Protocol),
                Some(Ok(_)) => Ok(()),
                Some(Err(error)) => return self.lost(error.to_string()),
                None => return self.lost("the socket was closed".to_owned()),
            };
            if let Err(goodbye) = taken {
                let _ = self.control.send(Control::Goaway(goodbye, 0));
                let _ = self.control.send(Control::Close(goodbye));
                tokio::time::sleep(Duration::from_millis(200)).await;
                return End::Lost(format!("the endpoint broke the protocol ({})", goodbye.as_str()));
            }
        }
    }

    fn closed(&self, frame: Option<&CloseFrame>) -> End {
        let code = frame.and_then(|frame| u16::from(frame.code).checked_sub(4400));
        match (self.goodbye, code.and_then(|code| u8::try_from(code).ok())) {
            (Some(leaving), _) => End::Goodbye(leaving.goodbye),
            (None, Some(code)) if code > 0 => End::Goodbye(Goodbye::of(code)),
            _ => End::Lost("the endpoint closed the socket".to_owned()),
        }
    }

    fn lost(&self, why: String) -> End {
        self.goodbye.map_or(End::Lost(why), |leaving| End::Goodbye(leaving.goodbye))
    }

    /// Takes everything of a message. Calls begin only afterwards, so that a body which came with its head is known in
    /// full.
    fn message(&mut self, bytes: &[u8]) -> Result<(), Goodbye> {
        let mut due = Vec::new();
        let table = Arc::clone(&self.line.table);
        for frame in Frames::of(bytes).map_err(|_| Goodbye::Protocol)? {
            let (id, frame) = frame.map_err(|_| Goodbye::Protocol)?;
            match &frame {
                Frame::Request(head) => {
                    if table.open(id, &frame, &mut due)? {
                        let serving = tokio::spawn(call::serve(self.line.clone(), id, Head::of(head)));
                        table.serve(id, serving.abort_handle());
                    }
                }
                Frame::Window(room) if id == 0 => table.widen(*room),
                Frame::Ping(bytes) => {
                    let _ = self.control.send(Control::Pong(*bytes));
                }
                Frame::Goaway(reason, millis) => {
                    let by = tokio::time::Instant::now() + Duration::from_millis(u64::from(*millis)) + LATE;
                    self.goodbye = Some(Leaving { goodbye: *reason, by, closing: false });
                    if let Some(leaving) = self.leaving.take() {
                        let _ = leaving.send(*reason);
                    }
                }
                Frame::Pong(_) => {}
                Frame::Hello(_) | Frame::Welcome(_) => return Err(Goodbye::Protocol),
                _ => table.receive(id, &frame, &mut due)?,
            }
        }
        for due in due {
            let _ = self.control.send(Control::Due(due));
        }
        Ok(())
    }
}

struct Writer {
    sink: SplitSink<Socket, Wire>,
    table: Arc<Table>,
    message: Message,
    /// Streams whose ACCEPTED is in the message.
    accepted: Vec<u32>,
}

impl Writer {
    /// Writes until the socket fails; answers why.
    async fn run(
        mut self,
        mut waiting: Receiver<(u32, Out)>,
        mut dues: UnboundedReceiver<Due>,
        mut controls: UnboundedReceiver<Control>,
    ) -> String {
        loop {
            // What is due goes first: the other end waits for room before it can go on.
            tokio::select! {
                biased;
                Some(control) = controls.recv() => if let Err(why) = self.control(control).await { return why; },
                Some(due) = dues.recv() => self.due(due),
                Some((id, out)) = waiting.recv() => self.stream(id, &out),
            }
            while self.message.len() < BATCH {
                if let Ok(control) = controls.try_recv() {
                    if let Err(why) = self.control(control).await {
                        return why;
                    }
                } else if let Ok(due) = dues.try_recv() {
                    self.due(due);
                } else if let Ok((id, out)) = waiting.try_recv() {
                    self.stream(id, &out);
                } else {
                    break;
                }
            }
            if dues.len() + controls.len() > MOST_DUE {
                return "the endpoint does not read".to_owned();
            }
            if let Err(why) = self.flush().await {
                return why;
            }
        }
    }

    async fn flush(&mut self) -> Result<(), String> {
        if !self.message.is_empty() {
            let bytes = self.message.take();
            self.sink.send(Wire::Binary(bytes.into())).await.map_err(|error| error.to_string())?;
        }
        for id in self.accepted.drain(..) {
            self.table.accepted(id);
        }
        Ok(())
    }

    async fn control(&mut self, control: Control) -> Result<(), String> {
        let wire = match control {
            Control::Due(due) => {
                self.due(due);
                return Ok(());
            }
            Control::Pong(bytes) => {
                self.push(0, &Frame::Pong(bytes));
                return Ok(());
            }
            Control::Goaway(reason, millis) => {
                self.push(0, &Frame::Goaway(reason, millis));
                return Ok(());
            }
            Control::Ping => Wire::Ping(Vec::new().into()),
            Control::Close(reason) => Wire::Close(Some(CloseFrame {
                code: CloseCode::from(reason.close_code()),
                reason: reason.as_str().into(),
            })),
        };
        self.flush().await?;
        self.sink.send(wire).await.map_err(|error| error.to_string())
    }

    fn due(&mut self, due: Due) {
        match due {
            Due::Window(0, room) => self.push(0, &Frame::Window(room)),
            Due::Window(id, room) => self.stream_frame(id, &Frame::Window(room)),
            Due::Refuse(id) => self.push(id, &Frame::Reset(Reset::Refused)),
            Due::Accepted(id) => {
                self.stream_frame(id, &Frame::Accepted);
                self.accepted.push(id);
            }
        }
    }

    fn stream(&mut self, id: u32, out: &Out) {
        self.stream_frame(id, &out.frame());
    }

    /// Writes a frame of a stream, unless the stream is over or the frame has come too late.
    fn stream_frame(&mut self, id: u32, frame: &Frame<'_>) {
        let mut due = Vec::new();
        if self.table.send(id, frame, &mut due) {
            self.push(id, frame);
        }
        for due in due {
            if let Due::Window(0, room) = due {
                self.push(0, &Frame::Window(room));
            }
        }
    }

    fn push(&mut self, id: u32, frame: &Frame<'_>) {
        // Frames are checked where they are made; one that cannot be written is not sent.
        let _ = self.message.push(id, frame);
    }
}
