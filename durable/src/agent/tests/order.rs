//! The order of checks: of two things that are wrong, the one that comes first in the contract is told.

use super::*;

/// Things that can be wrong with a call, in the order in which they are told (agent-endpoints §4).
const ORDER: [Code; 9] = [
    Code::AgentTerminated,
    Code::InvalidApiKey,
    Code::OriginNotAllowed,
    Code::AgentPaused,
    Code::PathNotAllowed,
    Code::RequestTooLarge,
    Code::InvalidJson,
    Code::RateLimited,
    Code::AgentBusy,
];

/// The answer to a call of which the things in `wrong` are wrong.
fn answer(wrong: &[Code]) -> Code {
    let is = |code| wrong.contains(&code);
    let mut bench = Bench::running();
    let change = r#"{"cors":{"origins":["https://app.example"]},"limits":{"concurrency":1,"queue":0}}"#;
    bench.ok::<AgentRecord>(AgentOp::Change(Box::new(Change::parse(change.as_bytes()).unwrap())));
    let key = bench.key_with(1, r#"{"name":"k","allowed_paths":["/v1/chat"],"limits":{"rpm":2}}"#);
    let call = |run, path: &str| Admit {
        run: RunId::mint(0, run),
        key: Some(presented(&key)),
        path: path.to_owned(),
        ..blank()
    };
    let fill = |bench: &mut Bench, run| {
        let admit = AgentOp::Admit(Box::new(call(run, "/v1/chat")));
        assert!(matches!(bench.ok::<Admission>(admit).outcome, Outcome::Run(_)));
    };
    if is(Code::RateLimited) {
        fill(&mut bench, 1);
        bench.ask::<()>(AgentOp::Settle, vec![settled(1, 1)]).unwrap();
        fill(&mut bench, 2);
        bench.ask::<()>(AgentOp::Settle, vec![settled(2, 1)]).unwrap();
    }
    if is(Code::AgentBusy) {
        let other = bench.key(2);
        assert!(matches!(bench.admit_run(Some(&other), 3, vec![]), Outcome::Run(_)));
    }
    if is(Code::AgentPaused) {
        bench.ok::<AgentRecord>(AgentOp::Pause);
    }
    if is(Code::AgentTerminated) {
        bench.ok::<AgentRecord>(AgentOp::Terminate);
    }
    let mut admit = call(9, if is(Code::PathNotAllowed) { "/v1/chat/completions" } else { "/v1/chat" });
    if is(Code::InvalidApiKey) {
        admit.key = None;
    }
    if is(Code::OriginNotAllowed) {
        admit.browser = Some("https://other.example".into());
    }
    if is(Code::RequestTooLarge) {
        admit.body_bytes = 11 * 1024 * 1024;
    }
    if is(Code::InvalidJson) {
        admit.body_problem = Some(Problem::new(Code::InvalidJson, "bad"));
    }
    refused(bench.ok::<Admission>(AgentOp::Admit(Box::new(admit))).outcome)
}

#[test]
fn of_each_two_things_that_are_wrong_the_first_is_told() {
    for (at, first) in ORDER.iter().enumerate() {
        assert_eq!(answer(&[*first]), *first);
        for second in &ORDER[at + 1..] {
            assert_eq!(answer(&[*first, *second]), *first, "before {second}");
        }
    }
    assert_eq!(answer(&ORDER), Code::AgentTerminated);
}
