//! The class that the runtime knows: takes messages, links and alarms to the rules, in one turn each.

#![allow(unsafe_code, missing_docs, reason = "written by the wasm-bindgen macro")]

use super::attachment::Incoming;
use super::{Hub as Rules, World};
use crate::bindings::sockets::{self, Socket};
use crate::bindings::{entry, now, object, random, task, Failure};
use crate::network::settings;
use crate::stream::link;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::frame::MAX_FRAME;
use moltghost_protocol::name::{self, parse_hub};
use moltghost_protocol::object::hub::Admitted;
use moltghost_protocol::object::network::{NetworkAsk, NetworkOp, Reply};
use moltghost_protocol::object::room::RoomAsk;
use moltghost_protocol::object::{read_outcome, write, write_outcome};
use moltghost_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Longest time of one alarm, and of asking the directory.
const DEADLINE_MS: u32 = 30_000;

type Opened = Rules<object::Storage, Platform>;

/// The `Hub` Durable Object.
#[wasm_bindgen]
pub struct Hub {
    state: JsValue,
    turns: object::Turns,
    rules: Result<Rc<Opened>, Failure>,
}

#[wasm_bindgen]
impl Hub {
    /// Only reads: an object that is looked at and was never told anything leaves no trace.
    #[wasm_bindgen(constructor)]
    pub fn new(state: &JsValue, env: &JsValue) -> Self {
        let rules = open(state, env);
        let turns = match rules.clone() {
            Ok(rules) => object::Turns::new(move |message| rules.handle(&message)),
            Err(failure) => object::Turns::new(move |_| {
                write_outcome::<()>(&Err(MoltnetError::unavailable(failure.to_string())))
            }),
        };
        Self { state: state.clone(), turns, rules }
    }

    /// Takes a message, or a socket.
    pub fn fetch(&self, request: &JsValue) -> Result<JsValue, JsValue> {
        if let (Some(text), Ok(rules)) = (sockets::admitted(request), &self.rules) {
            return attach(&self.state, rules, &text).map_err(|failure| JsValue::from_str(&failure.0));
        }
        let taken = if sockets::is_upgrade(request) {
            sockets::accept(&self.state)
        } else {
            self.turns.serve(request)
        };
        taken.map_err(|failure| JsValue::from_str(&failure.0))
    }

    /// Takes a frame of a socket.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn web_socket_message(&self, socket: JsValue, message: &JsValue) -> Result<JsValue, JsValue> {
        let socket = Socket(socket);
        match &self.rules {
            Ok(rules) => match rules.attachment(&socket) {
                Some(number) => return said(rules, number, message),
                None => rules.frame(&socket, &message.as_string().unwrap_or_default()),
            },
            Err(failure) => {
                entry::log("link_refused", &failure.to_string());
                link::Socket::close(&socket, 1_011, "not configured");
            }
        }
        Ok(JsValue::UNDEFINED)
    }

    /// A socket has closed.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn web_socket_close(&self, socket: JsValue, code: u16) {
        let socket = Socket(socket);
        if let Ok(rules) = &self.rules {
            rules.detached(&socket, code);
        }
        // A peer that only said nothing more would take 1000 for an end that is meant to last.
        link::Socket::close(&socket, if code == 1_006 { 1_011 } else { code }, "");
    }

    /// A socket has broken.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn web_socket_error(&self, socket: JsValue) {
        self.web_socket_close(socket, 1_006);
    }

    /// Does what is left over.
    pub fn alarm(&self) -> Result<JsValue, JsValue> {
        let rules = self.rules.clone();
        guarded(async move {
            if let Ok(rules) = rules {
                rules.world.alarm.set(None);
                rules.alarm().await;
            }
        })
    }
}

/// `work` under a deadline.
fn guarded(work: impl Future<Output = ()> + 'static) -> Result<JsValue, JsValue> {
    let work = async move {
        work.await;
        Ok(JsValue::UNDEFINED)
    };
    entry::guard(&js_sys::Object::new(), &JsValue::UNDEFINED, DEADLINE_MS, "", work)
        .map_err(|failure| JsValue::from_str(&failure.0))
}

/// Takes the socket of somebody who attaches, or answers why not.
fn attach(state: &JsValue, rules: &Opened, admitted: &str) -> Result<JsValue, Failure> {
    let admitted: Admitted =
        serde_json::from_str(admitted).map_err(|error| Failure(format!("nobody was let in: {error}")))?;
    if let Err(error) = rules.may_attach(&admitted) {
        return entry::text(200, "", &write_outcome::<()>(&Err(error)));
    }
    let (response, socket) = sockets::accept_attachment(state)?;
    if let Err(error) = rules.hello(socket.clone(), admitted) {
        link::Socket::close(&socket, 1_011, error.public_message());
    }
    Ok(response)
}

/// Takes a frame of an attachment. Where the directory must be asked, a promise: until it ends no other frame of
/// the socket is taken.
fn said(rules: &Rc<Opened>, number: u64, message: &JsValue) -> Result<JsValue, JsValue> {
    let asks = match sockets::message(message, MAX_FRAME) {
        sockets::Message::Text(text) => rules.said(number, Incoming::Text(&text)),
        sockets::Message::Bytes => rules.said(number, Incoming::Binary),
        sockets::Message::TooLong => rules.said(number, Incoming::TooLarge),
    };
    if !asks {
        return Ok(JsValue::UNDEFINED);
    }
    let rules = Rc::clone(rules);
    guarded(async move { rules.identify(number).await })
}

fn open(state: &JsValue, env: &JsValue) -> Result<Rc<Opened>, Failure> {
    let storage = object::Storage::of(state)?;
    let name = object::name(state)?;
    let settings = settings(env)?;
    if parse_hub(&name) != Some(settings.id.as_str()) {
        return Err(Failure(format!("no hub is called {name}: NETWORK_ID is {}", settings.id)));
    }
    let (alarm, timer) = (Cell::new(None), RefCell::new(None));
    let (env, home) = (env.clone(), settings.id.clone());
    let world = Platform { state: state.clone(), env, home, storage: storage.clone(), alarm, timer };
    let rules = Rc::new(Rules::new(storage, world, settings));
    let flushed = Rc::downgrade(&rules);
    *rules.world.timer.borrow_mut() = Some(object::Later::new(move || {
        if let Some(rules) = flushed.upgrade() {
            rules.flush();
        }
    }));
    Ok(rules)
}

struct Platform {
    state: JsValue,
    env: JsValue,
    home: String,
    storage: object::Storage,
    /// When the alarm is set for, as far as this instance knows.
    alarm: Cell<Option<Millis>>,
    timer: RefCell<Option<object::Later>>,
}

impl World for Platform {
    type Socket = Socket;

    fn now(&self) -> Millis {
        now()
    }

    fn random(&self) -> Outcome<u128> {
        random::u128().map_err(|failure| MoltnetError::internal(failure.to_string()))
    }

    fn fault(&self, error: &MoltnetError) {
        entry::log("hub_failed", &error.to_string());
    }

    fn wake(&self, time: Millis) {
        if self.alarm.get().is_some_and(|set| set <= time) {
            return;
        }
        match self.storage.set_alarm(time) {
            Ok(()) => self.alarm.set(Some(time)),
            Err(failure) => entry::log("alarm_unset", &failure.to_string()),
        }
    }

    fn later(&self, ms: Millis) {
        let timer = self.timer.borrow();
        let ms = u32::try_from(ms.max(0)).unwrap_or(u32::MAX);
        if let Some(Err(failure)) = timer.as_ref().map(|timer| timer.after(ms)) {
            entry::log("timer_unset", &failure.to_string());
        }
    }

    fn followed(&self, conversations: Vec<String>) {
        let env = self.env.clone();
        task::soon(async move {
            let message = &write(&RoomAsk::Followed);
            let tell = |name: String| {
                let env = &env;
                async move {
                    // It tells what it has a moment later by itself.
                    if let Err(failure) = object::call(env, object::Class::Room, &name, message).await {
                        entry::log("conversation_untold", &failure.to_string());
                    }
                }
            };
            let all = conversations.into_iter();
            entry::together(
                all.map(|name| Box::pin(tell(name)) as Pin<Box<dyn Future<Output = ()>>>).collect(),
            )
            .await;
        });
    }

    async fn network(&self, op: NetworkOp, nonce: String) -> Outcome<Reply> {
        let name = name::network(&self.home);
        let ask = NetworkAsk::ours(op, nonce);
        match object::call(&self.env, object::Class::Network, &name, &write(&ask)).await {
            Ok(answer) => read_outcome(&answer),
            Err(failure) => Err(MoltnetError::unavailable(failure.to_string())),
        }
    }

    fn sockets(&self) -> Vec<Socket> {
        sockets::open(&self.state)
    }
}
