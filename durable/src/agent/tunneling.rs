//! What links have to do with an endpoint: who may connect, and how the first that comes up has the agent start
//! (agent-endpoints §3, §7); and the sockets of an instance.

use super::endpoint::{not_found, terminated, Answer, Endpoint};
use super::instance::Shared;
use super::tunnel::{News, Tunnel, Whose, Wire, DRAIN_MS};
use crate::bindings::sockets::{self, Socket};
use crate::bindings::{entry, now, task, Failure};
use crate::sql::Sql;
use moltghost_protocol::control::agent::{AgentRecord, Origin, State};
use moltghost_protocol::control::event::AgentEvent;
use moltghost_protocol::credential::{ConnectToken, SecretHash};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::Target;
use moltghost_protocol::object::tunnel::{Socket as Opened, RUN};
use moltghost_protocol::object::write_answer;
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::Goodbye;
use moltghost_protocol::tunnel::ReplicaName;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// How long a connector has to say who it is.
const GREETING_MS: u32 = 10_000;

impl<S: Sql> Endpoint<S> {
    /// Whether a connect token opens the agent's tunnel.
    ///
    /// # Errors
    /// `invalid_api_key`, the same for every token that does not; `agent_terminated`; `invalid_state` where the agent
    /// is reached at an address.
    pub fn may_connect(&mut self, token: &str) -> Answer<()> {
        self.touch()?;
        let none = SecretHash::none(&self.pepper);
        let hash = self.loaded.as_ref().map_or(&none, |loaded| &loaded.connect);
        let token = ConnectToken::parse(token).ok_or_else(wrong_token)?;
        let opens = hash.matches(&token.secret, &self.pepper);
        let Some(loaded) = &self.loaded else { return Err(not_found()) };
        if loaded.state == State::Terminated {
            Err(terminated())
        } else if !opens || token.agent != loaded.id {
            Err(wrong_token())
        } else if loaded.settings.origin == Origin::Tunnel {
            Ok(())
        } else {
            Err(Problem::new(
                Code::InvalidState,
                "The agent's origin is an address, not a tunnel. Its owner can set {\"type\":\"tunnel\"}.",
            ))
        }
    }

    /// Gives the agent another connect token.
    pub(super) fn change_connect_token(&mut self, hash: SecretHash, at_once: bool) -> Answer<AgentRecord> {
        let loaded = self.existing()?;
        if loaded.state == State::Terminated {
            return Err(terminated());
        }
        loaded.connect = hash;
        self.store(None)?;
        self.farewell = Some((Goodbye::Token, if at_once { 0 } else { DRAIN_MS }));
        self.record()
    }

    /// Sends the links of a replica away, as its owner asks: calls in flight may end on them, unless `at_once`.
    pub(super) fn drain(&mut self, replica: &str, at_once: bool, now: Millis) -> Answer<AgentRecord> {
        let loaded = self.existing()?;
        if loaded.state == State::Terminated {
            return Err(terminated());
        }
        let by = if at_once { now } else { now + DRAIN_MS };
        if ReplicaName::parse(replica).is_none() || !loaded.links.drain(replica, by, now) {
            let up = loaded.links.shown(now);
            let up: Vec<_> =
                up.iter().filter(|link| link.up).filter_map(|link| link.replica.as_deref()).collect();
            let those = if up.is_empty() { "there is none".to_owned() } else { up.join(", ") };
            let message = format!("No link of a replica of this name is up. Those that are up: {those}.");
            return Err(Problem::new(Code::NotFound, message));
        }
        self.note(&AgentEvent::ReplicaDown { replica: replica.to_owned() })?;
        self.record()
    }

    fn note(&mut self, event: &AgentEvent) -> Answer<()> {
        let told = self.event(event);
        self.keep_presence(told)
    }

    /// A link is up or gone. Answers the pod to probe.
    ///
    /// # Errors
    /// What the database says.
    pub fn heard_of_link(&mut self, news: &News, now: Millis) -> Answer<Option<Target>> {
        self.now = now;
        self.touch()?;
        let event = match news {
            News::Up(replica) => AgentEvent::ReplicaUp { replica: replica.clone() },
            News::Down(replica) => AgentEvent::ReplicaDown { replica: replica.clone() },
        };
        self.note(&event)?;
        let News::Up(_) = news else { return Ok(None) };
        let loaded = self.existing()?;
        if loaded.state == State::Deploying {
            loaded.enter(State::Initializing, None, now);
            self.store(None)?;
        }
        let loaded = self.existing()?;
        loaded.starting.at_once();
        let probes = matches!(loaded.state, State::Initializing | State::Running);
        Ok(if probes { loaded.hand_out_probe(now) } else { None })
    }

    /// Why all links are to go, once.
    pub fn take_farewell(&mut self) -> Option<(Goodbye, Millis)> {
        self.farewell.take()
    }
}

/// `invalid_api_key`: one answer for every token that does not open the tunnel.
fn wrong_token() -> Problem {
    Problem::new(
        Code::InvalidApiKey,
        "This is not the agent's connect token. Check the Authorization header; an admin of the account makes a new \
         one with POST /api/v1/agents/{agent}/connect-token.",
    )
}

impl Wire for Socket {
    fn kept(&self) -> Option<String> {
        crate::stream::link::Socket::state(self)
    }

    fn keep(&self, state: &str) {
        crate::stream::link::Socket::keep(self, state);
    }

    fn number(&self) -> u64 {
        crate::stream::link::Socket::number(self)
    }

    fn set_number(&self, number: u64) {
        crate::stream::link::Socket::set_number(self, number);
    }

    fn send_bytes(&self, bytes: &[u8]) {
        sockets::send_bytes(self, bytes);
    }

    fn send_text(&self, text: &str) {
        crate::stream::link::Socket::say(self, text);
    }

    fn close(&self, code: u16, reason: &str) {
        crate::stream::link::Socket::close(self, code, reason);
    }
}

impl Shared {
    /// The tunnel of the object's open sockets.
    pub(super) fn restored(state: &JsValue) -> Tunnel<Socket> {
        Tunnel::of(sockets::open(state))
    }

    /// Takes a socket, or answers why not.
    pub(super) fn take_socket(self: &Rc<Self>, who: &str) -> Result<JsValue, Failure> {
        if let Some(message) = who.strip_prefix(RUN) {
            return self.admit_over(message);
        }
        let who = serde_json::from_str(who).map_err(|error| Failure(format!("nobody's socket: {error}")))?;
        match who {
            Opened::Caller(upgrade) => self.upgrade(*upgrade),
            Opened::Connect(token) => {
                let checked = self.endpoint.borrow_mut().may_connect(&token);
                if checked.is_err() {
                    return entry::text(200, "", &write_answer(&checked));
                }
                let (response, socket) = sockets::accept_attachment(&self.state)?;
                let number = self.tunnel.borrow_mut().accept_link(socket, now());
                let shared = Rc::clone(self);
                task::soon(async move {
                    let _ = entry::sleep(GREETING_MS).await;
                    if !shared.tunnel.borrow().has_greeted(number) {
                        shared.tunnel.borrow_mut().say_goodbye(number, Goodbye::Protocol, now());
                    }
                });
                Ok(response)
            }
            Opened::Call(run) => {
                let (response, socket) = sockets::accept_attachment(&self.state)?;
                self.tunnel.borrow_mut().accept_call(socket, run, None);
                Ok(response)
            }
            Opened::Question(link) => {
                let (response, socket) = sockets::accept_attachment(&self.state)?;
                self.tunnel.borrow_mut().accept_call(socket, None, Some(link));
                Ok(response)
            }
        }
    }

    /// Whose a socket of the tunnel is.
    pub(super) fn whose(&self, socket: &Socket) -> Option<Whose> {
        self.tunnel.borrow().whose(socket)
    }

    /// Takes a message of a socket; `None` for one that is no bytes.
    pub(super) fn hear(self: &Rc<Self>, socket: &Socket, message: Option<&[u8]>) {
        let whose = self.whose(socket);
        let now = now();
        match (whose, message) {
            (Some(Whose::Link(number)), Some(bytes)) => {
                if !self.tunnel.borrow().has_greeted(number) {
                    // Its greeting says who it is to whom: an instance that has slept must know the agent first.
                    let _ = self.endpoint.borrow_mut().touch();
                }
                let agent = self.endpoint.borrow().agent_id();
                let news = self.tunnel.borrow_mut().link_said(number, bytes, &agent, now);
                self.heed(news);
            }
            (Some(Whose::Link(number)), None) => {
                let news = self.tunnel.borrow_mut().say_goodbye(number, Goodbye::Protocol, now);
                self.heed(news);
            }
            (Some(Whose::Call(number)), Some(bytes)) => {
                self.tunnel.borrow_mut().call_said(number, bytes, now);
            }
            (Some(Whose::Call(number)), None) => self.call_left(number),
            (None, _) => Wire::close(socket, 1_000, ""),
        }
    }

    /// A socket has closed.
    pub(super) fn lose(self: &Rc<Self>, socket: &Socket) {
        let whose = self.whose(socket);
        match whose {
            Some(Whose::Link(number)) => {
                let news = self.tunnel.borrow_mut().link_closed(number, now());
                self.heed(news);
            }
            Some(Whose::Call(number)) => {
                self.tunnel.borrow_mut().call_closed(number);
                self.call_left(number);
            }
            None => {}
        }
    }

    /// Does what follows from a link that is up or gone.
    fn heed(self: &Rc<Self>, news: Option<News>) {
        self.sweep_later();
        let Some(news) = news else { return };
        let heard = self.endpoint.borrow_mut().heard_of_link(&news, now());
        match heard {
            Ok(None) => {}
            Ok(target) => {
                let shared = Rc::clone(self);
                task::soon(async move {
                    shared.probe(target).await;
                });
            }
            Err(problem) => entry::log("link_unstored", &problem.to_string()),
        }
        self.tell_soon();
    }

    /// Sends all links away where a message has said so, and sees to it that those go which were sent.
    pub(super) fn farewell(self: &Rc<Self>) {
        let farewell = self.endpoint.borrow_mut().take_farewell();
        if let Some((why, drain)) = farewell {
            let now = now();
            let numbers = self.tunnel.borrow().numbers();
            for number in numbers {
                let news = self.tunnel.borrow_mut().ask_to_leave(number, why, now + drain, now);
                self.heed(news);
            }
        }
        self.sweep_later();
    }

    /// Closes links when their time to leave is over.
    fn sweep_later(self: &Rc<Self>) {
        let Some(by) = self.tunnel.borrow().next_leave() else { return };
        if self.sweeping.replace(true) {
            return;
        }
        let shared = Rc::clone(self);
        let left = u32::try_from((by - now()).max(1)).unwrap_or(u32::MAX);
        task::soon(async move {
            let _ = entry::sleep(left).await;
            shared.sweeping.set(false);
            shared.tunnel.borrow_mut().sweep(now());
            shared.sweep_later();
        });
    }
}
