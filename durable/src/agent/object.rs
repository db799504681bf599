//! The class that the runtime knows: takes messages to the rules, writes after the reply, wakes for leases.

#![allow(unsafe_code, missing_docs, reason = "written by the wasm-bindgen macro")]

use super::endpoint::{Endpoint, Turn};
use crate::bindings::{entry, now, object, random, Failure};
use moltghost_protocol::credential::Pepper;
use moltghost_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Longest time that a message to an object takes.
const DEADLINE_MS: u32 = 20_000;

struct State {
    storage: object::Storage,
    endpoint: RefCell<Endpoint<object::Storage>>,
    /// Whether a turn that flushes is due already.
    flushing: Cell<bool>,
    /// When the alarm is set for, as far as this instance knows.
    alarm: Cell<Option<Millis>>,
}

/// The `Agent` Durable Object.
#[wasm_bindgen]
pub struct Agent {
    state: Result<Rc<State>, Failure>,
}

#[wasm_bindgen]
impl Agent {
    /// Only reads: an object that is looked at and was never created leaves no trace.
    #[wasm_bindgen(constructor)]
    pub fn new(state: &JsValue, env: &JsValue) -> Self {
        Self { state: open(state, env).map(Rc::new) }
    }

    /// Takes a message from the Worker.
    pub fn fetch(&self, request: JsValue) -> JsValue {
        let state = self.state.clone();
        entry::object(DEADLINE_MS, async move {
            let state = state?;
            let message = object::message(&request).await?;
            let turn = Turn { now: now(), nonce: &|| random::bytes().ok() };
            let answer = state.endpoint.borrow_mut().handle(&message, &turn);
            state.flush_soon();
            entry::text(200, "", &answer)
        })
    }

    /// Charges leases that have ended.
    pub fn alarm(&self) -> JsValue {
        let state = self.state.clone();
        entry::object(DEADLINE_MS, async move {
            let state = state?;
            state.alarm.set(None);
            match state.endpoint.borrow_mut().alarm(now()) {
                Ok(next) => state.wake(next)?,
                Err(problem) => {
                    entry::log(&format!("leases could not be charged, trying again: {problem}"));
                    state.wake(Some(now() + 10_000))?;
                }
            }
            Ok(JsValue::UNDEFINED)
        })
    }
}

fn open(state: &JsValue, env: &JsValue) -> Result<State, Failure> {
    let storage = object::Storage::of(state)?;
    let pepper = entry::variable(env, "KEY_PEPPER")?
        .and_then(|current| {
            let previous = entry::variable(env, "KEY_PEPPER_PREVIOUS").ok().flatten();
            Pepper::parse(&current, previous.as_deref())
        })
        .ok_or_else(|| Failure("KEY_PEPPER is not set".to_owned()))?;
    let endpoint = RefCell::new(Endpoint::new(storage.clone(), pepper, object::name(state)?));
    Ok(State { storage, endpoint, flushing: Cell::new(false), alarm: Cell::new(None) })
}

impl State {
    /// Writes what the reply did not wait for in the next turn of the event loop: one commit for all that came.
    fn flush_soon(self: &Rc<Self>) {
        if self.flushing.get() || !self.endpoint.borrow().unwritten() {
            return;
        }
        self.flushing.set(true);
        let state = Rc::clone(self);
        wasm_bindgen_futures::spawn_local(async move {
            let _ = entry::sleep(0).await;
            state.flushing.set(false);
            let next = state.endpoint.borrow_mut().flush();
            match next {
                Ok(next) => drop(state.wake(next)),
                Err(problem) => entry::log(&format!("leases could not be written: {problem}")),
            }
        });
    }

    /// Makes sure that the alarm is set no later than `time`.
    fn wake(&self, time: Option<Millis>) -> Result<(), Failure> {
        let Some(time) = time else { return Ok(()) };
        if self.alarm.get().is_none_or(|set| set > time) {
            self.storage.set_alarm(time)?;
            self.alarm.set(Some(time));
        }
        Ok(())
    }
}
