//! What callers say on their sockets and what they are told, with instances that go in between.

use crate::agent::callers::{Begin, Caller, Callers, Do, Incoming, News, MAX_FAULTS, MAX_RUNS};
use crate::stream::link::Socket;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, AgentId, KeyId};
use moltghost_protocol::object::agent::Vouched;
use moltghost_protocol::request_id::RunId;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[derive(Default)]
struct End {
    state: RefCell<Option<String>>,
    sent: RefCell<Vec<String>>,
    number: Cell<u64>,
    closed: Cell<Option<u16>>,
}

#[derive(Clone, Default)]
struct Fake(Rc<End>);

impl Socket for Fake {
    type Text = String;

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn state(&self) -> Option<String> {
        self.0.state.borrow().clone()
    }

    fn keep(&self, state: &str) {
        assert!(state.len() <= 16_384, "{} bytes are kept with a socket", state.len());
        *self.0.state.borrow_mut() = Some(state.to_owned());
    }

    fn send(&self, text: &String) {
        assert_eq!(self.0.closed.get(), None, "sent after it was closed: {text}");
        self.0.sent.borrow_mut().push(text.clone());
    }

    fn close(&self, code: u16, _reason: &str) {
        self.0.closed.set(Some(code));
    }

    fn number(&self) -> u64 {
        self.0.number.get()
    }

    fn set_number(&self, number: u64) {
        self.0.number.set(number);
    }
}

fn vouched() -> Vouched {
    let id = KeyId::mint(&AgentId::mint(1), 1);
    Vouched { account: AccountId::parse("acme").unwrap(), id, mark: "0".repeat(16) }
}

fn opened() -> Fake {
    let socket = Fake::default();
    Caller::new(vouched(), Some("https://app.example".into())).keep(&socket);
    socket
}

fn say(callers: &mut Callers<Fake>, socket: &Fake, frame: &str) -> Do {
    callers.said(socket, Incoming::Text(frame.to_owned()), RunId::mint(1, 2))
}

fn begin(callers: &mut Callers<Fake>, socket: &Fake, id: &str) -> Begin {
    let frame = serde_json::json!({ "action": "message", "id": id, "messages": [] }).to_string();
    match say(callers, socket, &frame) {
        Do::Begin(begin) => begin,
        other => panic!("{other:?} {:?}", socket.0.sent.borrow()),
    }
}

fn told(socket: &Fake) -> Vec<serde_json::Value> {
    socket.0.sent.borrow_mut().drain(..).map(|text| serde_json::from_str(&text).unwrap()).collect()
}

const LAST: &str = r#"{"content":"","done":true,"finish_reason":"stop","usage":{"total_tokens":1}}"#;

#[test]
fn a_run_is_told_under_its_id_until_it_is_over() {
    let mut callers = Callers::default();
    let socket = opened();
    let run = begin(&mut callers, &socket, "a");
    assert_eq!(run.body, r#"{"messages":[],"stream":true}"#);
    assert_eq!((run.vouched, run.browser.as_deref()), (vouched(), Some("https://app.example")));
    callers.heard(run.number, &News::Event(r#"{"content":"Hi","done":false}"#));
    callers.heard(run.number, &News::Event(LAST));
    callers.heard(run.number, &News::End);
    let frames = told(&socket);
    assert_eq!(frames.len(), 2);
    assert_eq!(
        (&frames[0]["id"], &frames[0]["content"], &frames[1]["done"]),
        (&"a".into(), &"Hi".into(), &true.into())
    );
    // The id is free again.
    begin(&mut callers, &socket, "a");
}

#[test]
fn what_breaks_off_or_is_refused_ends_with_an_error() {
    let mut callers = Callers::default();
    let socket = opened();
    let refusal = "1500\n{\"error\":{\"message\":\"no\",\"code\":\"rate_limited\"}}";
    for (news, code) in [
        (News::End, "bad_gateway"),
        (News::Lost, "bad_gateway"),
        (News::Refused(refusal), "rate_limited"),
        (News::Refused("\n<html>"), "bad_gateway"),
        (News::Event(r#"{"error":{"code":"timeout"}}"#), "timeout"),
    ] {
        let run = begin(&mut callers, &socket, "a");
        callers.heard(run.number, &news);
        let frames = told(&socket);
        assert_eq!((&frames[0]["error"]["code"], &frames[0]["done"]), (&code.into(), &true.into()));
    }
}

#[test]
fn a_socket_carries_so_many_runs_each_under_its_own_id() {
    let mut callers = Callers::default();
    let socket = opened();
    for at in 0..MAX_RUNS {
        begin(&mut callers, &socket, &format!("{at:\"<64}"));
    }
    assert_eq!(say(&mut callers, &socket, r#"{"action":"message","id":"more"}"#), Do::Nothing);
    let twice = serde_json::json!({ "action": "message", "id": format!("{:\"<64}", 0) }).to_string();
    assert_eq!(say(&mut callers, &socket, &twice), Do::Nothing);
    let frames = told(&socket);
    assert_eq!((&frames[0]["id"], &frames[0]["error"]["code"]), (&"more".into(), &"too_many_streams".into()));
    assert_eq!((&frames[1]["id"], &frames[1]["error"]["param"]), (&().into(), &"id".into()));
    assert_eq!(callers.closed(&socket).len(), MAX_RUNS);
}

#[test]
fn a_run_that_is_cancelled_ends_and_says_nothing_more() {
    let mut callers = Callers::default();
    let (socket, other) = (opened(), opened());
    let (run, theirs) = (begin(&mut callers, &socket, "a"), begin(&mut callers, &other, "a"));
    assert_eq!(say(&mut callers, &socket, r#"{"action":"cancel","id":"a"}"#), Do::End(run.number));
    callers.heard(run.number, &News::Event(LAST));
    assert_eq!(say(&mut callers, &socket, r#"{"action":"cancel","id":"a"}"#), Do::Nothing);
    let frames = told(&socket);
    assert_eq!((frames.len(), &frames[0]["finish_reason"]), (1, &"cancelled".into()));
    callers.heard(theirs.number, &News::Event(LAST));
    assert_eq!(told(&other).len(), 1);
}

#[test]
fn frames_that_are_none_are_answered_and_too_many_in_a_row_are_abuse() {
    let mut callers = Callers::default();
    let socket = opened();
    for _ in 0..MAX_FAULTS - 1 {
        say(&mut callers, &socket, "nonsense");
    }
    assert_eq!(say(&mut callers, &socket, r#"{"action":"ping"}"#), Do::Nothing);
    assert_eq!(told(&socket).last().unwrap()["action"], "pong");
    for _ in 0..MAX_FAULTS - 2 {
        say(&mut callers, &socket, "nonsense");
    }
    callers.said(&socket, Incoming::Binary, RunId::mint(1, 2));
    assert_eq!(socket.0.closed.get(), None);
    callers.said(&socket, Incoming::TooLong, RunId::mint(1, 2));
    assert_eq!(socket.0.closed.get(), Some(4_400));
    let frames = told(&socket);
    assert_eq!(frames.last().unwrap()["error"]["code"], "request_too_large");
}

#[test]
fn runs_that_went_with_an_instance_are_told_of_once_by_the_next() {
    let mut callers = Callers::default();
    let (socket, idle) = (opened(), opened());
    begin(&mut callers, &socket, "a");
    // The next instance: sockets have no numbers in it.
    let mut callers = Callers::default();
    socket.set_number(0);
    callers.mourn(&[socket.clone(), idle.clone()]);
    assert_eq!(told(&socket)[0]["error"]["code"], "bad_gateway");
    begin(&mut callers, &socket, "a");
    callers.mourn(&[socket.clone(), idle.clone()]);
    assert!(told(&socket).is_empty() && told(&idle).is_empty());
}

#[test]
fn sockets_that_must_close_are_told_why_first() {
    let mut callers = Callers::default();
    let (socket, other) = (opened(), opened());
    let stranger = Vouched { mark: "1".repeat(16), ..vouched() };
    Caller::new(stranger, None).keep(&other);
    let run = begin(&mut callers, &socket, "a");
    let no_key = |key: &Vouched| (*key == vouched()).then(|| Problem::new(Code::InvalidApiKey, "gone"));
    assert_eq!(callers.sweep(&[socket.clone(), other.clone()], no_key), [run.number]);
    assert_eq!(told(&socket)[0]["error"]["code"], "invalid_api_key");
    assert_eq!((socket.0.closed.get(), other.0.closed.get()), (Some(4_401), None));
    callers.sweep(std::slice::from_ref(&other), |_| Some(Problem::new(Code::AgentTerminated, "gone")));
    assert_eq!(other.0.closed.get(), Some(4_410));
}
