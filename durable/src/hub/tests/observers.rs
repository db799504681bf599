//! The rules of the hub with tellers that tell twice, late and too much, and readers that are slow and come back.

use super::*;
use crate::stream::link::Socket as _;
use proptest::prelude::*;

#[test]
fn who_may_gather_learns_that_nobody_follows() {
    let bench = Bench::new();
    let made = entry(1, "room.created", &["a"], false);
    assert_eq!(bench.push_of(true, "r", 0, None, &[made]), Ok(Stood::Quiet(1)));
    assert_eq!(bench.push("r", 1, None, &[entry(2, "m2", &[], false)]), Ok(Stood::At(2)));
    let socket = bench.observe(anybody(), "");
    assert_eq!(bench.push_of(true, "r", 2, None, &[entry(3, "m3", &[], false)]), Ok(Stood::At(3)));
    bench.hub.closed(&socket);
    assert_eq!(bench.push_of(true, "r", 3, None, &[entry(4, "m4", &[], false)]), Ok(Stood::Quiet(4)));
}

#[test]
fn who_gathers_is_told_when_somebody_follows() {
    let mut bench = Bench::new();
    let told = |bench: &Bench| {
        let mut told = bench.world.followed.take();
        told.sort();
        told
    };
    let room = |id: &str| format!("room:local:{id}");
    let later = |bench: &Bench, ms: Millis| bench.world.now.set(bench.world.now.get() + ms);
    let push = |bench: &Bench, id: &str| {
        let made = entry(1, "room.created", &["a"], false);
        bench.push_of(true, id, 0, None, &[made]).unwrap();
    };
    push(&bench, "early");
    later(&bench, 1_999);
    push(&bench, "a");
    push(&bench, "b");
    bench.push("unaware", 0, None, &[entry(1, "room.created", &["a"], false)]).unwrap();
    later(&bench, 1);
    // "early" has long gone on by itself, and "unaware" does not gather.
    let first = bench.observe(anybody(), "");
    assert_eq!(told(&bench), [room("a"), room("b")]);
    // Who comes next changes nothing, and neither does what is told meanwhile.
    push(&bench, "c");
    let second = bench.observe(anybody(), "");
    for socket in [first, second] {
        socket.close(1_000, "");
        bench.hub.closed(&socket);
    }
    bench.observe(anybody(), "");
    assert!(told(&bench).is_empty());
    // Nor does leaving memory.
    bench.evict();
    push(&bench, "d");
    bench.observe(anybody(), "");
    assert!(told(&bench).is_empty());
}

#[test]
fn a_moments_conversations_are_told_of_a_follower_and_no_more_than_may_be() {
    let bench = Bench::new();
    let made = || entry(1, "room.created", &["a"], false);
    for n in 0..300 {
        bench.push_of(true, &format!("old{n}"), 0, None, &[made()]).unwrap();
    }
    bench.world.now.set(bench.world.now.get() + 2_000);
    for n in 0..300 {
        bench.push_of(true, &format!("new{n}"), 0, None, &[made()]).unwrap();
    }
    bench.observe(anybody(), "");
    let told = bench.world.followed.take();
    assert_eq!(told.len(), 200);
    assert!(told.iter().all(|name| name.starts_with("room:local:new")));
}

#[test]
fn entries_are_taken_once_and_in_order() {
    let bench = Bench::new();
    let all = bench.observe(everything(), "");
    let made = entry(1, "room.created", &["a"], false);
    let rest = [entry(2, "m2", &[], false), entry(3, "m3", &[], false)];
    assert_eq!(bench.push("r", 0, None, std::slice::from_ref(&made)), Ok(Stood::At(1)));
    // Something is missing in between: nothing is taken.
    assert_eq!(bench.push("r", 2, None, &rest[1..]), Ok(Stood::At(1)));
    assert_eq!(bench.push("r", 1, None, &rest), Ok(Stood::At(3)));
    // Again, and more than is new.
    assert_eq!(bench.push("r", 1, None, &rest), Ok(Stood::At(3)));
    assert_eq!(
        bench.push("r", 0, None, &[made, rest[0].clone(), rest[1].clone(), entry(4, "m4", &[], false)]),
        Ok(Stood::At(4))
    );
    assert_eq!(bench.push("r", 4, None, &[entry(6, "m6", &[], false)]).unwrap_err().status, 500);
    bench.settle();
    let told = bench.take(&all).0;
    assert_eq!(told[0], "evt_1");
    assert_eq!(told[1..], of(&["m2", "m3", "m4"]));
}

#[test]
fn a_conversation_that_is_not_known_must_say_what_it_is() {
    let bench = Bench::new();
    let public = bench.observe(anybody(), "");
    let entries = [entry(8, "m8", &[], true)];
    assert_eq!(bench.push("r", 7, None, &entries), Ok(Stood::Unknown));
    let standing = Standing::Room { public: true, members: vec![], removed: false };
    assert_eq!(bench.push("r", 7, Some(standing), &entries), Ok(Stood::At(8)));
    bench.settle();
    assert_eq!(bench.take(&public).0, of(&["m8"]));
}

#[test]
fn what_is_new_is_judged_where_it_stands_and_what_is_told_again_by_what_is_now() {
    let mut bench = Bench::new();
    let public = bench.observe(anybody(), "");
    let entries = [
        entry(1, "room.created", &[], false),
        entry(2, "hidden", &[], false),
        entry(3, "room.updated", &[], true),
        entry(4, "shown", &[], true),
        entry(5, "room.updated", &[], false),
        entry(6, "hidden-again", &[], false),
    ];
    bench.push("r", 0, None, &entries).unwrap();
    bench.settle();
    assert_eq!(bench.take(&public).0, of(&["shown"]));
    // Whether it is in memory or not.
    let again = |bench: &mut Bench, sleeps: bool| {
        if sleeps {
            bench.evict();
        }
        let late = bench.observe(anybody(), "evt_gap_x");
        let told = bench.take(&late).0;
        late.close(1_000, "");
        bench.hub.closed(&late);
        told
    };
    assert_eq!(again(&mut bench, false), again(&mut bench, true));
    assert!(again(&mut bench, true).is_empty());
    bench.push("r", 6, None, &[entry(7, "room.updated", &[], true)]).unwrap();
    for sleeps in [false, true] {
        assert_eq!(again(&mut bench, sleeps)[1..], of(&["hidden", "shown", "hidden-again"]));
    }
}

#[test]
fn a_reader_resumes_by_event_or_is_told_of_the_gap() {
    let bench = Bench::new();
    let empty = bench.observe(everything(), "evt_unknown");
    let (told, _) = bench.take(&empty);
    assert_eq!(told.len(), 1, "the gap is told though there is nothing yet");
    assert!(told[0].starts_with("evt_gap_"));
    empty.close(1_000, "");
    bench.hub.closed(&empty);
    bench.push("r", 0, None, &[entry(1, "room.created", &[], false), entry(2, "m2", &[], false)]).unwrap();
    bench.push("r", 2, None, &[entry(3, "m3", &[], false)]).unwrap();
    let again = bench.observe(everything(), &event_of_message("m2"));
    assert_eq!(bench.take(&again).0, of(&["m3"]));
    let gap = bench.observe(everything(), "evt_unknown");
    let told = bench.take(&gap).0;
    assert!(told[0].starts_with("evt_gap_"));
    assert_eq!(told[1..], ["evt_1".to_owned(), event_of_message("m2"), event_of_message("m3")]);
    let after_gap = bench.observe(everything(), &told[0]);
    assert_eq!(bench.take(&after_gap).0, told[1..]);
}

#[test]
fn as_many_streams_as_may_be_and_no_more() {
    let bench = Bench::new();
    let open: Vec<FakeSocket> = (0..3).map(|_| bench.observe(everything(), "")).collect();
    let (refused, socket) = bench.link("", observing(everything(), ""));
    assert_eq!(refused.unwrap_err().status, 503);
    assert_eq!(socket.0.borrow().closed.as_ref().unwrap().0, 4_403);
    // Something is written to those that are there, so that one which has left is noticed; not at every refusal.
    let asked =
        || open.iter().map(|socket| std::mem::take(&mut socket.0.borrow_mut().sent)).collect::<Vec<_>>();
    for frames in asked() {
        let [frame] = frames.try_into().unwrap();
        let (cursor, events) = frame.split_once('\n').unwrap();
        assert!(bench.link(cursor, observing(everything(), "")).0.is_err());
        assert!(events.starts_with(": ") && events.ends_with("\n\n"), "{events:?}");
    }
    assert!(asked().iter().all(Vec::is_empty));
    bench.world.now.set(bench.world.now.get() + 500);
    assert!(bench.link("", observing(everything(), "")).0.is_err());
    assert!(asked().iter().all(|frames| frames.len() == 1));
    let mut other = observing(everything(), "");
    other.admitted.identity = "addr:1".into();
    assert!(bench.link("", other).0.is_ok());
    open[0].close(1_000, "");
    bench.hub.closed(&open[0]);
    assert!(bench.link("", observing(everything(), "")).0.is_ok());
}

#[test]
fn a_credential_that_ends_takes_its_streams_along_whichever_comes_first() {
    let bench = Bench::new();
    let before = bench.observe(everything(), "");
    let ended = Notice { number: 5, at: 1, news: News::Ended("token:t".into()) };
    let removed = News::AgentRemoved { agent: "a".into(), name: "A".into() };
    let removed = Notice { number: 6, at: 2, news: removed };
    assert_eq!(bench.notices(vec![ended.clone()]), 5);
    assert_eq!(before.0.borrow().closed.as_ref().unwrap().0, 4_401);
    let (late, _) = bench.link("", observing(everything(), ""));
    assert_eq!(late.unwrap_err().status, 401, "it was let in before the notice");
    let mut anew = observing(everything(), "");
    anew.admitted.since = 5;
    let (opened, after) = bench.link("", anew);
    opened.unwrap();
    // Told twice, taken once.
    assert_eq!(bench.notices(vec![ended.clone(), removed.clone()]), 6);
    assert_eq!(bench.notices(vec![ended, removed]), 6);
    assert!(after.0.borrow().closed.is_none());
    bench.settle();
    assert_eq!(bench.take(&after).0.len(), 1);
}

#[test]
fn a_link_that_breaks_before_any_event_goes_on_where_it_began() {
    let bench = Bench::new();
    bench.push("r", 0, None, &[entry(1, "room.created", &[], false)]).unwrap();
    let (opened, first) = bench.link("", observing(everything(), ""));
    let cursor = opened.unwrap().cursor;
    first.close(1_006, "");
    bench.hub.closed(&first);
    bench.push("r", 1, None, &[entry(2, "m2", &[], false)]).unwrap();
    let (_, second) = bench.link(&cursor, observing(everything(), ""));
    assert_eq!(bench.take(&second).0, of(&["m2"]));
}

#[test]
fn messages_that_come_together_share_a_frame_and_one_alone_waits_for_none() {
    let bench = Bench::new();
    let observers: Vec<FakeSocket> = (0..3).map(|_| bench.observe(everything(), "")).collect();
    let sent = || observers[0].0.borrow().sent.len();
    bench.push("r", 0, None, &[entry(1, "room.created", &[], false)]).unwrap();
    assert_eq!(sent(), 1, "at once");
    for offset in 2..12 {
        bench.push("r", offset - 1, None, &[entry(offset, &format!("m{offset}"), &[], false)]).unwrap();
    }
    assert_eq!(sent(), 1);
    assert_eq!(bench.world.later.get(), Some(bench.world.now.get() + 20));
    bench.settle();
    assert_eq!(sent(), 2);
    for observer in &observers {
        assert_eq!(bench.take(observer).0.len(), 11);
    }
}

#[test]
fn the_log_is_trimmed_in_steps_and_the_newest_event_stays() {
    let bench = Bench::new();
    bench.push("r", 0, None, &[entry(1, "room.created", &[], false)]).unwrap();
    assert_eq!(bench.world.woken.get(), Some(bench.world.now.get() + trim::KEPT_MS));
    let entries: Vec<Value> =
        (2..=4_500).map(|offset| entry(offset, &format!("m{offset}"), &[], false)).collect();
    bench.push("r", 1, None, &entries).unwrap();
    let count = || bench.sql.run("SELECT count(*), min(seq), max(seq) FROM event", &[]).unwrap().remove(0);
    let ints = |row: Vec<crate::sql::Value>| row.iter().map(crate::sql::Value::int).collect::<Vec<_>>();
    let reader = bench.observe(everything(), &event_of_message("m2"));
    // Every entry is older than a week then.
    bench.world.now.set(trim::KEPT_MS + 1_000_000);
    for left in [2_500, 500, 1] {
        bench.world.woken.set(None);
        block_on(bench.hub.alarm());
        assert_eq!(ints(count()), [left, 4_501 - left, 4_500]);
    }
    block_on(bench.hub.alarm());
    assert_eq!(ints(count()), [1, 4_500, 4_500]);
    bench.push("r", 4_500, None, &[entry(4_501, "last", &[], false)]).unwrap();
    bench.settle();
    // A slow reader whom the log went past is told.
    let told = bench.take(&reader).0;
    assert!(told.iter().any(|id| id.starts_with("evt_gap_")));
    assert_eq!(told.last(), Some(&event_of_message("last")));
    assert!(bench.world.faults.borrow().is_empty());
}

#[test]
fn what_cannot_be_read_is_refused() {
    let bench = Bench::new();
    for text in ["", "x", "\n", "\n{}", "\n{\"v\":1,\"ask\":\"Figures\"}"] {
        let socket = FakeSocket::default();
        bench.hub.frame(&socket, text);
        assert_eq!(socket.0.borrow().closed.as_ref().unwrap().0, 4_403, "{text:?}");
    }
    let socket = bench.observe(everything(), "");
    bench.hub.frame(&socket, "-1");
    assert_eq!(socket.0.borrow().closed.as_ref().unwrap().0, 1_008);
    assert!(bench.hub.handle("x").contains("Err"));
    let observe = write(&HubAsk::Observe(Box::new(observing(everything(), ""))));
    assert!(bench.hub.handle(&observe).contains("Err"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Three rooms tell; the hub forgets, tellers tell again from any place, readers break off and come back. Every
    /// reader sees a slice of the log in order, everything from where it began, each once.
    #[test]
    fn every_reader_sees_a_slice_of_the_log(steps in prop::collection::vec((0u8..6, 0usize..3, 1u64..30), 1..60)) {
        let mut bench = Bench::new();
        let mut rooms: Vec<Vec<Value>> = vec![Vec::new(); 3];
        for (at, room) in rooms.iter_mut().enumerate() {
            room.push(json!([1, "room.created", null, format!("evt_room{at}"), 1, {"id": "r", "visibility": "private"}]));
        }
        let tell = |bench: &Bench, rooms: &[Vec<Value>], at: usize, from: usize| {
            let log = &rooms[at];
            match bench.push(&format!("room{at}"), from as u64, None, &log[from..]) {
                Ok(Stood::At(known)) if known < log.len() as u64 =>
                    bench.push(&format!("room{at}"), known, None, &log[usize::try_from(known).unwrap()..]).unwrap(),
                Ok(Stood::Unknown) => bench.push(&format!("room{at}"), 0, None, log).unwrap(),
                other => other.unwrap(),
            }
        };
        let mut socket = bench.observe(everything(), "");
        let mut seen: Vec<String> = Vec::new();
        let mut cursor = String::new();
        for (step, room, count) in steps {
            bench.world.now.set(bench.world.now.get() + 7);
            match step {
                0..=2 => {
                    let from = rooms[room].len();
                    for n in 0..count {
                        let offset = rooms[room].len() as u64 + 1;
                        rooms[room].push(entry(offset, &format!("m{room}-{offset}-{n}"), &[], false));
                    }
                    let back = usize::try_from(count).unwrap() * usize::from(step);
                    tell(&bench, &rooms, room, from.saturating_sub(back));
                }
                3 => bench.evict(),
                4 => {
                    let (ids, at) = bench.take(&socket);
                    seen.extend(ids);
                    cursor = at.unwrap_or(cursor);
                }
                _ => {
                    // The link breaks with what is under way; the Worker makes it anew.
                    let (ids, at) = bench.take(&socket);
                    seen.extend(ids);
                    cursor = at.unwrap_or(cursor);
                    socket.close(1_006, "");
                    bench.hub.closed(&socket);
                    let last = if cursor.is_empty() { String::new() } else { seen.last().cloned().unwrap_or_default() };
                    let (opened, next) = bench.link(&cursor, observing(everything(), &last));
                    let began = opened.unwrap().cursor;
                    if cursor.is_empty() && seen.is_empty() {
                        cursor = began;
                    }
                    socket = next;
                }
            }
        }
        bench.settle();
        seen.extend(bench.take(&socket).0);
        let log: Vec<String> = bench.sql.run("SELECT id FROM event ORDER BY seq", &[]).unwrap()
            .iter().map(|row| row[0].text().to_owned()).collect();
        prop_assert!(log.ends_with(&seen), "{seen:?}\n{log:?}");
        let total: usize = log.iter().filter(|id| !id.starts_with("evt_room")).count();
        let told: usize = rooms.iter().filter(|room| room.len() > 1).map(|room| room.len() - 1).sum();
        prop_assert_eq!(total, told);
        prop_assert!(bench.world.faults.borrow().is_empty());
    }
}
