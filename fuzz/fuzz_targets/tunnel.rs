//! Messages of the tunnel: reading never panics, what is read can be written and read again, and a stream that takes
//! whatever comes never goes back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::tunnel::{Frames, Half, Message, Side, Stream};

fuzz_target!(|bytes: &[u8]| {
    let Ok(frames) = Frames::of(bytes) else { return };
    let mut stream = Stream::default();
    for (number, frame) in frames.enumerate() {
        let Ok((id, frame)) = frame else { return };
        let written = Message::of(id, &frame).expect("what was read can be written");
        let again = Frames::of(&written).expect("a message").next();
        assert_eq!(again, Some(Ok((id, frame.clone()))));
        let from = if number % 2 == 0 { Side::Endpoint } else { Side::Connector };
        let before = stream;
        if stream.take(from, &frame).is_err() {
            assert_eq!(stream, before);
        }
        assert!(place(before.request()) <= place(stream.request()));
        assert!(place(before.response()) <= place(stream.response()));
        assert!(!before.is_over() || stream.is_over());
        assert!(!before.is_accepted() || stream.is_accepted());
    }
});

fn place(half: Half) -> u8 {
    match half {
        Half::Before => 0,
        Half::Open => 1,
        Half::Ended => 2,
    }
}
