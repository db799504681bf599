//! Making, changing and removing.

use super::*;

#[test]
fn what_was_never_opened_leaves_no_trace() {
    let mut scene = Scene::new("room:home:general");
    for ask in [
        RoomAsk::Messages { thread: None, page: newest(1) },
        RoomAsk::Threads(newest(1)),
        RoomAsk::Configure(Box::new(state(1, &[]))),
        RoomAsk::Close { version: 1 },
        RoomAsk::Reproject,
    ] {
        let error = scene.ask::<Value>(ask).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (404, "unknown room \"general\""));
    }
    assert_eq!(scene.post(hi("m")).unwrap_err().status, 404);
    let mut dm = Scene::dm();
    let error = dm.ask::<Value>(RoomAsk::Summary {}).unwrap_err();
    assert_eq!(error.message, "unknown direct conversation \"d1\"");
    for sql in [&scene.sql, &dm.sql] {
        assert!(!crate::sql::Sql::finds(sql, "SELECT 1 FROM sqlite_master").unwrap());
    }
}

#[test]
fn opening_twice_and_changes_out_of_order_change_nothing() {
    let mut scene = Scene::room();
    let open = scene.opening(state(1, &["mallory"]));
    scene.ask::<()>(RoomAsk::Open(Box::new(open))).unwrap();
    scene.post(hi("m1")).unwrap();
    scene.ask::<()>(RoomAsk::Configure(Box::new(state(3, &["beta"])))).unwrap();
    assert_eq!(scene.post(hi("m2")).unwrap_err().message, "room \"general\" write policy forbids sender");
    scene.ask::<()>(RoomAsk::Configure(Box::new(state(2, &["alpha"])))).unwrap();
    scene.evict();
    assert_eq!(scene.post(hi("m3")).unwrap_err().status, 403);
    // What opens it again may be the first to bring news.
    let open = scene.opening(state(4, &["alpha"]));
    scene.ask::<()>(RoomAsk::Open(Box::new(open))).unwrap();
    scene.post(hi("m4")).unwrap();
    assert_eq!(scene.ids(None), ["m1", "m4"]);
}

#[test]
fn a_removed_room_is_gone_for_good_and_removing_it_again_changes_nothing() {
    let mut scene = Scene::room();
    scene.post(hi("m1")).unwrap();
    for _ in 0..2 {
        scene.ask::<()>(RoomAsk::Close { version: 2 }).unwrap();
    }
    scene.evict();
    assert_eq!(scene.post(hi("m2")).unwrap_err().message, "unknown room \"general\"");
    assert_eq!(scene.page(None, newest(1)).unwrap_err().status, 404);
    let open = scene.opening(state(9, &["alpha"]));
    assert_eq!(scene.ask::<()>(RoomAsk::Open(Box::new(open))).unwrap_err().status, 404);
    let kinds = crate::sql::Sql::run(&scene.sql, "SELECT kind FROM log ORDER BY offset", &[]).unwrap();
    let kinds: Vec<&str> = kinds.iter().map(|row| row[0].text()).collect();
    assert_eq!(kinds, ["room.created", "message.created", "room.removed"]);
}

#[test]
fn every_change_is_an_entry_and_clients_are_told_of_new_members_alone() {
    let mut scene = Scene::room();
    let mut change = |state: State| scene.ask::<()>(RoomAsk::Configure(Box::new(state))).unwrap();
    change(state(2, &["alpha"]));
    change(State { quiet: true, ..state(3, &["alpha", "beta"]) });
    change(State { name: "Other".into(), ..state(4, &["alpha", "beta"]) });
    change(State { name: "Other".into(), ..state(5, &["alpha", "beta"]) });
    let log =
        crate::sql::Sql::run(&scene.sql, "SELECT kind, body ->> '$.members', at FROM log", &[]).unwrap();
    let log: Vec<_> = log.iter().map(|row| (row[0].text(), row[1].text(), row[2].int())).collect();
    assert_eq!(
        log,
        [
            ("room.created", r#"["alpha","beta","far:gamma"]"#, 500),
            ("room.members.updated", r#"["alpha"]"#, 1_002),
            ("room.updated", r#"["alpha","beta"]"#, 1_003),
            ("room.updated", r#"["alpha","beta"]"#, 1_004),
        ]
    );
}
