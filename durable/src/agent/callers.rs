//! Callers on `/ws`: what they say, and what they are told of their runs (agent-endpoints §6).
//!
//! A run goes to the Worker, which admits and answers it as it does any call of `/v1/chat`; here it is a number for as
//! long as this instance lives. Which runs a socket waits for is kept with the socket. If the object goes meanwhile, the
//! runs end with it, and the next instance tells the sockets that wait for them: nobody waits for ever.

use crate::stream::link::Socket;
use moltghost_protocol::endpoint::socket_frame::{self, Said};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::agent::Vouched;
use moltghost_protocol::request_id::RunId;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Most runs of one socket at a time.
pub const MAX_RUNS: usize = 64;

/// Most sockets of one agent.
pub const MAX_SOCKETS: usize = 1_000;

/// So many frames in a row that cannot be understood are abuse.
pub const MAX_FAULTS: u32 = 64;

/// Longest frame in characters: no agent takes a larger body.
pub const MAX_FRAME: usize = 25 * 1024 * 1024;

/// Close code: what was sent is abuse.
const ABUSE: u16 = 4_400;
/// Close code: the key opens nothing any more.
const NO_KEY: u16 = 4_401;
/// Close code: the agent was terminated.
const GONE: u16 = 4_410;

/// What is kept with a socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Caller {
    v: u8,
    /// The key that it was opened with.
    pub vouched: Vouched,
    /// The page's origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// The caller's names of the runs that it waits for.
    #[serde(default)]
    runs: Vec<String>,
    /// Frames in a row that could not be understood.
    #[serde(default)]
    faults: u32,
}

impl Caller {
    /// One who has said nothing yet.
    pub fn new(vouched: Vouched, browser: Option<String>) -> Self {
        Self { v: 1, vouched, browser, runs: Vec::new(), faults: 0 }
    }

    /// Keeps it with its socket.
    pub fn keep<K: Socket>(&self, socket: &K) {
        socket.keep(&serde_json::to_string(self).unwrap_or_default());
    }

    fn of<K: Socket>(socket: &K) -> Option<Self> {
        serde_json::from_str(&socket.state()?).ok()
    }
}

/// What came in.
pub enum Incoming {
    /// A text.
    Text(String),
    /// Bytes.
    Binary,
    /// A text of more than [`MAX_FRAME`] characters.
    TooLong,
}

/// What is to be done for a socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Do {
    /// Nothing more.
    Nothing,
    /// Begin a run under this number.
    Begin(Begin),
    /// End the run of this number.
    End(u64),
}

/// A run to begin.
#[derive(Debug, PartialEq, Eq)]
pub struct Begin {
    /// Its number in this instance.
    pub number: u64,
    /// Its id.
    pub run: RunId,
    /// The key.
    pub vouched: Vouched,
    /// The page's origin.
    pub browser: Option<String>,
    /// The body of the call.
    pub body: String,
}

/// What comes of a run.
pub enum News<'a> {
    /// The data of an event.
    Event(&'a str),
    /// The body of an answer that is no stream.
    Refused(&'a str),
    /// The stream is over.
    End,
    /// Nothing can be known any more.
    Lost,
}

struct Running<K> {
    socket: K,
    id: String,
}

/// The sockets' runs, as long as this instance lives.
pub struct Callers<K> {
    runs: HashMap<u64, Running<K>>,
    last: u64,
    /// Sockets that were given a number.
    numbered: u64,
}

impl<K> Default for Callers<K> {
    fn default() -> Self {
        Self { runs: HashMap::new(), last: 0, numbered: 0 }
    }
}

impl<K: Socket + Clone> Callers<K> {
    /// Takes a frame; `run` is an id for a run that it may begin.
    pub fn said(&mut self, socket: &K, incoming: Incoming, run: RunId) -> Do {
        let Some(mut caller) = Caller::of(socket) else {
            socket.close(ABUSE, "this socket is not known");
            return Do::Nothing;
        };
        let said = match incoming {
            Incoming::Text(text) => Said::parse(text),
            Incoming::Binary => Err(Problem::new(Code::InvalidRequest, "A frame is text, not bytes.")),
            Incoming::TooLong => Err(Problem::new(
                Code::RequestTooLarge,
                "The frame is larger than the 26214400 bytes that any agent takes.",
            )),
        };
        let said = match said {
            Ok(said) => said,
            Err(problem) => {
                caller.faults += 1;
                caller.keep(socket);
                socket.say(&socket_frame::failed(None, &problem));
                if caller.faults >= MAX_FAULTS {
                    socket.close(ABUSE, "64 frames in a row could not be understood");
                }
                return Do::Nothing;
            }
        };
        if caller.faults > 0 {
            caller.faults = 0;
            caller.keep(socket);
        }
        match said {
            Said::Ping => socket.say(socket_frame::PONG),
            Said::Cancel { id } => {
                // One that has ended meanwhile has told so already.
                if let Some(number) = self.number(socket, &id) {
                    self.over(number);
                    socket.say(&socket_frame::cancelled(&id));
                    return Do::End(number);
                }
            }
            Said::Message { id, body } => return self.begin(socket, caller, (id, body), run),
        }
        Do::Nothing
    }

    fn begin(
        &mut self,
        socket: &K,
        mut caller: Caller,
        (id, body): (Option<String>, Vec<u8>),
        run: RunId,
    ) -> Do {
        let id = id.unwrap_or_else(|| run.message_id());
        if caller.runs.contains(&id) {
            let message = "A run of this `id` goes on already; every run of a socket has its own.";
            let problem = Problem::new(Code::InvalidRequest, message).param("id");
            socket.say(&socket_frame::failed(None, &problem));
            return Do::Nothing;
        }
        if caller.runs.len() >= MAX_RUNS {
            let message = "A socket carries 64 runs at once, which is the most it may: wait for one to end.";
            socket.say(&socket_frame::failed(Some(&id), &Problem::new(Code::TooManyStreams, message)));
            return Do::Nothing;
        }
        if socket.number() == 0 {
            self.numbered += 1;
            socket.set_number(self.numbered);
        }
        self.last += 1;
        let (vouched, browser) = (caller.vouched.clone(), caller.browser.clone());
        caller.runs.push(id.clone());
        caller.keep(socket);
        self.runs.insert(self.last, Running { socket: socket.clone(), id });
        let body = String::from_utf8(body).unwrap_or_default();
        Do::Begin(Begin { number: self.last, run, vouched, browser, body })
    }

    /// Tells a socket what came of its run. A run that is over says nothing more.
    pub fn heard(&mut self, number: u64, news: &News<'_>) {
        let Some(Running { socket, id }) = self.runs.get(&number) else { return };
        let (frame, last) = match news {
            News::Event(data) => {
                let told = socket_frame::told(id, data);
                (told.frame, told.last)
            }
            News::Refused(body) => (
                socket_frame::refused(id, body).or_else(|| Some(socket_frame::failed(Some(id), &lost()))),
                true,
            ),
            News::End | News::Lost => (Some(socket_frame::failed(Some(id), &lost())), true),
        };
        if let Some(frame) = frame {
            socket.say(&frame);
        }
        if last {
            self.over(number);
        }
    }

    /// A socket has closed: answers the runs that are to end.
    pub fn closed(&mut self, socket: &K) -> Vec<u64> {
        let mine = |running: &Running<K>| running.socket.number() == socket.number();
        let ended: Vec<u64> =
            self.runs.iter().filter(|(_, running)| mine(running)).map(|(number, _)| *number).collect();
        for number in &ended {
            self.runs.remove(number);
        }
        ended
    }

    /// Closes those of the sockets that must close, after telling them of each run why; answers the runs that are to
    /// end.
    pub fn sweep(&mut self, sockets: &[K], why: impl Fn(&Vouched) -> Option<Problem>) -> Vec<u64> {
        let mut ended = Vec::new();
        for socket in sockets {
            let Some(caller) = Caller::of(socket) else { continue };
            let Some(problem) = why(&caller.vouched) else { continue };
            for id in &caller.runs {
                socket.say(&socket_frame::failed(Some(id), &problem));
            }
            ended.extend(self.closed(socket));
            Caller { runs: Vec::new(), ..caller }.keep(socket);
            let code = if problem.code == Code::InvalidApiKey { NO_KEY } else { GONE };
            socket.close(code, problem.code.as_str());
        }
        ended
    }

    /// Tells sockets of runs that went with an instance before this one.
    pub fn mourn(&self, sockets: &[K]) {
        for socket in sockets {
            let Some(mut caller) = Caller::of(socket) else { continue };
            let (alive, lost_ones): (Vec<_>, Vec<_>) = std::mem::take(&mut caller.runs)
                .into_iter()
                .partition(|id| self.number(socket, id).is_some());
            if lost_ones.is_empty() {
                continue;
            }
            for id in &lost_ones {
                socket.say(&socket_frame::failed(Some(id), &lost()));
            }
            caller.runs = alive;
            caller.keep(socket);
        }
    }

    fn number(&self, socket: &K, id: &str) -> Option<u64> {
        let mine = |running: &Running<K>| running.id == id && running.socket.number() == socket.number();
        self.runs.iter().find(|(_, running)| mine(running)).map(|(number, _)| *number)
    }

    fn over(&mut self, number: u64) {
        let Some(Running { socket, id }) = self.runs.remove(&number) else { return };
        if let Some(mut caller) = Caller::of(&socket) {
            caller.runs.retain(|other| *other != id);
            caller.keep(&socket);
        }
    }
}

/// `bad_gateway`: the run is lost, or its answer is none.
fn lost() -> Problem {
    let message = "The run ended without an answer: the access layer was restarted, or the agent broke off. It may have \
                   begun.";
    Problem::new(Code::BadGateway, message)
}
