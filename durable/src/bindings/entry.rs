//! The doors: how a request comes in, how an answer goes out, and the deadline that keeps every entry from hanging.

use super::{glue, task, Failure};
use moltghost_protocol::credential::Pepper;
use std::future::{poll_fn, Future};
use std::pin::Pin;
use std::task::Poll;
use wasm_bindgen::JsValue;

/// A request's first line and headers, read in one crossing.
#[derive(Debug, Clone)]
pub struct Head {
    text: String,
}

impl Head {
    /// Reads the head of a request.
    ///
    /// # Errors
    /// Where the value is not a request.
    pub fn of(request: &JsValue) -> Result<Self, Failure> {
        Ok(Self { text: glue::request_head(request)? })
    }

    fn first_line(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n').next().unwrap_or_default().split(' ')
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.first_line().next().unwrap_or_default()
    }

    /// The whole URL, as the runtime normalised it.
    pub fn url(&self) -> &str {
        self.first_line().nth(1).unwrap_or_default()
    }

    /// The TLS version, `-` where there is none to tell.
    pub fn tls(&self) -> &str {
        self.first_line().nth(2).unwrap_or_default()
    }

    /// Every header, its name in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text.split('\n').skip(1).filter_map(|line| line.split_once(": "))
    }

    /// The value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(n, _)| *n == name).map(|(_, value)| value)
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

/// Reads a request body of at most `limit` bytes after decompression. It counts among the bodies that are held until
/// [`let_go`], or until the request is answered.
///
/// # Errors
/// [`BodyError`]; what was read so far is dropped.
pub async fn body(request: &JsValue, limit: u64, gzip: bool) -> Result<Vec<u8>, BodyError> {
    #[allow(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
    let limit = limit as f64;
    let promise = glue::read_body(request, limit, gzip).map_err(|_| BodyError::Cut)?;
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
