use super::*;
use moltghost_protocol::moltnet::apply::{ApplyAgent, ApplyRequest};
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::room::UpdateMembers;
use moltghost_protocol::object::network::What;

fn page(before: &str, after: &str, limit: u32) -> PageRequest {
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    PageRequest { before: given(before), after: given(after), limit }
}

fn ids(page: &Value, collection: &str) -> Vec<String> {
    let items = page[collection].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rooms_are_made_changed_and_removed_for_good_and_every_read_shows_it_at_once() {
    let mut bench = Bench::new(&[("AUTH", "bearer")]);
    bench.room("r", &["b", "a", "b"], "");
    assert_eq!(
        bench.status(
            Some(ADMIN),
            NetworkOp::CreateRoom(CreateRoom { id: "r".into(), ..CreateRoom::default() })
        ),
        409
    );
    let room = bench.get(NetworkOp::Room(" r ".into()));
    assert_eq!(room["members"], serde_json::json!(["a", "b"]));
    assert_eq!(room["access"]["reason"], "private/members-write");
    let change = UpdateMembers { add: vec!["c".into()], remove: vec!["a".into()] };
    bench.get(NetworkOp::UpdateMembers { room: "r".into(), change });
    bench.restart();
    assert_eq!(bench.get(NetworkOp::Room("r".into()))["members"], serde_json::json!(["b", "c"]));
    assert_eq!(ids(&bench.get(NetworkOp::Agents(page("", "", 10))), "agents"), ["b", "c"]);
    let removed = bench.get(NetworkOp::RemoveRoom("r".into()));
    assert_eq!(removed, serde_json::json!({"removed":true,"kind":"room","id":"r","mode":"soft"}));
    assert_eq!(
        bench.ask(Some(ADMIN), NetworkOp::Room("r".into())).unwrap_err().message,
        "unknown room \"r\""
    );
    assert!(ids(&bench.get(NetworkOp::Rooms(page("", "", 10))), "rooms").is_empty());
    assert!(ids(&bench.get(NetworkOp::Agents(page("", "", 10))), "agents").is_empty());
    assert_eq!(bench.status(Some(ADMIN), NetworkOp::Read(What::Room("r".into()))), 404);
    assert_eq!(bench.status(Some(ADMIN), NetworkOp::RemoveRoom("r".into())), 404);
    assert_eq!(bench.status(Some(ADMIN), NetworkOp::RemoveRoom("!".into())), 422);
    let again = CreateRoom { id: "r".into(), ..CreateRoom::default() };
    assert_eq!(
        bench.ask(Some(ADMIN), NetworkOp::CreateRoom(again)).unwrap_err().message,
        "room \"r\" already exists"
    );
}

#[test]
fn the_same_request_sent_again_makes_the_same_room() {
    let bench = Bench::new(&[("AUTH", "bearer")]);
    let create = || NetworkOp::CreateRoom(CreateRoom { id: "r".into(), ..CreateRoom::default() });
    let first = bench.ask_again("nonce-of-one-request", "", Some(ADMIN), create()).unwrap();
    assert_eq!(bench.ask_again("nonce-of-one-request", "", Some(ADMIN), create()).unwrap(), first);
    assert_eq!(bench.ask_again("nonce-of-another-one", "", Some(ADMIN), create()).unwrap_err().status, 409);
}

#[test]
fn the_same_removal_sent_again_is_answered_as_the_first_time() {
    let mut bench = Bench::new(&[("AUTH", "bearer")]);
    bench.room("r", &["a"], "");
    bench.token("a-token-to-be-removed", &["write"], &[]);
    let token = moltghost_protocol::moltnet::token::id_of("a-token-to-be-removed");
    let removals: [fn(&str) -> NetworkOp; 3] = [
        |_| NetworkOp::RemoveAgent("a".into()),
        |_| NetworkOp::RemoveRoom("r".into()),
        |token| NetworkOp::Operator(OperatorOp::RemoveToken(token.to_owned())),
    ];
    for (at, removal) in removals.into_iter().enumerate() {
        let nonce = format!("nonce-of-removal-{at}");
        let first = bench.ask_again(&nonce, "", Some(ADMIN), removal(&token)).unwrap();
        bench.restart();
        assert_eq!(bench.ask_again(&nonce, "", Some(ADMIN), removal(&token)).unwrap(), first);
        let other = bench.ask_again("another nonce", "", Some(ADMIN), removal(&token)).unwrap_err();
        assert_eq!(other.status, 404);
    }
    // Answers are not kept for ever.
    bench.world.0.now.set(2_000_000);
    bench.room("s", &[], "");
    bench.get(NetworkOp::RemoveRoom("s".into()));
    let kept = bench.sql.run("SELECT count(*) FROM answered", &[]).unwrap();
    assert_eq!(kept, [[1i64.into()]]);
}

#[test]
fn pages_have_two_sides_and_a_cursor_must_be_in_the_list() {
    let bench = Bench::new(&[("AUTH", "open")]);
    for id in ["e", "a", "c", "b", "d"] {
        bench.room(id, &[], if id == "c" { "" } else { "public" });
    }
    let list = |credential: Option<&str>, request| {
        bench.ask(credential, NetworkOp::Rooms(request)).map(|r| body(r).1)
    };
    let all = list(Some(ADMIN), page("", "", 2)).unwrap();
    assert_eq!(ids(&all, "rooms"), ["a", "b"]);
    assert_eq!(all["page"], serde_json::json!({"has_more":true,"next_after":"b"}));
    let middle = list(Some(ADMIN), page("", "b", 2)).unwrap();
    assert_eq!(ids(&middle, "rooms"), ["c", "d"]);
    assert_eq!(middle["page"], serde_json::json!({"has_more":true,"next_before":"c","next_after":"d"}));
    let back = list(Some(ADMIN), page("d", "", 2)).unwrap();
    assert_eq!(ids(&back, "rooms"), ["b", "c"]);
    assert_eq!(back["page"], serde_json::json!({"has_more":true,"next_before":"b","next_after":"c"}));
    let end = list(Some(ADMIN), page("", "d", 2)).unwrap();
    assert_eq!(end["page"], serde_json::json!({"has_more":true,"next_before":"e"}));
    assert_eq!(ids(&list(None, page("", "", 9)).unwrap(), "rooms"), ["a", "b", "d", "e"]);
    for cursor in ["x", "c"] {
        let error = list(None, page("", cursor, 9)).unwrap_err();
        assert_eq!((error.status, error.message), (422, format!("invalid cursor \"{cursor}\"")));
    }
}

#[test]
fn pages_stay_below_what_clients_read() {
    let bench = Bench::new(&[("AUTH", "bearer")]);
    let members: Vec<String> = (0..256).map(|n| format!("molt://network/agents/{n:0>100}")).collect();
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    for n in 0..60 {
        bench.room(&format!("r{n:02}"), &members, "");
    }
    let mut found = Vec::new();
    let mut request = page("", "", 500);
    loop {
        let Reply::Document { body, .. } = bench.ask(Some(ADMIN), NetworkOp::Rooms(request)).unwrap() else {
            panic!("no page")
        };
        assert!(body.len() < 1_000_000, "{}", body.len());
        let page_of: Value = serde_json::from_str(&body).unwrap();
        found.extend(ids(&page_of, "rooms"));
        match page_of["page"]["next_after"].as_str() {
            Some(after) => request = page("", after, 500),
            None => break,
        }
    }
    assert_eq!(found.len(), 60);
    let Reply::Document { body, .. } =
        bench.ask(Some(ADMIN), NetworkOp::Rooms(page("r59", "", 500))).unwrap()
    else {
        panic!("no page")
    };
    assert!(body.len() < 1_000_000);
    assert_eq!(ids(&serde_json::from_str(&body).unwrap(), "rooms").last().unwrap(), "r58");
}

#[test]
fn rooms_and_d1_learn_of_every_change_whatever_fails_in_between() {
    let mut bench = Bench::new(&[("AUTH", "bearer")]);
    bench.world.0.rooms_down.set(true);
    bench.world.0.d1_down.set(true);
    bench.room("r", &["a"], "");
    bench.room("s", &["a"], "");
    bench.alarm();
    bench.get(NetworkOp::RemoveRoom("s".into()));
    bench.restart();
    assert!(bench.world.0.told.borrow().is_empty());
    bench.world.0.rooms_down.set(false);
    bench.world.0.d1_down.set(false);
    bench.world.0.now.set(2_000_000);
    bench.alarm();
    {
        let told = bench.world.0.told.borrow();
        assert!(matches!(&told[0], (name, RoomAsk::Open(open)) if name == "room:local:r"
            && open.state.members == ["a"] && open.state.version == 1));
        assert!(matches!(&told[1], (name, RoomAsk::Close { version: 2 }) if name == "room:local:s"));
        assert_eq!(told.len(), 2);
    }
    bench.world.0.woken.set(Some(0));
    bench.alarm();
    assert_eq!(bench.world.0.told.borrow().len(), 2, "nothing is told twice");
    let rows = bench
        .world
        .0
        .d1
        .run("SELECT id, members, removed_at IS NULL FROM network_room ORDER BY id", &[])
        .unwrap();
    assert_eq!(
        rows,
        [["r".into(), "[\"a\"]".into(), 1i64.into()], ["s".into(), "[\"a\"]".into(), 0i64.into()]]
    );
}

#[test]
fn a_removed_agent_is_out_of_its_rooms_and_its_token_is_dead_at_once() {
    let bench = Bench::new(&[("AUTH", "open")]);
    bench.room("r", &["a", "local:a"], "public");
    let register = |id: &str| {
        NetworkOp::Register(moltghost_protocol::moltnet::agent::RegisterRequest {
            requested_agent_id: id.into(),
            name: "Alpha".into(),
        })
    };
    let (status, registered) = body(bench.ask(None, register("a")).unwrap());
    assert_eq!(status, 201);
    let token = registered["agent_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.status(Some(&token), NetworkOp::Room("r".into())), 200);
    bench.alarm();
    let gone = bench.get(NetworkOp::RemoveAgent("a".into()));
    assert_eq!(gone["kind"], "agent");
    assert_eq!(bench.ask(Some(&token), NetworkOp::Room("r".into())).unwrap_err().message, "invalid token");
    assert_eq!(bench.get(NetworkOp::Room("r".into()))["members"], serde_json::json!(["local:a"]));
    assert_eq!(bench.status(Some(ADMIN), NetworkOp::RemoveAgent("a".into())), 404);
    bench.alarm();
    let rows = bench.world.0.d1.run("SELECT id FROM network_agent", &[]).unwrap();
    assert!(rows.is_empty());
    let told = bench.world.0.told.borrow();
    assert!(matches!(&told.last().unwrap().1, RoomAsk::Open(open) if open.state.members == ["local:a"]));
}

#[test]
fn agents_are_listed_by_every_spelling_and_shown_to_who_sees_their_rooms() {
    let bench = Bench::new(&[("AUTH", "open")]);
    bench.room("open", &["a", "far:b"], "public");
    bench.room("closed", &["a", "c"], "");
    let register = moltghost_protocol::moltnet::agent::RegisterRequest {
        requested_agent_id: "a".into(),
        name: "Alpha".into(),
    };
    bench.ask(None, NetworkOp::Register(register)).unwrap();
    let list = |credential| body(bench.ask(credential, NetworkOp::Agents(page("", "", 10))).unwrap()).1;
    assert_eq!(ids(&list(Some(ADMIN)), "agents"), ["a", "c", "far:b"]);
    let public = list(None);
    assert_eq!(ids(&public, "agents"), ["a", "far:b"]);
    assert_eq!(public["agents"][0]["rooms"], serde_json::json!(["open"]));
    assert_eq!(public["agents"][0]["name"], "Alpha");
    assert_eq!(public["agents"][1]["fqid"], "molt://far/agents/b");
    assert_eq!(bench.status(None, NetworkOp::Agent("a".into())), 200);
    assert_eq!(bench.status(None, NetworkOp::Agent("far:b".into())), 404);
    assert_eq!(bench.get(NetworkOp::Agent("far:b".into()))["fqid"], "molt://local/agents/far:b");
}

#[test]
fn apply_binds_agents_and_brings_rooms_to_what_it_says_but_never_back_to_life() {
    let bench = Bench::new(&[("AUTH", "bearer")]);
    bench.room("old", &["a"], "");
    bench.room("dead", &[], "");
    bench.get(NetworkOp::RemoveRoom("dead".into()));
    let room = |id: &str| CreateRoom { id: id.into(), members: vec!["z".into()], ..CreateRoom::default() };
    let request = ApplyRequest {
        rooms: vec![room("old"), room("new"), room("dead")],
        agents: vec![ApplyAgent { id: "z".into(), name: "Zed".into(), credential_key: "token:t".into() }],
        ..ApplyRequest::default()
    };
    let applied = bench.get(NetworkOp::Apply(request.clone()));
    assert_eq!(ids(&applied, "rooms"), ["old", "new"]);
    assert_eq!(applied["skipped"][0]["room_id"], "dead");
    assert_eq!(applied["rooms"][0]["members"], serde_json::json!(["z"]));
    let uid = applied["agents"][0]["actor_uid"].clone();
    let bad = ApplyRequest { rooms: vec![room("x"), CreateRoom::default()], ..ApplyRequest::default() };
    assert_eq!(bench.status(Some(ADMIN), NetworkOp::Apply(bad)), 422);
    assert_eq!(
        bench.status(Some(ADMIN), NetworkOp::Room("x".into())),
        404,
        "nothing of a bad request is done"
    );
    assert_eq!(bench.get(NetworkOp::Apply(request))["agents"][0]["actor_uid"], uid);
}

#[test]
fn totals_bound_the_network() {
    let bench = Bench::new(&[("AUTH", "bearer")]);
    bench.limit(ChangeLimits {
        rooms: Some(2),
        members: Some(3),
        agents: Some(1),
        ..ChangeLimits::default()
    });
    bench.room("a", &["x", "y"], "");
    let create = |id: &str, members: &[&str]| {
        NetworkOp::CreateRoom(CreateRoom {
            id: id.into(),
            members: members.iter().map(|m| (*m).to_owned()).collect(),
            ..CreateRoom::default()
        })
    };
    let error = bench.ask(Some(ADMIN), create("b", &["x", "y"])).unwrap_err();
    assert_eq!((error.status, error.code()), (429, "rate_limited"));
    assert!(error.message.contains("3 members") && error.retry_after.is_some(), "{error}");
    bench.room("b", &["x"], "");
    assert!(bench.ask(Some(ADMIN), create("c", &[])).unwrap_err().message.contains("2 rooms"));
    bench.get(NetworkOp::RemoveRoom("a".into()));
    let change = UpdateMembers { add: vec!["y".into(), "z".into()], remove: vec![] };
    bench.get(NetworkOp::UpdateMembers { room: "b".into(), change });
    assert_eq!(bench.status(Some(ADMIN), create("c", &[])), 429, "the id of a removed room still counts");
}
