//! The network surface: Moltnet's HTTP API on `net.DOMAIN`, `DOMAIN` and loopback. The Worker reads the request and
//! writes the answer; the `Network` object decides about the caller, and conversations are asked where their objects
//! are.

mod ask;
mod attach;
mod console;
mod conversations;
mod counts;
mod credential;
mod documents;
mod health;
mod leases;
mod messages;
pub mod operator;
mod presence;
pub mod search;
mod stream;
mod warnings;
mod write;

use crate::answer::Answer;
use crate::request::Request;
use ask::Asking;
use moltghost_durable::bindings::now;
use moltghost_durable::network::settings;
use moltghost_protocol::host::is_loopback;
use moltghost_protocol::moltnet::access::Scopes;
use moltghost_protocol::moltnet::agent::{RegisterRequest, RotateRequest};
use moltghost_protocol::moltnet::apply::ApplyRequest;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::{self, Gate};
use moltghost_protocol::moltnet::metrics::Sample;
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::room::{CreateRoom, UpdateMembers};
use moltghost_protocol::moltnet::route::{find, Beyond, Found, Route};
use moltghost_protocol::moltnet::settings::Settings;
use moltghost_protocol::object::network::{Document, NetworkOp};
use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

/// The network's settings, read once for each instance.
///
/// # Errors
/// What is wrong, naming the variable.
pub fn configured(request: &Request) -> Result<Rc<Settings>, String> {
    SETTINGS.with_borrow_mut(|cached| {
        if let Some(settings) = cached {
            return Ok(Rc::clone(settings));
        }
        let read = settings(&request.env).map_err(|failure| failure.0)?;
        Ok(Rc::clone(cached.insert(Rc::new(read))))
    })
}

/// Serves any request to the surface that no other part takes.
pub async fn serve(request: &Request) -> Answer {
    let id = write::request_id(request);
    let settings = match configured(request) {
        Ok(settings) => settings,
        Err(why) => return write::not_configured(&why, &id),
    };
    let found = find(request.method(), request.path());
    // The deployment's health is told whether it serves a network or not.
    let health = matches!(found, Found::Route(Route::Health | Route::Ready));
    if let Some(why) = settings.unserved().filter(|_| !health && !is_loopback(request.host())) {
        return write::not_configured(why, &id);
    }
    let asking = Asking { request, settings: &settings };
    let began = now();
    let route = found.label(request.method());
    let answer = match found {
        Found::Route(route) => {
            let answer = route_to(&asking, &route).await;
            answer.unwrap_or_else(|error| write::refusal(request, &error, &id))
        }
        Found::Moved(path) => write::redirect(request, &path, true),
        Found::Console => write::redirect(request, "/console/", false),
        Found::NotAllowed(allow) => write::not_allowed(allow),
        Found::Broken => write::plain(400, "400 Bad Request"),
    };
    let ms = u32::try_from(now() - began).unwrap_or(u32::MAX);
    counts::count(Sample(request.method().to_owned(), route, answer.status(), ms));
    answer.request_id(id)
}

async fn route_to(asking: &Asking<'_>, route: &Route) -> Outcome<Answer> {
    let admin = Gate::Any(Scopes::ADMIN);
    match route {
        Route::Network => warnings::network(asking).await,
        Route::Rooms if asking.request.method() == "POST" => {
            let body: CreateRoom = asking.body(admin).await?;
            asking.document(NetworkOp::CreateRoom(body)).await
        }
        Route::Rooms => {
            let page = asking.page(Gate::PublicOrMember(gate::LIST)).await?;
            asking.document(NetworkOp::Rooms(page)).await
        }
        Route::Room(id) if asking.request.method() == "DELETE" => {
            asking.document(NetworkOp::RemoveRoom(id.clone())).await
        }
        Route::Room(id) => asking.document(NetworkOp::Room(id.clone())).await,
        Route::Members(room) => {
            let change: UpdateMembers = asking.body(admin).await?;
            asking.document(NetworkOp::UpdateMembers { room: room.clone(), change }).await
        }
        Route::RoomMessages(id) => conversations::room_messages(asking, id).await,
        Route::Threads(id) => conversations::threads(asking, id).await,
        Route::Thread(id) => conversations::thread(asking, id).await,
        Route::ThreadMessages(id) => conversations::thread_messages(asking, id).await,
        Route::Dms => {
            let page = asking.page(Gate::Member(gate::READ)).await?;
            asking.document(NetworkOp::Dms(page)).await
        }
        Route::Dm(id) => conversations::dm(asking, id).await,
        Route::DmMessages(id) => conversations::dm_messages(asking, id).await,
        Route::Artifacts => conversations::artifacts(asking).await,
        Route::Agents => {
            let page = asking.page(Gate::Public(gate::LIST)).await?;
            presence::document(asking, NetworkOp::Agents(page)).await
        }
        Route::Agent(id) if asking.request.method() == "DELETE" => {
            asking.document(NetworkOp::RemoveAgent(id.clone())).await
        }
        Route::Agent(id) => presence::document(asking, NetworkOp::Agent(id.clone())).await,
        Route::Register => {
            let body: RegisterRequest = asking.body(Gate::Register).await?;
            asking.document(NetworkOp::Register(body)).await
        }
        Route::AgentToken(agent) => {
            let gate = Gate::Any(Scopes::ADMIN.and(Scopes::ATTACH));
            let request: RotateRequest = asking.body_if_any(gate).await?;
            asking.document(NetworkOp::Rotate { agent: agent.clone(), request }).await
        }
        Route::Attach => attach::serve(asking).await,
        Route::Apply => {
            let body: ApplyRequest = asking.body(admin).await?;
            asking.document(NetworkOp::Apply(body)).await
        }
        Route::Messages => messages::send(asking).await,
        Route::Pairings => {
            let page = asking.page(Gate::Any(gate::READ)).await?;
            asking.document(NetworkOp::Pairings(page)).await
        }
        Route::Pairing(id, Beyond::Network) => asking.document(NetworkOp::Pairing(id.clone())).await,
        Route::Pairing(id, Beyond::Rooms | Beyond::Agents) => {
            asking.page(Gate::Any(gate::READ)).await?;
            asking.document(NetworkOp::Pairing(id.clone())).await
        }
        Route::Install => documents::serve(asking, Document::Install).await,
        Route::Skill => documents::serve(asking, Document::Skill).await,
        Route::Llms => documents::serve(asking, Document::Llms).await,
        Route::Health => health::live(asking).await,
        Route::Ready => health::ready(asking).await,
        Route::Console => console::serve(asking).await,
        Route::SignIn => console::sign_in(asking).await,
        Route::SignOut => console::sign_out(asking),
        Route::Metrics => documents::metrics(asking).await,
        Route::Stream => stream::serve(asking).await,
        Route::Search => search::serve(asking).await,
        Route::Other => Err(MoltnetError::not_found("there is nothing at this path")),
    }
}

/// The page that a list is asked for.
fn page(request: &Request) -> Outcome<PageRequest> {
    let get = |name: &str| request.lenient_query(name);
    let (before, after, limit) = (get("before"), get("after"), get("limit"));
    PageRequest::parse(before.as_deref(), after.as_deref(), limit.as_deref()).map_err(MoltnetError::invalid)
}
