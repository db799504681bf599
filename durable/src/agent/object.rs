//! The class that the runtime knows: takes messages to the rules, writes after the reply, wakes for leases.

#![allow(unsafe_code, missing_docs, reason = "written by the wasm-bindgen macro")]

use super::endpoint::{Endpoint, Turn};
use crate::bindings::{entry, now, object, random, Failure};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::write_answer;
use moltghost_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// When leases are tried again that could not be written or charged.
const RETRY_MS: Millis = 10_000;

/// What messages, later turns and alarms share.
struct Shared {
    storage: object::Storage,
    endpoint: RefCell<Endpoint<object::Storage>>,
    /// Whether a turn that writes is due already.
    writing: Cell<bool>,
    /// When the alarm is set for, as far as this instance knows.
    alarm: Cell<Option<Millis>>,
}

/// The `Agent` Durable Object.
#[wasm_bindgen]
pub struct Agent {
    turns: object::Turns,
    shared: Result<Rc<Shared>, Failure>,
}

#[wasm_bindgen]
impl Agent {
    /// Only reads: an object that is looked at and was never created leaves no trace.
    #[wasm_bindgen(constructor)]
    pub fn new(state: &JsValue, env: &JsValue) -> Self {
        let shared = open(state, env).map(Rc::new);
        let turns = match shared.clone() {
            Ok(shared) => {
                let writer = Rc::clone(&shared);
                let write = object::Later::new(move || writer.write());
                object::Turns::new(move |message| shared.handle(&message, &write))
            }
            Err(failure) => object::Turns::new(move |_| {
                write_answer::<()>(&Err(Problem::new(Code::NotConfigured, failure.to_string())))
            }),
        };
        Self { turns, shared }
    }

    /// Takes a message from the Worker or from an account.
    pub fn fetch(&self, request: &JsValue) -> Result<JsValue, JsValue> {
        self.turns.serve(request).map_err(|failure| JsValue::from_str(&failure.0))
    }

    /// Charges leases that have ended. A failure is tried again later: the platform would give up after six times.
    pub fn alarm(&self) {
        if let Ok(shared) = &self.shared {
            shared.alarm.set(None);
            let next = shared.endpoint.borrow_mut().alarm(now());
            shared.wake(next);
        }
    }
}

fn open(state: &JsValue, env: &JsValue) -> Result<Shared, Failure> {
    let storage = object::Storage::of(state)?;
    let pepper = entry::pepper(env)?;
    let endpoint = RefCell::new(Endpoint::new(storage.clone(), pepper, object::name(state)?));
    Ok(Shared { storage, endpoint, writing: Cell::new(false), alarm: Cell::new(None) })
}

impl Shared {
    fn handle(&self, message: &str, write: &object::Later) -> String {
        let turn = Turn { now: now(), nonce: &|| random::bytes().ok() };
        let mut endpoint = self.endpoint.borrow_mut();
        let answer = endpoint.handle(message, &turn);
        // What the reply does not wait for is written in the next turn: one commit for all that came meanwhile.
        if endpoint.unwritten() && !self.writing.replace(true) && write.soon().is_err() {
            self.writing.set(false);
        }
        answer
    }

    fn write(&self) {
        self.writing.set(false);
        let next = self.endpoint.borrow_mut().flush();
        self.wake(next);
    }

    /// Makes sure that the alarm is set no later than the next lease ends, or soon where something failed.
    fn wake(&self, next: Result<Option<Millis>, Problem>) {
        let time = next.unwrap_or_else(|problem| {
            entry::log("leases_unwritten", &problem.to_string());
            Some(now() + RETRY_MS)
        });
        let Some(time) = time.filter(|time| self.alarm.get().is_none_or(|set| set > *time)) else { return };
        match self.storage.set_alarm(time) {
            Ok(()) => self.alarm.set(Some(time)),
            Err(failure) => entry::log("alarm_unset", &failure.to_string()),
        }
    }
}
