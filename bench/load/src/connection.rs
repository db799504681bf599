//! One keep-alive connection to the target, and one call on it at a time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{handshake, SendRequest};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::clock;
use crate::error::LoadError;
use crate::stamp::Scanner;
use crate::target::Target;

/// A call that takes longer has hung.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// What came of one call that was answered. All times are nanoseconds of the shared clock.
#[derive(Debug)]
pub struct Answer {
    /// When the first byte of the body was read, or, in a stream, the first chunk of text.
    pub first: u64,
    /// When the last byte was read.
    pub end: u64,
}

/// A connection that is made again when it is lost.
pub struct Connection {
    target: Arc<Target>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// Nothing is opened before the first call.
    pub fn new(target: Arc<Target>) -> Self {
        Self { target, sender: None }
    }

    /// Makes one call. `chunk` is told of each chunk of text: when it was written and when it was read.
    ///
    /// # Errors
    /// A short text that says what was wrong with the answer, fit for counting.
    pub async fn call(&mut self, chunk: impl FnMut(u64, u64)) -> Result<Answer, String> {
        let result = match tokio::time::timeout(CALL_TIMEOUT, self.exchange(chunk)).await {
            Ok(result) => result,
            Err(_) => Err("no answer within 30 s".into()),
        };
        if result.is_err() {
            self.sender = None;
        }
        result
    }

    /// Opens the connection, so that the first call that counts does not pay for it.
    pub async fn open(&mut self) -> Result<(), LoadError> {
        let stream = TcpStream::connect(&self.target.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        self.sender = Some(sender);
        Ok(())
    }

    async fn sender(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, String> {
        let usable = match self.sender.as_mut() {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.open().await.map_err(|error| format!("connect: {error}"))?;
        }
        self.sender.as_mut().ok_or_else(|| "no connection".into())
    }

    async fn exchange(&mut self, mut chunk: impl FnMut(u64, u64)) -> Result<Answer, String> {
        let target = Arc::clone(&self.target);
        let mut request = Request::new(Full::new(target.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target.path.clone();
        *request.headers_mut() = target.headers.clone();
        let sender = self.sender().await?;
        let response = sender.send_request(request).await.map_err(|error| format!("send: {error}"))?;
        let status = response.status();
        let mut body = response.into_body();
        let mut scanner = Scanner::default();
        let (mut first, mut stamps, mut length) = (0, 0_u32, 0);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| format!("body: {error}"))?;
            let Some(data) = frame.data_ref() else { continue };
            let now = clock::nanoseconds();
            length += data.len();
            if target.chunks.is_some() {
                scanner.scan(data, |stamp| {
                    stamps += 1;
                    chunk(stamp.saturating_mul(1_000), now);
                });
            }
            if first == 0 && (target.chunks.is_none() || stamps > 0) {
                first = now;
            }
        }
        let end = clock::nanoseconds();
        check(status, &target, stamps, length)?;
        Ok(Answer { first: if first == 0 { end } else { first }, end })
    }
}

fn check(status: StatusCode, target: &Target, stamps: u32, length: usize) -> Result<(), String> {
    if target.own {
        return if status.is_success() { Ok(()) } else { Err(format!("status {}", status.as_u16())) };
    }
    if status != StatusCode::OK {
        return Err(format!("status {}", status.as_u16()));
    }
    match target.chunks {
        Some(chunks) if stamps != chunks => Err(format!("{stamps} of {chunks} chunks")),
        // Every plain answer of the upstream is longer, whatever a gateway leaves out of it.
        None if length < 300 => Err("answer too short".into()),
        _ => Ok(()),
    }
}
