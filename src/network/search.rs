//! `GET /v1/search`: what was said, found by its words, where the caller may read. An addition to the original.
//!
//! The network says where the caller may look, the search's database where the words stand, and the history what was
//! said there. Both follow the conversations' logs by a second or two.

use super::ask::Asking;
use super::{configured, write};
use crate::answer::Answer;
use crate::request::Request;
use moltghost_durable::bindings::d1::{self, Database};
use moltghost_durable::bindings::object::{call, Class};
use moltghost_durable::search::{bodies, find, Places, Question, BATCH, CONVERSATIONS};
use moltghost_durable::sql::Statement;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::moltnet::cursor;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::page::{fit, write as written, PageInfo};
use moltghost_protocol::object::network::{NetworkOp, Reply};
use moltghost_protocol::object::room::RoomAsk;
use serde::de::DeserializeOwned;
use serde::Deserialize;

/// Messages of a page where the caller names no number, and the most.
const DEFAULT_LIMIT: u32 = 20;
const MAX_LIMIT: u32 = 50;

/// Where a message stands that holds the words.
#[derive(Deserialize)]
struct Found {
    id: u64,
    conversation: String,
    offset: u64,
}

/// What was said there.
#[derive(Deserialize)]
struct Said {
    conversation: String,
    offset: u64,
    body: String,
}

/// Serves a search.
///
/// # Errors
/// The network's refusal; 422 for what cannot be asked; 503 while D1 is out, 404 where there is no search.
pub async fn serve(asking: &Asking<'_>) -> Outcome<Answer> {
    let get = |name: &str| asking.request.lenient_query(name);
    let room = get("room_id").map(|room| room.trim().to_owned()).filter(|room| !room.is_empty());
    let Reply::Search(places) = asking.network(NetworkOp::Search { room }).await? else {
        return Err(MoltnetError::internal("the network's object answered something else"));
    };
    let question = Question::parse(&get("q").unwrap_or_default())?;
    let before = match get("before").map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| MoltnetError::invalid(cursor::invalid(&text)))?),
    };
    let limit = match get("limit").and_then(|text| text.trim().parse::<i64>().ok()) {
        Some(limit) if limit > 0 => u32::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT),
        _ => DEFAULT_LIMIT,
    };
    let env = &asking.request.env;
    if !Database::Search.is_bound(env) {
        return Err(MoltnetError::not_found(
            "there is no search here: the deployment has no database for it",
        ));
    }
    let places = Places { conversations: places.as_deref(), direct: asking.settings.direct_messages };
    let found: Vec<Found> =
        rows(asking.request, Database::Search, find(&question, places, before, limit + 1)).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let asked: Vec<(String, u64)> =
        found.iter().take(wanted).map(|place| (place.conversation.clone(), place.offset)).collect();
    let said: Vec<Said> = rows(asking.request, Database::History, bodies(&asked)).await?;
    // What the history does not have yet, or no more, is passed over.
    let body = |place: &Found| {
        let same = |said: &&Said| said.offset == place.offset && said.conversation == place.conversation;
        said.iter().find(same).map(|said| said.body.clone())
    };
    let texts: Vec<String> = found.iter().take(wanted).map(|place| body(place).unwrap_or_default()).collect();
    let count = fit(texts.iter().map(String::len));
    let last = found.iter().take(count).next_back().map(|place| place.id.to_string());
    let has_more = found.len() > count;
    let page = PageInfo { has_more, next_before: last.filter(|_| has_more), next_after: None };
    let texts: Vec<String> = texts.into_iter().take(count).filter(|text| !text.is_empty()).collect();
    Ok(write::json(200, written("messages", &texts, &page)))
}

/// Rows that a database answers.
async fn rows<T: DeserializeOwned>(
    request: &Request,
    database: Database,
    statement: Statement,
) -> Outcome<Vec<T>> {
    let answer = d1::batch(&request.env, database, &[statement]).await;
    let text = answer.map_err(|failure| MoltnetError::unavailable(failure.0))?;
    serde_json::from_str(&text).map_err(|error| MoltnetError::internal(format!("D1 answered oddly: {error}")))
}

/// `POST /api/v1/network/search`: has conversations sent to the search's database again, as far as it lacks them. A
/// batch at a time, in the order of their names; `next` is what to name in `after` for the next one.
///
/// # Errors
/// What cannot be reached.
pub async fn refill(request: &Request) -> Result<Answer, Problem> {
    #[derive(Deserialize)]
    struct Row {
        conversation: String,
    }
    let failed = |why: String| {
        crate::log("search_not_refilled", request, &why);
        Problem::new(Code::InternalError, "A part that this needs does not answer. Try again in a moment.")
    };
    configured(request).map_err(|why| Problem::new(Code::NotConfigured, why))?;
    let after = request.lenient_query("after").unwrap_or_default();
    let limit = u64::try_from(BATCH).unwrap_or(u64::MAX);
    let statement = (CONVERSATIONS, vec![after.into(), limit.into()]);
    let names: Vec<Row> =
        rows(request, Database::History, statement).await.map_err(|error| failed(error.message))?;
    let message = moltghost_protocol::object::write(&RoomAsk::Reproject);
    for Row { conversation } in &names {
        let asked = call(&request.env, Class::Room, conversation, &message).await;
        asked.map_err(|failure| failed(failure.0))?;
    }
    let next = names.last().filter(|_| names.len() == BATCH).map(|row| row.conversation.as_str());
    let document = serde_json::json!({ "asked": names.len(), "next": next });
    Ok(Answer::json_text(200, document.to_string()))
}
