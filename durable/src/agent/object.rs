//! The class that the runtime knows: takes messages to the rules, answers those that wait, writes after the reply,
//! wakes for leases.

#![allow(unsafe_code, missing_docs, reason = "written by the wasm-bindgen macro")]

use super::endpoint::{Endpoint, Reply, Turn};
use crate::bindings::{entry, now, object, random, task, Failure};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::AccountAsk;
use moltghost_protocol::object::{read_answer, write, write_answer};
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// When leases are tried again that could not be written or charged.
const RETRY_MS: Millis = 10_000;

/// Longest time that an alarm takes.
const DEADLINE_MS: u32 = 25_000;

/// What messages, later turns and alarms share.
struct Shared {
    env: JsValue,
    storage: object::Storage,
    endpoint: RefCell<Endpoint<object::Storage>>,
    /// Calls whose answer comes later, by their run.
    waiting: RefCell<HashMap<RunId, object::Waiting>>,
    /// Whether a turn that writes is due already.
    writing: Cell<bool>,
    /// Whether the account is being told.
    telling: Cell<bool>,
    /// When the next tick is due, as far as one is.
    ticking: Cell<Option<Millis>>,
    /// When the alarm is set for, as far as this instance knows.
    alarm: Cell<Option<Millis>>,
}

/// Turns that are not a message's.
struct Laters {
    write: object::Later,
    tick: object::Timer,
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
                let (writer, ticker) = (Rc::clone(&shared), Rc::clone(&shared));
                let laters = Laters {
                    write: object::Later::new(move || writer.write()),
                    tick: object::Timer::new(move || ticker.tick()),
                };
                object::Turns::deferring(move |message, waiting| shared.handle(&message, waiting, &laters))
            }
            Err(failure) => object::Turns::new(move |_| {
                let problem = Problem::new(Code::NotConfigured, failure.to_string());
                write_answer::<()>(&Err(problem))
            }),
        };
        Self { turns, shared }
    }

    /// Takes a message from the Worker or from an account.
    pub fn fetch(&self, request: &JsValue) -> Result<JsValue, JsValue> {
        self.turns.serve(request).map_err(|failure| JsValue::from_str(&failure.0))
    }

    /// Charges leases that have ended, and tells the account what it does not know yet. A failure is tried again later:
    /// the platform would give up after six times.
    pub fn alarm(&self) -> Result<JsValue, JsValue> {
        let Ok(shared) = self.shared.clone() else { return Ok(JsValue::UNDEFINED) };
        shared.alarm.set(None);
        let next = shared.endpoint.borrow_mut().alarm(now());
        shared.wake(next);
        shared.answer_waiting();
        let telling = async move {
            shared.tell().await;
            Ok(JsValue::UNDEFINED)
        };
        entry::guard(&js_sys::Object::new(), &JsValue::UNDEFINED, DEADLINE_MS, "", telling)
            .map_err(|failure| JsValue::from_str(&failure.0))
    }
}

fn open(state: &JsValue, env: &JsValue) -> Result<Shared, Failure> {
    let storage = object::Storage::of(state)?;
    let pepper = entry::pepper(env)?;
    let endpoint = RefCell::new(Endpoint::new(storage.clone(), pepper, object::name(state)?));
    Ok(Shared {
        env: env.clone(),
        storage,
        endpoint,
        waiting: RefCell::default(),
        writing: Cell::new(false),
        telling: Cell::new(false),
        ticking: Cell::new(None),
        alarm: Cell::new(None),
    })
}

impl Shared {
    fn handle(self: &Rc<Self>, message: &str, waiting: object::Waiting, laters: &Laters) -> Option<String> {
        let turn = Turn { now: now(), nonce: &|| random::bytes().ok() };
        let (reply, unwritten, tick, news) = {
            let mut endpoint = self.endpoint.borrow_mut();
            let reply = endpoint.handle(message, &turn);
            (reply, endpoint.unwritten(), endpoint.next_tick(), endpoint.has_news())
        };
        // What the reply does not wait for is written in the next turn: one commit for all that came meanwhile.
        if unwritten && !self.writing.replace(true) && laters.write.soon().is_err() {
            self.writing.set(false);
        }
        if let Some(time) = tick.filter(|time| self.ticking.get().is_none_or(|set| set > *time)) {
            if laters.tick.after(until(time, turn.now)).is_ok() {
                self.ticking.set(Some(time));
            }
        }
        let answer = match reply {
            Reply::Now(text) => Some(text),
            Reply::Later(run) => {
                // Who asks again for the same run takes the place of who asked before.
                if let Some(before) = self.waiting.borrow_mut().insert(run, waiting) {
                    let problem = Problem::new(Code::InternalError, "the same run was asked for again");
                    answer(&[(before, write_answer::<()>(&Err(problem)))]);
                }
                None
            }
        };
        self.answer_waiting();
        if news {
            self.tell_soon();
        }
        answer
    }

    /// Begins to tell the account now; the alarm goes on if that fails.
    fn tell_soon(self: &Rc<Self>) {
        self.wake(Ok(self.endpoint.borrow().tell_by()));
        if !self.telling.replace(true) {
            let shared = Rc::clone(self);
            task::soon(async move {
                shared.tell().await;
                shared.telling.set(false);
            });
        }
    }

    /// Tells the account what it does not know yet.
    async fn tell(&self) {
        loop {
            let report = self.endpoint.borrow_mut().report();
            let (account, report) = match report {
                Ok(Some(report)) => report,
                Ok(None) => return,
                Err(problem) => return self.untold(&problem.to_string()),
            };
            let message = write(&AccountAsk::Report(Box::new(report.clone())));
            let name = AccountName::Account(account).to_string();
            let answer = object::call(&self.env, object::Class::Account, &name, &message).await;
            let told = match answer.map(|answer| read_answer::<()>(&answer)) {
                Ok(Ok(())) => self.endpoint.borrow_mut().reported(&report),
                Ok(Err(problem)) => Err(problem),
                Err(failure) => return self.untold(&failure.to_string()),
            };
            match told {
                Ok(true) => {}
                Ok(false) => return,
                Err(problem) => return self.untold(&problem.to_string()),
            }
        }
    }

    fn untold(&self, why: &str) {
        entry::log("account_untold", why);
        let again = self.endpoint.borrow_mut().unreported(now());
        self.wake(Ok(again));
    }

    /// Answers the calls that have been decided.
    fn answer_waiting(&self) {
        let decided = self.endpoint.borrow_mut().take_decided();
        if decided.is_empty() {
            return;
        }
        let mut waiting = self.waiting.borrow_mut();
        let place = |(run, text): (RunId, String)| Some((waiting.remove(&run)?, text));
        answer(&decided.into_iter().filter_map(place).collect::<Vec<_>>());
    }

    fn write(&self) {
        self.writing.set(false);
        let next = self.endpoint.borrow_mut().flush(now());
        self.wake(next);
        self.wake(Ok(self.endpoint.borrow().tell_by()));
    }

    /// Answers after how many milliseconds the next tick is due, unless that is seen to already.
    fn tick(&self) -> Option<u32> {
        let now = now();
        let (result, next, unwritten) = {
            let mut endpoint = self.endpoint.borrow_mut();
            let result = endpoint.tick(now);
            (result, endpoint.next_tick(), endpoint.unwritten())
        };
        if let Err(problem) = result {
            entry::log("tick_failed", &problem.to_string());
        }
        if unwritten {
            self.write();
        }
        self.answer_waiting();
        let seen_to = self.ticking.get().is_some_and(|set| set > now && next.is_none_or(|next| set <= next));
        if seen_to {
            return None;
        }
        self.ticking.set(next);
        next.map(|time| until(time, now))
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

/// Milliseconds until a point of time.
fn until(time: Millis, now: Millis) -> u32 {
    u32::try_from((time - now).max(1)).unwrap_or(u32::MAX)
}

fn answer(answers: &[(object::Waiting, String)]) {
    if let Err(failure) = object::answer(answers) {
        entry::log("answers_unsent", &failure.to_string());
    }
}
