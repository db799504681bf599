//! Starts: probed in the background, given up at their deadline, and told.

use super::*;
use moltghost_protocol::control::event::AgentEvent;
use moltghost_protocol::endpoint::capability::Capabilities;
use moltghost_protocol::object::agent::ProbeReport;

const POD: &str = "https://pod.example";

fn starting(seconds: u32) -> Bench {
    let mut bench = Bench::empty();
    let body = format!(
        r#"{{"name":"a","start_deadline_seconds":{seconds},"origin":{{"type":"http","url":"{POD}"}}}}"#
    );
    bench.create(&body).unwrap();
    assert!(bench.ok::<Started>(AgentOp::Start).probe.is_some());
    bench
}

fn report(url: &str, error: Option<&str>) -> ProbeReport {
    ProbeReport {
        url: url.into(),
        error: error.map(str::to_owned),
        capabilities: Capabilities { tools: Some(true), ..Capabilities::default() },
    }
}

impl Bench {
    fn state(&mut self) -> (State, Option<String>) {
        let record = self.ok::<AgentRecord>(AgentOp::Show);
        (record.state, record.reason)
    }

    /// Rings the alarm when it is due, and lets the probe that it hands out fail; answers how often, up to `until`.
    fn ring(&mut self, until: Millis) -> u32 {
        let mut probes = 0;
        while let Some(due) = self.endpoint.due().filter(|due| *due <= until) {
            assert!(due >= self.now, "the alarm is set for the past");
            self.now = due;
            self.endpoint.alarm(due).unwrap();
            if self.endpoint.due_probe(due).is_some() {
                probes += 1;
                // An alarm that fires twice probes once.
                assert!(self.endpoint.due_probe(due).is_none());
                self.endpoint.take_probe(Some(&report(POD, Some("no answer"))), due).unwrap();
            }
            if let Some((_, told)) = self.endpoint.report().unwrap() {
                self.endpoint.reported(&told).unwrap();
            }
        }
        probes
    }
}

#[test]
fn a_start_is_probed_ever_more_seldom_and_fails_at_its_deadline_to_the_millisecond() {
    let mut bench = starting(300);
    let deadline = START + 300_000;
    let probes = bench.ring(deadline - 1);
    assert!((20..=30).contains(&probes), "{probes} probes");
    assert_eq!(bench.state(), (State::Initializing, Some("no answer".into())));
    bench.ring(deadline);
    assert_eq!(bench.now, deadline);
    let reason = "its pod was not ready within 300 s: no answer";
    assert_eq!(bench.state(), (State::Failed, Some(reason.into())));
    bench.crash();
    assert_eq!(bench.state(), (State::Failed, Some(reason.into())));
    // Nothing goes on: an agent that failed costs nothing.
    bench.ring(Millis::MAX);
    assert_eq!((bench.endpoint.due(), bench.endpoint.is_under_way()), (None, false));
    for op in [AgentOp::Start, AgentOp::Restart] {
        bench.now += 1;
        assert_eq!(bench.ok::<Started>(op).record.state, State::Initializing);
        assert_eq!(bench.state().1, None);
    }
}

#[test]
fn a_deadline_holds_across_crashes_and_without_an_alarm() {
    let mut bench = starting(2);
    bench.now += 1_999;
    bench.crash();
    assert_eq!(bench.state().0, State::Initializing);
    // A crash lets nobody wait for the next probe.
    assert_eq!(bench.endpoint.due(), Some(0));
    bench.now += 1;
    bench.crash();
    let (state, reason) = bench.state();
    assert_eq!(state, State::Failed);
    assert_eq!(reason.as_deref(), Some("its pod was not ready within 2 s: no probe of it has come back"));
    // The account is told of it.
    let (_, told) = bench.endpoint.report().unwrap().unwrap();
    let last = told.events.last().unwrap().event.clone().unwrap().1;
    assert_eq!(last, AgentEvent::State { state: State::Failed, reason });
}

#[test]
fn a_tunnel_without_a_link_fails_too_and_is_not_probed() {
    let mut bench = Bench::empty();
    bench.create(r#"{"name":"a","start_deadline_seconds":5}"#).unwrap();
    assert!(bench.ok::<Started>(AgentOp::Start).probe.is_none());
    assert_eq!(bench.ring(START + 5_000), 0);
    let (state, reason) = bench.state();
    assert_eq!(state, State::Failed);
    assert!(reason.unwrap().ends_with("no link to it came up"));
}

#[test]
fn a_probe_counts_for_its_address_and_for_a_start_that_goes_on_alone() {
    let mut bench = starting(300);
    let told = |bench: &mut Bench, url: &str| {
        bench.ok::<AgentRecord>(AgentOp::Reported(Box::new(report(url, None)))).state
    };
    assert_eq!(told(&mut bench, "https://other.example"), State::Initializing);
    assert_eq!(told(&mut bench, POD), State::Running);
    bench.ok::<AgentRecord>(AgentOp::Pause);
    assert_eq!(told(&mut bench, POD), State::Paused);
}

#[test]
fn a_restart_forgets_the_pod_and_starts_anew() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.ok::<AgentRecord>(AgentOp::Reported(Box::new(report(POD, None))));
    assert!(bench.status(&key).links[0].capabilities.is_some());
    bench.now += 10;
    let started = bench.ok::<Started>(AgentOp::Restart);
    assert!(started.probe.is_some());
    assert_eq!(started.record.state, State::Initializing);
    assert_eq!(bench.status(&key).links[0].capabilities, None);
    bench.ok::<AgentRecord>(AgentOp::Terminate);
    let refused = bench.ask::<Started>(AgentOp::Restart, vec![]).unwrap_err();
    assert_eq!(refused.code, Code::InvalidState);
    let mut fresh = Bench::empty();
    fresh.create(r#"{"name":"a"}"#).unwrap();
    let refused = fresh.ask::<Started>(AgentOp::Restart, vec![]).unwrap_err();
    assert_eq!(
        (refused.code, refused.extra),
        (Code::InvalidState, vec![("state".into(), "deploying".into())])
    );
}

#[test]
fn callers_are_asked_to_wait_as_long_as_starts_took() {
    let mut bench = starting(3_600);
    let key = bench.key(1);
    let wait = |bench: &mut Bench| {
        let admit = Admit { key: Some(presented(&key)), documented: true, ..blank() };
        match bench.ok::<Admission>(AgentOp::Admit(Box::new(admit))).outcome {
            Outcome::Starting { retry_after } => retry_after,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wait(&mut bench), 5);
    bench.now += 20_000;
    bench.ok::<AgentRecord>(AgentOp::Reported(Box::new(report(POD, None))));
    bench.crash();
    bench.ok::<Started>(AgentOp::Restart);
    assert_eq!(wait(&mut bench), 20);
    bench.now += 12_500;
    assert_eq!(wait(&mut bench), 8);
    // It takes longer than it used to: nothing is known any more.
    bench.now += 7_500;
    assert_eq!(wait(&mut bench), 5);
    bench.now += 480_000;
    bench.ok::<AgentRecord>(AgentOp::Reported(Box::new(report(POD, None))));
    bench.ok::<Started>(AgentOp::Restart);
    assert_eq!(wait(&mut bench), 59);
}

#[test]
fn the_request_limit_answers_403_on_the_documented_path_where_its_owner_says_so() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.limit(r#"{"rpm":1}"#);
    assert!(matches!(bench.admit_run(Some(&key), 1, vec![]), Outcome::Run(_)));
    let status = |bench: &mut Bench, path: &str| {
        let admit = Admit {
            run: RunId::mint(0, 2),
            key: Some(presented(&key)),
            path: path.into(),
            documented: path != "/v1/chat/completions",
            ..blank()
        };
        match bench.ok::<Admission>(AgentOp::Admit(Box::new(admit))).outcome {
            Outcome::Refused(problem) => (problem.code, problem.status()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(status(&mut bench, "/v1/chat"), (Code::RateLimited, 429));
    let change = Change::parse(br#"{"legacy_403":true}"#).unwrap();
    bench.ok::<AgentRecord>(AgentOp::Change(Box::new(change)));
    bench.crash();
    assert_eq!(status(&mut bench, "/v1/chat"), (Code::RateLimited, 403));
    for path in ["/v1/chat/completions", "/v1/tools"] {
        assert_eq!(status(&mut bench, path), (Code::RateLimited, 429));
    }
}
