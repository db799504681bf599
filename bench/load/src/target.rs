//! What is attacked: an address, the request's headers, and its body.

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Uri};
use serde_json::json;

use crate::error::LoadError;
use crate::prompt::Prompt;

/// One endpoint and how to call it.
#[derive(Debug)]
pub struct Target {
    /// Host and port to connect to.
    pub address: String,
    /// Path and query of the request line.
    pub path: Uri,
    /// All headers but the length.
    pub headers: HeaderMap,
    /// The JSON body.
    pub body: Bytes,
    /// Chunks of a streamed answer; none for a plain one.
    pub chunks: Option<u32>,
    /// Whether the body is the caller's own, so that nothing is known of the answer but that it is good.
    pub own: bool,
}

impl Target {
    /// A chat call to `url`.
    pub fn new(
        url: &str,
        headers: &[String],
        model: &str,
        stream: bool,
        prompt: Prompt,
    ) -> Result<Self, LoadError> {
        let uri: Uri = url.parse().map_err(|_| LoadError::Usage(format!("not a URL: {url}")))?;
        if uri.scheme_str() != Some("http") {
            return Err(LoadError::Usage(format!("only http:// can be attacked, not {url}")));
        }
        let authority = uri.authority().ok_or_else(|| LoadError::Usage(format!("no host in {url}")))?;
        let address = format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80));
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut map = HeaderMap::new();
        map.insert("host", header_value(authority.as_str())?);
        map.insert("content-type", HeaderValue::from_static("application/json"));
        map.insert("user-agent", HeaderValue::from_static("moltghost-bench"));
        for header in headers {
            let (name, value) = header
                .split_once(':')
                .ok_or_else(|| LoadError::Usage(format!("not `name: value`: {header}")))?;
            let name: HeaderName =
                name.trim().parse().map_err(|_| LoadError::Usage(format!("not a header name: {name}")))?;
            map.insert(name, header_value(value.trim())?);
        }
        let mut body = json!({
            "model": model,
            "messages": [
                { "role": "system", "content": "You are the subject of a benchmark. Answer at once." },
                { "role": "user", "content": prompt.text() },
            ],
            "temperature": 0.2,
            "max_tokens": 256,
        });
        if let (true, Some(fields)) = (stream, body.as_object_mut()) {
            fields.insert("stream".into(), true.into());
        }
        Ok(Self {
            address,
            path: path.parse().map_err(|_| LoadError::Usage(format!("not a path: {path}")))?,
            headers: map,
            body: Bytes::from(serde_json::to_vec(&body)?),
            chunks: stream.then_some(prompt.chunks),
            own: false,
        })
    }

    /// The same with a body of the caller's own.
    pub fn with_body(self, body: String) -> Self {
        Self { body: body.into(), chunks: None, own: true, ..self }
    }
}

fn header_value(text: &str) -> Result<HeaderValue, LoadError> {
    text.parse().map_err(|_| LoadError::Usage(format!("not a header value: {text}")))
}
