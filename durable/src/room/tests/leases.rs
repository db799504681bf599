//! Messages that come under a lease, and leases that end.

use super::*;
use crate::sql::Sql;
use moltghost_protocol::object::room::{LeasedPost, PostLease, REFER};

const KEY: &str = "the key of a lease";

fn lease(posts: u32, until: i64, revision: u64) -> PostLease {
    let caller = Caller::anonymous(Mode::Bearer);
    PostLease { key: KEY.into(), posts, until, revision, caller, name: Some("Alpha".into()) }
}

impl Scene {
    fn give(&mut self, lease: PostLease) -> bool {
        self.turn(|room, turn| room.keep(lease, turn.now))
    }

    /// `None`: it was referred to the network.
    fn leased(&mut self, key: &str, message: SendRequest) -> Option<Outcome<MessageAccepted>> {
        let ask = RoomAsk::Leased(Box::new(LeasedPost { key: key.into(), message }));
        let answer = self.turn(|room, turn| room.handle(ask, turn));
        (!answer.starts_with(REFER)).then(|| {
            read_outcome::<Vec<Outcome<MessageAccepted>>>(&answer).and_then(|mut stored| stored.remove(0))
        })
    }
}

#[test]
fn what_is_leased_anew_adds_to_what_is_held() {
    let mut scene = Scene::room();
    assert!(scene.give(lease(1, 100_000, 0)));
    assert!(scene.give(lease(0, 100_000, 0)));
    assert!(scene.give(lease(1, 100_000, 0)));
    assert!(scene.leased(KEY, hello("m1")).is_some());
    assert!(scene.leased(KEY, hello("m2")).is_some());
    assert_eq!(scene.leased(KEY, hello("m3")), None);
}

fn said(id: &str, from: &str, target: &Value) -> SendRequest {
    serde_json::from_value(serde_json::json!({
        "id": id, "from": { "type": "agent", "id": from }, "target": target,
        "parts": [{ "kind": "text", "text": "hello" }],
    }))
    .unwrap()
}

fn here() -> Value {
    serde_json::json!({ "kind": "room", "room_id": "general" })
}

fn hello(id: &str) -> SendRequest {
    said(id, "alpha", &here())
}

#[test]
fn a_message_under_a_lease_is_stored_as_one_that_the_network_let_through() {
    let mut scene = Scene::room();
    assert_eq!(scene.leased(KEY, hello("m0")), None);
    assert!(scene.give(lease(10, 100_000, 0)));
    assert!(scene.leased(KEY, hello("m1")).unwrap().is_ok());
    assert!(scene.leased(KEY, hello("m1")).unwrap().is_ok());
    let page = scene.page(None, newest(10)).unwrap();
    let message = &page["messages"][0];
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&message["from"]["name"], &message["origin"]["network_id"]),
        (&"Alpha".into(), &"home".into())
    );
    // The room's own policy, and what is wrong with the message itself.
    assert_eq!(scene.leased(KEY, said("m2", "nobody", &here())).unwrap().unwrap_err().status, 403);
    let empty = SendRequest { parts: vec![], ..hello("m3") };
    assert_eq!(scene.leased(KEY, empty).unwrap().unwrap_err().message, "parts must not be empty");
}

#[test]
fn who_has_no_lease_for_it_is_referred_to_the_network() {
    let mut scene = Scene::room();
    assert!(scene.give(lease(10, 100_000, 0)));
    let elsewhere = |target: Value| said("m", "alpha", &target);
    assert_eq!(scene.leased("another", hello("m")), None);
    assert_eq!(scene.leased(KEY, elsewhere(serde_json::json!({ "kind": "room", "room_id": "other" }))), None);
    assert_eq!(scene.leased(KEY, elsewhere(serde_json::json!({ "kind": "dm", "dm_id": "general" }))), None);
    // A thread that is new is bound by the network; one that is known is here.
    let thread = serde_json::json!({ "kind": "thread", "room_id": "general", "thread_id": "t" });
    assert_eq!(scene.leased(KEY, elsewhere(thread.clone())), None);
    let caller = Caller::anonymous(Mode::Bearer);
    let first = said("m1", "alpha", &thread).normalised("home", String::new);
    assert!(scene.post(Post { caller, message: first }).unwrap().thread_created);
    assert!(scene.leased(KEY, said("m2", "alpha", &thread)).unwrap().is_ok());
    // It lives in memory.
    scene.evict();
    assert_eq!(scene.leased(KEY, hello("m3")), None);
    assert_eq!(scene.ids(Some("t")), ["m1", "m2"]);
}

#[test]
fn a_lease_ends_with_its_posts_and_with_its_time() {
    let mut scene = Scene::room();
    assert!(scene.give(lease(2, 100_000, 0)));
    assert!(scene.leased(KEY, hello("m1")).is_some());
    assert!(scene.leased(KEY, hello("m2")).is_some());
    assert_eq!(scene.leased(KEY, hello("m3")), None);
    assert!(scene.give(lease(2, 2_000, 0)));
    scene.now.set(1_998);
    assert!(scene.leased(KEY, hello("m4")).is_some());
    assert_eq!(scene.leased(KEY, hello("m5")), None);
}

#[test]
fn a_recall_ends_leases_and_those_on_their_way_for_good() {
    let mut scene = Scene::room();
    assert!(scene.give(lease(10, 100_000, 4)));
    assert_eq!(scene.ask::<()>(RoomAsk::Recall { revision: 5 }), Ok(()));
    assert_eq!(scene.leased(KEY, hello("m1")), None);
    assert!(!scene.give(lease(10, 100_000, 4)));
    scene.evict();
    assert_eq!(scene.ids(None), Vec::<String>::new());
    assert!(!scene.give(lease(10, 100_000, 4)));
    // One that comes late takes nothing back.
    assert_eq!(scene.ask::<()>(RoomAsk::Recall { revision: 3 }), Ok(()));
    assert!(!scene.give(lease(10, 100_000, 4)));
    assert!(scene.give(lease(10, 100_000, 5)));
    assert_eq!(scene.ask::<()>(RoomAsk::Recall { revision: 5 }), Ok(()));
    assert!(scene.leased(KEY, hello("m2")).is_some());
    assert_eq!(scene.sql.run("SELECT revision FROM recalled", &[]).unwrap(), [[crate::sql::Value::Int(5)]]);
}

#[test]
fn a_room_that_is_closed_or_was_never_opened_keeps_none() {
    let mut scene = Scene::new("room:home:never");
    assert_eq!(scene.ask::<()>(RoomAsk::Recall { revision: 1 }), Ok(()));
    assert!(!scene.give(lease(10, 100_000, 1)));
    assert!(scene.sql.run("SELECT 1 FROM sqlite_master", &[]).unwrap().is_empty());
    let mut scene = Scene::room();
    assert!(scene.give(lease(10, 100_000, 0)));
    assert_eq!(scene.ask::<()>(RoomAsk::Close { version: 2 }), Ok(()));
    assert_eq!(scene.leased(KEY, hello("m1")).unwrap().unwrap_err().status, 404);
    assert!(!scene.give(lease(10, 100_000, 0)));
}
