//! The fake pod behind every program that is measured: deterministic, and faster than all of them.
//!
//! It answers `POST …/chat/completions` plain (about 600 bytes) or streamed, as the request's own text asks
//! (see `prompt`), and `GET …/models`. Anything else is 404. Every chunk of a stream leaves in its own write.

use std::convert::Infallible;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::arguments::Upstream;
use crate::error::LoadError;
use crate::prompt::Prompt;

mod answer;
mod chunks;

use chunks::Chunks;

type Body = BoxBody<Bytes, Infallible>;

/// Serves until it is interrupted, or, if asked to, until its standard input ends: a parent that dies without a
/// word then leaves nothing running.
pub async fn serve(options: &Upstream) -> Result<(), LoadError> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port))).await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{{\"port\":{}}}", listener.local_addr()?.port())?;
    stdout.flush()?;
    tokio::select! {
        result = accept(listener) => result,
        _ = tokio::signal::ctrl_c() => Ok(()),
        () = stdin_end(options.exit_with_stdin) => Ok(()),
    }
}

async fn accept(listener: TcpListener) -> Result<(), LoadError> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream));
    }
}

async fn stdin_end(wanted: bool) {
    if !wanted {
        return std::future::pending().await;
    }
    // A thread of its own: reading standard input blocks, and must not hold up the runtime's end.
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = sender.send(());
    });
    let _ = receiver.await;
}

async fn connection(stream: TcpStream) {
    // A caller that leaves mid-stream ends the connection with an error; that is its right.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(handle)).await;
}

async fn handle(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let path = request.uri().path();
    if request.method() == Method::GET && path.ends_with("/models") {
        return Ok(json(StatusCode::OK, answer::models()));
    }
    if request.method() != Method::POST || !path.ends_with("/chat/completions") {
        return Ok(json(StatusCode::NOT_FOUND, answer::not_found()));
    }
    let query = request.uri().query().map(|query| Prompt::find(query.as_bytes()));
    let body = request.into_body().collect().await?.to_bytes();
    let Some(asked) = answer::Asked::read(&body) else {
        return Ok(json(StatusCode::BAD_REQUEST, answer::not_json()));
    };
    let prompt = query.unwrap_or_else(|| Prompt::find(&body));
    if asked.stream {
        let mut response = Response::new(BoxBody::new(Chunks::new(prompt, asked.include_usage)));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
        return Ok(response);
    }
    if prompt.first_us > 0 {
        tokio::time::sleep(Duration::from_micros(prompt.first_us)).await;
    }
    Ok(json(StatusCode::OK, answer::plain()))
}

fn json(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(BoxBody::new(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
