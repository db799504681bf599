//! Rotation, expiry and bounds of keys.

use super::*;
use moltghost_protocol::control::event::AgentEvent;
use moltghost_protocol::object::agent::RotateKey;

fn rotated(key: &ApiKey, seed: u8) -> ApiKey {
    ApiKey { secret: Secret::mint([seed; 32]), ..key.clone() }
}

fn rotate(
    bench: &mut Bench,
    new: &ApiKey,
    id: Option<&str>,
    grace_seconds: u32,
) -> Result<KeyDocument, Problem> {
    let ask = RotateKey {
        id: new.id.clone(),
        hash: SecretHash::of(&new.secret, &bench.pepper),
        rotation: id.map(str::to_owned),
        grace_seconds,
    };
    bench.ask(AgentOp::RotateKey(Box::new(ask)), vec![])
}

fn opens(bench: &mut Bench, key: &ApiKey) -> bool {
    let ask = Inspect {
        key: Some(presented(key)),
        alias: None,
        browser: None,
        what: Reading::Health,
        path: String::new(),
        ticket: None,
    };
    match bench.ok::<Inspection>(AgentOp::Inspect(ask)).outcome {
        Read::Health(_) => true,
        Read::Refused(problem) => {
            assert_eq!(problem.code, Code::InvalidApiKey);
            false
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_secrets_open_during_the_grace_and_the_new_one_alone_afterwards() {
    let mut bench = Bench::running();
    let old = bench.key(1);
    let new = rotated(&old, 2);
    let shown = rotate(&mut bench, &new, Some("first"), 60).unwrap();
    assert_eq!(shown.old_secret_until.as_deref(), Some("2026-11-23T00:01:00.000Z"));
    bench.crash();
    bench.now += 59_999;
    assert!(opens(&mut bench, &old) && opens(&mut bench, &new));
    bench.now += 1;
    assert!(!opens(&mut bench, &old) && opens(&mut bench, &new));
}

#[test]
fn a_rotation_is_made_once_and_an_earlier_one_is_not_made_again() {
    let mut bench = Bench::running();
    let old = bench.key(1);
    let new = rotated(&old, 2);
    let first = rotate(&mut bench, &new, Some("first"), 60).unwrap();
    bench.now += 30_000;
    assert_eq!(rotate(&mut bench, &new, Some("first"), 60).unwrap(), first);
    let newer = rotated(&old, 3);
    rotate(&mut bench, &newer, Some("second"), 0).unwrap();
    assert!(opens(&mut bench, &newer) && !opens(&mut bench, &new) && !opens(&mut bench, &old));
    let again = rotate(&mut bench, &new, Some("first"), 60).unwrap_err();
    assert_eq!(again.code, Code::IdempotencyMismatch);
}

#[test]
fn a_rotated_key_keeps_its_id_and_is_revoked_as_one() {
    let mut bench = Bench::running();
    let old = bench.key(1);
    let new = rotated(&old, 2);
    bench.now += 40 * DAY;
    let shown = rotate(&mut bench, &new, None, 3_600).unwrap();
    assert_eq!((shown.age_days, shown.rotate_due), (40, false));
    bench.ok::<KeyDocument>(AgentOp::RevokeKey(old.id.clone()));
    assert!(!opens(&mut bench, &old) && !opens(&mut bench, &new));
    assert_eq!(rotate(&mut bench, &new, None, 0).unwrap_err().code, Code::InvalidState);
}

#[test]
fn an_old_secret_can_still_revoke_its_key() {
    let mut bench = Bench::running();
    let old = bench.key(1);
    rotate(&mut bench, &rotated(&old, 2), None, 60).unwrap();
    let ask = AgentOp::RevokeByKey { id: old.id.clone(), secret: old.reveal() };
    assert!(bench.ok::<KeyDocument>(ask).revoked_at.is_some());
}

#[test]
fn a_key_ends_when_it_was_to_end() {
    let mut bench = Bench::running();
    let key = bench.key_with(1, r#"{"name":"k","expires_at":"2026-11-23T00:01:00Z"}"#);
    bench.crash();
    bench.now += 59_999;
    assert!(opens(&mut bench, &key));
    bench.now += 1;
    assert!(!opens(&mut bench, &key));
}

/// The events that the account was not told yet, and was now.
fn told(bench: &mut Bench) -> Vec<AgentEvent> {
    let Some((_, report)) = bench.endpoint.report().unwrap() else { return vec![] };
    bench.endpoint.reported(&report).unwrap();
    report.events.into_iter().filter_map(|reported| Some(reported.event?.1)).collect()
}

#[test]
fn a_rotation_and_the_end_of_a_key_are_told_once_each() {
    let mut bench = Bench::running();
    let end = "2026-11-23T01:00:00.000Z";
    let key = bench.key_with(1, &format!(r#"{{"name":"k","expires_at":"{end}"}}"#));
    told(&mut bench);
    let new = rotated(&key, 2);
    for _ in 0..2 {
        rotate(&mut bench, &new, Some("first"), 60).unwrap();
    }
    let [AgentEvent::KeyRotated { key: named, old_secret_until }] = &told(&mut bench)[..] else { panic!() };
    assert_eq!((&named.id, old_secret_until.as_str()), (&key.id, "2026-11-23T00:01:00.000Z"));
    // The end of the old secret closes its sockets; nothing is told of it.
    let grace = bench.endpoint.tell_by().unwrap();
    assert_eq!(grace, START + 60_000);
    assert_eq!(bench.endpoint.alarm(grace - 1).unwrap(), Some(grace));
    let due = bench.endpoint.alarm(grace).unwrap().unwrap();
    assert!(told(&mut bench).is_empty());
    assert_eq!((due, bench.endpoint.tell_by()), (START + 3_600_000, Some(due)));
    assert_eq!(bench.endpoint.alarm(due - 1).unwrap(), Some(due));
    assert!(told(&mut bench).is_empty());
    bench.crash();
    bench.now = due;
    bench.endpoint.alarm(due).unwrap();
    assert!(bench.endpoint.has_news());
    let [AgentEvent::KeyExpired { key: named, expires_at }] = &told(&mut bench)[..] else { panic!() };
    assert_eq!((&named.id, expires_at.as_str()), (&key.id, end));
    bench.crash();
    assert_eq!(bench.endpoint.alarm(due + 1).unwrap(), None);
    assert!(told(&mut bench).is_empty());
}

#[test]
fn of_a_key_that_was_revoked_or_whose_agent_is_gone_no_end_is_told() {
    for terminates in [false, true] {
        let mut bench = Bench::running();
        let key = bench.key_with(1, r#"{"name":"k","expires_at":"2026-11-23T01:00:00.000Z"}"#);
        if terminates {
            bench.ok::<AgentRecord>(AgentOp::Terminate);
        } else {
            bench.ok::<KeyDocument>(AgentOp::RevokeKey(key.id));
        }
        told(&mut bench);
        bench.endpoint.alarm(START + 3_600_000).unwrap();
        assert!(told(&mut bench).is_empty());
        assert_eq!(bench.endpoint.tell_by(), None);
    }
}
