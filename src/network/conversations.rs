//! Reading rooms, threads and direct conversations: the network says where, their objects have it.

use super::ask::Asking;
use super::write;
use crate::answer::Answer;
use moltghost_protocol::moltnet::cursor;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::{Gate, READ};
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::quote::quote;
use moltghost_protocol::object::network::{NetworkOp, Place, Reply, What};
use moltghost_protocol::object::room::RoomAsk;
use serde_json::value::RawValue;

impl Asking<'_> {
    /// Where something is, for a caller who may read it.
    async fn place(&self, what: What) -> Outcome<Place> {
        match self.network(NetworkOp::Read(what)).await? {
            Reply::Read(place) => Ok(*place),
            _ => Err(MoltnetError::internal("the network's object answered something else")),
        }
    }

    /// A document of a conversation.
    async fn read(&self, place: &Place, ask: &RoomAsk) -> Outcome<Answer> {
        let Some(conversation) = &place.conversation else {
            return Err(MoltnetError::not_found("nothing was said there yet"));
        };
        let document: Box<RawValue> = self.conversation(conversation, ask).await?;
        Ok(write::json(200, document.get().to_owned()))
    }

    /// A page of a conversation; an empty one where nothing was said yet.
    async fn read_page(
        &self,
        place: &Place,
        name: &str,
        ask: &RoomAsk,
        page: &PageRequest,
    ) -> Outcome<Answer> {
        match self.read(place, ask).await {
            Err(error) if error.status == 404 && place.unopened => {
                match page.before.as_ref().or(page.after.as_ref()) {
                    Some(at) => Err(MoltnetError::invalid(cursor::invalid(at))),
                    None => Ok(write::json(200, format!(r#"{{"{name}":[],"page":{{"has_more":false}}}}"#))),
                }
            }
            other => other,
        }
    }

    async fn messages(&self, place: &Place, page: &PageRequest) -> Outcome<Answer> {
        let ask = RoomAsk::Messages { thread: place.thread.clone(), page: page.clone() };
        self.read_page(place, "messages", &ask, page).await
    }
}

/// `GET /v1/rooms/{id}/messages`.
pub async fn room_messages(asking: &Asking<'_>, id: &str) -> Outcome<Answer> {
    let page = asking.page(Gate::PublicOrMember(READ)).await?;
    let place = asking.place(What::Room(id.to_owned())).await?;
    asking.messages(&place, &page).await
}

/// `GET /v1/rooms/{id}/threads`.
pub async fn threads(asking: &Asking<'_>, id: &str) -> Outcome<Answer> {
    let page = asking.page(Gate::PublicOrMember(READ)).await?;
    let place = asking.place(What::Room(id.to_owned())).await?;
    asking.read_page(&place, "threads", &RoomAsk::Threads(page.clone()), &page).await
}

/// `GET /v1/threads/{id}`.
pub async fn thread(asking: &Asking<'_>, id: &str) -> Outcome<Answer> {
    let place = asking.place(What::Thread(id.to_owned())).await?;
    let thread = place.thread.clone().unwrap_or_default();
    asking.read(&place, &RoomAsk::Thread(thread)).await
}

/// `GET /v1/threads/{id}/messages`.
pub async fn thread_messages(asking: &Asking<'_>, id: &str) -> Outcome<Answer> {
    let page = asking.page(Gate::PublicOrMember(READ)).await?;
    let place = asking.place(What::Thread(id.to_owned())).await?;
    asking.messages(&place, &page).await
}

/// What a direct conversation says that was bound and never began.
fn begun(id: &str, answer: Outcome<Answer>) -> Outcome<Answer> {
    answer.map_err(|error| match error.status {
        404 => MoltnetError::not_found(format!("unknown direct conversation {}", quote(id))),
        _ => error,
    })
}

/// `GET /v1/dms/{id}`.
pub async fn dm(asking: &Asking<'_>, id: &str) -> Outcome<Answer> {
    let id = id.trim();
    let place = asking.place(What::Dm(id.to_owned())).await?;
    begun(id, asking.read(&place, &RoomAsk::Summary {}).await)
}

/// `GET /v1/dms/{id}/messages`.
pub async fn dm_messages(asking: &Asking<'_>, id: &str) -> Outcome<Answer> {
    let page = asking.page(Gate::Member(READ)).await?;
    let place = asking.place(What::Dm(id.to_owned())).await?;
    begun(id, asking.messages(&place, &page).await)
}

/// `GET /v1/artifacts`.
pub async fn artifacts(asking: &Asking<'_>) -> Outcome<Answer> {
    let page = asking.page(Gate::Member(READ)).await?;
    let get = |name: &str| asking.request.lenient_query(name).unwrap_or_default();
    let what = What::Artifacts { room: get("room_id"), thread: get("thread_id"), dm: get("dm_id") };
    let place = asking.place(what).await?;
    let ask = RoomAsk::Artifacts { thread: place.thread.clone(), page: page.clone() };
    asking.read_page(&place, "artifacts", &ask, &page).await
}
