//! The class that the runtime knows: lets posts wait for each other, and carries the log to its consumers.

#![allow(unsafe_code, missing_docs, reason = "written by the wasm-bindgen macro")]

use super::conversation::{Room as Rules, Turn};
use super::deliver::Deliver;
use super::leases::Leased;
use crate::bindings::object::{self, Waiting};
use crate::bindings::{d1::Database, entry, now, random, Failure};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::name::Conversation;
use moltghost_protocol::object::room::{Open, Post, RoomAsk, REFER, REFER_ONCE};
use moltghost_protocol::object::{read, write_outcome};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// A message with posts, how it is answered, and what stands before the answer.
type Waits = ((Waiting, &'static str), (Option<Box<Open>>, Vec<Post>));

/// After so many turns in a row that took one message of posts alone, the next are not let wait for others, until it is
/// tried again whether any come: a turn of its own costs a good part of what a post does.
const ALONE: u32 = 8;
const TRIED_AGAIN: u32 = 64;

/// What messages, later turns and alarms share.
pub(super) struct Shared {
    pub storage: object::Storage,
    pub env: JsValue,
    pub room: RefCell<Rules<object::Storage>>,
    pub deliver: Deliver,
    waiting: RefCell<Vec<Waits>>,
    /// How many turns in a row took one message of posts.
    alone: Cell<u32>,
}

/// The `Room` Durable Object.
#[wasm_bindgen]
pub struct Room {
    turns: object::Turns,
    shared: Result<Rc<Shared>, Failure>,
}

#[wasm_bindgen]
impl Room {
    /// Only reads: an object that is looked at and was never opened leaves no trace.
    #[wasm_bindgen(constructor)]
    pub fn new(state: &JsValue, env: &JsValue) -> Self {
        let shared = open(state, env).map(Rc::new);
        let turns = match shared.clone() {
            Ok(shared) => {
                let poster = Rc::clone(&shared);
                let post = object::Later::new(move || poster.post());
                object::Turns::deferring(move |message, waiting| shared.handle(&message, waiting, &post))
            }
            Err(failure) => object::Turns::new(move |_| refused(&failure.0)),
        };
        Self { turns, shared }
    }

    /// Takes a message from the Worker or from the network's object.
    pub fn fetch(&self, request: &JsValue) -> Result<JsValue, JsValue> {
        self.turns.serve(request).map_err(|failure| JsValue::from_str(&failure.0))
    }

    /// Tells consumers what they lack.
    pub fn alarm(&self) -> Result<JsValue, JsValue> {
        let shared = self.shared.clone();
        let work = async move {
            if let Ok(shared) = shared {
                Deliver::run(&shared).await;
            }
            Ok(JsValue::UNDEFINED)
        };
        super::deliver::guarded(work).map_err(|failure| JsValue::from_str(&failure.0))
    }
}

fn open(state: &JsValue, env: &JsValue) -> Result<Shared, Failure> {
    let storage = object::Storage::of(state)?;
    let name = object::name(state)?;
    let name =
        Conversation::parse(&name).ok_or_else(|| Failure(format!("no conversation is called {name}")))?;
    let mut room = Rules::new(storage.clone(), name);
    room.searchable = Database::Search.is_bound(env);
    let (room, waiting) = (RefCell::new(room), RefCell::default());
    let (deliver, alone) = Default::default();
    Ok(Shared { storage, env: env.clone(), room, deliver, waiting, alone })
}

fn refused(why: &str) -> String {
    write_outcome(&Outcome::<()>::Err(MoltnetError::internal(why)))
}

impl Shared {
    /// Answers at once, but for posts: those wait for a later turn, which takes all that came by then.
    fn handle(self: &Rc<Self>, message: &str, waiting: Waiting, post: &object::Later) -> Option<String> {
        match read(message) {
            Err(problem) => Some(refused(&problem.message)),
            Ok(RoomAsk::Post { open, posts, lease }) => {
                let kept = lease.is_some_and(|lease| self.room.borrow_mut().keep(*lease, now()));
                self.wait((waiting, if kept { REFER } else { "" }), (open, posts), post)
            }
            Ok(RoomAsk::Leased(asked)) => {
                let leased = self.room.borrow_mut().leased(*asked, now());
                match leased {
                    Leased::Refer => Some(REFER.to_owned()),
                    Leased::ReferOnce => Some(REFER_ONCE.to_owned()),
                    Leased::Refused(error) => Some(write_outcome::<()>(&Err(error))),
                    Leased::Post(one) => self.wait((waiting, ""), (None, vec![*one]), post),
                }
            }
            Ok(ask) => {
                let answer = self.room.borrow_mut().handle(ask, &turn());
                self.deliver.soon(self);
                Deliver::push(self);
                Some(answer)
            }
        }
    }

    /// Lets posts wait for the turn that stores them.
    fn wait(
        &self,
        waiting: (Waiting, &'static str),
        posts: (Option<Box<Open>>, Vec<Post>),
        post: &object::Later,
    ) -> Option<String> {
        let mut queue = self.waiting.borrow_mut();
        if queue.is_empty() {
            if let Err(failure) = post.gather(self.alone.get() < ALONE) {
                return Some(refused(&failure.0));
            }
        }
        queue.push((waiting, posts));
        None
    }

    fn post(self: &Rc<Self>) {
        let (tickets, posts): (Vec<_>, Vec<_>) = self.waiting.take().into_iter().unzip();
        let alone = if tickets.len() > 1 { 0 } else { self.alone.get() + 1 };
        self.alone.set(if alone < ALONE + TRIED_AGAIN { alone } else { ALONE - 1 });
        let answers = self.room.borrow_mut().post_all(posts, &turn());
        self.deliver.soon(self);
        Deliver::push(self);
        let told = |((waiting, before), answer): ((Waiting, &str), String)| {
            (waiting, if before.is_empty() { answer } else { format!("{before}{answer}") })
        };
        let answers: Vec<_> = tickets.into_iter().zip(answers).map(told).collect();
        if let Err(failure) = object::answer(&answers) {
            entry::log("posts_unanswered", &failure.to_string());
        }
    }
}

fn turn() -> Turn<'static> {
    Turn { now: now(), random: &|| random::u128().ok() }
}
