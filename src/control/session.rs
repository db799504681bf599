//! `/session`: the console's sign-in to the control API. The cookie holds the token itself, sealed under the pepper, so
//! that nothing of ours stores it and no script reads it; what revokes the token ends the session with it. A session
//! that was signed out of is remembered by the register until its time is over, so that no copy of its cookie opens
//! anything.
//!
//! Invariant: a cookie is only looked at where no `Authorization` header is, and changes something only where the
//! browser says that our own page asks, in JSON (architecture rule 13, agent-endpoints §10).

use super::auth::Caller;
use crate::answer::Answer;
use crate::endpoint::internal;
use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::{now, random};
use moltghost_protocol::control::account::TokenDocument;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::{AccountAsk, AccountOp, RegisterOp};
use moltghost_protocol::seal::{self, Place};
use moltghost_protocol::time::{rfc3339, Millis};

const COOKIE: &str = "moltghost_session";
const HOURS: i64 = 12;
const PLACE: Place<'static> = Place { object: "session", field: "token" };

/// A session, as its cookie holds it.
struct Session {
    ends: Millis,
    /// Which of the token's sessions; empty in a cookie of the version before.
    id: String,
    token: String,
}

/// The session of the request's cookie; none where it has ended by its time.
fn sealed(request: &Request) -> Option<Session> {
    let cookies = request.head.header("cookie")?.split(';');
    let (_, value) =
        cookies.filter_map(|one| one.trim().split_once('=')).find(|(name, _)| *name == COOKIE)?;
    let opened = seal::open(request.config().ok()?.pepper().ok()?, PLACE, value.trim())?;
    let (ends, rest) = opened.split_once(' ')?;
    let ends: Millis = ends.parse().ok()?;
    let (id, token) = rest.split_once(' ').unwrap_or(("", rest));
    (now() < ends).then(|| Session { ends, id: id.to_owned(), token: token.to_owned() })
}

/// Refuses a request whose session was signed out of; what comes with `Authorization` has none.
///
/// # Errors
/// `invalid_token`, or what keeps the register from telling.
pub async fn check(request: &Request) -> Result<(), Problem> {
    if request.bearer().is_some() {
        return Ok(());
    }
    let Some(session) = sealed(request).filter(|session| !session.id.is_empty()) else { return Ok(()) };
    let ask = AccountAsk::Register(RegisterOp::IsEnded(session.id));
    if objects::account(request, &AccountName::Register, &ask).await? {
        return Err(Problem::new(Code::InvalidToken, "This session was signed out of. Sign in again."));
    }
    Ok(())
}

/// Whether the request comes with a session that has not ended; its token is not checked.
pub fn is_open(request: &Request) -> bool {
    sealed(request).is_some()
}

/// The token of the session that a request comes with.
///
/// # Errors
/// `origin_not_allowed` for a change that another site asks for, `unsupported_media_type` for one that is not JSON.
pub fn token(request: &Request) -> Result<Option<String>, Problem> {
    let Some(Session { token, .. }) = sealed(request) else { return Ok(None) };
    if matches!(request.method(), "GET" | "HEAD") {
        return Ok(Some(token));
    }
    let own = if let Some(site) = request.head.header("sec-fetch-site") {
        matches!(site.trim(), "same-origin" | "none")
    } else {
        let own = format!("{}://{}", request.scheme(), request.host());
        request.head.header("origin").is_some_and(|origin| origin == own)
    };
    if !own {
        let message = "A session changes nothing for another site. Send the token as Authorization: Bearer.";
        return Err(Problem::new(Code::OriginNotAllowed, message));
    }
    let kind = request.head.header("content-type").unwrap_or_default();
    if !kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        let message = "With a session, send the body as JSON and say so: content-type: application/json.";
        return Err(Problem::new(Code::UnsupportedMediaType, message).param("content-type"));
    }
    Ok(Some(token))
}

/// `POST /session`: a cookie for the token that the request was sent with.
pub async fn open(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    let token = match caller {
        Caller::Holder { text, .. } => text.clone(),
        Caller::Operator => match request.bearer() {
            Some(text) => text.to_owned(),
            None => token(request)?.unwrap_or_default(),
        },
    };
    let ends = now() + HOURS * 3_600_000;
    let document = document(request, caller, ends).await?;
    let nonce = random::bytes().map_err(internal)?;
    let id = random::u128().map_err(internal)?;
    let sealed = seal::seal(request.config()?.pepper()?, PLACE, &format!("{ends} {id:032x} {token}"), nonce);
    let sealed = sealed.ok_or_else(|| Problem::new(Code::InternalError, "The token cannot be sealed."))?;
    Ok(Answer::json(201, &document).header("set-cookie", &cookie(request, &sealed, HOURS * 3_600)))
}

/// `GET /session`: who the caller is.
pub async fn show(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    let ends = sealed(request).map_or_else(|| now() + HOURS * 3_600_000, |session| session.ends);
    Ok(Answer::json(200, &document(request, caller, ends).await?))
}

/// `DELETE /session`: ends the session, and takes the cookie away.
pub async fn close(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    let document = document(request, caller, now()).await?;
    if let Some(Session { ends, id, .. }) = sealed(request).filter(|session| !session.id.is_empty()) {
        let ask = AccountAsk::Register(RegisterOp::EndSession { id, ends });
        let () = objects::account(request, &AccountName::Register, &ask).await?;
    }
    Ok(Answer::json(200, &document).header("set-cookie", &cookie(request, "", 0)))
}

async fn document(request: &Request, caller: &Caller, ends: Millis) -> Result<serde_json::Value, Problem> {
    Ok(match caller {
        Caller::Operator => serde_json::json!({
            "role": "deployment", "account": null, "token": null, "expires_at": rfc3339(ends),
        }),
        Caller::Holder { token, .. } => {
            let own: TokenDocument =
                caller.account(request, &token.account, AccountOp::Token(token.id.clone())).await?;
            serde_json::json!({
                "role": own.role, "account": token.account, "token": own.id, "expires_at": rfc3339(ends),
            })
        }
    })
}

fn cookie(request: &Request, value: &str, seconds: i64) -> String {
    let secure = if request.scheme() == "https" { " Secure;" } else { "" };
    format!("{COOKIE}={value}; Path=/; HttpOnly;{secure} SameSite=Strict; Max-Age={seconds}")
}
