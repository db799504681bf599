//! Where a caller's token stands: the `Authorization` header, then the console's cookie. A cookie is sent by the
//! browser, whoever made it ask, so it changes something only where the browser says that our own page did.

use crate::request::Request;
use moltghost_protocol::moltnet::access::Mode;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::settings::Settings;

/// The console's cookie.
pub const COOKIE: &str = "moltnet_auth";

/// The token that a request was sent with.
///
/// # Errors
/// 401 for a header that holds no token, 403 for a change by cookie that another site asks for.
pub fn of(request: &Request, settings: &Settings) -> Outcome<Option<String>> {
    if settings.mode() == Mode::None {
        return Ok(None);
    }
    if let Some(header) = request.head.header("authorization").map(str::trim).filter(|text| !text.is_empty())
    {
        let token = header
            .strip_prefix("Bearer ")
            .ok_or_else(|| MoltnetError::unauthorized("invalid authorization header"))?
            .trim();
        if token.is_empty() {
            return Err(MoltnetError::unauthorized("authorization token is required"));
        }
        return Ok(Some(token.to_owned()));
    }
    let Some(token) = cookie(request) else { return Ok(None) };
    if !matches!(request.method(), "GET" | "HEAD") && !is_same_origin(request, settings) {
        return Err(MoltnetError::forbidden(
            "a cookie changes nothing for another site; send the token as Authorization: Bearer",
        ));
    }
    Ok(Some(token.to_owned()))
}

/// The token in the console's cookie. A cookie that holds what no cookie may hold counts as none.
pub fn cookie(request: &Request) -> Option<&str> {
    let cookies = request.head.header("cookie")?.split(';').filter_map(|one| one.trim().split_once('='));
    let mut values = cookies
        .filter(|(name, _)| name.trim() == COOKIE)
        .map(|(_, value)| value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value));
    let fits = |value: &&str| value.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'));
    values.find(fits).map(str::trim).filter(|value| !value.is_empty())
}

/// Whether the browser says that our own page asks.
pub fn is_same_origin(request: &Request, settings: &Settings) -> bool {
    match request.head.header("sec-fetch-site") {
        Some(site) => matches!(site.trim(), "same-origin" | "none"),
        None => request.head.header("origin").is_some_and(|origin| origin == base(request, settings)),
    }
}

/// Where the caller found us, `https://host`; what proxies say counts only where the operator trusts them.
pub fn base(request: &Request, settings: &Settings) -> String {
    let forwarded = |name: &str| {
        let value = request.head.header(name).filter(|_| settings.trust_forwarded)?;
        value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
    };
    let scheme = match forwarded("x-forwarded-proto").map(str::to_ascii_lowercase).as_deref() {
        Some("https") => "https",
        Some("http") => "http",
        _ => request.scheme(),
    };
    let plain = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let host = forwarded("x-forwarded-host").filter(plain).unwrap_or_else(|| request.host());
    format!("{scheme}://{host}")
}
