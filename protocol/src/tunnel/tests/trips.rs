//! Round trips: whatever is written is read, however it is cut into frames and messages.

use super::*;
use proptest::prelude::*;

fn reset() -> impl Strategy<Value = Reset> {
    (1u8..=8).prop_map(Reset::of)
}

/// Frames that borrow nothing.
fn plain() -> impl Strategy<Value = (u32, Frame<'static>)> {
    prop_oneof![
        (1..=MAX_STREAM).prop_map(|id| (id, Frame::Accepted)),
        (1..=MAX_STREAM).prop_map(|id| (id, Frame::End)),
        (1..=MAX_STREAM, reset()).prop_map(|(id, reason)| (id, Frame::Reset(reason))),
        (0..=MAX_STREAM, 1u32..).prop_map(|(id, room)| (id, Frame::Window(room))),
        any::<[u8; 8]>().prop_map(|bytes| (0, Frame::Ping(bytes))),
        any::<[u8; 8]>().prop_map(|bytes| (0, Frame::Pong(bytes))),
        (1u8..=9, any::<u32>()).prop_map(|(code, drain)| (0, Frame::Goaway(Goodbye::of(code), drain))),
        ("[A-Za-z0-9][A-Za-z0-9._-]{0,62}", 1u16..=100, proptest::option::of("[a-z]{1,9}"), "[!-~]{0,30}")
            .prop_map(|(replica, weight, region, software)| {
                let replica = ReplicaName::parse(&replica).unwrap();
                (0, Frame::Hello(Hello { versions: (1, 2), replica, weight, region, software }))
            }),
        ("[a-z0-9]{12}", "[0-9]{1,5}")
            .prop_map(|(agent, link)| (0, Frame::Welcome(Welcome { version: 1, agent, link }))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn frames_come_back_however_messages_are_cut(
        frames in proptest::collection::vec(plain(), 1..40),
        cuts in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let mut messages = Vec::new();
        let mut message = Message::default();
        for ((stream, frame), cut) in frames.iter().zip(cuts) {
            message.push(*stream, frame).unwrap();
            if cut {
                messages.push(message.take());
            }
        }
        messages.push(message.take());
        let mut read = Vec::new();
        for message in messages.iter().filter(|message| !message.is_empty()) {
            for frame in Frames::of(message).unwrap() {
                read.push(frame.unwrap());
            }
        }
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn heads_and_bodies_come_back(
        path in "/[!-\"$-~]{0,200}",
        lines in proptest::collection::vec(("[a-z][a-z0-9-]{0,20}", "([!-~][!-~ ]{0,40}[!-~])?"), 0..20),
        status in 200u16..600,
        length in 0usize..200_000,
    ) {
        let body: Vec<u8> = (0u8..=255).cycle().take(length).collect();
        let lines = lines.iter().flat_map(|(name, value)| [name, ": ", value, "\n"]).collect::<String>();
        let request = RequestHead { method: "POST", path: &path, lines: &lines };
        let response = ResponseHead { status, lines: &lines };
        let mut message = Message::default();
        message.push(5, &Frame::Request(request)).unwrap();
        message.push_body(5, &body).unwrap();
        message.push(5, &Frame::Response(response)).unwrap();
        let bytes = message.take();
        let (mut heads, mut again) = (Vec::new(), Vec::new());
        for frame in Frames::of(&bytes).unwrap() {
            match frame.unwrap() {
                (5, Frame::Body(part)) => again.extend_from_slice(part),
                (_, frame) => heads.push(frame),
            }
        }
        prop_assert_eq!(heads, [Frame::Request(request), Frame::Response(response)]);
        prop_assert_eq!(again, body);
    }

    #[test]
    fn whatever_is_read_is_read_again(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(frames) = Frames::of(&bytes) {
            for (stream, frame) in frames.map_while(Result::ok) {
                let written = Message::of(stream, &frame).unwrap();
                prop_assert_eq!(Frames::of(&written).unwrap().next(), Some(Ok((stream, frame))));
            }
        }
    }

    #[test]
    fn a_message_that_is_cut_short_is_an_error_and_never_another_frame(
        frames in proptest::collection::vec(plain(), 1..6),
        at in any::<prop::sample::Index>(),
    ) {
        let mut message = Message::default();
        for (stream, frame) in &frames {
            message.push(*stream, frame).unwrap();
        }
        let bytes = message.take();
        let short = &bytes[..at.index(bytes.len())];
        if let Ok(read) = Frames::of(short) {
            for (at, frame) in read.enumerate() {
                match frame {
                    Ok(frame) => prop_assert_eq!(&frame, &frames[at]),
                    Err(error) => prop_assert_eq!(error, FrameError::Cut),
                }
            }
        }
    }
}
