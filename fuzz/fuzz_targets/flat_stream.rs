//! The stream of `/v1/chat` comes out alike however the pod's bytes are cut, every event is JSON, and exactly one of a
//! complete stream is the last one, unless it ends with an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::endpoint::flat_stream::FlatStream;
use moltghost_protocol::json::Members;

fuzz_target!(|input: (u8, &[u8])| {
    let (seed, stream) = input;
    for clean in [true, false] {
        let whole = pass(std::iter::once(stream), clean);
        assert_eq!(pass(stream.chunks(1), clean), whole);
        assert_eq!(pass(stream.chunks(usize::from(seed) + 2), clean), whole);
        let (mut last, mut errors, mut done) = (0, 0, 0);
        for event in whole.0.split_inclusive(|byte| *byte == b'\n').filter(|line| *line != b"\n") {
            let data = event.strip_prefix(b"data: ").expect("data alone").trim_ascii_end();
            assert_eq!(done, 0, "something follows [DONE]");
            if data == b"[DONE]" {
                done += 1;
                continue;
            }
            let members = Members::parse_answer(data).expect("JSON");
            match members.get_unique(data, "done").expect("once") {
                Some(flag) => last += usize::from(flag.bool().expect("true or false")),
                None => errors += usize::from(members.get(data, "error").is_some()),
            }
        }
        assert_eq!((last, done), if whole.1 && errors == 0 { (1, 1) } else { (0, 0) });
        assert!(errors <= 1);
    }
});

fn pass<'a>(chunks: impl Iterator<Item = &'a [u8]>, clean: bool) -> (Vec<u8>, bool) {
    let mut flat = FlatStream::new("msg_1".to_owned(), 1);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend(flat.push(chunk));
    }
    let ending = flat.finish(clean);
    out.extend(ending.flush);
    (out, ending.complete)
}
