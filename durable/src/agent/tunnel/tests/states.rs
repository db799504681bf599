//! Every frame of a connector, in every state of its link and of a stream, as the object takes it.

use super::*;
use moltghost_protocol::tunnel::Welcome;

const ANSWER: [(u32, Frame<'static>); 2] = [(1, RESPONSE), (1, Frame::Body(b"x"))];

/// Frames of the link, then those of a stream under its id.
fn frames(stream: u32) -> Vec<(u32, Frame<'static>)> {
    let hello = Hello::read(b"\x01\x01").unwrap();
    let welcome = Welcome { version: 1, agent: "agent".into(), link: "1".into() };
    let link = [
        Frame::Hello(hello),
        Frame::Welcome(welcome),
        Frame::Ping([0; 8]),
        Frame::Pong([0; 8]),
        Frame::Window(1),
        Frame::Goaway(Goodbye::Shutdown, 0),
    ];
    let call = [
        REQUEST,
        Frame::Accepted,
        RESPONSE,
        Frame::Body(b"x"),
        Frame::End,
        Frame::Reset(Reset::Failed),
        Frame::Window(1),
    ];
    link.into_iter().map(|frame| (0, frame)).chain(call.into_iter().map(|frame| (stream, frame))).collect()
}

/// What became of each frame, sent alone: `.` it was taken or passed over, `r` the stream was reset, `G` the link was
/// sent away.
fn row(state: impl Fn(&mut Bench) -> Socket, stream: u32) -> String {
    let told = |frame: (u32, Frame<'static>)| {
        let mut bench = Bench::new(false);
        let link = state(&mut bench);
        link.heard();
        bench.link_says(&link, &[frame]);
        let heard = link.heard();
        if heard.contains(&"0 goaway protocol_error".to_owned()) {
            'G'
        } else if heard.contains(&format!("{stream} reset protocol")) {
            'r'
        } else {
            '.'
        }
    };
    frames(stream).into_iter().map(told).collect()
}

/// A link with one call, of which these frames have come.
fn after(frames: &'static [(u32, Frame<'static>)]) -> impl Fn(&mut Bench) -> Socket {
    move |bench| {
        let link = bench.up("a");
        bench.asked();
        if !frames.is_empty() {
            bench.link_says(&link, frames);
        }
        link
    }
}

#[test]
fn every_frame_in_every_state_of_a_link() {
    let fresh = |bench: &mut Bench| {
        let socket = bench.socket();
        bench.tunnel.accept_link(socket.clone(), 0);
        socket
    };
    let sent_away = |bench: &mut Bench| {
        let link = after(&[])(bench);
        let Some(Whose::Link(number)) = bench.tunnel.whose(&link) else { panic!("no link") };
        bench.tunnel.ask_to_leave(number, Goodbye::Drained, 1_000, 0);
        link
    };
    let leaves = after(&[(0, Frame::Goaway(Goodbye::Shutdown, 0))]);
    // HELLO WELCOME PING PONG WINDOW GOAWAY, then of a stream REQUEST ACCEPTED RESPONSE BODY END RESET WINDOW.
    assert_eq!(row(fresh, 1), ".GGGGGGGGGGGG", "before the greeting");
    assert_eq!(row(|bench| bench.up("a"), 1), "GG....GGGGGGG", "a stream that never was");
    assert_eq!(row(sent_away, 1), "GG....G..rr..", "sent away");
    assert_eq!(row(leaves, 1), "GG....G..rr..", "leaving by itself");
}

#[test]
fn every_frame_in_every_state_of_a_stream() {
    assert_eq!(row(after(&[]), 1), "GG....G..rr..", "asked");
    assert_eq!(row(after(&[(1, Frame::Accepted)]), 1), "GG....Gr.rr..", "accepted");
    assert_eq!(row(after(&ANSWER), 1), "GG....Grr....", "answered");
    // What is over is forgotten, so that whatever comes on it is passed over.
    let ended = |bench: &mut Bench| {
        let link = after(&ANSWER)(bench);
        bench.link_says(&link, &[(1, Frame::End)]);
        link
    };
    let cancelled = |bench: &mut Bench| {
        let link = bench.up("a");
        let call = bench.asked();
        bench.closes(&call);
        link
    };
    let given_up = |bench: &mut Bench| {
        let link = after(&ANSWER)(bench);
        bench.link_says(&link, &[(1, Frame::Reset(Reset::Failed))]);
        link
    };
    assert_eq!(row(ended, 1), "GG....G......", "ended");
    assert_eq!(row(cancelled, 1), "GG....G......", "given up by the caller");
    assert_eq!(row(given_up, 1), "GG....G......", "given up by the connector");
}
