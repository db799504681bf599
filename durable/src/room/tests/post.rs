//! Posting: who may, what comes again, threads, direct conversations, limits and failures.

use super::*;
use crate::sql::Sql;
use WritePolicy::{Members, Operators, RegisteredAgents};

#[test]
fn messages_are_stored_as_they_are_shown() {
    let mut scene = Scene::room();
    let post = said(
        agent("alpha"),
        r#"{"id":"m1","target":{"kind":"room","room_id":"general"},
            "parts":[{"kind":"text","text":"ask @beta. and @gamma, not @nobody"}]}"#,
    );
    let accepted = scene.post(post).unwrap();
    assert_eq!(accepted, MessageAccepted::new("m1".into(), false, false));
    let page = scene.page(None, newest(1)).unwrap();
    assert_eq!(
        page.to_string(),
        serde_json::json!({"messages":[{
            "id":"m1","network_id":"home","origin":{"network_id":"home","message_id":"m1"},
            "target":{"kind":"room","room_id":"general"},
            "from":{"type":"agent","id":"alpha","network_id":"home","fqid":"molt://home/agents/alpha"},
            "parts":[{"kind":"text","text":"ask @beta. and @gamma, not @nobody"}],
            "mentions":["molt://home/agents/beta","molt://far/agents/gamma"],
            "created_at":"1970-01-01T00:00:01.002Z"
        }],"page":{"has_more":false}})
        .to_string()
    );
}

#[test]
fn each_row_of_the_write_policy() {
    let from = |caller: Caller, id: &str| {
        let json = format!(
            r#"{{"id":"m","from":{{"type":"agent","id":"{id}"}},"target":{{"kind":"room","room_id":"general"}}}}"#
        );
        said(caller, &json)
    };
    let far = |caller: Caller, id: &str| {
        let json = format!(
            r#"{{"id":"m","from":{{"type":"agent","id":"{id}","network_id":"far"}},"origin":{{"network_id":"far","message_id":"x"}},"target":{{"kind":"room","room_id":"general"}}}}"#
        );
        said(caller, &json)
    };
    let operator = || token("op", Scopes::ADMIN.and(Scopes::WRITE));
    let writer = || token("w", Scopes::WRITE);
    let pair = || token("p", Scopes::PAIR);
    for (policy_is, post, allowed, why) in [
        (Members, from(nobody(), "stranger"), true, "mode none asks nobody"),
        (Members, from(operator(), "stranger"), true, "admin and write may always"),
        (Members, from(token("a", Scopes::ADMIN), "stranger"), false, "admin alone may not"),
        (Members, from(agent("alpha"), "alpha"), true, "a member"),
        (Members, from(writer(), "beta"), true, "a member by a static token"),
        (Members, from(writer(), "home:alpha"), true, "a member who says its network"),
        (Members, from(agent("delta"), "delta"), false, "no member"),
        (Members, far(pair(), "gamma"), true, "a member of another network"),
        (Members, far(pair(), "alpha"), false, "a stranger of a member's name (rulings 27)"),
        (RegisteredAgents, from(agent("delta"), "delta"), true, "any agent with its own token"),
        (RegisteredAgents, from(agent("delta"), "epsilon"), false, "not in another's name"),
        (RegisteredAgents, from(writer(), "delta"), false, "a static token is no agent's own"),
        (RegisteredAgents, from(writer(), "alpha"), true, "members as ever"),
        (RegisteredAgents, far(pair(), "delta"), false, "agents of other networks are not registered here"),
        (Operators, from(agent("alpha"), "alpha"), false, "membership does not count"),
        (Operators, from(writer(), "stranger"), true, "a static token that writes"),
        (Operators, far(pair(), "gamma"), false, "a pair token does not write"),
        (Operators, from(nobody(), "stranger"), true, "mode none asks nobody"),
    ] {
        let mut scene = Scene::room();
        scene.ask::<()>(RoomAsk::Configure(Box::new(policy(2, policy_is)))).unwrap();
        let answer = scene.post(post);
        assert_eq!(answer.is_ok(), allowed, "{why}");
        if let Err(error) = answer {
            assert_eq!(
                (error.status, error.message.as_str()),
                (403, "room \"general\" write policy forbids sender")
            );
        }
    }
}

#[test]
fn the_same_message_again_is_answered_as_the_first_time() {
    let mut scene = Scene::room();
    let first = scene.post(in_thread("m1", "t")).unwrap();
    assert!(first.thread_created);
    scene.evict();
    // Whatever it says now, and whereto: the conversation is the scope.
    let again = scene.post(hi("m1")).unwrap();
    assert_eq!(again, MessageAccepted { thread_created: false, ..first });
    assert_eq!(scene.ids(None), [""; 0]);
    let page = scene.page(Some("t"), newest(5)).unwrap();
    assert_eq!(ids(&page, "messages"), ["m1"]);
    let thread: Value = scene.ask(RoomAsk::Thread("t".into())).unwrap();
    assert_eq!(thread["message_count"], 1);
}

#[test]
fn an_id_belongs_to_who_used_it_first_and_to_its_origin() {
    let mut scene = Scene::room();
    scene.post(hi("m1")).unwrap();
    let stolen = said(agent("beta"), r#"{"id":"m1","target":{"kind":"room","room_id":"general"}}"#);
    let error = scene.post(stolen).unwrap_err();
    assert_eq!(
        (error.status, error.message.as_str()),
        (409, "message \"m1\" is already used by another sender; use another id")
    );
    let relayed = said(
        agent("alpha"),
        r#"{"id":"m1","origin":{"network_id":"far","message_id":"m1"},"target":{"kind":"room","room_id":"general"}}"#,
    );
    assert_eq!(scene.post(relayed).unwrap_err().status, 409);
    // Who may not post is told that first.
    let stranger = said(agent("delta"), r#"{"id":"m1","target":{"kind":"room","room_id":"general"}}"#);
    assert_eq!(scene.post(stranger).unwrap_err().status, 403);
}

#[test]
fn posts_of_one_commit_see_each_other() {
    let mut scene = Scene::room();
    let stolen = said(agent("beta"), r#"{"id":"m1","target":{"kind":"room","room_id":"general"}}"#);
    let answers =
        scene.post_all(vec![hi("m1"), hi("m1"), stolen, in_thread("m2", "t"), in_thread("m3", "t")]);
    let told: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().map(|a| a.thread_created).map_err(|e| e.status))
        .collect();
    assert_eq!(told, [Ok(false), Ok(false), Err(409), Ok(true), Ok(false)]);
    assert_eq!(scene.ids(None), ["m1"]);
    let thread: Value = scene.ask(RoomAsk::Thread("t".into())).unwrap();
    assert_eq!((&thread["message_count"], &thread["parent_message_id"]), (&2.into(), &"p".into()));
}

#[test]
fn time_never_goes_back_within_a_log() {
    let mut scene = Scene::room();
    scene.now.set(9_000);
    scene.post(hi("m1")).unwrap();
    scene.evict();
    scene.now.set(3_000);
    scene.post(hi("m2")).unwrap();
    let page = scene.page(None, newest(2)).unwrap();
    let times: Vec<_> =
        page["messages"].as_array().unwrap().iter().map(|m| m["created_at"].clone()).collect();
    assert_eq!(times, ["1970-01-01T00:00:09.001Z", "1970-01-01T00:00:09.001Z"]);
}

#[test]
fn a_direct_conversation_is_open_to_its_participants() {
    let mut scene = Scene::dm();
    let first = scene.post(in_dm(agent("alpha"), "m1", r#"["alpha","home:beta"]"#)).unwrap();
    assert!(first.dm_created);
    scene.evict();
    assert!(!scene.post(in_dm(agent("beta"), "m2", r#"["alpha","beta"]"#)).unwrap().dm_created);
    let error = scene.post(in_dm(agent("delta"), "m3", r#"["delta","alpha"]"#)).unwrap_err();
    assert_eq!(error.status, 403);
    assert!(error.message.starts_with("direct conversation \"d1\" is open to its participants"), "{error}");
    let human = said(
        token("h", Scopes::WRITE),
        r#"{"id":"m4","from":{"type":"human","id":"operator"},"target":{"kind":"dm","dm_id":"d1","participant_ids":["a","b"]}}"#,
    );
    scene.post(human).unwrap();
    scene.post(in_dm(token("o", Scopes::ADMIN.and(Scopes::WRITE)), "m5", r#"["alpha","beta"]"#)).unwrap();
    scene.post(in_dm(nobody(), "m6", r#"["alpha","delta"]"#)).unwrap();
    // Whom a participant has named takes part from then on.
    scene.post(in_dm(agent("delta"), "m7", r#"["alpha","delta"]"#)).unwrap();
    let dm: Value = scene.ask(RoomAsk::Summary {}).unwrap();
    assert_eq!(
        dm.to_string(),
        serde_json::json!({"id":"d1","network_id":"home","fqid":"molt://home/dms/d1",
            "participant_ids":["a","alpha","b","beta","delta","home:alpha","home:beta","operator"],"message_count":6,
            "last_message_at":"1970-01-01T00:00:01.007Z"})
        .to_string()
    );
}

#[test]
fn a_direct_conversation_that_began_with_a_refusal_is_unknown() {
    let mut scene = Scene::dm();
    let mut post = in_dm(agent("alpha"), "m1", r#"["alpha","beta"]"#);
    post.message.parts[0].text = "x".repeat(300_000);
    assert_eq!(scene.post(post).unwrap_err().status, 422);
    assert_eq!(scene.ask::<Value>(RoomAsk::Summary {}).unwrap_err().status, 404);
    assert!(scene.post(in_dm(agent("beta"), "m2", r#"["alpha","beta"]"#)).unwrap().dm_created);
}

#[test]
fn participants_are_limited_for_all_messages_together() {
    let mut scene = Scene::dm();
    let many = |from: usize, to: usize| {
        let names: Vec<String> = (from..to).map(|n| format!("\"p{n}\"")).collect();
        format!("[\"alpha\",{}]", names.join(","))
    };
    scene.post(in_dm(agent("alpha"), "m1", &many(0, 255))).unwrap();
    let error = scene.post(in_dm(agent("alpha"), "m2", r#"["alpha","one"]"#)).unwrap_err();
    assert_eq!(error.message, "a direct conversation must have 256 participants or fewer; begin another");
    scene.post(in_dm(agent("alpha"), "m3", &many(0, 9))).unwrap();
}

#[test]
fn a_message_is_refused_one_byte_beyond_its_limit() {
    let mut scene = Scene::room();
    let of = |id: &str, text: usize| {
        let mut post = hi(id);
        post.message.parts[0].text = "x".repeat(text);
        post
    };
    scene.post(of("m1", 0)).unwrap();
    let rows = scene.sql.run("SELECT size FROM log WHERE id = 'm1'", &[]).unwrap();
    // An empty text is left out, with its name and quotes.
    let room = 256 * 1024 - usize::try_from(rows[0][0].int()).unwrap() - r#","text":"""#.len();
    scene.post(of("m2", room)).unwrap();
    let error = scene.post(of("m3", room + 1)).unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (422, "message must be 262144 bytes or fewer"));
    assert_eq!(scene.ids(None), ["m1", "m2"]);
}

#[test]
fn a_full_log_says_so_and_still_answers() {
    let mut scene = Scene::room();
    scene.post(hi("m0")).unwrap();
    scene.room.limit = scene.sql.size().unwrap() + 100_000;
    scene.evict();
    let mut stored = 1;
    let error = loop {
        match scene.post(hi(&format!("m{stored}"))) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.status, 422);
    assert!(error.message.starts_with("conversation \"general\" is full: its log must be "), "{error}");
    assert!(stored > 20, "{stored}");
    // Pages are taken whole, so a few may be more than the bytes in them.
    assert!(scene.sql.size().unwrap() <= scene.room.limit + 8 * 4_096);
    assert_eq!(scene.ids(None).len(), stored);
    scene.post(hi("m0")).expect("what is stored is still known");
    // A whole commit is held against the limit as well.
    let many: Vec<Post> = (0..40).map(|n| hi(&format!("n{n}"))).collect();
    assert!(scene.post_all(many).iter().any(Result::is_err));
    assert!(scene.sql.size().unwrap() <= scene.room.limit + 8 * 4_096);
}

#[test]
fn a_disk_that_fails_loses_nothing_that_was_acknowledged_and_keeps_nothing_that_was_not() {
    for writes in 0..12 {
        let mut scene = Scene::room();
        scene.sql.writes.set(Some(writes));
        let answers = scene.post_all(vec![hi("m1"), in_thread("m2", "t"), hi("m3")]);
        scene.sql.writes.set(None);
        scene.evict();
        let mut stored = scene.ids(None);
        stored.extend(scene.ids_of_thread("t"));
        stored.sort_unstable();
        let acknowledged: Vec<String> =
            answers.iter().filter_map(|a| a.as_ref().ok()).map(|a| a.message_id.clone()).collect();
        assert_eq!(stored, acknowledged, "after {writes} writes");
        // The sequence has no hole.
        let log = scene.sql.run("SELECT count(*), max(offset) FROM log", &[]).unwrap();
        assert_eq!(log[0][0], log[0][1]);
        scene.post(hi("m4")).unwrap();
    }
}

impl Scene {
    fn ids_of_thread(&mut self, thread: &str) -> Vec<String> {
        self.page(Some(thread), newest(500)).map(|page| ids(&page, "messages")).unwrap_or_default()
    }
}
