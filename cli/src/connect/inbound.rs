//! The body of a call on its way to the pod.

use super::table::{Due, Table};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc::UnboundedSender;

/// A body that comes through the tunnel; taking its bytes makes room for more.
pub struct RequestBody {
    from: Option<Source>,
    size: Option<u64>,
}

struct Source {
    id: u32,
    table: Arc<Table>,
    due: UnboundedSender<Due>,
}

impl RequestBody {
    /// A body without bytes.
    pub fn empty() -> Self {
        Self { from: None, size: Some(0) }
    }

    /// The body of a stream. Where all of it has come already its size is known, and said to the pod.
    pub fn of(id: u32, table: Arc<Table>, due: UnboundedSender<Due>) -> Self {
        let size = table.whole(id);
        Self { from: Some(Source { id, table, due }), size }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let Some(source) = &self.from else { return Poll::Ready(None) };
        let mut due = Vec::new();
        let polled = source.table.poll_body(source.id, context, &mut due);
        for due in due {
            // Without a link there is nobody to tell.
            let _ = source.due.send(due);
        }
        polled.map(|next| {
            next.map(|bytes| bytes.map(Frame::data).map_err(|_| std::io::Error::other("the caller is gone")))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.size == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.size.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
