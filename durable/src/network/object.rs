//! The class that the runtime knows: takes messages to the rules in one turn each, and carries what rooms and D1 must
//! learn from the alarm.

#![allow(unsafe_code, missing_docs, reason = "written by the wasm-bindgen macro")]

use super::{Network as Rules, World};
use crate::bindings::{d1, entry, now, object, random, task, Failure};
use crate::sql::Statement;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::settings::Settings;
use moltghost_protocol::name::{hub, parse_network, Conversation};
use moltghost_protocol::object::hub::{HubAsk, Notice};
use moltghost_protocol::object::room::RoomAsk;
use moltghost_protocol::object::{read_outcome, write, write_outcome};
use moltghost_protocol::time::Millis;
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Longest time that one alarm takes.
const ALARM_MS: u32 = 600_000;

type Opened = Rules<object::Storage, Platform>;

/// The `Network` Durable Object.
#[wasm_bindgen]
pub struct Network {
    turns: object::Turns,
    rules: Result<Rc<Opened>, Failure>,
}

#[wasm_bindgen]
impl Network {
    /// Only reads: an object that is looked at and was never asked leaves no trace.
    #[wasm_bindgen(constructor)]
    pub fn new(state: &JsValue, env: &JsValue) -> Self {
        let rules = open(state, env).map(Rc::new);
        let turns = match rules.clone() {
            Ok(rules) => object::Turns::deferring(move |message, waiting| handle(&rules, &message, waiting)),
            Err(failure) => object::Turns::new(move |_| {
                write_outcome::<()>(&Err(MoltnetError::unavailable(failure.to_string())))
            }),
        };
        Self { turns, rules }
    }

    /// Takes a message from the Worker or from a conversation.
    pub fn fetch(&self, request: &JsValue) -> Result<JsValue, JsValue> {
        self.turns.serve(request).map_err(|failure| JsValue::from_str(&failure.0))
    }

    /// Tells rooms and D1 what they lack.
    pub fn alarm(&self) -> Result<JsValue, JsValue> {
        let rules = self.rules.clone();
        let work = async move {
            if let Ok(rules) = rules {
                rules.world.alarm.set(None);
                rules.alarm().await;
            }
            Ok(JsValue::UNDEFINED)
        };
        entry::guard(&js_sys::Object::new(), &JsValue::UNDEFINED, ALARM_MS, "", work)
            .map_err(|failure| JsValue::from_str(&failure.0))
    }
}

/// Answers at once, unless rooms must be told of a change before it is acknowledged.
fn handle(rules: &Rc<Opened>, message: &str, waiting: object::Waiting) -> Option<String> {
    let answer = rules.handle(message);
    let recall = match rules.recall() {
        Ok(None) => return Some(answer),
        Ok(Some(recall)) => recall,
        Err(error) => return Some(write_outcome::<()>(&Err(error))),
    };
    let rules = Rc::clone(rules);
    task::soon(async move {
        let answer = match rules.tell_recall(&recall).await {
            Err(error) if recall.holds => write_outcome::<()>(&Err(error)),
            _ => answer,
        };
        if let Err(failure) = object::answer(&[(waiting, answer)]) {
            entry::log("change_unanswered", &failure.to_string());
        }
    });
    None
}

fn open(state: &JsValue, env: &JsValue) -> Result<Opened, Failure> {
    let storage = object::Storage::of(state)?;
    let pepper = entry::pepper(env)?;
    let name = object::name(state)?;
    let settings = settings(env)?;
    if parse_network(&name) != Some(settings.id.as_str()) {
        return Err(Failure(format!("no network object is called {name}: NETWORK_ID is {}", settings.id)));
    }
    let network = settings.id.clone();
    let world = Platform { storage: storage.clone(), env: env.clone(), network, alarm: Cell::new(None) };
    Ok(Rules::new(storage, world, pepper, settings))
}

/// The network's settings, from the Worker's variables.
///
/// # Errors
/// What is wrong, naming the variable.
pub fn settings(env: &JsValue) -> Result<Settings, Failure> {
    let get =
        |name: &str| entry::variable(env, name).map(Option::unwrap_or_default).map_err(|failure| failure.0);
    Settings::read(get).map_err(Failure)
}

struct Platform {
    storage: object::Storage,
    env: JsValue,
    network: String,
    /// When the alarm is set for, as far as this instance knows.
    alarm: Cell<Option<Millis>>,
}

impl World for Platform {
    fn now(&self) -> Millis {
        now()
    }

    fn random(&self) -> Outcome<u128> {
        random::u128().map_err(|failure| MoltnetError::internal(failure.to_string()))
    }

    fn fault(&self, error: &MoltnetError) {
        entry::log("network_behind", &error.to_string());
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

    async fn room(&self, conversation: &Conversation, ask: RoomAsk) -> Outcome<()> {
        let name = conversation.to_string();
        match object::call(&self.env, object::Class::Room, &name, &write(&ask)).await {
            Ok(answer) => read_outcome(&answer),
            Err(failure) => Err(MoltnetError::unavailable(failure.to_string())),
        }
    }

    async fn hub(&self, notices: Vec<Notice>) -> Outcome<u64> {
        let name = hub(&self.network);
        match object::call(&self.env, object::Class::Hub, &name, &write(&HubAsk::Notices(notices))).await {
            Ok(answer) => read_outcome(&answer),
            Err(failure) => Err(MoltnetError::unavailable(failure.to_string())),
        }
    }

    async fn project(&self, statements: Vec<Statement>) -> Outcome<()> {
        match d1::batch(&self.env, d1::Database::History, &statements).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(MoltnetError::unavailable(format!("D1 cannot be written: {failure}"))),
        }
    }
}
