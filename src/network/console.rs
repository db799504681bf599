//! The way into the console: a token in the address becomes a cookie, once it turned out to be one, and leaves the
//! address. The console's own files are not part of this yet.

use super::ask::Asking;
use super::credential::{self, base, is_same_origin, COOKIE};
use crate::answer::Answer;
use crate::request::decode;
use moltghost_protocol::moltnet::access::Mode;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::{Gate, READ};
use moltghost_protocol::object::network::NetworkOp;

/// The parameter that holds a token.
const PARAMETER: &str = "access_token";

/// `GET /console` and below.
///
/// # Errors
/// 401 and 403 by the gate.
pub async fn serve(asking: &Asking<'_>) -> Outcome<Answer> {
    let request = asking.request;
    let token = request.query(PARAMETER).ok().flatten().map(|token| token.trim().to_owned());
    if let Some(token) = token.filter(|token| !token.is_empty() && asking.settings.mode() != Mode::None) {
        asking.network_as(Some(token.clone()), NetworkOp::Enter(Gate::Token)).await?;
        let secure = if base(request, asking.settings).starts_with("https:") { " Secure;" } else { "" };
        return Ok(Answer::empty(307)
            .header("set-cookie", &format!("{COOKIE}={token}; Path=/; HttpOnly;{secure} SameSite=Lax"))
            .header("location", &without_token(asking)));
    }
    let gate = if asking.settings.public_read { Gate::Health } else { Gate::Any(READ) };
    asking.enter(gate).await?;
    if request.path() == "/console" {
        return Ok(Answer::empty(307).header("location", "/console/"));
    }
    Err(MoltnetError::not_found("the console is not part of this deployment"))
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

/// `POST /console/sign-out`: takes the cookie away.
///
/// # Errors
/// 403 where another site asks.
pub fn sign_out(asking: &Asking<'_>) -> Outcome<Answer> {
    let (request, settings) = (asking.request, asking.settings);
    if credential::cookie(request).is_some() && !is_same_origin(request, settings) {
        return Err(MoltnetError::forbidden("only our own pages sign anybody out"));
    }
    let secure = if base(request, settings).starts_with("https:") { " Secure;" } else { "" };
    let gone = format!("{COOKIE}=; Path=/; HttpOnly;{secure} SameSite=Lax; Max-Age=0");
    Ok(Answer::empty(204).header("set-cookie", &gone))
}
