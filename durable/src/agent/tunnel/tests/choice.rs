//! Which link a call gets.

use super::*;
use crate::agent::links::Links;
use moltghost_protocol::control::link::Breaker;
use moltghost_protocol::endpoint::capability::Capabilities;
use moltghost_protocol::object::agent::ProbeReport;

const EMBED: Frame<'static> =
    Frame::Request(RequestHead { method: "POST", path: "/v1/embeddings", lines: "" });

fn report(embeddings: bool, error: Option<&str>) -> ProbeReport {
    let capabilities = Capabilities { embeddings: Some(embeddings), ..Capabilities::default() };
    ProbeReport { url: String::new(), error: error.map(str::to_owned), capabilities }
}

/// The tunnel as its endpoint sees it.
fn links(bench: &mut Bench) -> RefCell<Tunnel<Socket>> {
    RefCell::new(std::mem::replace(&mut bench.tunnel, Tunnel::of(Vec::new())))
}

fn number(bench: &Bench, socket: &Socket) -> u64 {
    match bench.tunnel.whose(socket) {
        Some(Whose::Link(number)) => number,
        _ => panic!("no link"),
    }
}

/// Has a link's pod answer a probe.
fn probed(bench: &mut Bench, socket: &Socket, report: &ProbeReport) {
    let number = number(bench, socket);
    let tunnel = links(bench);
    assert!(tunnel.report(Some(number), report, 1));
    bench.tunnel = tunnel.into_inner();
}

fn got(socket: &Socket) -> usize {
    socket.heard().iter().filter(|what| what.ends_with(" request")).count()
}

#[test]
fn a_call_goes_to_a_pod_that_serves_its_path() {
    for sleeps in [false, true] {
        let mut bench = Bench::new(sleeps);
        let (few, all) = (bench.up("few"), bench.up("all"));
        probed(&mut bench, &few, &report(false, None));
        probed(&mut bench, &all, &report(true, None));
        for _ in 0..3 {
            let call = bench.call();
            bench.call_says(&call, &[EMBED, Frame::End]);
        }
        assert_eq!((got(&few), got(&all)), (0, 3));
        bench.closes(&all);
        let call = bench.call();
        bench.call_says(&call, &[EMBED, Frame::End]);
        assert_eq!(got(&few), 1, "what the last link answers is for its pod to say");
    }
}

#[test]
fn a_pod_that_was_not_ready_comes_last_and_one_that_was_not_asked_after_those_that_are() {
    let mut bench = Bench::new(false);
    let (bad, fresh, ready) = (bench.up("bad"), bench.up("fresh"), bench.up("ready"));
    probed(&mut bench, &bad, &report(true, Some("the pod answers with status 500")));
    probed(&mut bench, &ready, &report(true, None));
    for _ in 0..3 {
        bench.asked();
    }
    assert_eq!((got(&bad), got(&fresh), got(&ready)), (0, 0, 3));
    bench.closes(&ready);
    bench.asked();
    assert_eq!((got(&bad), got(&fresh)), (0, 1));
    probed(&mut bench, &bad, &report(true, None));
    bench.asked();
    assert_eq!((got(&bad), got(&fresh)), (1, 0));
}

#[test]
fn the_nearest_of_those_that_are_well_is_asked() {
    let mut bench = Bench::new(false);
    bench.tunnel.place(Region::parse("eu-west-1"));
    let mut at = |replica: &str, region: &str| {
        let socket = bench.socket();
        bench.tunnel.accept_link(socket.clone(), 0);
        let hello =
            Hello::read(format!("\x01\x01replica: {replica}\nregion: {region}\n").as_bytes()).unwrap();
        bench.link_says(&socket, &[(0, Frame::Hello(hello))]);
        socket.heard();
        socket
    };
    let (far, near, same) = (at("far", "us-east-1"), at("near", "eu-west-2"), at("same", "eu-west-1"));
    for _ in 0..3 {
        bench.asked();
    }
    assert_eq!((got(&far), got(&near), got(&same)), (0, 0, 3));
    bench.closes(&same);
    bench.asked();
    assert_eq!((got(&far), got(&near)), (0, 1));
    bench.tunnel.place(Region::parse("us-east-2"));
    bench.asked();
    assert_eq!((got(&far), got(&near)), (1, 0));
}

#[test]
fn after_its_rest_one_call_tries_a_link_and_tells_how_it_is() {
    let mut bench = Bench::new(false);
    let (bad, good) = (bench.up("bad"), bench.up("good"));
    let call = bench.asked();
    assert_eq!(got(&bad), 1);
    bench.link_says(&bad, &[(1, Frame::Accepted), (1, Frame::Reset(Reset::Failed))]);
    assert_eq!(call.heard(), ["1 reset failed"], "what a pod has taken goes nowhere else");
    let breaker = |bench: &Bench, now| bench.tunnel.shown(now)[0].breaker;
    assert_eq!((breaker(&bench, 0), breaker(&bench, 500)), (Some(Breaker::Open), Some(Breaker::HalfOpen)));
    bench.asked();
    assert_eq!((got(&bad), got(&good)), (0, 1));
    bench.now = 500;
    bench.asked();
    bench.asked();
    assert_eq!((got(&bad), got(&good)), (1, 1), "only one tries");
    bench.link_says(&bad, &[(2, RESPONSE)]);
    assert_eq!(breaker(&bench, 500), Some(Breaker::Closed));
    bench.asked();
    assert_eq!(got(&bad), 1);
}

#[test]
fn a_question_to_one_link_goes_to_no_other() {
    let mut bench = Bench::new(false);
    let (first, second) = (bench.up("a"), bench.up("b"));
    let number = number(&bench, &second);
    let ask = |bench: &mut Bench| {
        let call = bench.socket();
        bench.tunnel.accept_call(call.clone(), None, Some(number));
        bench.call_says(&call, &[REQUEST, Frame::End]);
        call
    };
    let call = ask(&mut bench);
    assert_eq!((got(&first), got(&second)), (0, 1));
    bench.link_says(&second, &[(1, Frame::Reset(Reset::Unreachable))]);
    assert_eq!((call.heard(), got(&first)), (vec!["1 reset unreachable".to_owned()], 0));
    bench.closes(&second);
    assert_eq!(ask(&mut bench).heard(), ["1 reset unreachable"]);
}

#[test]
fn links_are_probed_one_after_the_other_and_what_they_serve_together_is_known() {
    let mut bench = Bench::new(false);
    let (first, second) = (bench.up("a"), bench.up("b"));
    let [first, second] = [number(&bench, &first), number(&bench, &second)];
    let tunnel = links(&mut bench);
    let asked = [tunnel.hand_out(1), tunnel.hand_out(2), tunnel.hand_out(3)];
    assert_eq!(asked, [Some(first), Some(second), Some(first)]);
    assert_eq!((tunnel.capabilities(), tunnel.known_since(0)), (None, false));
    assert!(tunnel.report(Some(first), &report(false, None), 4));
    assert_eq!(tunnel.capabilities().unwrap().embeddings, Some(false));
    assert!(!tunnel.known_since(0));
    assert!(tunnel.report(Some(second), &report(true, None), 5));
    assert_eq!(tunnel.capabilities().unwrap().embeddings, Some(true));
    assert!(tunnel.known_since(3) && !tunnel.known_since(4));
    assert!(!tunnel.report(Some(99), &report(true, None), 6), "of a link that is gone");
    assert!(tunnel.report(None, &report(true, None), 6), "of either");
    assert!(!tunnel.known_since(0), "so both are asked again");
}
