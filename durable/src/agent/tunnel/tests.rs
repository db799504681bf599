//! Links and calls over sockets that only note what is sent, with sleeps of the object between any two messages.

mod choice;
mod leaving;
mod states;

use super::*;
use moltghost_protocol::object::tunnel::{AGAIN, STREAM};
use moltghost_protocol::tunnel::{
    Frame, Frames, Goodbye, Hello, Message, ReplicaName, RequestHead, Reset, ResponseHead, MAX_LINKS,
};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Default)]
struct Noted {
    kept: Option<String>,
    bytes: Vec<Vec<u8>>,
    texts: Vec<String>,
    closed: Option<u16>,
    number: u64,
}

/// A socket that only notes.
#[derive(Clone, Default)]
pub struct Socket(Rc<RefCell<Noted>>);

impl Wire for Socket {
    fn kept(&self) -> Option<String> {
        self.0.borrow().kept.clone()
    }
    fn keep(&self, state: &str) {
        self.0.borrow_mut().kept = Some(state.to_owned());
    }
    fn number(&self) -> u64 {
        self.0.borrow().number
    }
    fn set_number(&self, number: u64) {
        self.0.borrow_mut().number = number;
    }
    fn send_bytes(&self, bytes: &[u8]) {
        self.0.borrow_mut().bytes.push(bytes.to_vec());
    }
    fn send_text(&self, text: &str) {
        self.0.borrow_mut().texts.push(text.to_owned());
    }
    fn close(&self, code: u16, _: &str) {
        self.0.borrow_mut().closed.get_or_insert(code);
    }
}

impl Socket {
    /// What was sent since this was asked last, in words.
    fn heard(&self) -> Vec<String> {
        let messages = std::mem::take(&mut self.0.borrow_mut().bytes);
        let mut heard = Vec::new();
        for message in &messages {
            for frame in Frames::of(message).unwrap() {
                let (stream, frame) = frame.unwrap();
                heard.push(match frame {
                    Frame::Body(bytes) => format!("{stream} body {}", bytes.len()),
                    Frame::Reset(reason) => format!("{stream} reset {}", reason.as_str()),
                    Frame::Window(room) => format!("{stream} window {room}"),
                    Frame::Goaway(why, _) => format!("{stream} goaway {}", why.as_str()),
                    frame => format!("{stream} {:?}", frame.kind()).to_lowercase(),
                });
            }
        }
        heard
    }
    /// The same without room on the link, of which an object that has slept gives some twice.
    fn heard_of_streams(&self) -> Vec<String> {
        self.heard().into_iter().filter(|what| !what.starts_with("0 window")).collect()
    }
    fn closed(&self) -> Option<u16> {
        self.0.borrow().closed
    }
}

/// A tunnel, and whether it sleeps before every message.
struct Bench {
    tunnel: Tunnel<Socket>,
    sockets: Vec<Socket>,
    sleeps: bool,
    now: Millis,
}

const REQUEST: Frame<'static> = Frame::Request(RequestHead { method: "POST", path: "/v1/chat", lines: "" });
const RESPONSE: Frame<'static> = Frame::Response(ResponseHead { status: 200, lines: "" });

impl Bench {
    fn new(sleeps: bool) -> Self {
        Self { tunnel: Tunnel::of(Vec::new()), sockets: Vec::new(), sleeps, now: 0 }
    }

    fn socket(&mut self) -> Socket {
        let socket = Socket::default();
        self.sockets.push(socket.clone());
        socket
    }

    fn nap(&mut self) {
        if self.sleeps {
            self.sockets.retain(|socket| socket.closed().is_none());
            self.tunnel = Tunnel::of(self.sockets.clone());
        }
    }

    fn link(&mut self, replica: &str, weight: u16) -> (Socket, Option<News>) {
        let socket = self.socket();
        self.tunnel.accept_link(socket.clone(), 0);
        let hello = Hello {
            versions: (1, 1),
            replica: ReplicaName::parse(replica).unwrap(),
            weight,
            region: None,
            software: String::new(),
        };
        let news = self.link_says(&socket, &[(0, Frame::Hello(hello))]);
        (socket, news)
    }

    fn up(&mut self, replica: &str) -> Socket {
        let (socket, news) = self.link(replica, 1);
        assert_eq!(news, Some(News::Up(replica.to_owned())));
        assert_eq!(socket.heard(), ["0 welcome"]);
        socket
    }

    fn call(&mut self) -> Socket {
        let socket = self.socket();
        self.tunnel.accept_call(socket.clone(), None, None);
        socket
    }

    fn asked(&mut self) -> Socket {
        let call = self.call();
        self.call_says(&call, &[REQUEST, Frame::Body(b"{}"), Frame::End]);
        call
    }

    fn link_says(&mut self, socket: &Socket, frames: &[(u32, Frame<'_>)]) -> Option<News> {
        self.nap();
        let mut message = Message::default();
        for (stream, frame) in frames {
            message.push(*stream, frame).unwrap();
        }
        match self.tunnel.whose(socket) {
            Some(Whose::Link(number)) => self.tunnel.link_said(number, &message.take(), "agent", self.now),
            _ => panic!("no link"),
        }
    }

    fn call_says(&mut self, socket: &Socket, frames: &[Frame<'_>]) {
        self.nap();
        let mut message = Message::default();
        for frame in frames {
            message.push(STREAM, frame).unwrap();
        }
        match self.tunnel.whose(socket) {
            Some(Whose::Call(number)) => self.tunnel.call_said(number, &message.take(), self.now),
            _ => panic!("no call"),
        }
    }

    fn closes(&mut self, socket: &Socket) -> Option<News> {
        socket.close(1_006, "");
        match self.tunnel.whose(socket) {
            Some(Whose::Link(number)) => self.tunnel.link_closed(number, self.now),
            Some(Whose::Call(number)) => {
                self.tunnel.call_closed(number);
                None
            }
            None => None,
        }
    }
}

#[test]
fn a_call_goes_to_the_pod_and_its_answer_comes_back_whether_or_not_the_object_sleeps() {
    for sleeps in [false, true] {
        let mut bench = Bench::new(sleeps);
        let link = bench.up("a");
        let (first, second) = (bench.asked(), bench.asked());
        let asked = |stream: u32| ["request", "body 2", "end"].map(|what| format!("{stream} {what}"));
        assert_eq!(link.heard_of_streams(), [asked(1), asked(2)].concat());
        bench.link_says(
            &link,
            &[(2, Frame::Accepted), (1, RESPONSE), (2, RESPONSE), (2, Frame::Body(b"xyz"))],
        );
        assert_eq!(first.heard(), ["1 response"]);
        assert_eq!(second.heard(), ["1 response", "1 body 3"]);
        bench.link_says(&link, &[(1, Frame::Body(b"x")), (1, Frame::End)]);
        assert_eq!(first.heard(), ["1 body 1", "1 end"]);
        assert_eq!((first.closed(), second.closed()), (Some(1_000), None));
        bench.call_says(&second, &[Frame::Window(7)]);
        assert_eq!(link.heard_of_streams(), ["2 window 7"]);
        bench.closes(&second);
        assert_eq!(link.heard_of_streams(), ["2 reset cancelled"]);
        bench.link_says(&link, &[(2, Frame::Body(b"late")), (2, Frame::End)]);
        assert!(second.heard().is_empty() && link.closed().is_none());
    }
}

#[test]
fn a_link_that_breaks_fails_what_the_pod_has_taken_and_hands_on_the_rest() {
    for sleeps in [false, true] {
        let mut bench = Bench::new(sleeps);
        let first = bench.up("a");
        let (taken, open) = (bench.asked(), bench.asked());
        bench.link_says(&first, &[(1, Frame::Accepted)]);
        let second = bench.up("b");
        taken.heard();
        assert_eq!(bench.closes(&first), Some(News::Down("a".into())));
        assert_eq!(taken.heard(), ["1 reset failed"]);
        assert_eq!(taken.closed(), Some(1_000));
        assert_eq!(open.0.borrow().texts, [AGAIN]);
        bench.call_says(&open, &[REQUEST, Frame::End]);
        assert_eq!(second.heard(), ["1 request", "1 end"]);
        assert_eq!(bench.closes(&second), Some(News::Down("b".into())));
        assert_eq!(open.heard(), ["1 reset unreachable"]);
        let late = bench.asked();
        assert_eq!(late.heard(), ["1 reset unreachable"]);
    }
}

#[test]
fn a_call_that_no_pod_took_goes_to_another_link_and_is_refused_where_there_is_none() {
    let mut bench = Bench::new(false);
    let (a, b) = (bench.up("a"), bench.up("b"));
    let call = bench.asked();
    let (first, other) = if a.heard().is_empty() { (b, a) } else { (a, b) };
    bench.link_says(&first, &[(1, Frame::Reset(Reset::Unreachable))]);
    assert_eq!(call.0.borrow().texts, [AGAIN]);
    bench.call_says(&call, &[REQUEST, Frame::End]);
    assert_eq!(other.heard(), ["1 request", "1 end"]);
    bench.link_says(&other, &[(1, Frame::Reset(Reset::Refused))]);
    assert_eq!(call.heard(), ["1 reset refused"]);
    assert_eq!(call.closed(), Some(1_000));
}

#[test]
fn calls_go_where_the_fewest_are_for_the_weight() {
    let mut bench = Bench::new(false);
    let (light, _) = bench.link("light", 1);
    let (heavy, _) = bench.link("heavy", 3);
    light.heard();
    heavy.heard();
    for _ in 0..8 {
        bench.asked();
    }
    let count = |socket: &Socket| socket.heard().iter().filter(|what| what.ends_with("request")).count();
    assert_eq!((count(&light), count(&heavy)), (2, 6));
}

#[test]
fn a_link_that_takes_no_calls_rests_but_the_last_never_does() {
    let mut bench = Bench::new(false);
    let (bad, good) = (bench.up("a"), bench.up("b"));
    for _ in 0..4 {
        let call = bench.asked();
        if let Some(request) = bad.heard().first() {
            let stream = request.split(' ').next().unwrap().parse().unwrap();
            bench.link_says(&bad, &[(stream, Frame::Reset(Reset::Unreachable))]);
            bench.call_says(&call, &[REQUEST, Frame::End]);
        }
    }
    assert!(bad.heard().is_empty());
    assert_eq!(good.heard().iter().filter(|what| what.ends_with("request")).count(), 4);
    bench.closes(&good);
    bench.asked();
    assert_eq!(bad.heard().len(), 3, "the last link is asked though it rests");
}

#[test]
fn a_newer_link_of_a_replica_takes_its_place_and_one_too_many_is_sent_away() {
    let mut bench = Bench::new(false);
    let old = bench.up("a");
    let call = bench.asked();
    old.heard();
    let new = bench.up("a");
    assert_eq!(old.heard(), ["0 goaway replaced"]);
    bench.asked();
    assert_eq!(new.heard().len(), 3);
    bench.link_says(&old, &[(1, RESPONSE), (1, Frame::End)]);
    assert_eq!(call.heard(), ["1 response", "1 end"], "what is in flight goes on");
    assert_eq!(bench.closes(&old), None, "the replica is still up");
    for number in 1..MAX_LINKS {
        bench.up(&format!("r{number}"));
    }
    let (late, news) = bench.link("late", 1);
    assert_eq!((news, late.heard()), (None, vec!["0 goaway too_many_links".to_owned()]));
    assert_eq!(late.closed(), Some(Goodbye::TooManyLinks.close_code()));
    assert_eq!(bench.tunnel.up().count(), MAX_LINKS);
}

#[test]
fn a_connector_that_breaks_the_rules_is_sent_away_with_its_calls() {
    let misplaced: [&[(u32, Frame<'_>)]; 4] = [
        &[(0, Frame::Ping([0; 8])), (9, Frame::End)],
        &[(1, REQUEST)],
        &[(0, Frame::Hello(Hello::read(b"\x01\x01").unwrap()))],
        &[(2, Frame::Accepted)],
    ];
    for frames in misplaced {
        let mut bench = Bench::new(false);
        let link = bench.up("a");
        let call = bench.asked();
        link.heard();
        assert_eq!(bench.link_says(&link, frames), Some(News::Down("a".into())));
        assert_eq!(link.heard().last().unwrap(), "0 goaway protocol_error");
        assert_eq!(call.heard(), ["1 reset unreachable"]);
    }
    let mut bench = Bench::new(false);
    let link = bench.up("a");
    let call = bench.asked();
    link.heard();
    bench.link_says(&link, &[(1, Frame::Body(b"before the head"))]);
    assert_eq!(link.heard(), ["1 reset protocol"]);
    assert_eq!((call.heard(), link.closed()), (vec!["1 reset protocol".to_owned()], None));
}

#[test]
fn what_a_link_has_no_room_for_waits_in_order() {
    let mut bench = Bench::new(false);
    let link = bench.up("a");
    let part = vec![0; 64 * 1024];
    let call = bench.call();
    bench.call_says(&call, &[REQUEST]);
    for _ in 0..65 {
        bench.call_says(&call, &[Frame::Body(&part)]);
    }
    bench.call_says(&call, &[Frame::End]);
    assert_eq!(link.heard().len(), 65, "the request and 4 MiB");
    let other = bench.asked();
    assert_eq!(link.heard(), ["2 request"], "two bytes more are too many");
    bench.link_says(&link, &[(0, Frame::Window(65_536))]);
    assert_eq!(link.heard(), ["1 body 65536", "1 end"]);
    bench.link_says(&link, &[(0, Frame::Window(2))]);
    assert_eq!(link.heard(), ["2 body 2", "2 end"]);
    assert!(other.heard().is_empty());
}

#[test]
fn a_connector_gets_room_back_as_bytes_go_on() {
    let mut bench = Bench::new(false);
    let link = bench.up("a");
    let call = bench.asked();
    link.heard();
    bench.link_says(&link, &[(1, RESPONSE)]);
    let part = vec![0; 64 * 1024];
    for _ in 0..3 {
        bench.link_says(&link, &[(1, Frame::Body(&part))]);
    }
    assert!(link.heard().is_empty());
    bench.link_says(&link, &[(1, Frame::Body(&part))]);
    assert_eq!(link.heard(), ["0 window 262144"]);
    assert_eq!(call.heard().len(), 5);
}
