//! One call: from the tunnel to the pod and back.
//!
//! Dropping it at any moment closes the connection to the pod, which is how the pod learns that nobody waits any more.

use super::inbound::RequestBody;
use super::pod::{lines, Head, Pod, Unanswered};
use super::report::{Called, Report};
use super::table::{Due, Table};
use bytes::Bytes;
use http_body_util::BodyExt;
use moltghost_protocol::tunnel::{Frame, Reset, ResponseHead};
use std::sync::Arc;
use tokio::sync::mpsc::{Sender, UnboundedSender};

/// A frame of a stream that waits to be written.
#[derive(Debug)]
pub enum Out {
    /// The pod's head.
    Response(u16, String),
    /// Bytes of its body.
    Body(Bytes),
    /// Its body is over.
    End,
    /// The stream is given up.
    Reset(Reset),
}

impl Out {
    /// The frame.
    pub fn frame(&self) -> Frame<'_> {
        match self {
            Self::Response(status, lines) => Frame::Response(ResponseHead { status: *status, lines }),
            Self::Body(bytes) => Frame::Body(bytes),
            Self::End => Frame::End,
            Self::Reset(reason) => Frame::Reset(*reason),
        }
    }
}

/// What a call needs of its link.
#[derive(Clone)]
pub struct Line {
    /// The streams.
    pub table: Arc<Table>,
    /// Where frames of streams go; a full one makes the pod wait.
    pub out: Sender<(u32, Out)>,
    /// Where what is due goes.
    pub due: UnboundedSender<Due>,
    /// The pod.
    pub pod: Pod,
    /// Who is told.
    pub report: Arc<Report>,
}

/// Serves a call.
pub async fn serve(line: Line, id: u32, head: Option<Head>) {
    let mut called = Called::begin(&line.report, head.as_ref());
    let answered = async {
        let head = head.ok_or(Reset::Protocol)?;
        answer(&line, id, &head, &mut called).await
    };
    let reset = tokio::select! {
        answered = answered => answered.err(),
        reason = line.table.given_up(id) => Some(reason),
    };
    if let Some(reason) = reset {
        called.failed = Some(reason);
        drop(called);
        let _ = line.out.send((id, Out::Reset(reason))).await;
    }
}

async fn answer(line: &Line, id: u32, head: &Head, called: &mut Called) -> Result<(), Reset> {
    let body = RequestBody::of(id, Arc::clone(&line.table), line.due.clone());
    let response = line.pod.call(head, body).await.map_err(|why| match why {
        Unanswered::Unreachable(why) => {
            line.report.pod_is_down(&why);
            Reset::Unreachable
        }
        Unanswered::Broken(why) => {
            line.report.pod_broke(&why);
            Reset::Failed
        }
        Unanswered::Forbidden => Reset::Protocol,
    })?;
    line.report.pod_is_up();
    let status = response.status().as_u16();
    called.status = Some(status);
    let out = Out::Response(status, lines(response.headers()));
    if moltghost_protocol::tunnel::Message::of(id, &out.frame()).is_err() {
        return Err(Reset::TooLarge);
    }
    send(line, id, out).await?;
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            line.report.pod_broke(&crate::dial::reason(&error));
            Reset::Failed
        })?;
        // Trailers have no place in the tunnel.
        let Ok(mut bytes) = frame.into_data() else { continue };
        while !bytes.is_empty() {
            let room = line.table.reserve(id, bytes.len()).await;
            if room == 0 {
                return Err(Reset::Cancelled);
            }
            called.bytes += room as u64;
            send(line, id, Out::Body(bytes.split_to(room))).await?;
        }
    }
    // Before the end is written: nothing may run after it.
    called.complete = true;
    called.end();
    send(line, id, Out::End).await
}

async fn send(line: &Line, id: u32, out: Out) -> Result<(), Reset> {
    line.out.send((id, out)).await.map_err(|_| Reset::Cancelled)
}
