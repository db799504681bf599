//! Every frame in every state of an attachment, and what is kept of one.

use super::super::unacked::{mark, Kind};
use super::*;
use moltghost_protocol::moltnet::delivery::Audience;

const IDENTIFY: &str =
    r#"{"op":"IDENTIFY","version":"moltnet.attach.v1","network_id":"local","agent":{"id":"a"}}"#;
const PING: &str = r#"{"op":"PING","version":"moltnet.attach.v1"}"#;
const PONG: &str = r#"{"op":"PONG"}"#;
const ACK: &str = r#"{"op":"ACK","cursor":"evt_1"}"#;
const ERROR: &str = r#"{"op":"ERROR","version":"moltnet.attach.v1","error":"no"}"#;
const READY: &str = r#"{"op":"READY","version":"moltnet.attach.v1"}"#;

fn take(phase: &mut Phase, incoming: Incoming<'_>) -> Step {
    phase.take(incoming, "local", 5, || "nonce".to_owned())
}

fn live(per_frame: u32) -> Phase {
    let kept = KeptLive { agent: "a".into(), per_frame, ..KeptLive::default() };
    let mut live = Live::new(kept, Rc::new(Audience::default().reader("local")));
    live.unacked.note(1, mark("evt_1"), Kind::Wake);
    live.unacked.note(2, mark("evt_2"), Kind::Plain);
    Phase::Live(Box::new(live))
}

fn asking() -> Phase {
    let mut phase = Phase::Hello(10);
    assert_eq!(take(&mut phase, Incoming::Text(IDENTIFY)), Step::Ask);
    phase
}

fn error(step: Step) -> (Option<String>, u16, &'static str) {
    match step {
        Step::End(end) => (end.error, end.code, end.cause.reason()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_frame_before_identify() {
    for text in [PING, PONG, ACK, ERROR, READY, "null"] {
        let step = take(&mut Phase::Hello(10), Incoming::Text(text));
        assert_eq!(error(step), (Some("expected IDENTIFY frame".into()), 4_400, "read_error"), "{text}");
    }
    let step = take(&mut Phase::Hello(10), Incoming::Text("{"));
    assert_eq!(error(step).0.as_deref(), Some("attachment frame must be valid JSON"));
}

#[test]
fn every_frame_while_the_directory_is_asked() {
    let mut phase = asking();
    for text in [PING, PONG, ACK, ERROR, READY, IDENTIFY, "{"] {
        assert_eq!(take(&mut phase, Incoming::Text(text)), Step::Nothing, "{text}");
    }
    let Phase::Asking(asked) = &phase else { panic!() };
    assert_eq!((asked.early.len(), asked.nonce.as_str()), (7, "nonce"));
    for _ in 7..MAX_EARLY {
        assert_eq!(take(&mut phase, Incoming::Text(PING)), Step::Nothing);
    }
    let (text, code, _) = error(take(&mut phase, Incoming::Text(PING)));
    assert_eq!((text.as_deref(), code), (Some("more than 64 frames before READY"), 4_429));
}

#[test]
fn every_frame_while_attached() {
    let mut phase = live(1);
    assert_eq!(take(&mut phase, Incoming::Text(PING)), Step::Say(frame::PONG));
    assert_eq!(take(&mut phase, Incoming::Text(PONG)), Step::Nothing);
    let Step::Acked(sent) = take(&mut phase, Incoming::Text(ACK)) else { panic!() };
    assert_eq!((sent.len(), sent[0].seq, sent[0].kind), (1, 1, Kind::Wake));
    let repeated = error(take(&mut phase, Incoming::Text(ACK)));
    assert_eq!(repeated, (Some("unexpected ACK cursor".into()), 4_400, "read_error"));
    assert_eq!(error(take(&mut live(1), Incoming::Text(ERROR))), (None, 4_400, "client_error"));
    for (text, refusal) in [
        (READY, r#"unexpected frame op "READY""#),
        (IDENTIFY, r#"unexpected frame op "IDENTIFY""#),
        (r#"{"op":"PING"}"#, "attachment PING version is required"),
        (r#"{"op":"ACK"}"#, "unexpected ACK cursor"),
        ("[]", "attachment frame must be valid JSON"),
    ] {
        assert_eq!(error(take(&mut live(1), Incoming::Text(text))).0.as_deref(), Some(refusal));
    }
}

#[test]
fn who_asked_for_several_events_in_a_frame_acknowledges_all_up_to_the_last() {
    let Step::Acked(sent) = take(&mut live(64), Incoming::Text(r#"{"op":"ACK","cursor":"evt_2"}"#)) else {
        panic!()
    };
    assert_eq!(sent.iter().map(|sent| sent.seq).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn in_every_state_bytes_are_refused_and_large_frames_end_it() {
    for make in [|| Phase::Hello(10), asking, || live(1)] {
        let step = take(&mut make(), Incoming::Binary);
        assert_eq!(error(step), (Some(frame::NOT_TEXT.into()), 4_400, "read_error"));
        let large = "x".repeat(frame::MAX_FRAME + 1);
        for incoming in [Incoming::TooLarge, Incoming::Text(&large)] {
            assert_eq!(error(take(&mut make(), incoming)).1, 1_009);
        }
    }
    // At the edge it is read.
    let edge = format!("{}{PONG}", " ".repeat(frame::MAX_FRAME - PONG.len()));
    assert_eq!(take(&mut live(1), Incoming::Text(&edge)), Step::Nothing);
}

#[test]
fn a_flood_of_beats_ends_it_at_the_limit() {
    let mut phase = live(1);
    for _ in 0..MAX_BEATS {
        assert_eq!(take(&mut phase, Incoming::Text(PONG)), Step::Nothing);
    }
    assert_eq!(error(take(&mut phase, Incoming::Text(PONG))).1, 4_429);
    let mut phase = live(1);
    for now in 0..10 * i64::from(MAX_BEATS) {
        let step = phase.take(Incoming::Text(PING), "local", now * 11, String::new);
        assert_eq!(step, Step::Say(frame::PONG));
    }
}

#[test]
fn what_is_kept_keeps_its_form_and_fits_its_place() {
    let admitted = Admitted {
        audience: Audience { rooms: true, agent: "a".into(), ..Audience::default() },
        identity: "token:t".into(),
        since: 3,
        ends: None,
    };
    let live = KeptLive {
        agent: "a".into(),
        name: "A".into(),
        credential: Some("token:t".into()),
        per_frame: 1,
        at: 7,
        unacked: "5 2!".into(),
        ..KeptLive::default()
    };
    let kept = KeptAttachment { admitted, until: 9, live: Some(live) };
    let text = serde_json::to_string(&kept).unwrap();
    assert_eq!(
        text,
        r#"{"admitted":{"audience":{"agent":"a","rooms":true},"identity":"token:t","since":3},"until":9,"live":{"agent":"a","name":"A","credential":"token:t","per_frame":1,"at":7,"unacked":"5 2!"}}"#
    );
    assert_eq!(serde_json::from_str::<KeptAttachment>(&text).unwrap(), kept);
}

#[test]
fn no_end_of_ours_looks_as_if_it_were_meant_to_last() {
    for end in [End::refused("x"), End::silent(), End::removed(), End::ended()] {
        assert!(end.code >= 4_000);
    }
    assert_eq!(Cause::of_close(1_000).reason(), "client_closed");
    assert_eq!(Cause::of_close(1_001).reason(), "client_going_away");
    assert_eq!(Cause::of_close(1_005).error(), "websocket: close 1005");
    assert_eq!(Cause::ClientError("no".into()).error(), "attachment client error: no");
    assert_eq!(Cause::ClientError(String::new()).wake_error(), "attachment client error");
}
