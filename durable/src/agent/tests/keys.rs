//! Keys: what opens an agent, and until when.

use super::*;

#[test]
fn every_key_that_does_not_open_the_agent_gets_the_same_answer() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let revoked = bench.key(2);
    bench.ok::<KeyDocument>(AgentOp::RevokeKey(revoked.id.clone()));
    let unknown = ApiKey { id: KeyId::mint(&bench.id, 99), ..key.clone() };
    let forged = ApiKey { secret: Secret::mint([3; 32]), ..key.clone() };
    let foreign = ApiKey { id: KeyId::mint(&AgentId::mint(2), 1), ..key.clone() };
    let renamed = ApiKey { account: AccountId::parse("other").unwrap(), ..key.clone() };
    let answers: Vec<String> = [unknown, forged, foreign, renamed, revoked]
        .iter()
        .map(|key| format!("{:?}", bench.admit_run(Some(key), 1, vec![])))
        .collect();
    assert!(
        answers.iter().all(|answer| *answer == answers[0] && answer.contains("InvalidApiKey")),
        "{answers:?}"
    );
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
}

#[test]
fn revoking_binds_the_very_next_call_and_outlives_a_crash() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
    let ask = AgentOp::RevokeByKey { id: key.id.clone(), secret: key.reveal() };
    assert!(bench.ok::<KeyDocument>(ask).revoked_at.is_some());
    assert_eq!(refused(bench.admit_run(Some(&key), 2, vec![])), Code::InvalidApiKey);
    bench.crash();
    assert_eq!(refused(bench.admit_run(Some(&key), 2, vec![])), Code::InvalidApiKey);
}

#[test]
fn a_key_is_not_revoked_by_one_who_does_not_hold_it() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let forged = ApiKey { secret: Secret::mint([3; 32]), ..key.clone() };
    let ask = AgentOp::RevokeByKey { id: key.id.clone(), secret: forged.reveal() };
    assert_eq!(bench.ask::<KeyDocument>(ask, vec![]).unwrap_err().code, Code::InvalidApiKey);
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
}

#[test]
fn a_key_is_due_for_rotation_after_thirty_days_to_the_millisecond() {
    let mut bench = Bench::running();
    bench.key(1);
    let mut due_at = |now| {
        bench.now = now;
        bench.crash();
        let page: moltghost_protocol::control::page::Page<KeyDocument> =
            bench.ok(AgentOp::Keys(moltghost_protocol::control::page::PageRequest::default()));
        (page.data[0].age_days, page.data[0].rotate_due)
    };
    assert_eq!(due_at(START + 30 * DAY - 1), (29, false));
    assert_eq!(due_at(START + 30 * DAY), (30, true));
}

#[test]
fn keys_are_shown_with_their_age_and_last_use() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.now += 31 * DAY + 1_234;
    bench.admit_run(Some(&key), 1, vec![]);
    bench.endpoint.flush(bench.now).unwrap();
    bench.crash();
    let page: moltghost_protocol::control::page::Page<KeyDocument> =
        bench.ok(AgentOp::Keys(moltghost_protocol::control::page::PageRequest::default()));
    let shown = &page.data[0];
    assert_eq!((shown.age_days, shown.rotate_due), (31, true));
    assert_eq!(shown.last_used_at.as_deref(), Some("2026-12-24T00:00:00.000Z"));
    assert!(shown.key.is_none());
}
