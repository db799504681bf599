//! A stream is passed on alike however its bytes are cut into chunks, byte for byte where nothing is to be cut out,
//! and never half an event.

#![no_main]

use libfuzzer_sys::fuzz_target;
use moltghost_protocol::endpoint::stream_facts::StreamFacts;
use moltghost_protocol::endpoint::stream_scanner::StreamScanner;

fuzz_target!(|input: (u8, &[u8])| {
    let (seed, stream) = input;
    let chats = [(false, true), (false, false), (true, true)];
    for (cut_usage, clean) in chats {
        hold(&StreamScanner::new(cut_usage), seed, stream, cut_usage, clean);
    }
    for clean in [false, true] {
        hold(&StreamScanner::of_response(), seed, stream, false, clean);
    }
});

fn hold(scanner: &StreamScanner, seed: u8, stream: &[u8], cut_usage: bool, clean: bool) {
    let whole = pass(scanner.clone(), std::iter::once(stream), clean);
    assert_eq!(pass(scanner.clone(), stream.chunks(1), clean), whole);
    assert_eq!(pass(scanner.clone(), stream.chunks(usize::from(seed) + 2), clean), whole);
    assert!(cut_usage || stream.starts_with(&whole.0));
}

fn pass<'a>(
    mut scanner: StreamScanner,
    chunks: impl Iterator<Item = &'a [u8]>,
    clean: bool,
) -> (Vec<u8>, StreamFacts, bool) {
    let mut out = Vec::new();
    for chunk in chunks {
        let passage = scanner.push(chunk);
        out.extend_from_slice(&passage.held);
        for range in passage.ranges() {
            out.extend_from_slice(&chunk[range]);
        }
        let ends = [&b"\n\n"[..], b"\r\r", b"\n\r", b"\n\r\n", b"\r\r\n"];
        let blank = || out.iter().all(|byte| b"\r\n".contains(byte));
        assert!(ends.iter().any(|end| out.ends_with(end)) || blank());
    }
    let ending = scanner.finish(clean);
    out.extend_from_slice(&ending.flush);
    (out, *scanner.facts(), ending.complete)
}
