//! Pages of messages, threads and artifacts.

use super::*;

fn info(page: &Value) -> (bool, Option<&str>, Option<&str>) {
    let info = &page["page"];
    (info["has_more"].as_bool().unwrap(), info["next_before"].as_str(), info["next_after"].as_str())
}

fn refusal(outcome: Outcome<Value>) -> (u16, String) {
    let error = outcome.unwrap_err();
    (error.status, error.message)
}

#[test]
fn messages_are_paged_both_ways() {
    let mut scene = Scene::room();
    scene.post_all((1..=7).flat_map(|n| [hi(&format!("m{n}")), in_thread(&format!("t{n}"), "t")]).collect());
    let mut expect = |page: PageRequest, items: &[&str], around: (bool, Option<&str>, Option<&str>)| {
        let found = scene.page(None, page.clone()).unwrap();
        assert_eq!(ids(&found, "messages"), items, "{page:?}");
        assert_eq!(info(&found), around, "{page:?}");
    };
    expect(newest(3), &["m5", "m6", "m7"], (true, Some("m5"), None));
    expect(before("m5", 3), &["m2", "m3", "m4"], (true, Some("m2"), Some("m4")));
    expect(before("m2", 3), &["m1"], (false, None, Some("m1")));
    expect(before("m1", 3), &[], (false, None, None));
    expect(after("m1", 3), &["m2", "m3", "m4"], (true, Some("m2"), Some("m4")));
    expect(after("m4", 3), &["m5", "m6", "m7"], (false, Some("m5"), None));
    expect(after("m7", 3), &[], (false, None, None));
    expect(newest(7), &["m1", "m2", "m3", "m4", "m5", "m6", "m7"], (false, None, None));
    // A cursor belongs to its list.
    for foreign in ["t1", "nothing", "evt_1"] {
        let invalid = (422, format!("invalid cursor \"{foreign}\""));
        assert_eq!(refusal(scene.page(None, before(foreign, 3))), invalid);
        assert_eq!(refusal(scene.page(None, after(foreign, 3))), invalid);
    }
    let thread = scene.page(Some("t"), before("t2", 3)).unwrap();
    assert_eq!((ids(&thread, "messages"), info(&thread)), (vec!["t1".into()], (false, None, Some("t1"))));
    assert_eq!(refusal(scene.page(Some("x"), newest(1))), (404, "unknown thread \"x\"".into()));
}

#[test]
fn a_page_is_cut_before_it_is_too_large_and_paging_goes_on() {
    let mut scene = Scene::room();
    for n in 0..9 {
        let mut post = hi(&format!("m{n}"));
        post.message.parts[0].text = "x".repeat(250_000);
        scene.post(post).unwrap();
    }
    let mut seen = Vec::new();
    let mut page = newest(500);
    loop {
        let found = scene.page(None, page).unwrap();
        assert!(found.to_string().len() < 960 * 1024);
        let mut items = ids(&found, "messages");
        items.extend(seen);
        seen = items;
        let Some(next) = info(&found).1 else { break };
        assert!(info(&found).0);
        page = before(next, 500);
    }
    assert_eq!(seen, (0..9).map(|n| format!("m{n}")).collect::<Vec<_>>());
}

#[test]
fn threads_are_listed_by_id_with_both_sides_told() {
    let mut scene = Scene::room();
    for (n, thread) in ["c", "a", "e", "b", "d"].iter().enumerate() {
        scene.post(in_thread(&format!("m{n}"), thread)).unwrap();
    }
    let mut expect = |page: PageRequest, items: &[&str], around: (bool, Option<&str>, Option<&str>)| {
        let found: Value = scene.ask(RoomAsk::Threads(page.clone())).unwrap();
        assert_eq!(ids(&found, "threads"), items, "{page:?}");
        assert_eq!(info(&found), around, "{page:?}");
    };
    expect(newest(2), &["a", "b"], (true, None, Some("b")));
    expect(newest(5), &["a", "b", "c", "d", "e"], (false, None, None));
    expect(after("b", 2), &["c", "d"], (true, Some("c"), Some("d")));
    expect(after("d", 2), &["e"], (true, Some("e"), None));
    expect(before("d", 2), &["b", "c"], (true, Some("b"), Some("c")));
    expect(before("b", 2), &["a"], (true, None, Some("a")));
    let error = scene.ask::<Value>(RoomAsk::Threads(after("x", 2))).unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (422, "invalid cursor \"x\""));
    let error = scene.ask::<Value>(RoomAsk::Thread("x".into())).unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (404, "unknown thread \"x\""));
    let thread: Value = scene.ask(RoomAsk::Thread("c".into())).unwrap();
    assert_eq!(
        thread,
        serde_json::json!({"id":"c","network_id":"home","fqid":"molt://home/threads/c","room_id":"general",
            "parent_message_id":"p","message_count":1,"last_message_at":"1970-01-01T00:00:01.002Z"})
    );
}

#[test]
fn artifacts_of_the_room_include_those_of_its_threads() {
    let mut scene = Scene::room();
    let with = |mut post: Post, parts: &str| {
        post.message.parts = serde_json::from_str(parts).unwrap();
        post
    };
    let two =
        r#"[{"kind":"url","url":"https://a"},{"kind":"text","text":"x"},{"kind":"data","data":{"a":1}}]"#;
    scene.post_all(vec![
        hi("m1"),
        with(hi("m2"), two),
        with(in_thread("m3", "t"), two),
        hi("m4"),
        with(hi("m5"), r#"[{"kind":"file","filename":"f"}]"#),
    ]);
    let mut expect = |thread: Option<&str>,
                      page: PageRequest,
                      items: &[&str],
                      around: (bool, Option<&str>, Option<&str>)| {
        let ask = RoomAsk::Artifacts { thread: thread.map(str::to_owned), page: page.clone() };
        let found: Value = scene.ask(ask).unwrap();
        assert_eq!(ids(&found, "artifacts"), items, "{page:?}");
        assert_eq!(info(&found), around, "{page:?}");
    };
    let all = ["art_m2_0", "art_m2_2", "art_m3_0", "art_m3_2", "art_m5_0"];
    expect(None, newest(5), &all, (false, None, None));
    expect(None, newest(2), &all[3..], (true, Some("art_m3_2"), None));
    expect(None, before("art_m3_2", 2), &all[1..3], (true, Some("art_m2_2"), Some("art_m3_0")));
    expect(None, before("art_m2_2", 2), &all[..1], (false, None, Some("art_m2_0")));
    expect(None, before("art_m2_0", 2), &[], (false, None, None));
    expect(None, after("art_m2_0", 2), &all[1..3], (true, Some("art_m2_2"), Some("art_m3_0")));
    expect(None, after("art_m3_0", 2), &all[3..], (false, Some("art_m3_2"), None));
    expect(None, after("art_m5_0", 2), &[], (false, None, None));
    expect(Some("t"), newest(2), &all[2..4], (false, None, None));
    expect(Some("t"), after("art_m3_0", 2), &all[3..4], (false, Some("art_m3_2"), None));
    for (thread, cursor) in
        [(None, "art_m1_0"), (None, "art_m2_1"), (None, "m2"), (Some("t"), "art_m2_0"), (None, "art_m2_00")]
    {
        let page = after(cursor, 2);
        let ask = RoomAsk::Artifacts { thread: thread.map(str::to_owned), page };
        assert_eq!(refusal(scene.ask(ask)), (422, format!("invalid cursor \"{cursor}\"")));
    }
}

#[test]
fn artifacts_of_large_messages_are_paged_to_the_end() {
    let mut scene = Scene::room();
    let parts: Vec<String> =
        (0..3).map(|n| format!(r#"{{"kind":"file","filename":"{n}{}"}}"#, "x".repeat(80_000))).collect();
    for n in 0..8 {
        let mut post = hi(&format!("m{n}"));
        post.message.parts = serde_json::from_str(&format!("[{}]", parts.join(","))).unwrap();
        scene.post(post).unwrap();
    }
    let mut seen = Vec::new();
    let mut page = newest(4);
    loop {
        let ask = RoomAsk::Artifacts { thread: None, page };
        let found: Value = scene.ask(ask).unwrap();
        assert!(found.to_string().len() < 960 * 1024);
        seen.splice(0..0, ids(&found, "artifacts"));
        let Some(next) = info(&found).1 else { break };
        page = before(next, 4);
    }
    let all: Vec<String> = (0..8).flat_map(|m| (0..3).map(move |p| format!("art_m{m}_{p}"))).collect();
    assert_eq!(seen, all);
}
