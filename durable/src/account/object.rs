//! The class that the runtime knows: takes messages to the rules and carries their steps to other objects.

#![allow(unsafe_code, missing_docs, reason = "written by the wasm-bindgen macro")]

use super::{Account as Rules, Answer, World};
use crate::bindings::sockets::{self, Socket};
use crate::bindings::{
    d1::{self, Database},
    entry, now, object, random, Failure,
};
use crate::sql::Statement;
use crate::stream::link;
use moltghost_protocol::control::agent::AgentRecord;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AgentId, Alias};
use moltghost_protocol::name::{self, AccountName};
use moltghost_protocol::object::account::{AccountAsk, AliasOp, RegisterOp};
use moltghost_protocol::object::agent::AgentOp;
use moltghost_protocol::object::{read_answer, write};
use moltghost_protocol::region::Region;
use moltghost_protocol::time::Millis;
use serde::de::DeserializeOwned;
use serde::Serialize;
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Longest time that a message takes, the steps to other objects included.
const DEADLINE_MS: u32 = 25_000;

/// The `Account` Durable Object.
#[wasm_bindgen]
pub struct Account {
    state: JsValue,
    rules: Result<Rc<Rules<object::Storage, Platform>>, Failure>,
}

#[wasm_bindgen]
impl Account {
    /// Only reads: an object that is looked at and was never created leaves no trace.
    #[wasm_bindgen(constructor)]
    pub fn new(state: &JsValue, env: &JsValue) -> Self {
        Self { state: state.clone(), rules: open(state, env).map(Rc::new) }
    }

    /// Takes a message from the Worker or from another object, or a link from the Worker.
    pub fn fetch(&self, request: &JsValue) -> Result<JsValue, JsValue> {
        if sockets::is_upgrade(request) {
            return sockets::accept(&self.state).map_err(|failure| JsValue::from_str(&failure.0));
        }
        let (rules, raw) = (self.rules.clone(), request.clone());
        let work = async move {
            let message = object::message(&raw).await?;
            let answer = rules?.handle(&message).await;
            entry::text(200, "", &answer)
        };
        guarded(request, work)
    }

    /// Takes a frame of a link.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn web_socket_message(&self, socket: JsValue, message: &JsValue) {
        let socket = Socket(socket);
        match &self.rules {
            Ok(rules) => rules.frame(&socket, &message.as_string().unwrap_or_default()),
            Err(failure) => {
                entry::log("link_refused", &failure.to_string());
                link::Socket::close(&socket, 1_011, "not configured");
            }
        }
    }

    /// A link has closed: nothing is kept for it.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn web_socket_close(&self, socket: JsValue, code: u16) {
        link::Socket::close(&Socket(socket), if code == 1_006 { 1_000 } else { code }, "");
    }

    /// Takes the steps that are left over and projects to D1.
    pub fn alarm(&self) -> Result<JsValue, JsValue> {
        let rules = self.rules.clone();
        let work = async move {
            rules?.alarm().await;
            Ok(JsValue::UNDEFINED)
        };
        guarded(&js_sys::Object::new(), work)
    }
}

/// `work` under a deadline.
fn guarded(
    request: &JsValue,
    work: impl Future<Output = Result<JsValue, Failure>> + 'static,
) -> Result<JsValue, JsValue> {
    entry::guard(request, &JsValue::UNDEFINED, DEADLINE_MS, "", work)
        .map_err(|failure| JsValue::from_str(&failure.0))
}

fn open(state: &JsValue, env: &JsValue) -> Result<Rules<object::Storage, Platform>, Failure> {
    let storage = object::Storage::of(state)?;
    let pepper = entry::pepper(env)?;
    let name = object::name(state)?;
    let name =
        AccountName::parse(&name).ok_or_else(|| Failure(format!("no account object is called {name}")))?;
    let world =
        Platform { state: state.clone(), storage: storage.clone(), env: env.clone(), alarm: Cell::new(None) };
    Ok(Rules::new(storage, world, pepper, name))
}

struct Platform {
    state: JsValue,
    storage: object::Storage,
    env: JsValue,
    /// When the alarm is set for, as far as this instance knows.
    alarm: Cell<Option<Millis>>,
}

impl Platform {
    async fn ask<A: Serialize, T: DeserializeOwned>(
        &self,
        class: object::Class,
        name: &str,
        ask: &A,
        place: Option<&str>,
    ) -> Answer<T> {
        match object::call_near(&self.env, class, name, &write(ask), place).await {
            Ok(answer) => read_answer(&answer),
            Err(failure) => {
                Err(Problem::new(Code::InternalError, format!("an object could not be reached: {failure}")))
            }
        }
    }
}

impl World for Platform {
    type Socket = Socket;

    fn now(&self) -> Millis {
        now()
    }

    fn nonce(&self) -> Answer<[u8; 12]> {
        random::bytes().map_err(|failure| Problem::new(Code::InternalError, failure.to_string()))
    }

    fn wake(&self, time: Millis) {
        // One that was set and has rung, or was lost with an instance, is no reason to wait.
        let now = now();
        if self.alarm.get().is_some_and(|set| set > now && set <= time) {
            return;
        }
        match self.storage.set_alarm(time) {
            Ok(()) => self.alarm.set(Some(time)),
            Err(failure) => entry::log("alarm_unset", &failure.to_string()),
        }
    }

    fn sockets(&self) -> Vec<Socket> {
        sockets::open(&self.state)
    }

    async fn alias(&self, alias: &Alias, op: AliasOp) -> Answer<()> {
        let name = AccountName::Alias(alias.clone()).to_string();
        self.ask(object::Class::Account, &name, &AccountAsk::Alias(op), None).await
    }

    async fn register(&self, op: RegisterOp) -> Answer<()> {
        let name = AccountName::Register.to_string();
        self.ask(object::Class::Account, &name, &AccountAsk::Register(op), None).await
    }

    async fn agent(&self, id: &AgentId, op: AgentOp) -> Answer<AgentRecord> {
        // The first message of all makes the object.
        let place = match &op {
            AgentOp::Create(create) => create.settings.region.map(Region::place),
            _ => None,
        };
        self.ask(object::Class::Agent, &name::agent(id), &op, place).await
    }

    async fn project(&self, statements: Vec<Statement>) -> Answer<()> {
        match d1::batch(&self.env, Database::History, &statements).await {
            Ok(_) => Ok(()),
            Err(failure) => {
                Err(Problem::new(Code::InternalError, format!("D1 cannot be written: {failure}")))
            }
        }
    }
}
