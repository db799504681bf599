//! Leases for posts: who gets one, and that no change is acknowledged before all are over.

use super::*;
use moltghost_protocol::moltnet::message::SendRequest;
use moltghost_protocol::moltnet::room::UpdateMembers;
use moltghost_protocol::object::network::{LeaseAsk, Ticket};
use moltghost_protocol::object::room::PostLease;

const WRITER: &str = "a-token-that-writes";

fn network() -> Bench {
    let bench = Bench::new(&[("AUTH", "bearer")]);
    for room in ["r", "s"] {
        bench.room(room, &["a", "b"], "");
    }
    let token = NewToken { value: WRITER.into(), scopes: vec!["write".into()], ..NewToken::default() };
    bench.get(NetworkOp::Operator(OperatorOp::PutToken(token)));
    // Rooms are told of everything; then those that were just made hold up no lease.
    block_on(bench.network.alarm());
    assert_eq!(bench.recalled(), None);
    bench
}

impl Bench {
    /// Says something; whatever was leased under the key before is used up.
    fn say(&self, target: &Value, from: &str, key: &str) -> Outcome<Ticket> {
        self.say_with(target, from, LeaseAsk { key: key.into(), spent: true })
    }

    fn say_with(&self, target: &Value, from: &str, ask: LeaseAsk) -> Outcome<Ticket> {
        let message: SendRequest = serde_json::from_value(serde_json::json!({
            "target": target, "from": { "type": "agent", "id": from }, "parts": [{ "kind": "text", "text": "x" }],
        }))
        .unwrap();
        let ask = NetworkAsk {
            credential: Some(WRITER.into()),
            lease: Some(ask),
            ..NetworkAsk::ours(NetworkOp::Send(Box::new(message)), String::new())
        };
        match read_outcome(&self.network.handle(&write(&ask)))? {
            Reply::Ticket(ticket) => Ok(*ticket),
            other => panic!("a ticket was expected, not {other:?}"),
        }
    }

    fn leased(&self, room: &str, key: &str) -> Option<PostLease> {
        let target = serde_json::json!({ "kind": "room", "room_id": room });
        self.say(&target, "a", key).ok()?.lease.map(|lease| *lease)
    }

    /// The lease that the fifth message of a minute gets.
    fn busy(&self, room: &str, key: &str) -> PostLease {
        let found = (0..5).find_map(|_| self.leased(room, key));
        found.expect("a busy sender gets a lease")
    }

    /// Which rooms the change before has to wait for, once they have been told.
    fn recalled(&self) -> Option<(Vec<String>, Outcome<()>)> {
        let recall = self.network.recall().unwrap()?;
        self.world.0.told.borrow_mut().clear();
        let told = block_on(self.network.tell_recall(&recall));
        let asked = self.world.0.told.borrow();
        let rooms = asked.iter().filter(|(_, ask)| matches!(ask, RoomAsk::Recall { .. }));
        Some((rooms.map(|(name, _)| name.clone()).collect(), told))
    }

    fn pass(&self, ms: Millis) {
        self.world.0.now.set(self.world.0.now.get() + ms);
    }

    fn posts_per_minute(&self, limit: u32) {
        let change = ChangeLimits { posts_per_minute: Some(limit), ..ChangeLimits::default() };
        self.get(NetworkOp::Operator(OperatorOp::ChangeLimits(change)));
        self.recalled();
        self.pass(1_000);
    }
}

#[test]
fn a_busy_sender_gets_a_lease_for_a_room_that_knows_everything() {
    let bench = network();
    for _ in 0..3 {
        assert_eq!(bench.leased("r", "k"), None);
    }
    let lease = bench.leased("r", "k").unwrap();
    let end = bench.world.0.now.get() + 60_000;
    assert_eq!((lease.key.as_str(), lease.posts, lease.until, lease.revision), ("k", 200, end, 0));
    assert!(lease.caller.principal.starts_with("token:"));
    // Not for a direct conversation, nor for a room that lacks something.
    let dm = serde_json::json!({ "kind": "dm", "dm_id": "d", "participant_ids": ["a", "b"] });
    assert_eq!(bench.say(&dm, "a", "k").unwrap().lease, None);
    bench.room("new", &["a"], "");
    bench.recalled();
    bench.pass(1_000);
    assert_eq!(bench.leased("new", "k"), None);
    assert!(bench.leased("r", "k").is_some());
}

#[test]
fn what_is_leased_is_counted_and_small_limits_are_counted_one_by_one() {
    let bench = network();
    bench.posts_per_minute(1_599);
    assert!((0..30).all(|_| bench.leased("r", "k").is_none()));
    let bench = network();
    bench.posts_per_minute(1_600);
    let mut used = 0;
    let mut leases = 0;
    // Every lease is used up before the sender asks again.
    while let Ok(ticket) = bench.say(&serde_json::json!({ "kind": "room", "room_id": "r" }), "a", "k") {
        let posts = ticket.lease.map_or(0, |lease| lease.posts);
        leases += posts;
        used += 1 + posts;
    }
    assert_eq!(used, 1_600);
    assert!(leases > 1_400, "{leases}");
}

#[test]
fn leases_of_one_caller_take_a_tenth_of_its_limit_at_most() {
    let bench = network();
    bench.posts_per_minute(2_000);
    bench.busy("r", "k0");
    let more =
        (1..40).filter(|n| bench.leased(if n % 2 == 0 { "r" } else { "s" }, &format!("k{n}")).is_some());
    assert_eq!(more.count(), 9);
    assert_eq!(bench.leased("s", "k0"), None, "another room is another lease");
    // Whoever has used one up gets another.
    assert!(bench.leased("r", "k0").is_some());
}

#[test]
fn no_change_is_acknowledged_before_every_room_with_a_lease_knows() {
    let changes: [fn() -> NetworkOp; 5] = [
        || {
            let change = UpdateMembers { add: vec![], remove: vec!["a".into()] };
            NetworkOp::UpdateMembers { room: "r".into(), change }
        },
        || NetworkOp::RemoveRoom("r".into()),
        || NetworkOp::RemoveAgent("a".into()),
        || {
            let change = ChangeLimits { posts_per_minute: Some(5), ..ChangeLimits::default() };
            NetworkOp::Operator(OperatorOp::ChangeLimits(change))
        },
        || {
            let request = serde_json::json!({ "requested_agent_id": "a", "name": "Another" });
            NetworkOp::Register(serde_json::from_value(request).unwrap())
        },
    ];
    for change in changes {
        let bench = network();
        bench.busy("r", "k");
        bench.leased("s", "k2").unwrap();
        assert_eq!(bench.recalled(), None);
        bench.ask(Some(ADMIN), change()).unwrap();
        let all = ["room:local:r", "room:local:s"].map(str::to_owned).to_vec();
        assert_eq!(bench.recalled(), Some((all, Ok(()))));
        assert_eq!(bench.recalled(), None);
        assert_eq!(bench.leased("s", "k2"), None, "not so soon");
        bench.pass(1_000);
        if let Some(lease) = bench.leased("s", "k2") {
            assert_eq!(lease.revision, 1);
        }
        // Nobody holds one that has to be ended twice.
        let bench = network();
        bench.ask(Some(ADMIN), change()).unwrap();
        assert_eq!(bench.recalled(), None);
    }
}

#[test]
fn a_token_that_ends_ends_its_lease() {
    let bench = network();
    bench.busy("r", "k");
    let id = bench.get(NetworkOp::Operator(OperatorOp::Show))["tokens"][0]["id"].as_str().unwrap().to_owned();
    bench.get(NetworkOp::Operator(OperatorOp::RemoveToken(id)));
    assert_eq!(bench.recalled().unwrap().0, ["room:local:r"]);
    let target = serde_json::json!({ "kind": "room", "room_id": "r" });
    assert_eq!(bench.say(&target, "a", "k").unwrap_err().status, 401);
}

#[test]
fn a_room_that_cannot_be_told_is_told_with_the_next_message_and_after_a_restart() {
    let mut bench = network();
    bench.busy("r", "k");
    bench.world.0.rooms_down.set(true);
    bench.ask(Some(ADMIN), NetworkOp::RemoveAgent("b".into())).unwrap();
    let recall = bench.network.recall().unwrap().unwrap();
    assert!(recall.holds);
    assert_eq!(block_on(bench.network.tell_recall(&recall)).unwrap_err().status, 503);
    bench.ask(Some(ADMIN), NetworkOp::Network).unwrap();
    let again = bench.network.recall().unwrap().unwrap();
    assert!(!again.holds);
    bench.restart();
    bench.world.0.rooms_down.set(false);
    bench.ask(Some(ADMIN), NetworkOp::Network).unwrap();
    assert_eq!(bench.recalled(), Some((vec!["room:local:r".to_owned()], Ok(()))));
    bench.restart();
    bench.ask(Some(ADMIN), NetworkOp::Network).unwrap();
    assert_eq!(bench.recalled(), None);
}

#[test]
fn leases_that_ran_out_are_nobodys() {
    let bench = network();
    bench.busy("r", "k");
    // The room's clock may be behind.
    bench.pass(65_000);
    bench.ask(Some(ADMIN), NetworkOp::RemoveAgent("b".into())).unwrap();
    assert_eq!(bench.recalled(), None);
    let bench = network();
    bench.busy("r", "k");
    bench.pass(64_999);
    bench.ask(Some(ADMIN), NetworkOp::RemoveAgent("b".into())).unwrap();
    assert!(bench.recalled().is_some());
}

#[test]
fn who_does_not_know_of_a_lease_is_told_of_it_and_gets_no_other() {
    let bench = network();
    let lease = bench.busy("r", "k");
    let room = serde_json::json!({ "kind": "room", "room_id": "r" });
    let again = bench.say_with(&room, "a", LeaseAsk { key: "k".into(), spent: false }).unwrap();
    assert_eq!(again.lease.map(|lease| *lease), Some(PostLease { posts: 0, ..lease }));
}

#[test]
fn leases_that_were_recalled_count_as_used_and_take_no_more_than_a_tenth_either() {
    let bench = network();
    bench.busy("r", "k");
    let mut given = 1;
    for n in 0..50 {
        bench.ask(Some(ADMIN), NetworkOp::RemoveAgent(format!("nobody-{n}"))).unwrap_err();
        bench.room(&format!("new-{n}"), &["a"], "");
        bench.recalled();
        bench.pass(1_001);
        given += i32::from(bench.leased("r", "k").is_some());
    }
    assert_eq!(given, 15);
    // Their window has ended.
    bench.pass(60_000);
    bench.busy("r", "k");
}

#[test]
fn a_restart_costs_a_limit_no_more_than_what_was_leased() {
    let mut bench = network();
    bench.posts_per_minute(30_000);
    let target = serde_json::json!({ "kind": "room", "room_id": "r" });
    // The network's own lease and the room's, of 200 each, and nothing passes the limit.
    let passed = (0..30_000).take_while(|_| {
        let said = bench.say(&target, "a", "k");
        bench.restart();
        said.is_ok()
    });
    let passed = passed.count();
    assert!((30_000 / 400..=30_000 / 200 + 2).contains(&passed), "{passed} restarts in a minute");
}
