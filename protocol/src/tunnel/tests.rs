//! The tunnel's protocol: every frame in every state, round trips however messages are cut, and room.

mod states;
mod trips;

use super::*;

#[test]
fn credit_never_exceeds_its_window() {
    let mut credit = Credit::new(100);
    credit.spend(60);
    credit.add(30);
    assert_eq!(credit.left(), 70);
    credit.add(u32::MAX);
    assert_eq!(credit.left(), 100);
    credit.spend(200);
    assert_eq!(credit.left(), 0);
}

#[test]
fn room_is_told_by_quarters_and_overruns_are_found() {
    let mut allowance = Allowance::new(100);
    assert_eq!(allowance.receive(100), Ok(()));
    assert_eq!(allowance.receive(1), Err(Overrun));
    assert_eq!(allowance.pass(24), None);
    assert_eq!(allowance.receive(1), Err(Overrun), "room counts once it was told");
    assert_eq!(allowance.pass(1), Some(25));
    assert_eq!(allowance.receive(25), Ok(()));
    assert_eq!(allowance.pass(200), Some(200));
    assert_eq!(allowance.receive(100), Ok(()));
    assert_eq!(allowance.receive(1), Err(Overrun));
}

#[test]
fn a_frame_has_the_bytes_that_the_document_shows() {
    let bytes = Message::of(7, &Frame::Window(65_536)).unwrap();
    assert_eq!(bytes, [9, 0, 0, 4, 0, 0, 0, 7, 0, 1, 0, 0]);
    let request = RequestHead { method: "POST", path: "/v1/chat", lines: "a: b\n" };
    let bytes = Message::of(1, &Frame::Request(request)).unwrap();
    assert_eq!(&bytes[..FRAME_HEAD], [3, 0, 0, 19, 0, 0, 0, 1]);
    assert_eq!(&bytes[FRAME_HEAD..], b"POST /v1/chat\na: b\n");
}

fn error(bytes: &[u8]) -> FrameError {
    match Frames::of(bytes) {
        Err(error) => error,
        Ok(frames) => frames.last().unwrap().unwrap_err(),
    }
}

#[test]
fn bytes_that_are_no_frames_are_refused_by_what_is_wrong() {
    let frame = |kind: u8, length: u8, stream: u32, payload: &[u8]| {
        let mut bytes = vec![kind, 0, 0, length];
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    };
    assert_eq!(error(b""), FrameError::Message);
    assert_eq!(error(&vec![0; MAX_MESSAGE + 1]), FrameError::Message);
    assert_eq!(error(&[6]), FrameError::Cut);
    assert_eq!(error(&frame(6, 2, 1, b"x")), FrameError::Cut);
    assert_eq!(error(&frame(0, 0, 0, b"")), FrameError::Kind(0));
    assert_eq!(error(&frame(13, 0, 0, b"")), FrameError::Kind(13));
    assert_eq!(error(&frame(6, 0, 1, b"")), FrameError::Length(Kind::Body));
    assert_eq!(error(&frame(7, 1, 1, b"x")), FrameError::Length(Kind::End));
    assert_eq!(error(&frame(8, 0, 1, b"")), FrameError::Length(Kind::Reset));
    assert_eq!(error(&frame(9, 3, 1, b"xxx")), FrameError::Length(Kind::Window));
    assert_eq!(error(&frame(9, 4, 1, &[0; 4])), FrameError::Length(Kind::Window));
    assert_eq!(error(&frame(10, 7, 0, &[0; 7])), FrameError::Length(Kind::Ping));
    assert_eq!(error(&frame(12, 4, 0, &[0; 4])), FrameError::Length(Kind::Goaway));
    assert_eq!(error(&frame(7, 0, 0, b"")), FrameError::Stream(Kind::End));
    assert_eq!(error(&frame(7, 0, 0x8000_0000, b"")), FrameError::Stream(Kind::End));
    assert_eq!(error(&frame(10, 8, 1, &[0; 8])), FrameError::Stream(Kind::Ping));
    assert_eq!(error(&frame(3, 1, 1, b"\n")), FrameError::Payload(Kind::Request, HeadError::Method));
    let mut long = vec![6, 1, 0, 1, 0, 0, 0, 1];
    long.resize(long.len() + MAX_BODY + 1, 0);
    assert_eq!(error(&long), FrameError::Length(Kind::Body));
}

#[test]
fn what_the_other_end_would_refuse_is_not_written() {
    let mut message = Message::default();
    message.push(1, &Frame::End).unwrap();
    let before = message.clone();
    let bad = RequestHead { method: "POST", path: "/a", lines: "Bad: x\n" };
    for (stream, frame) in [
        (1, Frame::Request(bad)),
        (0, Frame::End),
        (1, Frame::Body(b"")),
        (1, Frame::Body(&vec![0; MAX_BODY + 1])),
        (1, Frame::Ping([0; 8])),
        (MAX_STREAM + 1, Frame::End),
    ] {
        assert!(message.push(stream, &frame).is_err(), "{frame:?}");
        assert_eq!(message, before);
    }
    assert_eq!(message.push_body(1, &vec![1; MAX_MESSAGE]), Err(FrameError::Message));
    assert!(message.len() <= MAX_MESSAGE);
}
