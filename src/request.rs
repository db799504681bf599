//! A request as handlers see it: its head parsed, its body still unread.

use crate::config::Config;
use moltghost_durable::bindings::entry::Head;
use moltghost_durable::bindings::tunnel::Opened;
use moltghost_durable::bindings::{random, Failure};
use moltghost_protocol::control::fields::wrong;
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::request_id::request_id;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// One request. A clone is the same request, for what goes on after the answer.
#[derive(Clone)]
pub struct Request {
    /// JavaScript's request.
    pub raw: JsValue,
    /// The Worker's environment.
    pub env: JsValue,
    /// What outlives the answer.
    pub ctx: JsValue,
    /// The head.
    pub head: Head,
    /// `req_…`, on every answer.
    pub id: String,
    /// The configuration, or what is wrong with it.
    pub config: Result<Rc<Config>, Problem>,
    /// The route as documents write it, once it is known: for the log, which holds no id of a path.
    pub route: Rc<Cell<&'static str>>,
    /// Whether any object was asked.
    pub asked: Rc<Cell<bool>>,
    /// The socket that came with the admission of a call that goes over a tunnel.
    pub opened: Rc<Opened>,
}

impl Request {
    /// Reads the head.
    pub fn new(raw: JsValue, env: JsValue, ctx: JsValue) -> Result<Self, Failure> {
        let head = Head::of(&raw)?;
        let id = request_id(random::u64()?);
        let config = Config::of(&env);
        Ok(Self {
            raw,
            env,
            ctx,
            head,
            id,
            config,
            route: Rc::default(),
            asked: Rc::default(),
            opened: Rc::default(),
        })
    }

    /// The configuration.
    ///
    /// # Errors
    /// `not_configured` naming the variable at fault.
    pub fn config(&self) -> Result<&Config, Problem> {
        self.config.as_deref().map_err(Clone::clone)
    }

    /// Whether the rate-limit binding is there.
    pub fn has_filter(&self) -> bool {
        self.config.as_ref().is_ok_and(|config| config.has_filter)
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.head.scheme()
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.head.host()
    }

    /// The port, if the address names one.
    pub fn port(&self) -> Option<u16> {
        let host = self.host();
        host.rsplit_once(':').filter(|(name, _)| !name.contains(':') || name.ends_with(']'))?.1.parse().ok()
    }

    /// The path, as it came.
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// The value of a query parameter, decoded.
    ///
    /// # Errors
    /// `invalid_request` where its encoding is broken.
    pub fn query(&self, name: &str) -> Result<Option<String>, Problem> {
        let query = self.head.url().split_once('?').map_or("", |(_, query)| query);
        for pair in query.split('#').next().unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if key == name {
                let value =
                    decode(value, true).ok_or_else(|| wrong(name, "its percent-encoding is broken"))?;
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// The value of a query parameter as Moltnet reads it: what is broken, or holds a semicolon, is passed over, and bytes
    /// that are no UTF-8 stay what they are, in characters that no id holds.
    pub fn lenient_query(&self, name: &str) -> Option<String> {
        lenient(self.head.url(), name)
    }

    /// The credential after `Bearer`, the scheme in any case; `None` where there is no `Authorization` header.
    pub fn bearer(&self) -> Option<&str> {
        let value = self.head.header("authorization")?;
        let (scheme, credential) = value.split_once(' ').unwrap_or((value, ""));
        Some(if scheme.eq_ignore_ascii_case("bearer") { credential } else { "" })
    }

    /// Whether the body is gzip.
    ///
    /// # Errors
    /// `unsupported_media_type` for multipart and for any other coding.
    pub fn is_gzip(&self) -> Result<bool, Problem> {
        let unsupported = |message: &str, param: &str| {
            Err(Problem::new(Code::UnsupportedMediaType, message.to_owned()).param(param))
        };
        let kind = self.head.header("content-type").unwrap_or_default();
        if kind.get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/")) {
            return unsupported("Send the body as JSON, not as multipart.", "content-type");
        }
        match self.head.header("content-encoding").unwrap_or("identity").to_ascii_lowercase().as_str() {
            "identity" | "" => Ok(false),
            "gzip" | "x-gzip" => Ok(true),
            _ => unsupported("A compressed body must be gzip.", "content-encoding"),
        }
    }

    /// The body of a control call.
    ///
    /// # Errors
    /// `unsupported_media_type`, `request_too_large` over 64 KiB, `invalid_request` where it breaks off.
    pub async fn small_body(&self) -> Result<Vec<u8>, Problem> {
        use moltghost_durable::bindings::entry::{body, BodyError};
        use moltghost_protocol::control::fields::MAX_BODY;
        let gzip = self.is_gzip()?;
        match body(&self.raw, &self.head, MAX_BODY as u64, gzip).await {
            Ok(bytes) => Ok(bytes),
            Err(BodyError::TooLarge) => Err(Problem::new(
                Code::RequestTooLarge,
                "The body is larger than the 65536 bytes that this takes.",
            )),
            Err(BodyError::BadEncoding) => Err(not_gzip()),
            Err(BodyError::Cut) => {
                Err(Problem::new(Code::InvalidRequest, "The body broke off before its end."))
            }
            Err(BodyError::Full) => Err(full()),
        }
    }
}

/// `agent_busy` where this instance holds as many bytes of bodies as it may.
pub fn full() -> Problem {
    let message =
        "As many request bodies are on their way here as fit: 32 MiB in all. Try again in a moment.";
    Problem::new(Code::AgentBusy, message).retry(Retry::After(1_000))
}

/// `invalid_request` for a body that is declared as gzip, and is none, a part of one, or more than one.
pub fn not_gzip() -> Problem {
    let message = "The body is declared as gzip, and is not one whole gzip stream.";
    Problem::new(Code::InvalidRequest, message).param("content-encoding")
}

/// Decodes percent signs, and in a query also plus signs; `None` for what is not UTF-8 or broken.
pub fn decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' if plus => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// As [`Request::lenient_query`].
fn lenient(url: &str, name: &str) -> Option<String> {
    let decoded = |text: &str| moltghost_protocol::moltnet::route::decode(&text.replace('+', " "));
    let query = url.split_once('?').map_or("", |(_, query)| query).split('#').next().unwrap_or_default();
    query.split('&').filter(|pair| !pair.contains(';')).find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if decoded(key)? == name {
            decoded(value)
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{decode, lenient};

    #[test]
    fn moltnet_passes_over_what_it_cannot_read() {
        let after = |query: &str| lenient(&format!("https://a.example/v1/rooms?{query}"), "after");
        assert_eq!(after("after=a+b%20c").as_deref(), Some("a b c"));
        assert_eq!(after("after=%zz&a;b&after=1;2&%61fter=x&after=y#after=z").as_deref(), Some("x"));
        assert_eq!(after("after=%ff").as_deref(), Some("\u{10ffff}"));
        assert_eq!(after("after").as_deref(), Some(""));
        assert_eq!(after("After=x&=&"), None);
    }

    #[test]
    fn queries_and_paths_decode_and_broken_ones_do_not() {
        assert_eq!(decode("a%20b+c", true).as_deref(), Some("a b c"));
        assert_eq!(decode("a+b", false).as_deref(), Some("a+b"));
        assert_eq!(decode("%", false), None);
        assert_eq!(decode("%ff", false), None);
        assert_eq!(decode("%+1", false), None);
    }
}
