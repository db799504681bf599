//! The way to the endpoint: a connection, its upgrade to a WebSocket, and the greetings.

use super::target::Target;
use crate::api::AGENT;
use crate::dial::{dial, Dialer, Stream};
use hyper::Uri;
use hyper_util::rt::TokioIo;
use moltghost_protocol::tunnel::{Frame, Frames, Goodbye, Hello, Message, ReplicaName, MAX_MESSAGE, VERSION};
use std::time::Duration;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{client_async_with_config, WebSocketStream};

/// How long upgrade and greetings may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The link's socket.
pub type Socket = WebSocketStream<TokioIo<Stream>>;

/// Why no link came about.
#[derive(Debug)]
pub enum Refused {
    /// Worth trying again: the network, or a deployment that is not ready.
    ForNow(String),
    /// The endpoint answered with this status, and these words.
    Status(u16, String),
    /// The endpoint said goodbye.
    Goodbye(Goodbye),
}

/// Opens a link; answers its socket and its name.
///
/// # Errors
/// Why there is none.
pub async fn open(dialer: &Dialer, target: &Target, hello: &Hello) -> Result<(Socket, String), Refused> {
    let opened = async {
        let stream = dial(dialer, target.uri.clone()).await.map_err(Refused::ForNow)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(64 * 1024)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE))
            .max_write_buffer_size(2 * MAX_MESSAGE);
        let request = request(target)?;
        let shaken = client_async_with_config(request, TokioIo::new(stream), Some(config)).await;
        let (mut socket, _) = shaken.map_err(refusal)?;
        let link = greet(&mut socket, hello).await?;
        Ok((socket, link))
    };
    match tokio::time::timeout(TIMEOUT, opened).await {
        Ok(opened) => opened,
        Err(_) => {
            Err(Refused::ForNow(format!("the endpoint did not take the link within {} s", TIMEOUT.as_secs())))
        }
    }
}

/// What this connector says of itself.
pub fn hello(replica: ReplicaName, weight: u16, region: Option<String>) -> Hello {
    Hello { versions: (VERSION, VERSION), replica, weight, region, software: AGENT.to_owned() }
}

/// The address of `/_connect`: the same host, with the scheme of a WebSocket, which is how it is told whether to use TLS.
fn request(target: &Target) -> Result<Request, Refused> {
    let wrong = |()| Refused::ForNow("the address or the token cannot be sent".to_owned());
    let scheme = if target.uri.scheme_str() == Some("http") { "ws" } else { "wss" };
    let authority = target.uri.authority().map_or("", |authority| authority.as_str());
    let uri: Uri = format!("{scheme}://{authority}{}", target.uri.path()).parse().map_err(|_| wrong(()))?;
    let mut request = uri.into_client_request().map_err(|_| wrong(()))?;
    let mut token = HeaderValue::from_str(&format!("Bearer {}", target.token)).map_err(|_| wrong(()))?;
    token.set_sensitive(true);
    let headers = request.headers_mut();
    headers.insert("authorization", token);
    headers.insert("user-agent", HeaderValue::from_static(AGENT));
    Ok(request)
}

fn refusal(error: Error) -> Refused {
    match error {
        Error::Http(response) => {
            let body = response.body().as_deref().unwrap_or_default();
            let document = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
            let message = document.pointer("/error/message").and_then(serde_json::Value::as_str);
            let status = response.status().as_u16();
            Refused::Status(status, message.map_or_else(|| format!("status {status}"), str::to_owned))
        }
        other => Refused::ForNow(format!("the upgrade failed: {other}")),
    }
}

async fn greet(socket: &mut Socket, hello: &Hello) -> Result<String, Refused> {
    use futures_util::{SinkExt, StreamExt};
    let broken = |why: &str| Refused::ForNow(format!("the greeting failed: {why}"));
    let message = Message::of(0, &Frame::Hello(hello.clone())).map_err(|error| broken(&error.to_string()))?;
    socket
        .send(tungstenite::Message::Binary(message.into()))
        .await
        .map_err(|error| broken(&error.to_string()))?;
    loop {
        let message = match socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(broken(&error.to_string())),
            None => return Err(broken("the socket was closed")),
        };
        let bytes = match message {
            tungstenite::Message::Binary(bytes) => bytes,
            tungstenite::Message::Close(frame) => {
                let code = frame.map_or(0, |frame| u16::from(frame.code));
                return Err(match code.checked_sub(4400).and_then(|code| u8::try_from(code).ok()) {
                    Some(code) if code > 0 => Refused::Goodbye(Goodbye::of(code)),
                    _ => broken("the socket was closed"),
                });
            }
            _ => continue,
        };
        let mut frames = Frames::of(&bytes).map_err(|error| broken(&error.to_string()))?;
        return match frames.next() {
            // What follows the greeting in the same message would be lost; the endpoint sends it alone.
            Some(Ok((0, Frame::Welcome(welcome))))
                if hello.speaks(welcome.version) && frames.next().is_none() =>
            {
                Ok(welcome.link)
            }
            Some(Ok((0, Frame::Goaway(reason, _)))) => Err(Refused::Goodbye(reason)),
            _ => Err(broken("the endpoint speaks another protocol")),
        };
    }
}
