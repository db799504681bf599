//! Connections to a deployment and to pods: TCP, and TLS where the address asks for it.
//!
//! Certificates are checked against the machine's own roots, which `SSL_CERT_FILE` and `SSL_CERT_DIR` can name; a
//! machine without any, such as a bare container, gets Mozilla's, which are compiled in.

use crate::settings::variable;
use hyper::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower_service::Service;

/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What opens connections.
pub type Dialer = HttpsConnector<HttpConnector<Resolver>>;
/// An open connection.
pub type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Names to addresses. `localhost` and everything below it are this machine (RFC 6761 §6.3), which the system's own
/// resolver does not know everywhere: agents' hosts under `make run` are such names.
#[derive(Debug, Clone)]
pub struct Resolver;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = std::io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        Box::pin(async move {
            let name = name.as_str();
            if name.ends_with(".localhost") {
                return Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)].into_iter());
            }
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            Ok(found.into_iter())
        })
    }
}

/// A dialer. Reading the machine's certificates takes some milliseconds: make one and clone it.
pub fn dialer() -> Dialer {
    let mut http = HttpConnector::new_with_resolver(Resolver);
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.set_keepalive(Some(Duration::from_mins(1)));
    HttpsConnector::from((http, Arc::new(tls())))
}

fn tls() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // ring knows both versions, so that the second way is never taken.
    let builder = versions.unwrap_or_else(|_| ClientConfig::builder());
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// What is wrong with the certificates that the user names in place of the machine's; `None` if nothing is, or if none
/// are named.
pub fn named_certificates() -> Option<String> {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].map(|name| Some((name, variable(name)?)));
    let (name, place) = named.into_iter().flatten().next()?;
    let read = rustls_native_certs::load_native_certs();
    if !read.certs.is_empty() {
        return None;
    }
    let why = read.errors.first().map_or_else(|| "there is none".to_owned(), |error| reason(error));
    Some(format!("{name} is {place}, of which no certificate can be read: {why}"))
}

/// What to do about a reason that speaks of a certificate.
pub fn trust_advice(why: &str) -> Option<&'static str> {
    why.contains("certificate")
        .then_some("If an authority of your own made the certificate, name the authority's in SSL_CERT_FILE.")
}

/// Opens a connection.
///
/// # Errors
/// In words: what did not work.
pub async fn dial(dialer: &Dialer, uri: Uri) -> Result<Stream, String> {
    let mut dialer = dialer.clone();
    let connected = async {
        std::future::poll_fn(|context| dialer.poll_ready(context)).await?;
        dialer.call(uri).await
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, connected).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(reason(error.as_ref())),
        Err(_) => Err(format!("no connection within {} s", CONNECT_TIMEOUT.as_secs())),
    }
}

/// An error with what lies beneath it, each said once.
pub fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut beneath = error.source();
    while let Some(error) = beneath {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        beneath = error.source();
    }
    text
}
