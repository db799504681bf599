//! The object's end of callers' sockets: upgrades, frames and closings, taken to the rules of [`super::callers`], and the
//! chats that they begin.

use super::callers::{Begin, Caller, Do, Incoming, News, MAX_FRAME, MAX_SOCKETS};
use super::instance::Shared;
use crate::bindings::chat::{Chat, Ear, Kind};
use crate::bindings::sockets::{self, Socket};
use crate::bindings::{entry, now, random, Failure};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::Upgrade;
use moltghost_protocol::object::{worker, write_answer};
use moltghost_protocol::request_id::RunId;
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// The tag of callers' sockets.
pub(super) const CALLER: &str = "ws";

/// Chats that go on.
#[derive(Default)]
pub(super) struct Chats {
    going: HashMap<u64, Chat>,
    ear: Option<Ear>,
}

impl Shared {
    /// Takes the socket that an upgrade asks for, or answers why not.
    pub(super) fn upgrade(&self, upgrade: Upgrade) -> Result<JsValue, Failure> {
        match self.caller(upgrade) {
            Ok(caller) => {
                let (response, socket) = sockets::accept_tagged(&self.state, CALLER)?;
                caller.keep(&socket);
                Ok(response)
            }
            Err(problem) => entry::text(200, "", &write_answer::<()>(&Err(problem))),
        }
    }

    fn caller(&self, upgrade: Upgrade) -> Result<Caller, Problem> {
        let opened = self.endpoint.borrow_mut().open(&upgrade, now());
        // The key's use, and the alarm for its end.
        let next = self.endpoint.borrow_mut().flush(now());
        self.wake(next);
        let vouched = opened?;
        if sockets::tagged(&self.state, CALLER).len() >= MAX_SOCKETS {
            let message = "The agent has 1000 sockets open, which is the most it may have.";
            return Err(Problem::new(Code::TooManyStreams, message));
        }
        Ok(Caller::new(vouched, upgrade.browser))
    }

    /// Which kind of socket it is, by its tag.
    pub(super) fn kind(&self, socket: &Socket) -> Option<String> {
        sockets::tag(&self.state, socket)
    }

    /// Takes a frame of a caller's socket.
    pub(super) fn frame(self: &Rc<Self>, socket: &Socket, message: &JsValue) {
        self.mourn();
        let incoming = match sockets::message(message, MAX_FRAME) {
            sockets::Message::Text(text) => Incoming::Text(text),
            sockets::Message::Bytes => Incoming::Binary,
            sockets::Message::TooLong => Incoming::TooLong,
        };
        let run = RunId::mint(now(), random::u128().unwrap_or_default());
        let what = self.callers.borrow_mut().said(socket, incoming, run);
        match what {
            Do::Nothing => {}
            Do::End(number) => self.end_chats(&[number]),
            Do::Begin(begin) => self.begin_chat(socket, begin),
        }
    }

    fn begin_chat(self: &Rc<Self>, socket: &Socket, begin: Begin) {
        let Begin { number, run, vouched, browser, body } = begin;
        let pepper = self.endpoint.borrow().pepper.clone();
        let chat = {
            let mut chats = self.chats.borrow_mut();
            let ear = chats.ear.get_or_insert_with(|| {
                let shared = Rc::downgrade(self);
                Ear::new(move |number, kind, text| {
                    if let Some(shared) = shared.upgrade() {
                        shared.hear_chat(number, kind, text);
                    }
                })
            });
            let agent = self.agent.clone();
            let ask = worker::Chat { agent, vouched, browser, run };
            Chat::begin(&self.state, &pepper, socket, (ask, &body), number, ear)
        };
        match chat {
            Ok(chat) => drop(self.chats.borrow_mut().going.insert(number, chat)),
            Err(failure) => {
                entry::log("chat_unsent", &failure.to_string());
                self.callers.borrow_mut().heard(number, &News::Lost);
            }
        }
    }

    fn hear_chat(&self, number: u64, kind: Kind, text: &str) {
        let news = match kind {
            Kind::Event => News::Event(text),
            Kind::Refused => News::Refused(text),
            Kind::End => News::End,
            Kind::Lost => News::Lost,
        };
        self.callers.borrow_mut().heard(number, &news);
        if kind != Kind::Event {
            self.chats.borrow_mut().going.remove(&number);
        }
    }

    fn end_chats(&self, numbers: &[u64]) {
        for number in numbers {
            let ended = self.chats.borrow_mut().going.remove(number);
            if let Some(chat) = ended {
                chat.end();
            }
        }
    }

    /// A caller's socket has closed: its runs end.
    pub(super) fn hung_up(&self, socket: &Socket) {
        let ended = self.callers.borrow_mut().closed(socket);
        self.end_chats(&ended);
    }

    /// Closes the sockets of keys that open nothing any more.
    pub(super) fn dismiss(&self) {
        let open = sockets::tagged(&self.state, CALLER);
        let endpoint = self.endpoint.borrow();
        let now = now();
        let ended = self.callers.borrow_mut().sweep(&open, |vouched| endpoint.must_close(vouched, now));
        drop(endpoint);
        self.end_chats(&ended);
    }

    /// Once for each instance: tells sockets of runs that went with the one before.
    pub(super) fn mourn(&self) {
        if !self.mourned.replace(true) {
            self.callers.borrow().mourn(&sockets::tagged(&self.state, CALLER));
        }
    }
}
