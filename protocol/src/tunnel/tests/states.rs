//! Every frame, from either side, in every state of a stream.

use super::*;

const REQUEST: Frame<'static> = Frame::Request(RequestHead { method: "POST", path: "/", lines: "" });
const RESPONSE: Frame<'static> = Frame::Response(ResponseHead { status: 200, lines: "" });
const BODY: Frame<'static> = Frame::Body(b"x");
const RESET: Frame<'static> = Frame::Reset(Reset::Cancelled);
const FRAMES: [Frame<'static>; 7] =
    [REQUEST, Frame::Accepted, RESPONSE, BODY, Frame::End, RESET, Frame::Window(1)];

use Side::{Connector, Endpoint};

fn after(frames: &[(Side, Frame<'static>)]) -> Stream {
    let mut stream = Stream::default();
    for (from, frame) in frames {
        stream.take(*from, frame).unwrap();
    }
    stream
}

/// `T` taken, `L` late, `O` over, `-` misplaced; in the order of [`FRAMES`].
fn row(stream: Stream, from: Side) -> String {
    let told = |frame: &Frame<'_>| {
        let mut stream = stream;
        match stream.take(from, frame) {
            Ok(Step::Take) => 'T',
            Ok(Step::Late) => 'L',
            Ok(Step::Over) => 'O',
            Err(Misplaced) => '-',
        }
    };
    FRAMES.iter().map(told).collect()
}

#[test]
fn every_frame_in_every_state() {
    let asked = [(Endpoint, REQUEST)];
    let sent = [(Endpoint, REQUEST), (Endpoint, Frame::End)];
    let with =
        |before: &[(Side, Frame<'static>)], more: &[(Side, Frame<'static>)]| after(&[before, more].concat());
    let answered = [(Connector, RESPONSE)];
    let ended = [(Connector, RESPONSE), (Connector, Frame::End)];
    for (name, stream, from_endpoint, from_connector) in [
        ("before", after(&[]), "T------", "-------"),
        ("asked", after(&asked), "---TTOT", "-TT--OT"),
        ("sent", after(&sent), "-----OT", "-TT--OT"),
        ("accepted", with(&sent, &[(Connector, Frame::Accepted)]), "-----OT", "--T--OT"),
        ("answered early", with(&asked, &answered), "---TTOT", "---TOOT"),
        ("answered", with(&sent, &answered), "-----OT", "---TOOT"),
        ("ended early", with(&asked, &ended), "-LLLLLL", "-----LL"),
        ("ended", with(&sent, &ended), "-LLLLLL", "-----LL"),
        ("cancelled", with(&sent, &[(Endpoint, RESET)]), "-----LL", "-LLLLLL"),
        ("refused", with(&asked, &[(Connector, RESET)]), "-LLLLLL", "-----LL"),
    ] {
        assert_eq!(row(stream, Endpoint), from_endpoint, "{name}, from the endpoint");
        assert_eq!(row(stream, Connector), from_connector, "{name}, from the connector");
    }
}

#[test]
fn frames_of_the_link_belong_to_no_stream() {
    for frame in [Frame::Ping([0; 8]), Frame::Pong([0; 8]), Frame::Goaway(Goodbye::Shutdown, 0)] {
        for side in [Endpoint, Connector] {
            assert_eq!(after(&[(Endpoint, REQUEST)]).take(side, &frame), Err(Misplaced));
        }
    }
}

#[test]
fn a_misplaced_frame_changes_nothing() {
    let before = after(&[(Endpoint, REQUEST)]);
    let mut stream = before;
    assert_eq!(stream.take(Connector, &BODY), Err(Misplaced));
    assert_eq!(stream, before);
}

#[test]
fn a_stream_tells_how_far_it_is() {
    let stream = after(&[(Endpoint, REQUEST), (Endpoint, Frame::End)]);
    assert_eq!((stream.request(), stream.response()), (Half::Ended, Half::Before));
    assert!(!stream.is_accepted() && !stream.is_over());
    let accepted = after(&[(Endpoint, REQUEST), (Connector, Frame::Accepted)]);
    assert!(accepted.is_accepted() && !accepted.is_over());
    let over = after(&[(Endpoint, REQUEST), (Connector, RESPONSE), (Connector, Frame::End)]);
    assert!(over.is_accepted() && over.is_over());
    assert!(after(&[(Endpoint, REQUEST), (Connector, RESET)]).is_over());
}
