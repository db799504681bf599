//! Attachments over a real database, with a directory that answers, refuses or is out: from `HELLO` to the end, over
//! sleeps of the hub in between.

use super::*;
use crate::hub::attachment::{code, Incoming};
use moltghost_protocol::moltnet::agent::Registration;
use moltghost_protocol::object::attach::Attached;
use proptest::prelude::*;

mod behind;

const IDENTIFY: &str =
    r#"{"op":"IDENTIFY","version":"moltnet.attach.v1","network_id":"local","agent":{"id":"a","name":"A"}"#;
const PING: &str = r#"{"op":"PING","version":"moltnet.attach.v1"}"#;

fn admitted(identity: &str) -> Admitted {
    Admitted { audience: Audience::default(), identity: identity.into(), since: 0, ends: None }
}

/// What the directory says of the agent `a`; with a token where that is a claim.
fn known(token: Option<&str>, ends: Option<Millis>) -> Attached {
    let agent_token = token.map(str::to_owned);
    let registration =
        Registration { agent_token, ..Registration::new("local", "a", "actor_1", "A", 1_000, 1_000) };
    let audience = Audience { agent: "a".into(), rooms: true, ..Audience::default() };
    Attached { registration, audience, credential: Some("token:attach".into()), ends }
}

/// What a directory is asked.
type Asked = Rc<RefCell<Vec<String>>>;

/// A directory that always answers this.
fn directory(bench: &Bench, attached: Attached) -> Asked {
    let asked = Asked::default();
    let noted = Rc::clone(&asked);
    *bench.world.directory.borrow_mut() = Some(Box::new(move |op, _| {
        Ok(match op {
            NetworkOp::Identify(ask) => {
                noted.borrow_mut().push(format!("identify {}", ask.identify.agent));
                Reply::Attached(Box::new(attached.clone()))
            }
            NetworkOp::Unclaim(claim) => {
                noted.borrow_mut().push(format!("unclaim {}", claim.agent));
                Reply::Done
            }
            _ => return Err(MoltnetError::internal("a hub asks nothing else")),
        })
    }));
    asked
}

impl Bench {
    fn greet(&self, identity: &str) -> FakeSocket {
        let socket = FakeSocket::default();
        self.world.sockets.borrow_mut().push(socket.clone());
        self.hub.hello(socket.clone(), admitted(identity)).unwrap();
        assert_eq!(ops(&socket), ["HELLO"]);
        socket
    }

    /// Takes a frame, and asks the directory where that follows.
    fn say(&self, socket: &FakeSocket, text: &str) {
        let number = self.hub.attachment(socket).unwrap();
        if self.hub.said(number, Incoming::Text(text)) {
            block_on(self.hub.identify(number));
        }
    }

    fn attach(&self, wishes: &str) -> FakeSocket {
        let socket = self.greet("token:attach");
        self.say(&socket, &format!("{IDENTIFY},{wishes}}}"));
        let ready = socket.0.borrow_mut().sent.remove(0);
        assert!(ready.contains("READY"), "{ready}");
        socket
    }

    fn pass(&self, ms: Millis) {
        self.world.now.set(self.world.now.get() + ms);
        self.world.woken.set(None);
        block_on(self.hub.alarm());
    }

    fn detach(&self, socket: &FakeSocket, code: u16) {
        socket.close(code, "");
        self.hub.detached(socket, code);
    }

    /// Types of the events in the log that tell of agents.
    fn told(&self) -> Vec<String> {
        let rows = self.sql.run("SELECT kind FROM event WHERE kind LIKE 'agent.%' ORDER BY seq", &[]);
        rows.unwrap().iter().map(|row| row[0].text().to_owned()).collect()
    }
}

fn frames(socket: &FakeSocket) -> Vec<Value> {
    let sent = std::mem::take(&mut socket.0.borrow_mut().sent);
    sent.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

fn ops(socket: &FakeSocket) -> Vec<String> {
    frames(socket).iter().map(|frame| frame["op"].as_str().unwrap().to_owned()).collect()
}

/// Ids of the events that have come to a socket.
fn ids(socket: &FakeSocket) -> Vec<String> {
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    let of = |frame: &Value| match &frame["events"] {
        Value::Array(events) => events.iter().map(id).collect(),
        _ if frame["event"].is_object() => vec![id(&frame["event"])],
        _ => vec![],
    };
    frames(socket).iter().flat_map(of).collect()
}

fn closed(socket: &FakeSocket) -> u16 {
    socket.0.borrow().closed.as_ref().unwrap().0
}

fn ack(id: &str) -> String {
    format!(r#"{{"op":"ACK","cursor":"{id}"}}"#)
}

#[test]
fn an_agent_says_who_it_is_and_is_told_what_it_may_see() {
    let bench = Bench::new();
    let asked = directory(&bench, known(None, None));
    let socket = bench.greet("token:attach");
    bench.say(&socket, &format!("{IDENTIFY}}}"));
    let ready = frames(&socket).remove(0);
    assert_eq!((&ready["op"], &ready["agent_id"]), (&json!("READY"), &json!("a")));
    assert_eq!((&ready["actor_uri"], &ready["agent_token"]), (&json!("molt://local/agents/a"), &Value::Null));
    assert_eq!(*asked.borrow(), ["identify a"]);
    assert_eq!(bench.told(), ["agent.connected"]);
    assert_eq!(bench.hub.present().unwrap().into_iter().collect::<Vec<_>>(), ["a"]);
    bench
        .push("own", 0, None, &[entry(1, "room.created", &["a"], false), entry(2, "m", &[], false)])
        .unwrap();
    bench
        .push("foreign", 0, None, &[entry(1, "room.created", &["b"], false), entry(2, "n", &[], false)])
        .unwrap();
    assert_eq!(ids(&socket)[1..], of(&["m"]));
    bench.detach(&socket, 1_000);
    assert_eq!(bench.told(), ["agent.connected", "agent.disconnected"]);
    assert!(bench.hub.present().unwrap().is_empty() && bench.world.faults.borrow().is_empty());
}

#[test]
fn frames_that_came_while_the_directory_was_asked_are_taken_after_ready() {
    let bench = Bench::new();
    directory(&bench, known(None, None));
    let socket = bench.greet("token:attach");
    let number = bench.hub.attachment(&socket).unwrap();
    assert!(bench.hub.said(number, Incoming::Text(&format!("{IDENTIFY}}}"))));
    assert!(!bench.hub.said(number, Incoming::Text(PING)));
    assert!(!bench.hub.said(number, Incoming::Text(&ack("evt_unknown"))));
    assert!(ops(&socket).is_empty(), "nobody has said who it is");
    block_on(bench.hub.identify(number));
    assert_eq!(ops(&socket), ["READY", "PONG", "ERROR"]);
    assert_eq!(closed(&socket), code::REFUSED);
}

#[test]
fn whom_the_directory_refuses_is_told_why_and_nothing_of_what_happened_inside() {
    let bench = Bench::new();
    for (refusal, told) in [
        (MoltnetError::conflict("the name is taken"), "the name is taken"),
        (MoltnetError::internal("SELECT secret"), "internal server error"),
    ] {
        let own = refusal.clone();
        *bench.world.directory.borrow_mut() = Some(Box::new(move |_, _| Err(own.clone())));
        let socket = bench.greet("token:attach");
        bench.say(&socket, &format!("{IDENTIFY}}}"));
        assert_eq!(frames(&socket)[0]["error"], told);
        assert_eq!(closed(&socket), code::REFUSED);
    }
    assert!(bench.told().is_empty());
}

#[test]
fn who_leaves_while_the_directory_is_asked_is_not_attached() {
    let bench = Bench::new();
    directory(&bench, known(None, None));
    let socket = bench.greet("token:attach");
    let number = bench.hub.attachment(&socket).unwrap();
    assert!(bench.hub.said(number, Incoming::Text(&format!("{IDENTIFY}}}"))));
    bench.detach(&socket, 1_006);
    block_on(bench.hub.identify(number));
    assert!(bench.told().is_empty() && bench.hub.present().unwrap().is_empty());
}

#[test]
fn a_credential_that_ended_meanwhile_opens_nothing_and_one_that_ends_later_ends_the_attachment() {
    let bench = Bench::new();
    directory(&bench, known(None, Some(bench.world.now.get() + 30_000)));
    let attached = bench.attach(r#""capabilities":{}"#);
    bench.pass(29_999);
    assert!(attached.0.borrow().closed.is_none());
    bench.pass(1);
    assert_eq!(closed(&attached), code::ENDED);
    let late = bench.greet("token:attach");
    bench.say(&late, &format!("{IDENTIFY}}}"));
    assert_eq!(frames(&late)[0]["error"], "invalid token");
    let ended = Notice { number: 5, at: 1, news: News::Ended("token:attach".into()) };
    bench.notices(vec![ended]);
    let refused = bench.hub.hello(FakeSocket::default(), admitted("token:attach"));
    assert_eq!(refused.unwrap_err().status, 401);
}

#[test]
fn who_says_nothing_for_ten_seconds_is_gone() {
    let bench = Bench::new();
    let socket = bench.greet("token:attach");
    assert_eq!(bench.world.woken.get(), Some(bench.world.now.get() + 10_000));
    bench.pass(9_999);
    assert!(socket.0.borrow().closed.is_none());
    assert_eq!(bench.world.woken.get(), Some(bench.world.now.get() + 1));
    bench.pass(1);
    assert_eq!(closed(&socket), code::SILENT);
}

#[test]
fn a_claim_is_undone_where_nothing_was_heard_after_ready_and_the_directory_is_asked_until_it_has_done_so() {
    let mut bench = Bench::new();
    let answering = directory(&bench, known(Some("magt_v1_x"), None));
    let heard = bench.greet("addr:1");
    bench.say(&heard, &format!("{IDENTIFY}}}"));
    assert_eq!(frames(&heard)[0]["agent_token"], "magt_v1_x");
    bench.say(&heard, PING);
    bench.detach(&heard, 1_006);
    bench.pass(0);
    assert_eq!(*answering.borrow(), ["identify a"]);
    let silent = bench.greet("addr:1");
    bench.say(&silent, &format!("{IDENTIFY}}}"));
    bench.pass(1_000);
    assert_eq!(answering.borrow().len(), 2, "it may still answer");
    bench.evict();
    bench.detach(&silent, 1_006);
    *bench.world.directory.borrow_mut() = None;
    bench.pass(0);
    assert_eq!(bench.world.woken.get(), Some(bench.world.now.get() + RETRY));
    let again = directory(&bench, known(Some("magt_v1_x"), None));
    bench.evict();
    bench.pass(RETRY);
    bench.pass(RETRY);
    assert_eq!(*again.borrow(), ["unclaim a"]);
}

#[test]
fn an_attachment_outlives_the_hubs_sleep() {
    let mut bench = Bench::new();
    directory(&bench, known(None, None));
    let made = [entry(1, "room.created", &["a"], false), entry(2, "m2", &[], false)];
    bench.push("r", 0, None, &made).unwrap();
    let attached = bench.attach(r#""cursor":"evt_gap_x""#);
    let first = ids(&attached);
    assert_eq!(first, ["evt_1".to_owned(), event_of_message("m2")]);
    bench.hub.settle_now();
    bench.evict();
    bench.push("r", 2, None, &[entry(3, "m3", &[], false)]).unwrap();
    assert_eq!(ids(&attached), of(&["m3"]));
    // What was sent before the sleep can be acknowledged after it, once.
    bench.say(&attached, &ack(&first[1]));
    bench.say(&attached, &ack(&first[1]));
    assert_eq!(ops(&attached), ["ERROR"]);
    assert_eq!(closed(&attached), code::REFUSED);
    assert_eq!(bench.told(), ["agent.connected", "agent.disconnected"]);
}

#[test]
fn a_close_that_wakes_the_hub_is_told_and_one_that_the_hub_made_itself_is_not_told_again() {
    let mut bench = Bench::new();
    directory(&bench, known(None, None));
    let left = bench.attach(r#""cursor":"""#);
    bench.evict();
    bench.detach(&left, 1_006);
    assert_eq!(bench.told(), ["agent.connected", "agent.disconnected"]);
    let refused = bench.attach(r#""cursor":"""#);
    bench.say(&refused, &ack("evt_unknown"));
    assert_eq!(bench.told().len(), 4);
    bench.hub.detached(&refused, code::REFUSED);
    bench.evict();
    bench.hub.detached(&refused, code::REFUSED);
    assert_eq!(bench.told().len(), 4);
}

#[test]
fn who_answers_no_ping_is_gone_and_who_answers_stays() {
    let bench = Bench::new();
    directory(&bench, known(None, None));
    let (mute, other) = (bench.attach(r#""cursor":"""#), bench.attach(r#""cursor":"""#));
    let mut pings = 0;
    for round in 1..=3 {
        bench.pass(45_000);
        pings += ops(&mute).iter().filter(|op| *op == "PING").count();
        assert_eq!(ops(&other), ["PING"], "{round}");
        bench.say(&other, r#"{"op":"PONG"}"#);
        assert_eq!(bench.world.woken.get(), Some(bench.world.now.get() + 45_000), "it sleeps until then");
    }
    assert_eq!((pings, closed(&mute)), (2, code::SILENT));
    assert!(other.0.borrow().closed.is_none());
    assert_eq!(bench.told(), ["agent.connected", "agent.connected"], "another attachment is there");
}

#[test]
fn one_credential_may_not_fill_the_hub_with_sockets_that_say_nothing() {
    let bench = Bench::new();
    let limit = crate::hub::handshake::UNIDENTIFIED;
    for _ in 0..limit {
        bench.hub.may_attach(&admitted("addr:1")).unwrap();
        bench.greet("addr:1");
    }
    assert_eq!(bench.hub.may_attach(&admitted("addr:1")).unwrap_err().status, 503);
    bench.hub.may_attach(&admitted("addr:2")).unwrap();
    bench.pass(10_000);
    bench.hub.may_attach(&admitted("addr:1")).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// A room tells; the hub sleeps and wakes, the agent stalls, acknowledges, breaks off and comes back with what it
    /// acknowledged last. It sees a slice of the log in order: nothing is missing, and again comes only what it had
    /// not acknowledged when it broke off.
    #[test]
    fn an_agent_misses_nothing(several in any::<bool>(), steps in prop::collection::vec((0u8..7, 1u64..20), 1..60)) {
        let mut bench = Bench::new();
        directory(&bench, known(None, None));
        bench.push("r", 0, None, &[entry(1, "room.created", &["a"], false)]).unwrap();
        let wishes = format!(r#""capabilities":{{"events_per_frame":{}}}"#, if several { 8 } else { 1 });
        let mut socket = bench.attach(&wishes);
        let (mut seen, mut offset, mut acked) = (Vec::<String>::new(), 1, "evt_1".to_owned());
        for (step, count) in steps {
            match step {
                0..=1 => {
                    let entries: Vec<Value> = (offset + 1..=offset + count)
                        .map(|n| entry(n, &format!("m{n}"), &[], false)).collect();
                    bench.push("r", offset, None, &entries).unwrap();
                    offset += count;
                }
                2 => { bench.hub.settle_now(); bench.evict(); }
                3 => socket.0.borrow_mut().buffered = 1 << 20,
                4 => { socket.0.borrow_mut().buffered = 0; bench.settle(); }
                5 => {
                    let got = ids(&socket);
                    let several = several.then(|| got.last().cloned()).flatten();
                    for id in several.iter().chain(got.iter().filter(|_| several.is_none())) {
                        bench.say(&socket, &ack(id));
                        acked.clone_from(id);
                    }
                    seen.extend(got);
                }
                _ => {
                    bench.detach(&socket, 1_006);
                    socket = bench.attach(&format!(r#""cursor":"{acked}",{wishes}"#));
                }
            }
            prop_assert!(socket.0.borrow().closed.is_none());
        }
        socket.0.borrow_mut().buffered = 0;
        bench.settle();
        seen.extend(ids(&socket));
        let all: Vec<String> = (2..=offset).map(|n| event_of_message(&format!("m{n}"))).collect();
        prop_assert_eq!(seen, all);
        prop_assert!(bench.world.faults.borrow().is_empty());
    }
}
