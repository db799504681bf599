//! The doors: how a request comes in, how an answer goes out, and the deadline that keeps every entry from hanging.

use super::lines::Lines;
use super::{glue, task, Failure};
use moltghost_protocol::credential::Pepper;
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::task::Poll;
use wasm_bindgen::JsValue;

/// A request's first line and headers, read in one crossing.
#[derive(Debug, Clone)]
pub struct Head {
    lines: Lines,
    /// Ends of the method, of the URL and of the first line.
    method: usize,
    url: usize,
    line: usize,
    /// Where the URL's host begins and ends, and the end of its path.
    host: (usize, usize),
    path: usize,
}

impl Head {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// Where the value is not a request.
    pub fn of(request: &JsValue) -> Result<Self, Failure> {
        Ok(Self::parse(glue::request_head(request)?))
    }

    fn parse(text: String) -> Self {
        let bytes = text.as_bytes();
        let next = |from: usize, ends: &[u8]| {
            let rest = bytes.get(from..).unwrap_or_default();
            rest.iter().position(|byte| ends.contains(byte)).map_or(bytes.len(), |at| from + at)
        };
        let method = next(0, b" \n");
        let url = next(method + 1, b" \n");
        let line = next(url, b"\n");
        let host = next(method + 1, b":") + "://".len();
        let host_end = next(host, b"/?# \n");
        let path = next(host_end, b"?# \n");
        Self { method, url, line, host: (host, host_end), path, lines: Lines::below(text, line) }
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.lines.part(0, self.method)
    }

    /// The whole URL, as the runtime normalised it.
    pub fn url(&self) -> &str {
        self.lines.part(self.method + 1, self.url)
    }

    /// The URL's scheme.
    pub fn scheme(&self) -> &str {
        self.lines.part(self.method + 1, self.host.0.saturating_sub("://".len()))
    }

    /// The URL's host and port.
    pub fn host(&self) -> &str {
        self.lines.part(self.host.0, self.host.1)
    }

    /// The URL's path, as it came.
    pub fn path(&self) -> &str {
        match self.lines.part(self.host.1, self.path) {
            "" => "/",
            path => path,
        }
    }

    /// The TLS version, `-` where there is none to tell.
    pub fn tls(&self) -> &str {
        self.lines.part(self.url + 1, self.line)
    }

    /// Every header, its name in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.all()
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.lines.value(name)
    }
}

/// Why a request body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// Larger than the limit.
    TooLarge,
    /// Declared as gzip, which it is not.
    BadEncoding,
    /// The caller stopped sending.
    Cut,
    /// This isolate holds as many bytes of bodies as it may: 32 MiB. It has 128 MiB in all, and a body stands in it
    /// up to three times on its way to the pod.
    Full,
}

/// Reads the body of a request, with this head, of at most `limit` bytes after decompression. It counts among the bodies
/// that are held until [`let_go`], or until the request is answered.
///
/// # Errors
/// [`BodyError`]; what was read so far is dropped.
pub async fn body(request: &JsValue, head: &Head, limit: u64, gzip: bool) -> Result<Vec<u8>, BodyError> {
    #[allow(
        clippy::cast_precision_loss,
        reason = "limits are far below 2^53, and what is above them is too large"
    )]
    let number = |bytes: u64| bytes as f64;
    let declared = head.header("content-length").and_then(|length| length.parse().ok());
    let promise = glue::read_body(request, declared.map_or(f64::NAN, number), number(limit), gzip)
        .map_err(|_| BodyError::Cut)?;
    let value = task::settled(&promise).await.map_err(|_| BodyError::Cut)?;
    match value.as_f64() {
        None => Ok(js_sys::Uint8Array::from(value).to_vec()),
        Some(1.0) => Err(BodyError::TooLarge),
        Some(2.0) => Err(BodyError::BadEncoding),
        Some(4.0) => Err(BodyError::Full),
        Some(_) => Err(BodyError::Cut),
    }
}

/// The body of a request is on its way to the pod and is held no more.
pub fn let_go(request: &JsValue) {
    let _ = glue::let_go(request);
}

/// A response with a text body; `headers` are `name: value\n` lines.
///
/// # Errors
/// Where a header or the status is not one.
pub fn text(status: u16, headers: &str, body: &str) -> Result<JsValue, Failure> {
    Ok(glue::respond_text(status, headers, body)?)
}

/// A response with bytes.
///
/// # Errors
/// Where a header or the status is not one.
pub fn bytes(status: u16, headers: &str, body: &[u8]) -> Result<JsValue, Failure> {
    Ok(glue::respond(status, headers, &js_sys::Uint8Array::from(body).into())?)
}

/// A response with bytes that are JavaScript's already.
///
/// # Errors
/// Where a header or the status is not one.
pub fn native(status: u16, headers: &str, body: &JsValue) -> Result<JsValue, Failure> {
    Ok(glue::respond(status, headers, body)?)
}

/// A promise that always ends: with what `work` gives, or with `internal_error` or `timeout` where it fails or takes
/// longer than `ms`; `headers` (`name: value\n` lines) stand on that answer. With a context, `work` goes on after the
/// caller has left, so that it can clean up.
///
/// # Errors
/// Where the runtime has no timers, as outside requests.
pub fn guard(
    request: &JsValue,
    ctx: &JsValue,
    ms: u32,
    headers: &str,
    work: impl Future<Output = Result<JsValue, Failure>> + 'static,
) -> Result<JsValue, Failure> {
    let entry = glue::guard(request, ctx, ms, headers)?;
    let answer = entry.answer()?;
    task::spawn(async move {
        let told = match work.await {
            Ok(response) => entry.done(&response),
            Err(failure) => entry.fail(&failure.0),
        };
        if let Err(error) = told {
            log("entry_unanswered", &Failure::from(error).0);
        }
    });
    Ok(answer)
}

/// Lets `work` go on after the answer, as far as the platform allows.
///
/// # Errors
/// Where the context is not one.
pub fn after(ctx: &JsValue, work: impl Future<Output = ()> + 'static) -> Result<(), Failure> {
    let over = glue::keep(ctx)?;
    task::spawn(async move {
        work.await;
        let _ = over.call0(&JsValue::UNDEFINED);
    });
    Ok(())
}

/// Does several things at once, until all are done.
pub async fn together(mut works: Vec<Pin<Box<dyn Future<Output = ()> + '_>>>) {
    poll_fn(move |context| {
        works.retain_mut(|work| work.as_mut().poll(context).is_pending());
        if works.is_empty() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

/// Waits.
///
/// # Errors
/// Where the runtime has no timers, as outside requests.
pub async fn sleep(ms: u32) -> Result<(), Failure> {
    task::settled(&glue::sleep(ms)?).await?;
    Ok(())
}

/// A text variable or secret of the Worker.
///
/// # Errors
/// Where the environment is not one.
pub fn variable(env: &JsValue, name: &str) -> Result<Option<String>, Failure> {
    Ok(glue::variable(env, name)?)
}

/// The name of the rate-limit binding.
const FILTER: &str = "EDGE_FILTER";

/// Whether the rate-limit binding is there.
pub fn has_filter(env: &JsValue) -> bool {
    glue::binding(env, FILTER).is_ok_and(|binding| binding.is_object())
}

/// Counts one more of `key` by the rate-limit binding, and answers whether that is within what it allows. What cannot
/// be counted is.
pub async fn within_limit(env: &JsValue, key: &str) -> bool {
    let Ok(counting) = glue::within_limit(env, FILTER, key) else { return true };
    task::settled(&counting).await.map_or(true, |within| within.as_bool().unwrap_or(true))
}

/// The pepper, `KEY_PEPPER` and `KEY_PEPPER_PREVIOUS`.
///
/// # Errors
/// Where it is not set, or too short.
pub fn pepper(env: &JsValue) -> Result<Pepper, Failure> {
    let current = variable(env, "KEY_PEPPER")?.unwrap_or_default();
    let previous = variable(env, "KEY_PEPPER_PREVIOUS")?;
    Pepper::parse(&current, previous.as_deref())
        .ok_or_else(|| Failure("KEY_PEPPER is not set, or has less than 16 characters".to_owned()))
}

/// Writes a line of the structured log: what happened, in one word, and the detail. Never a secret, never content.
pub fn log(event: &str, detail: &str) {
    let _ = glue::log(&serde_json::json!({ "event": event, "detail": detail }).to_string());
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn a_head_is_a_line_and_headers() {
        let head = Head::parse(
            "POST https://a.example:8/v1/x?q=/#y TLSv1.3\nhost: a.example\nx-a: b: c\n".to_owned(),
        );
        assert_eq!((head.method(), head.url()), ("POST", "https://a.example:8/v1/x?q=/#y"));
        assert_eq!((head.scheme(), head.host(), head.path()), ("https", "a.example:8", "/v1/x"));
        assert_eq!(head.tls(), "TLSv1.3");
        assert_eq!(head.headers().collect::<Vec<_>>(), [("host", "a.example"), ("x-a", "b: c")]);
        assert_eq!((head.header("x-a"), head.header("x-b")), (Some("b: c"), None));
    }

    #[test]
    fn hosts_and_paths_are_told_apart() {
        for (url, scheme, host, path) in [
            ("http://h/", "http", "h", "/"),
            ("http://h", "http", "h", "/"),
            ("http://h?a=/b", "http", "h", "/"),
            ("http://h#/b", "http", "h", "/"),
            ("http://[::1]:80//a//?x", "http", "[::1]:80", "//a//"),
            ("https://h/a:b//c", "https", "h", "/a:b//c"),
        ] {
            let head = Head::parse(format!("GET {url} -\n"));
            assert_eq!((head.scheme(), head.host(), head.path()), (scheme, host, path), "{url}");
        }
        let none = Head::parse(String::new());
        assert_eq!((none.method(), none.url(), none.host(), none.path(), none.tls()), ("", "", "", "/", ""));
    }
}
