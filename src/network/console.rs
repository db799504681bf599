//! The console: its page for those whom the gate lets in, its files, and the ways in and out. A token in the address
//! becomes a cookie, once it turned out to be one, and leaves the address.
//!
//! The files are the same for everybody and hold no secret, so that the page on which one signs in needs none to show.

use super::ask::Asking;
use super::credential::{self, base, is_same_origin, COOKIE};
use crate::answer::Answer;
use crate::control::has_session;
use crate::request::decode;
use moltghost_durable::bindings::{assets, Failure};
use moltghost_protocol::moltnet::access::Mode;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::{Gate, READ};
use moltghost_protocol::object::network::NetworkOp;

/// The parameter that holds a token.
const PARAMETER: &str = "access_token";
/// The page, among the console's files.
const PAGE: &str = "/console/index.html";
/// Where files lie whose names change with what is in them.
const FILES: &str = "/console/assets/";

/// `GET /console` and below.
///
/// # Errors
/// 401 and 403 by the gate; browsers get them with the page, on which one signs in.
pub async fn serve(asking: &Asking<'_>) -> Outcome<Answer> {
    let request = asking.request;
    if request.path().starts_with(FILES) {
        return file(asking).await;
    }
    let token = request.lenient_query(PARAMETER).map(|token| token.trim().to_owned());
    if let Some(token) = token.filter(|token| !token.is_empty() && asking.settings.mode() != Mode::None) {
        asking.network_as(Some(token.clone()), NetworkOp::Enter(Gate::Token)).await?;
        return Ok(Answer::empty(307)
            .header("set-cookie", &cookie(asking, &token))
            .header("location", &without_token(asking)));
    }
    if request.path() == "/console" {
        // Who is not let in is told so where the page is.
        asking.enter(gate(asking)).await?;
        return Ok(Answer::empty(307).header("location", "/console/"));
    }
    match asking.enter(gate(asking)).await {
        Ok(()) => page(asking, 200).await?.ok_or_else(missing),
        Err(refusal) if matches!(refusal.status, 401 | 403) && takes_pages(asking) => {
            let status = if has_session(request) { 200 } else { refusal.status };
            page(asking, status).await?.ok_or(refusal)
        }
        Err(refusal) => Err(refusal),
    }
}

fn gate(asking: &Asking<'_>) -> Gate {
    if asking.settings.public_read {
        Gate::Health
    } else {
        Gate::Any(READ)
    }
}

fn missing() -> MoltnetError {
    MoltnetError::not_found("the console is not part of this deployment")
}

fn takes_pages(asking: &Asking<'_>) -> bool {
    asking.request.head.header("accept").is_some_and(|kinds| kinds.contains("text/html"))
}

async fn body(asking: &Asking<'_>, path: &str) -> Outcome<Option<wasm_bindgen::JsValue>> {
    assets::body(&asking.request.env, path).await.map_err(|Failure(why)| {
        MoltnetError::unavailable(format!("the console's files cannot be read: {why}"))
    })
}

/// The page; `None` where there is none. Only its own files run on it, and it speaks to this deployment alone.
async fn page(asking: &Asking<'_>, status: u16) -> Outcome<Option<Answer>> {
    let Some(body) = body(asking, PAGE).await? else { return Ok(None) };
    let request = asking.request;
    let endpoints = request
        .config()
        .map(|config| config.hosts.endpoint_url(request.scheme(), request.port(), "*"))
        .unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {endpoints}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let answer = Answer::native(status, "text/html; charset=utf-8", body)
        .header("cache-control", if status == 200 { "no-cache" } else { "no-store" })
        .header("content-security-policy", &policy)
        .header("referrer-policy", "same-origin")
        .header("cross-origin-opener-policy", "same-origin");
    Ok(Some(answer))
}

async fn file(asking: &Asking<'_>) -> Outcome<Answer> {
    let path = asking.request.path();
    let kind = match path.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => return Err(MoltnetError::not_found("the console has no such file")),
    };
    let body = body(asking, path).await?;
    let body = body.ok_or_else(|| MoltnetError::not_found("the console has no such file"))?;
    Ok(Answer::native(200, kind, body).header("cache-control", "public, max-age=31536000, immutable"))
}

fn cookie(asking: &Asking<'_>, token: &str) -> String {
    let secure = if base(asking.request, asking.settings).starts_with("https:") { " Secure;" } else { "" };
    format!("{COOKIE}={token}; Path=/; HttpOnly;{secure} SameSite=Lax")
}

/// The same path without the token, the rest of the query sorted by name.
fn without_token(asking: &Asking<'_>) -> String {
    let query = asking.request.head.url().split_once('?').map_or("", |(_, query)| query);
    let name = |pair: &str| decode(pair.split('=').next().unwrap_or_default(), true);
    let mut pairs: Vec<&str> = query.split('#').next().unwrap_or_default().split('&').collect();
    pairs.retain(|pair| !pair.is_empty() && name(pair).as_deref() != Some(PARAMETER));
    pairs.sort_by_key(|pair| name(pair));
    let path = asking.request.path();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

/// `POST /console/sign-in`: a cookie for the token of the `Authorization` header, if it may read here.
///
/// # Errors
/// 401 without a token or with one that is not known, 403 where it may not read.
pub async fn sign_in(asking: &Asking<'_>) -> Outcome<Answer> {
    let token = credential::of(asking.request, asking.settings)?;
    if token.is_none() && asking.settings.mode() != Mode::None {
        return Err(MoltnetError::unauthorized("authorization required"));
    }
    asking.network_as(token.clone(), NetworkOp::Enter(Gate::Any(READ))).await?;
    let answer = Answer::empty(204);
    Ok(match token {
        Some(token) => answer.header("set-cookie", &cookie(asking, &token)),
        None => answer,
    })
}

/// `POST /console/sign-out`: takes the cookie away.
///
/// # Errors
/// 403 where another site asks.
pub fn sign_out(asking: &Asking<'_>) -> Outcome<Answer> {
    let (request, settings) = (asking.request, asking.settings);
    if credential::cookie(request).is_some() && !is_same_origin(request, settings) {
        return Err(MoltnetError::forbidden("only our own pages sign anybody out"));
    }
    let gone = format!("{}; Max-Age=0", cookie(asking, ""));
    Ok(Answer::empty(204).header("set-cookie", &gone))
}
