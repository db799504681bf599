use super::*;
use moltghost_protocol::moltnet::actor::Actor;
use moltghost_protocol::moltnet::agent::RegisterRequest;
use moltghost_protocol::moltnet::message::SendRequest;
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::part::Part;
use moltghost_protocol::moltnet::target::Target;
use moltghost_protocol::object::network::{Place, Ticket, What};
use moltghost_protocol::object::read;
use moltghost_protocol::object::room::DmSummary;

fn message(from: &str, target: Target) -> SendRequest {
    SendRequest {
        from: Actor { kind: "agent".into(), id: from.into(), ..Actor::default() },
        parts: vec![Part { kind: "text".into(), text: "x".into(), ..Part::default() }],
        target,
        ..SendRequest::default()
    }
}

fn to_room(room: &str) -> Target {
    Target { kind: "room".into(), room_id: room.into(), ..Target::default() }
}

fn to_thread(room: &str, thread: &str) -> Target {
    Target { kind: "thread".into(), thread_id: thread.into(), ..to_room(room) }
}

fn to_dm(id: &str, participants: &[&str]) -> Target {
    let participant_ids = participants.iter().map(|p| (*p).to_owned()).collect();
    Target { kind: "dm".into(), dm_id: id.into(), participant_ids, ..Target::default() }
}

fn send(bench: &Bench, credential: Option<&str>, message: SendRequest) -> Outcome<Ticket> {
    match bench.ask(credential, NetworkOp::Send(Box::new(message)))? {
        Reply::Ticket(ticket) => Ok(*ticket),
        other => panic!("a ticket was expected, not {other:?}"),
    }
}

fn agent(bench: &Bench, id: &str, name: &str) -> String {
    let request = RegisterRequest { requested_agent_id: id.into(), name: name.into() };
    let (_, document) = body(bench.ask(None, NetworkOp::Register(request)).unwrap());
    document["agent_token"].as_str().unwrap().to_owned()
}

#[test]
fn a_message_is_referred_to_its_conversation_where_that_is_asked_for() {
    let bench = Bench::new(&[("AUTH", "open")]);
    bench.room("r", &["a"], "");
    let a = agent(&bench, "a", "");
    let refer = |target| {
        let message = SendRequest { id: "m".into(), ..message("a", target) };
        let op = NetworkOp::Send(Box::new(message));
        let ask = NetworkAsk::ours(op, String::new());
        bench.network.handle(&write(&NetworkAsk { credential: Some(a.clone()), refer: true, ..ask }))
    };
    let referral = refer(to_room("r"));
    let parts: Vec<&str> = referral.split('\t').collect();
    assert_eq!((parts.len(), parts[0], parts[1]), (3, "", "ROOM room:local:r"));
    let Ok(RoomAsk::Post { posts, .. }) = read::<RoomAsk>(parts[2]) else { panic!("{referral}") };
    let ticket =
        send(&bench, Some(&a), SendRequest { id: "m".into(), ..message("a", to_room("r")) }).unwrap();
    assert_eq!((posts.len(), &posts[0].message, &posts[0].caller), (1, &ticket.message, &ticket.caller));
    let refused = read_outcome::<Reply>(&refer(to_room("nowhere"))).unwrap_err();
    assert_eq!(refused.status, 404);
}

#[test]
fn a_ticket_says_everything_that_the_room_needs_until_the_room_has_learnt_it() {
    let bench = Bench::new(&[("AUTH", "open"), ("NETWORK_NAME", "The Den")]);
    bench.room("r", &["a"], "");
    let a = agent(&bench, "a", "Alpha");
    let ticket = send(&bench, Some(&a), message("a", to_room("r"))).unwrap();
    assert_eq!(ticket.conversation.to_string(), "room:local:r");
    let open = ticket.open.unwrap();
    assert_eq!((open.state.members.as_slice(), open.state.version), (["a".to_owned()].as_slice(), 1));
    assert_eq!(open.state.aliases[0].alias, "The Den");
    assert!(ticket.message.id.starts_with("msg_"));
    assert_eq!(
        (ticket.message.from.name.as_str(), ticket.message.from.fqid.as_str()),
        ("Alpha", "molt://local/agents/a")
    );
    assert_eq!(ticket.caller.agent.as_deref(), Some("a"));
    assert!(ticket.caller.principal.starts_with("agent:actor_"));
    bench.alarm();
    assert_eq!(send(&bench, Some(&a), message("a", to_room("r"))).unwrap().open, None);
    let change = moltghost_protocol::moltnet::room::UpdateMembers { add: vec!["b".into()], remove: vec![] };
    bench.get(NetworkOp::UpdateMembers { room: "r".into(), change });
    let open = send(&bench, Some(&a), message("a", to_room("r"))).unwrap().open.unwrap();
    assert_eq!((open.state.members.len(), open.state.version), (2, 2));
    assert_eq!(send(&bench, Some(&a), message("a", to_room("x"))).unwrap_err().message, "unknown room \"x\"");
}

#[test]
fn switches_come_before_everything_else() {
    let bench = Bench::new(&[("AUTH", "bearer"), ("HUMAN_INGRESS", "off"), ("DIRECT_MESSAGES", "off")]);
    let dm = send(&bench, Some(ADMIN), SendRequest { target: to_dm("", &[]), ..SendRequest::default() });
    assert_eq!(dm.unwrap_err().message, "direct messages are disabled for this network");
    let mut human = SendRequest::default();
    human.from.kind = "human".into();
    let refused = send(&bench, Some(ADMIN), human).unwrap_err();
    assert_eq!(refused.message, "human ingress is disabled for this network");
    for op in [NetworkOp::Dms(PageRequest::default()), NetworkOp::Read(What::Dm("d".into()))] {
        assert_eq!(bench.status(Some(ADMIN), op), 403);
    }
}

#[test]
fn a_thread_belongs_to_the_first_room_that_it_was_written_in_by_somebody_who_may() {
    let mut bench = Bench::new(&[("AUTH", "open")]);
    bench.room("r", &["a"], "public");
    bench.room("s", &["a", "b"], "public");
    let (a, b) = (agent(&bench, "a", ""), agent(&bench, "b", ""));
    let refused = send(&bench, Some(&b), message("b", to_thread("r", "t"))).unwrap_err();
    assert_eq!(refused.message, "room \"r\" write policy forbids sender");
    assert_eq!(bench.status(Some(ADMIN), NetworkOp::Read(What::Thread("t".into()))), 404);
    assert!(send(&bench, Some(&b), message("b", to_thread("s", "t"))).is_ok());
    bench.restart();
    assert_eq!(send(&bench, Some(&a), message("a", to_thread("r", "t"))).unwrap_err().status, 422);
    assert!(send(&bench, Some(&a), message("a", to_thread("s", "t"))).is_ok());
    let place = bench.ask(None, NetworkOp::Read(What::Thread("t".into()))).unwrap();
    assert!(
        matches!(place, Reply::Read(place) if place.conversation.as_ref().unwrap().to_string() == "room:local:s"
        && place.thread.as_deref() == Some("t"))
    );
    bench.get(NetworkOp::RemoveRoom("s".into()));
    let gone = bench.ask(Some(ADMIN), NetworkOp::Read(What::Thread("t".into()))).unwrap_err();
    assert_eq!(gone.message, "unknown room \"s\"");
}

#[test]
fn a_direct_conversation_is_its_participants_and_nobody_elses() {
    let bench = Bench::new(&[("AUTH", "open")]);
    let (a, b, c) = (agent(&bench, "a", ""), agent(&bench, "b", ""), agent(&bench, "c", ""));
    let ticket = send(&bench, Some(&a), message("a", to_dm("d", &["a", "b"]))).unwrap();
    assert_eq!(ticket.conversation.to_string(), "dm:local:d");
    assert!(ticket.open.is_some());
    let read = |token: &str| bench.status(Some(token), NetworkOp::Read(What::Dm("d".into())));
    assert_eq!((read(&a), read(&b), read(&c)), (200, 200, 403));
    // A stranger who names itself does not get in by asking.
    let _ = send(&bench, Some(&c), message("c", to_dm("d", &["c", "b"])));
    assert_eq!(read(&c), 403);
    send(&bench, Some(&b), message("b", to_dm("d", &["b", "c"]))).unwrap();
    assert_eq!(read(&c), 200);
    let list = |token: &str| {
        let page = PageRequest { limit: 10, ..PageRequest::default() };
        body(bench.ask(Some(token), NetworkOp::Dms(page)).unwrap()).1
    };
    assert_eq!(list(&a)["dms"][0]["participant_ids"], serde_json::json!(["a", "b", "c"]));
    let other = agent(&bench, "e", "");
    assert_eq!(list(&other)["dms"], serde_json::json!([]));
    let summary = |offset, count| DmSummary {
        id: "d".into(),
        last_offset: offset,
        participant_ids: vec!["a".into(), "b".into(), "c".into()],
        message_count: count,
        last_message_at: 0,
    };
    for (offset, count) in [(5, 4), (3, 2)] {
        bench.ask(None, NetworkOp::DmSummary(summary(offset, count))).unwrap();
    }
    assert_eq!(list(&a)["dms"][0]["message_count"], 4, "what is out of date changes nothing");
    assert_eq!(bench.status(Some(&a), NetworkOp::Read(What::Dm("x".into()))), 404);
    let nothing = What::Artifacts { room: String::new(), thread: String::new(), dm: "x".into() };
    let place = bench.ask(Some(ADMIN), NetworkOp::Read(nothing)).unwrap();
    assert_eq!(place, Reply::Read(Box::new(Place { conversation: None, thread: None, unopened: true })));
}

#[test]
fn members_read_their_rooms_unless_that_is_switched_off() {
    for (switch, expected) in [("on", 200), ("off", 403)] {
        let bench =
            Bench::new(&[("AUTH", "bearer"), ("AGENT_REGISTRATION", "open"), ("MEMBER_READ", switch)]);
        bench.room("mine", &["local:a"], "");
        bench.room("other", &["b"], "");
        let a = agent(&bench, "a", "");
        assert_eq!(bench.status(Some(&a), NetworkOp::Read(What::Room("mine".into()))), expected);
        assert_eq!(bench.status(Some(&a), NetworkOp::Read(What::Room("other".into()))), 403);
        assert_eq!(bench.status(None, NetworkOp::Read(What::Room("mine".into()))), 401);
        let filter = What::Artifacts { room: "mine".into(), thread: String::new(), dm: String::new() };
        assert_eq!(bench.status(Some(&a), NetworkOp::Read(filter)), expected);
        let search = bench.ask(Some(&a), NetworkOp::Search { room: None });
        if expected == 200 {
            assert_eq!(search.unwrap(), Reply::Search(Some(vec!["room:local:mine".into()])));
        } else {
            assert_eq!(search.unwrap_err().status, 403);
        }
    }
}

#[test]
fn posts_are_counted_by_credential() {
    let bench = Bench::new(&[("AUTH", "open")]);
    bench.room("r", &["a", "b"], "");
    bench.limit(ChangeLimits { posts_per_minute: Some(2), ..ChangeLimits::default() });
    let (a, b) = (agent(&bench, "a", ""), agent(&bench, "b", ""));
    for _ in 0..2 {
        send(&bench, Some(&a), message("a", to_room("r"))).unwrap();
    }
    let error = send(&bench, Some(&a), message("a", to_room("r"))).unwrap_err();
    assert_eq!((error.status, error.code(), error.retry_after), (429, "rate_limited", Some(60)));
    send(&bench, Some(&b), message("b", to_room("r"))).unwrap();
    bench.world.0.now.set(bench.world.0.now.get() + 60_000);
    send(&bench, Some(&a), message("a", to_room("r"))).unwrap();
}
