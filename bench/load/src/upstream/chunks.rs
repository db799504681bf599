//! The body of a streamed answer.
//!
//! Between two chunks it always reports that it has to wait, if only for the next turn: the HTTP library then
//! writes out what it has, so that every chunk leaves by itself, as from a real model, and its stamp is the time
//! of that write.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::time::{Instant, Sleep};

use super::answer;
use crate::clock;
use crate::prompt::Prompt;

enum Next {
    Text,
    Stop,
    Usage,
    Done,
    End,
}

/// See the module.
pub struct Chunks {
    prompt: Prompt,
    include_usage: bool,
    next: Next,
    sent: u32,
    due: Instant,
    wait: Option<Pin<Box<Sleep>>>,
    turned: bool,
}

impl Chunks {
    /// A stream as `prompt` describes it.
    pub fn new(prompt: Prompt, include_usage: bool) -> Self {
        let due = Instant::now() + Duration::from_micros(prompt.first_us);
        Self {
            prompt,
            include_usage,
            next: if prompt.chunks == 0 { Next::Stop } else { Next::Text },
            sent: 0,
            due,
            wait: (prompt.first_us > 0).then(|| Box::pin(tokio::time::sleep_until(due))),
            turned: true,
        }
    }

    fn text(&mut self) -> Bytes {
        self.sent += 1;
        if self.sent == self.prompt.chunks {
            self.next = Next::Stop;
        } else if self.prompt.interval_us > 0 {
            // From the last due time, not from now: a late chunk does not slow the stream down.
            self.due += Duration::from_micros(self.prompt.interval_us);
            self.wait = Some(Box::pin(tokio::time::sleep_until(self.due)));
        }
        answer::text_chunk(clock::nanoseconds() / 1_000)
    }
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(wait) = self.wait.as_mut() {
            std::task::ready!(wait.as_mut().poll(context));
            self.wait = None;
        } else if !self.turned {
            self.turned = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let bytes = match self.next {
            Next::Text => self.text(),
            Next::Stop => {
                self.next = if self.include_usage { Next::Usage } else { Next::Done };
                answer::stop_chunk()
            }
            Next::Usage => {
                self.next = Next::Done;
                answer::usage_chunk()
            }
            Next::Done => {
                self.next = Next::End;
                answer::done()
            }
            Next::End => return Poll::Ready(None),
        };
        self.turned = false;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}
