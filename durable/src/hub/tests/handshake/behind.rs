//! Readers that are behind, and what is kept of those that are not.

use super::super::{entry, Bench};
use super::*;
use crate::hub::attach::{SETTLE, SETTLE_AT_LATEST};
use crate::hub::fanout::WINDOW;

#[test]
fn a_reader_that_is_behind_is_sent_no_more_than_a_window_and_loses_nothing() {
    let bench = Bench::new();
    directory(&bench, known(None, None));
    bench.push("r", 0, None, &[entry(1, "room.created", &["a"], false)]).unwrap();
    let attached = bench.attach(r#""cursor":"""#);
    attached.0.borrow_mut().buffered = 1 << 20;
    let entries: Vec<Value> =
        (2..300).map(|offset| entry(offset, &format!("m{offset}"), &[], false)).collect();
    bench.push("r", 1, None, &entries).unwrap();
    let first = ids(&attached);
    assert_eq!(first.len(), 1, "one more after the window");
    bench.settle();
    assert!(ids(&attached).is_empty());
    attached.0.borrow_mut().buffered = 0;
    bench.settle();
    let rest = ids(&attached);
    assert_eq!(
        [first, rest].concat(),
        (2..300).map(|n| event_of_message(&format!("m{n}"))).collect::<Vec<_>>()
    );
}

#[test]
fn a_reader_that_is_behind_costs_a_timer_however_much_happens_meanwhile() {
    let bench = Bench::new();
    directory(&bench, known(None, None));
    bench.push("r", 0, None, &[entry(1, "room.created", &["a"], false)]).unwrap();
    let attached = bench.attach(r#""cursor":"""#);
    attached.0.borrow_mut().buffered = 1 << 20;
    let say = |offset: u64| {
        bench.world.now.set(bench.world.now.get() + 1);
        bench.push("r", offset - 1, None, &[entry(offset, &format!("m{offset}"), &[], false)]).unwrap();
    };
    say(2);
    let before = bench.world.timers.get();
    for offset in 3..50 {
        say(offset);
    }
    // One more is for those to whom several events go at once.
    assert!(bench.world.timers.get() - before <= 2, "{}", bench.world.timers.get() - before);
    bench.settle();
    // It is looked at again and again, by one timer each time, though that rings early.
    for _ in 0..10 {
        let before = bench.world.timers.get();
        bench.world.now.set(bench.world.later.get().unwrap() - 1);
        bench.hub.flush();
        bench.hub.flush();
        assert_eq!(bench.world.timers.get(), before + 1);
    }
    attached.0.borrow_mut().buffered = 0;
    bench.world.now.set(bench.world.later.get().unwrap());
    bench.hub.flush();
    assert_eq!(ids(&attached).len(), 48);
}

#[test]
fn a_socket_is_asked_what_is_on_its_way_only_where_that_could_be_too_much() {
    let bench = Bench::new();
    directory(&bench, known(None, None));
    bench.push("r", 0, None, &[entry(1, "room.created", &["a"], false)]).unwrap();
    let attached = bench.attach(r#""cursor":"""#);
    let mut offset = 1;
    let mut say = |bytes: usize| {
        offset += 1;
        let id = format!("m{offset}{}", "x".repeat(bytes));
        bench.push("r", offset - 1, None, &[entry(offset, &id, &[], false)]).unwrap();
        let sent: usize = attached.0.borrow().sent.iter().map(String::len).sum();
        (std::mem::take(&mut attached.0.borrow_mut().asked), sent)
    };
    assert_eq!(say(0).0, 1, "after its hello nothing is known of it");
    let mut asked = 0;
    let sent = loop {
        let (now, sent) = say(0);
        asked += now;
        if asked > 0 {
            break sent;
        }
    };
    let window = usize::try_from(WINDOW).unwrap();
    assert!((window / 2..=window).contains(&sent), "{sent}");
    // What it still has to take of that counts.
    attached.0.borrow_mut().buffered = WINDOW - 1;
    let (asked, _) = say(window);
    assert_eq!(asked, 1);
    let (asked, _) = say(0);
    assert_eq!(asked, 1, "a byte less than the window is on its way");
}

#[test]
fn what_an_attachment_is_is_kept_once_it_is_quiet_and_at_latest_after_a_while() {
    let bench = Bench::new();
    directory(&bench, known(None, None));
    bench.push("r", 0, None, &[entry(1, "room.created", &["a"], false)]).unwrap();
    let attached = bench.attach(r#""cursor":"""#);
    let kept = || attached.0.borrow().state.clone().unwrap();
    let tick = || {
        let rings = bench.world.later.get().filter(|rings| *rings <= bench.world.now.get());
        if rings.is_some() {
            bench.hub.flush();
        }
    };
    let (began, before) = (bench.world.now.get(), kept());
    let mut offset = 1;
    while kept() == before {
        offset += 1;
        bench.push("r", offset - 1, None, &[entry(offset, &format!("m{offset}"), &[], false)]).unwrap();
        bench.world.now.set(bench.world.now.get() + 100);
        tick();
    }
    let busy = bench.world.now.get() - began;
    assert!((SETTLE_AT_LATEST..=SETTLE_AT_LATEST + 200).contains(&busy), "{busy}");

    let (began, before) = (bench.world.now.get(), kept());
    bench.push("r", offset, None, &[entry(offset + 1, "last", &[], false)]).unwrap();
    while kept() == before {
        bench.world.now.set(bench.world.now.get() + 100);
        tick();
    }
    let quiet = bench.world.now.get() - began;
    assert!((SETTLE..=SETTLE + 200).contains(&quiet), "{quiet}");
}
