//! How much of the time the agent was there.

use super::*;
use crate::agent::links::Links;
use crate::agent::tunnel::News;
use moltghost_protocol::control::link::LinkStatus;
use moltghost_protocol::endpoint::capability::Capabilities;
use moltghost_protocol::object::agent::{Availability, ProbeReport};
use moltghost_protocol::region::Region;
use moltghost_protocol::time::rfc3339;
use std::cell::Cell;
use std::rc::Rc;

const SECOND: Millis = 1_000;
const HOUR: Millis = 3_600 * SECOND;

/// One link, up or not.
#[derive(Default)]
struct Link(Cell<bool>);

impl Links for Link {
    fn any(&self) -> bool {
        self.0.get()
    }
    fn shown(&self, _: Millis) -> Vec<LinkStatus> {
        vec![]
    }
    fn capabilities(&self) -> Option<Capabilities> {
        None
    }
    fn known_since(&self, _: Millis) -> bool {
        true
    }
    fn hand_out(&self, _: Millis) -> Option<u64> {
        None
    }
    fn report(&self, _: Option<u64>, _: &ProbeReport, _: Millis) -> bool {
        false
    }
    fn forget(&self) {}
    fn place(&self, _: Option<Region>) {}
    fn drain(&self, _: &str, _: Millis, _: Millis) -> bool {
        false
    }
}

/// An agent behind a tunnel that runs, its link up.
fn tunnelled() -> (Bench, Rc<Link>, ApiKey) {
    let (mut bench, link) = (Bench::empty(), Rc::new(Link::default()));
    let links = Rc::clone(&link);
    bench.endpoint = Endpoint::new(bench.sql.clone(), bench.pepper.clone(), name::agent(&bench.id), links);
    bench.create(r#"{"name":"a","origin":{"type":"tunnel"}}"#).unwrap();
    let key = bench.key(1);
    bench.ok::<Started>(AgentOp::Start);
    link.0.set(true);
    bench.ok::<AgentRecord>(AgentOp::Probed(None));
    (bench, link, key)
}

fn turn(bench: &mut Bench, link: &Link, up: bool) {
    link.0.set(up);
    let name = "main".to_owned();
    let news = if up { News::Up(name) } else { News::Down(name) };
    bench.endpoint.heard_of_link(&news, bench.now).unwrap();
}

fn shown(bench: &mut Bench, key: &ApiKey) -> (u32, u32) {
    let Availability { from, up_seconds, down_seconds, ratio } = bench.status(key).availability;
    assert_eq!(from, rfc3339((bench.now.div_euclid(DAY) - 29) * DAY));
    let all = f64::from(up_seconds) + f64::from(down_seconds);
    match ratio {
        Some(ratio) => assert!((ratio - f64::from(up_seconds) / all).abs() < 1e-6),
        None => assert_eq!((up_seconds, down_seconds), (0, 0)),
    }
    (up_seconds, down_seconds)
}

#[test]
fn what_counts_is_the_time_in_which_it_runs_or_has_failed() {
    let mut bench = Bench::empty();
    bench
        .create(r#"{"name":"a","start_deadline_seconds":10,"origin":{"type":"http","url":"https://pod.example"}}"#)
        .unwrap();
    let key = bench.key(1);
    bench.now += HOUR;
    assert_eq!(shown(&mut bench, &key), (0, 0), "deployed");
    bench.ok::<Started>(AgentOp::Start);
    bench.now += 5 * SECOND;
    assert_eq!(shown(&mut bench, &key), (0, 0), "starting");
    bench.now += 5 * SECOND;
    bench.endpoint.alarm(bench.now).unwrap();
    bench.now += 20 * SECOND;
    assert_eq!(shown(&mut bench, &key), (0, 20), "failed");
    bench.ok::<Started>(AgentOp::Restart);
    bench.now += SECOND;
    bench.ok::<AgentRecord>(AgentOp::Probed(None));
    bench.now += 60 * SECOND;
    assert_eq!(shown(&mut bench, &key), (60, 20), "running");
    bench.ok::<AgentRecord>(AgentOp::Pause);
    bench.now += HOUR;
    assert_eq!(shown(&mut bench, &key), (60, 20), "paused");
}

#[test]
fn over_a_tunnel_a_link_must_be_up_and_a_crash_forgets_nothing() {
    let (mut bench, link, key) = tunnelled();
    bench.now += 100 * SECOND;
    turn(&mut bench, &link, false);
    bench.now += 30 * SECOND;
    assert_eq!(shown(&mut bench, &key), (100, 30));
    turn(&mut bench, &link, true);
    bench.now += 10 * SECOND;
    // With the instance its links are lost; what comes next finds out.
    bench.crash();
    assert_eq!(shown(&mut bench, &key), (110, 30));
    bench.now += 5 * SECOND;
    assert_eq!(shown(&mut bench, &key), (110, 35));
}

#[test]
fn each_day_counts_for_itself_and_only_thirty_do() {
    let (mut bench, link, key) = tunnelled();
    // From noon on, over midnight.
    bench.now = (START.div_euclid(DAY) + 1) * DAY + 2 * HOUR;
    let first = u32::try_from((bench.now - START) / 1_000).unwrap();
    turn(&mut bench, &link, false);
    bench.now += HOUR;
    turn(&mut bench, &link, true);
    assert_eq!(shown(&mut bench, &key), (first, 3_600));
    // Without a word for 40 days: all that is shown was up.
    bench.now += 40 * DAY;
    let today = u32::try_from(bench.now.rem_euclid(DAY) / 1_000).unwrap();
    let all = 29 * 86_400 + today;
    assert_eq!(shown(&mut bench, &key), (all, 0));
    turn(&mut bench, &link, false);
    assert_eq!(shown(&mut bench, &key), (all, 0));
    let rows = bench.sql.run("SELECT count(*) FROM availability", &[]).unwrap();
    assert_eq!(rows[0][0].int(), 30);
}

#[test]
fn a_broken_disk_and_a_clock_that_goes_back_count_nothing_twice() {
    let (mut bench, link, key) = tunnelled();
    bench.now += 50 * SECOND;
    link.0.set(false);
    bench.sql.broken.set(true);
    assert!(bench.endpoint.heard_of_link(&News::Down("main".into()), bench.now).is_err());
    bench.sql.broken.set(false);
    turn(&mut bench, &link, false);
    assert_eq!(shown(&mut bench, &key), (50, 0));
    bench.now -= 20 * SECOND;
    turn(&mut bench, &link, true);
    bench.now += 7 * SECOND;
    assert_eq!(shown(&mut bench, &key), (57, 0));
}
