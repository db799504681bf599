//! What an instance of the object does with messages, later turns and alarms: hands them to the rules, answers those
//! that wait, writes after the reply, and keeps the alarm set for whatever is due next.
//!
//! All of it is in memory: an instance that goes is followed by one that reads the database, and the alarm, which is
//! stored, wakes that one.

use super::callers::Callers;
use super::endpoint::{Endpoint, Reply, Turn};
use super::sockets::Chats;
use super::tunnel::Tunnel;
use crate::bindings::sockets::{self, Socket};
use crate::bindings::{entry, now, object, random, Failure};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::AgentId;
use moltghost_protocol::name;
use moltghost_protocol::object::agent::{rider, AgentOp, Settle, Target};
use moltghost_protocol::object::{write, write_answer};
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// When leases are tried again that could not be written or charged.
const RETRY_MS: Millis = 10_000;

/// The longest answer that goes in a header, in bytes; a longer one is the first message of the call's socket.
const MOST_IN_HEADER: usize = 4_000;

/// What messages, later turns and alarms share.
pub(super) struct Shared {
    pub(super) state: JsValue,
    pub(super) env: JsValue,
    pub(super) storage: object::Storage,
    pub(super) endpoint: RefCell<Endpoint<object::Storage>>,
    /// Calls whose answer comes later, by their run.
    waiting: RefCell<HashMap<RunId, Asker>>,
    /// Turns that are not a message's.
    pub(super) laters: OnceCell<Laters>,
    /// Whether a turn that writes is due already.
    writing: Cell<bool>,
    /// Whether the account is being told.
    pub(super) telling: Cell<bool>,
    /// Whether the provisioner is being told.
    pub(super) notifying: Cell<bool>,
    /// When the next tick is due, as far as one is.
    ticking: Cell<Option<Millis>>,
    /// When the alarm is set for, as far as this instance knows.
    alarm: Cell<Option<Millis>>,
    /// The sockets of connectors and calls.
    pub(super) tunnel: Rc<RefCell<Tunnel<Socket>>>,
    /// Whether somebody waits to close links that were sent away.
    pub(super) sweeping: Cell<bool>,
    /// The agent's id.
    pub(super) agent: AgentId,
    pub(super) callers: RefCell<Callers<Socket>>,
    pub(super) chats: RefCell<Chats>,
    /// Whether sockets were told of the runs that went with the instance before.
    pub(super) mourned: Cell<bool>,
}

/// Who waits for an answer.
#[derive(Clone, Copy)]
pub(super) enum Asker {
    /// A message.
    Message(object::Waiting),
    /// The socket of a call.
    Call(u64),
}

/// Turns that are not a message's.
pub(super) struct Laters {
    write: object::Later,
    tick: object::Timer,
}

impl Laters {
    pub(super) fn new(shared: &Rc<Shared>) -> Self {
        let (writer, ticker) = (Rc::clone(shared), Rc::clone(shared));
        Self {
            write: object::Later::new(move || writer.write()),
            tick: object::Timer::new(move || ticker.tick()),
        }
    }
}

impl Shared {
    /// Only reads.
    pub(super) fn open(state: &JsValue, env: &JsValue) -> Result<Self, Failure> {
        let storage = object::Storage::of(state)?;
        let pepper = entry::pepper(env)?;
        let provisioned = entry::variable(env, "PROVISIONER_URL")?.is_some_and(|url| !url.is_empty());
        let name = object::name(state)?;
        let agent = name::parse_agent(&name).ok_or_else(|| Failure(format!("no agent is called {name}")))?;
        let tunnel = Rc::new(RefCell::new(Self::restored(state)));
        let links = Rc::clone(&tunnel);
        let endpoint = Endpoint::new(storage.clone(), pepper, name, links).provisioned(provisioned);
        Ok(Self {
            tunnel,
            sweeping: Cell::new(false),
            state: state.clone(),
            env: env.clone(),
            storage,
            endpoint: RefCell::new(endpoint),
            waiting: RefCell::default(),
            laters: OnceCell::new(),
            writing: Cell::new(false),
            telling: Cell::new(false),
            notifying: Cell::new(false),
            ticking: Cell::new(None),
            alarm: Cell::new(None),
            agent,
            callers: RefCell::default(),
            chats: RefCell::default(),
            mourned: Cell::new(false),
        })
    }

    pub(super) fn handle(self: &Rc<Self>, message: &str, asker: impl FnOnce() -> Asker) -> Option<String> {
        self.mourn();
        let turn = Turn { now: now(), nonce: &|| random::bytes().ok() };
        let (reply, unwritten, tick, news, dismisses) = {
            let mut endpoint = self.endpoint.borrow_mut();
            let reply = endpoint.handle(message, &turn);
            let dismisses = std::mem::take(&mut endpoint.dismisses);
            (reply, endpoint.unwritten(), endpoint.next_tick(), endpoint.has_news(), dismisses)
        };
        if dismisses {
            self.dismiss();
        }
        // What the reply does not wait for is written in the next turn: one commit for all that came meanwhile.
        if let Some(laters) = self.laters.get() {
            if unwritten && !self.writing.replace(true) && laters.write.after(0).is_err() {
                self.writing.set(false);
            }
        }
        self.keep_time(tick, turn.now);
        let answer = match reply {
            Reply::Now(text) => Some(text),
            Reply::Later(run) => {
                // Who asks again for the same run takes the place of who asked before.
                let before = self.waiting.borrow_mut().insert(run, asker());
                if let Some(before) = before {
                    let problem = Problem::new(Code::InternalError, "the same run was asked for again");
                    self.answer(vec![(before, write_answer::<()>(&Err(problem)))]);
                }
                None
            }
        };
        self.answer_waiting();
        self.farewell();
        if news {
            self.tell_soon();
        } else if self.endpoint.borrow().is_under_way() {
            self.arm();
        }
        if self.endpoint.borrow().has_notice(turn.now) {
            self.notify_soon();
        }
        answer
    }

    /// Does what is due by the rules, and sets the next alarm. Answers the pod that is to be probed now, if any: should
    /// this instance go meanwhile, the next probe is due all the same.
    pub(super) fn ring(&self) -> Option<Target> {
        self.alarm.set(None);
        let next = self.endpoint.borrow_mut().alarm(now());
        let probe = self.endpoint.borrow_mut().due_probe(now());
        self.wake(next);
        self.arm();
        self.answer_waiting();
        let tick = self.endpoint.borrow().next_tick();
        self.keep_time(tick, now());
        self.mourn();
        self.dismiss();
        probe
    }

    /// Answers the calls that have been decided.
    pub(super) fn answer_waiting(&self) {
        let decided = self.endpoint.borrow_mut().take_decided();
        if decided.is_empty() {
            return;
        }
        let mut waiting = self.waiting.borrow_mut();
        let place = |(run, text): (RunId, String)| Some((waiting.remove(&run)?, text));
        let answers = decided.into_iter().filter_map(place).collect();
        drop(waiting);
        self.answer(answers);
    }

    fn answer(&self, answers: Vec<(Asker, String)>) {
        let mut messages = Vec::new();
        for (asker, text) in answers {
            match asker {
                Asker::Message(waiting) => messages.push((waiting, text)),
                Asker::Call(number) => self.tunnel.borrow().tell_call(number, &text),
            }
        }
        if !messages.is_empty() {
            if let Err(failure) = object::answer(&messages) {
                entry::log("answers_unsent", &failure.to_string());
            }
        }
    }

    /// Takes a call that asks to run with the socket that it goes over: the answer with the socket where it may or has
    /// to wait, else the answer alone.
    pub(super) fn admit_over(self: &Rc<Self>, message: &str) -> Result<JsValue, Failure> {
        let mut waits = None;
        let told = self.handle(message, || {
            let accepted = sockets::accept_call(&self.state, None).map(|(response, socket)| {
                let number = self.tunnel.borrow_mut().accept_call(socket, None, None);
                (response, number)
            });
            let number = accepted.as_ref().map_or(0, |(_, number)| *number);
            waits = Some(accepted.map(|(response, _)| response));
            Asker::Call(number)
        });
        if let Some(response) = waits {
            return response;
        }
        let text = told.unwrap_or_default();
        if self.endpoint.borrow_mut().opened.take().is_none() {
            return entry::text(200, "", &text);
        }
        let in_header = text.len() <= MOST_IN_HEADER;
        let (response, socket) = sockets::accept_call(&self.state, in_header.then_some(text.as_str()))?;
        let number = self.tunnel.borrow_mut().accept_call(socket, None, None);
        if !in_header {
            self.tunnel.borrow().tell_call(number, &text);
        }
        Ok(response)
    }

    /// Whoever waits for a call's turn has left.
    pub(super) fn call_left(self: &Rc<Self>, number: u64) {
        let waiting = self.waiting.borrow();
        let found = waiting.iter().find(|(_, asker)| matches!(asker, Asker::Call(call) if *call == number));
        let run = found.map(|(run, _)| run.clone());
        drop(waiting);
        if let Some(run) = run {
            let message = format!("{}\n{}", write(&AgentOp::Settle), rider(&Settle::unsent(run)));
            self.handle(&message, || Asker::Call(number));
        }
    }

    fn write(&self) {
        self.writing.set(false);
        let next = self.endpoint.borrow_mut().flush(now());
        self.wake(next);
        self.arm();
    }

    /// Answers after how many milliseconds the next tick is due.
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
        self.ticking.set(next);
        next.map(|time| until(time, now))
    }

    /// Makes sure that a tick comes no later than `next`, and none where nothing waits: its timer would keep the object
    /// in memory.
    fn keep_time(&self, next: Option<Millis>, now: Millis) {
        let stands = match (self.ticking.get(), next) {
            (Some(set), Some(next)) => set <= next,
            (set, next) => set == next,
        };
        let Some(laters) = self.laters.get().filter(|_| !stands) else { return };
        if laters.tick.set(next.map(|time| until(time, now))).is_ok() {
            self.ticking.set(next);
        }
    }

    /// Makes sure that the alarm is set for whatever is due first.
    pub(super) fn arm(&self) {
        let due = self.endpoint.borrow().due();
        self.wake(Ok(due));
    }

    /// Makes sure that the alarm is set no later than the next lease ends, or soon where something failed.
    pub(super) fn wake(&self, next: Result<Option<Millis>, Problem>) {
        let time = next.unwrap_or_else(|problem| {
            entry::log("leases_unwritten", &problem.to_string());
            Some(now() + RETRY_MS)
        });
        // The runtime takes the beginning of time for no time at all.
        let time = time.map(|time| time.max(now()));
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
