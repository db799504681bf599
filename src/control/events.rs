//! `GET /events`: what happens in an account, as server-sent events.
//!
//! The Worker holds the answer and a link to the account's object (see `moltghost_durable::stream`), so the object
//! sleeps while nothing happens.

use super::auth::Caller;
use crate::answer::{common, Answer};
use crate::endpoint::internal;
use crate::request::Request;
use moltghost_durable::account::token_ended;
use moltghost_durable::bindings::link::{Comments, Farewell, Link};
use moltghost_durable::bindings::now;
use moltghost_durable::bindings::object::{Class, Place};
use moltghost_durable::stream::link::end_event;
use moltghost_protocol::control::fields::wrong;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AccountId;
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::{AccountOp, Watching};
use moltghost_protocol::object::{read_answer, write};
use moltghost_protocol::stream::MAX_CURSOR;

/// Header lines of every stream of events.
const HEADERS: &str = "content-type: text/event-stream\ncache-control: no-store, no-cache, no-transform\n";

/// What a stream says between its events.
const COMMENTS: Comments = Comments { open: "open", alive: "ka" };

/// `GET /events`.
pub async fn watch(request: &Request, caller: &Caller) -> Result<Answer, Problem> {
    let named = request.query("account")?.map(|text| AccountId::parse(&text)).transpose();
    let account = caller.account_id(named.map_err(|error| wrong("account", error.0))?)?;
    let cursor = cursor(request)?;
    let message = write(&caller.ask(&account, AccountOp::Watch)?);
    let name = AccountName::Account(account).to_string();
    let (raw, ctx, env) = (&request.raw, &request.ctx, &request.env);
    let link = Link::new(raw, ctx, env, &Place::of(Class::Account, &name), &cursor, &message, COMMENTS)
        .map_err(internal)?;
    let word = link.open().await.map_err(internal);
    let watching: Watching = match word.and_then(|word| read_answer(&word)) {
        Ok(watching) => watching,
        Err(problem) => {
            link.close();
            return Err(crate::objects::shown(request, problem));
        }
    };
    if request.method() == "HEAD" {
        link.close();
        return Ok(Answer::empty(200).lines(HEADERS));
    }
    let lost = Problem::new(Code::InternalError, "The stream was lost. Open it again with Last-Event-ID.");
    let farewell = Farewell {
        after_ms: watching.ends.map(|ends| ends - now()),
        expired: &end_event(&token_ended()),
        lost: &end_event(&lost),
    };
    let headers = format!("{HEADERS}{}", common(&request.id, request.host()));
    link.respond(&headers, &farewell).map(Answer::ready).map_err(internal)
}

/// Where the reader goes on: `Last-Event-ID`, or `last_event_id` of the query for readers that cannot send headers.
fn cursor(request: &Request) -> Result<String, Problem> {
    let header = request.head.header("last-event-id").filter(|id| !id.is_empty()).map(str::to_owned);
    let cursor = match header {
        Some(id) => id,
        None => request.query("last_event_id")?.unwrap_or_default(),
    };
    if cursor.len() > MAX_CURSOR || cursor.bytes().any(|b| b.is_ascii_control()) {
        return Err(wrong("last-event-id", "it must be an id of this stream, of at most 128 bytes"));
    }
    Ok(cursor)
}
