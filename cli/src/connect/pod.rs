//! The pod: the server on this side of the tunnel, and what is asked of it.
//!
//! Invariant: nothing but `/v1/…` of it is ever asked for, whoever asks; secret headers are added here, and neither
//! logged nor sent to anybody else.

use super::inbound::RequestBody;
use crate::dial::{dialer, reason, Dialer};
use crate::failure::{Failure, Kind};
use crate::secret_header::SecretHeader;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue, ACCEPT_ENCODING};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use moltghost_protocol::tunnel::RequestHead;
use serde_json::Value;
use std::time::Duration;

/// What is read of a connection at once, and so the most that is held of an answer: also the largest head.
const READ: usize = 64 * 1024;
/// An unused connection is closed before the pod does, which most do after 5 seconds: a call that crosses with that
/// is lost.
const KEEP: Duration = Duration::from_secs(3);
/// How long a pod may take to say what it has.
const PROBE: Duration = Duration::from_secs(5);
/// Largest list of models or tools that is read.
const MAX_LIST: usize = 1024 * 1024;

/// Headers that belong to one connection (RFC 9110 §7.6.1), or that are ours to say.
const NOT_PASSED_ON: [&str; 12] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
    "accept-encoding",
    "expect",
];

/// The pod.
#[derive(Clone)]
pub struct Pod {
    base: String,
    headers: HeaderMap,
    http: Client<Dialer, RequestBody>,
}

/// Why the pod gave no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// It was certainly not asked.
    Unreachable(String),
    /// It broke off.
    Broken(String),
    /// It is not asked such things.
    Forbidden,
}

/// What a pod says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Ids of its models; `None` if it has no list of them.
    pub models: Option<Vec<String>>,
    /// Names of its tools; `None` if it has no list of them.
    pub tools: Option<Vec<String>>,
}

impl Found {
    /// What the pod at an address has, in words.
    pub fn describe(&self, base: &str) -> String {
        let count = |names: &Option<Vec<String>>, what: &str| match names {
            None => format!("no list of {what}s"),
            Some(names) if names.len() == 1 => format!("1 {what} ({})", names.join("")),
            Some(names) => format!("{} {what}s", names.len()),
        };
        format!("{base} has {}, {}", count(&self.models, "model"), count(&self.tools, "tool"))
    }
}

impl Pod {
    /// A pod at an address, which may have a path that stands before all others.
    ///
    /// # Errors
    /// The address or a header cannot be used.
    pub fn new(url: &str, secrets: &[SecretHeader]) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::new(Kind::Usage, format!("{url} is no address of a pod: {why}."));
        let uri: Uri = url.parse().map_err(|_| wrong("write it as http://127.0.0.1:11434"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it must begin with http:// or https://"));
        }
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') || uri.query().is_some() {
            return Err(wrong("credentials and queries do not belong into it; use --header"));
        }
        let path = uri.path().trim_end_matches('/');
        // Both are in use; the calls bring their /v1 themselves.
        let path = path.strip_suffix("/v1").unwrap_or(path);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for secret in secrets {
            let name: HeaderName = secret.name.parse().map_err(|_| wrong("a header cannot be sent"))?;
            let mut value =
                HeaderValue::from_str(&secret.value).map_err(|_| wrong("a header cannot be sent"))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        let http = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(KEEP)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(READ)
            .build(dialer());
        Ok(Self {
            base: format!("{}://{authority}{path}", uri.scheme_str().unwrap_or("http")),
            headers,
            http,
        })
    }

    /// Its address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Passes a call on.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn call(&self, head: &Head, body: RequestBody) -> Result<Response<Incoming>, Unanswered> {
        if !head.path.starts_with("/v1/") {
            return Err(Unanswered::Forbidden);
        }
        let mut request =
            Request::builder().method(head.method.clone()).uri(format!("{}{}", self.base, head.path));
        if let Some(headers) = request.headers_mut() {
            for (name, value) in &head.headers {
                headers.append(name, value.clone());
            }
            for (name, value) in &self.headers {
                headers.insert(name, value.clone());
            }
        }
        let request = request.body(body).map_err(|_| Unanswered::Forbidden)?;
        self.http.request(request).await.map_err(|error| {
            if error.is_connect() {
                Unanswered::Unreachable(reason(&error))
            } else {
                Unanswered::Broken(reason(&error))
            }
        })
    }

    /// Asks the pod for its models and tools.
    ///
    /// # Errors
    /// In words: why it does not answer.
    pub async fn probe(&self) -> Result<Found, String> {
        let models = self.list("/v1/models").await?;
        let tools = self.list("/v1/tools").await.unwrap_or(None);
        Ok(Found { models, tools })
    }

    async fn list(&self, path: &str) -> Result<Option<Vec<String>>, String> {
        let head = Head { method: Method::GET, path: path.to_owned(), headers: HeaderMap::new() };
        let asked = async {
            let response = match self.call(&head, RequestBody::empty()).await {
                Ok(response) => response,
                Err(Unanswered::Unreachable(why) | Unanswered::Broken(why)) => return Err(why),
                Err(Unanswered::Forbidden) => return Ok(None),
            };
            let status = response.status();
            if matches!(status.as_u16(), 401 | 403) {
                return Err(format!("it answers {}: give its credential with --header", status.as_u16()));
            }
            if status.is_server_error() {
                return Err(format!("it answers {}", status.as_u16()));
            }
            let body = Limited::new(response.into_body(), MAX_LIST).collect().await;
            let bytes = body.map_err(|error| error.to_string())?.to_bytes();
            Ok(if status.is_success() { names(&bytes) } else { None })
        };
        match tokio::time::timeout(PROBE, asked).await {
            Ok(found) => found,
            Err(_) => Err(format!("it did not answer within {} s", PROBE.as_secs())),
        }
    }
}

/// The ids or names of a list in the form in use.
fn names(bytes: &[u8]) -> Option<Vec<String>> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    let data = document.get("data").unwrap_or(&document).as_array()?;
    let name = |item: &Value| {
        let text =
            item.as_str().or_else(|| ["id", "name"].iter().find_map(|member| item.get(member)?.as_str()));
        text.map(str::to_owned)
    };
    Some(data.iter().filter_map(name).collect())
}

/// The head of a call, as it goes to the pod.
#[derive(Debug)]
pub struct Head {
    /// Its method.
    pub method: Method,
    /// Its path with its query.
    pub path: String,
    headers: HeaderMap,
}

impl Head {
    /// Takes over what concerns the pod; what belongs to one connection stays behind.
    pub fn of(head: &RequestHead<'_>) -> Option<Self> {
        let mut headers = HeaderMap::new();
        for (name, value) in head.headers() {
            if !NOT_PASSED_ON.contains(&name) {
                headers.append(
                    HeaderName::from_bytes(name.as_bytes()).ok()?,
                    HeaderValue::from_str(value).ok()?,
                );
            }
        }
        Some(Self {
            method: Method::from_bytes(head.method.as_bytes()).ok()?,
            path: head.path.to_owned(),
            headers,
        })
    }
}

/// Header lines of an answer, as the tunnel carries them: those that can be, `name: value\n` each.
pub fn lines(headers: &HeaderMap) -> String {
    let mut lines = String::new();
    for (name, value) in headers {
        let Ok(value) = std::str::from_utf8(value.as_bytes()) else { continue };
        let value = value.trim_matches([' ', '\t']);
        if NOT_PASSED_ON.contains(&name.as_str())
            || name == "set-cookie"
            || value.bytes().any(|b| b < b' ' && b != b'\t')
        {
            continue;
        }
        for part in [name.as_str(), ": ", value, "\n"] {
            lines.push_str(part);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_have_a_path_of_their_own() {
        let base = |url: &str| Pod::new(url, &[]).map(|pod| pod.base);
        for (url, read) in [
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
            ("http://127.0.0.1:11434/v1/", "http://127.0.0.1:11434"),
            ("https://pod.internal/llm/", "https://pod.internal/llm"),
        ] {
            assert_eq!(base(url).unwrap(), read);
        }
        for url in ["", "127.0.0.1:1", "ftp://a", "http://u:p@a", "http://a/?q=1", "/v1"] {
            assert_eq!(base(url).unwrap_err().kind, Kind::Usage, "{url}");
        }
    }

    #[test]
    fn what_belongs_to_a_connection_stays_behind() {
        let head = RequestHead {
            method: "POST",
            path: "/v1/chat/completions",
            lines: "content-type: application/json\nconnection: close\nhost: a\ntransfer-encoding: chunked\nx-a: 1\nx-a: 2\n",
        };
        let head = Head::of(&head).unwrap();
        let names: Vec<_> =
            head.headers.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        assert_eq!(names, ["content-type=application/json", "x-a=1", "x-a=2"]);
        let mut answer = HeaderMap::new();
        answer.insert("content-type", HeaderValue::from_static("text/plain"));
        answer.insert("set-cookie", HeaderValue::from_static("a=b"));
        answer.insert("x-bad", HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(lines(&answer), "content-type: text/plain\n");
    }

    #[test]
    fn lists_are_read_in_the_forms_in_use() {
        assert_eq!(names(br#"{"data":[{"id":"a"},{"id":"b"}]}"#), Some(vec!["a".into(), "b".into()]));
        assert_eq!(names(br#"{"data":[{"name":"a"},"b",3]}"#), Some(vec!["a".into(), "b".into()]));
        assert_eq!(names(b"[]"), Some(vec![]));
        assert_eq!(names(b"<html>"), None);
    }
}
