use super::*;
use moltghost_protocol::moltnet::agent::{RegisterRequest, RotateRequest};
use moltghost_protocol::moltnet::gate::{Gate, READ};

fn register(id: &str, name: &str) -> NetworkOp {
    NetworkOp::Register(RegisterRequest { requested_agent_id: id.into(), name: name.into() })
}

fn token_of(bench: &Bench, id: &str) -> String {
    let (_, document) = body(bench.ask(None, register(id, "")).unwrap());
    document["agent_token"].as_str().unwrap().to_owned()
}

const ENTER: Gate = Gate::Any(READ);

#[test]
fn tokens_open_what_their_scopes_say_until_they_are_ended() {
    let mut bench = Bench::new(&[("AUTH", "bearer")]);
    let value = "a token of an observer";
    assert_eq!(bench.status(Some(value), NetworkOp::Enter(ENTER)), 401);
    let spaced = NewToken { value: value.into(), scopes: vec!["observe".into()], ..NewToken::default() };
    assert_eq!(bench.status(None, NetworkOp::Operator(OperatorOp::PutToken(spaced))), 422);
    bench.token("an-observers-token", &["observe"], &[]);
    bench.token("a-writers-own-token", &["write"], &[]);
    bench.restart();
    assert_eq!(bench.status(Some("an-observers-token"), NetworkOp::Enter(ENTER)), 200);
    assert_eq!(bench.status(Some("a-writers-own-token"), NetworkOp::Enter(ENTER)), 403);
    assert_eq!(bench.status(Some(ADMIN), NetworkOp::Enter(ENTER)), 200);
    let (_, shown) = body(bench.ask(None, NetworkOp::Operator(OperatorOp::Show)).unwrap());
    assert!(!shown.to_string().contains("an-observers-token"));
    let stored = bench.sql.run("SELECT id, hash FROM token", &[]).unwrap();
    assert!(!format!("{stored:?}").contains("observers"));
    let id = shown["tokens"].as_array().unwrap().iter().find(|t| t["scopes"][0] == "observe").unwrap()["id"]
        .clone();
    let end = NetworkOp::Operator(OperatorOp::RemoveToken(id.as_str().unwrap().into()));
    assert_eq!(bench.status(None, end), 200);
    assert_eq!(bench.status(Some("an-observers-token"), NetworkOp::Enter(ENTER)), 401);
}

#[test]
fn a_new_pepper_opens_old_tokens_and_writes_them_anew() {
    let mut bench = Bench::new(&[("AUTH", "open")]);
    bench.token("an-observers-token", &["observe"], &[]);
    let agent = token_of(&bench, "a");
    bench.pepper = ("2:another pepper, for later", Some(PEPPER));
    bench.restart();
    assert_eq!(bench.status(Some("an-observers-token"), NetworkOp::Enter(ENTER)), 200);
    assert_eq!(bench.status(Some(&agent), NetworkOp::Enter(Gate::Token)), 200);
    bench.pepper = ("2:another pepper, for later", None);
    bench.restart();
    assert_eq!(bench.status(Some("an-observers-token"), NetworkOp::Enter(ENTER)), 200);
    assert_eq!(bench.status(Some(&agent), NetworkOp::Enter(Gate::Token)), 200);
}

#[test]
fn a_handle_is_given_once_and_a_lost_answer_is_given_again() {
    let bench = Bench::new(&[("AUTH", "open")]);
    let first = bench.ask_again("nonce-of-one-request", "", None, register("a", "Al")).unwrap();
    assert_eq!(bench.ask_again("nonce-of-one-request", "", None, register("a", "Al")).unwrap(), first);
    let taken = bench.ask(None, register("a", "")).unwrap_err();
    assert_eq!((taken.status, taken.message.as_str()), (409, "agent \"a\" is already registered"));
    let made = bench.ask_again("nonce-of-a-second-one", "", None, register("", "New One")).unwrap();
    assert_eq!(bench.ask_again("nonce-of-a-second-one", "", None, register("", "New One")).unwrap(), made);
    assert_eq!(body(made).1["agent_id"], "new-one");
    let stored = bench.sql.run("SELECT * FROM agent", &[]).unwrap();
    assert!(!format!("{stored:?}").contains("magt_v1_"));
}

#[test]
fn the_same_credential_and_name_is_the_same_registration() {
    let bench = Bench::new(&[("AUTH", "bearer"), ("AGENT_REGISTRATION", "token")]);
    bench.token("an-attachers-token", &["attach"], &[]);
    bench.room("r", &["bee"], "");
    let ask = |id, name| body(bench.ask(Some("an-attachers-token"), register(id, name)).unwrap());
    let (status, first) = ask("", "Bee");
    assert_eq!(status, 201);
    let id = first["agent_id"].as_str().unwrap();
    assert!(id.starts_with("bee-"), "the handle of a room's member is not free: {id}");
    let (status, again) = ask("", "Bee");
    assert_eq!((status, &again["actor_uid"]), (200, &first["actor_uid"]));
    assert!(again.get("agent_token").is_none());
    let (status, named) = ask(id, "");
    assert_eq!((status, &named["display_name"]), (200, &serde_json::json!("Bee")));
    assert_ne!(ask("", "Other").1["agent_id"], first["agent_id"]);
}

#[test]
fn a_token_is_replaced_and_ends_at_its_time() {
    let bench = Bench::new(&[("AUTH", "open")]);
    let old = token_of(&bench, "a");
    let other = token_of(&bench, "b");
    let rotate = |expires_in| NetworkOp::Rotate { agent: "a".into(), request: RotateRequest { expires_in } };
    assert_eq!(bench.status(None, rotate(None)), 401);
    assert_eq!(bench.status(Some(&other), rotate(None)), 403);
    for bad in [0, 59, 31_622_401] {
        assert_eq!(bench.status(Some(&old), rotate(Some(bad))), 422);
    }
    let (status, document) = body(bench.ask(Some(&old), rotate(Some(60))).unwrap());
    assert_eq!(status, 200);
    let new = document["agent_token"].as_str().unwrap().to_owned();
    assert_eq!(bench.status(Some(&old), NetworkOp::Enter(Gate::Token)), 401);
    assert_eq!(bench.status(Some(&new), NetworkOp::Enter(Gate::Token)), 200);
    bench.world.0.now.set(bench.world.0.now.get() + 59_999);
    assert_eq!(bench.status(Some(&new), NetworkOp::Enter(Gate::Token)), 200);
    bench.world.0.now.set(bench.world.0.now.get() + 1);
    assert_eq!(bench.status(Some(&new), NetworkOp::Enter(Gate::Token)), 401);
    assert_eq!(bench.status(Some(ADMIN), rotate(None)), 200);
    assert_eq!(
        bench.status(Some(ADMIN), NetworkOp::Rotate { agent: "x".into(), request: RotateRequest::default() }),
        404
    );
}

#[test]
fn registrations_are_counted_by_address_and_a_restart_forgets_none() {
    let mut bench = Bench::new(&[("AUTH", "open")]);
    bench.limit(ChangeLimits { registrations_per_hour: Some(3), ..ChangeLimits::default() });
    for n in 0..3 {
        assert_eq!(bench.status(None, register(&format!("a{n}"), "")), 201);
        bench.restart();
    }
    let error = bench.ask(None, register("x", "")).unwrap_err();
    assert_eq!((error.status, error.retry_after), (429, Some(3_600)));
    assert!(error.message.starts_with("registrations_per_hour is 3"), "{error}");
    assert!(bench.ask_from("10.0.0.2", None, register("x", "")).is_ok());
    assert_eq!(bench.status(Some(ADMIN), register("y", "")), 201, "admins are not counted");
    bench.world.0.now.set(bench.world.0.now.get() + 3_600_000);
    assert_eq!(bench.status(None, register("z", "")), 201);
}

#[test]
fn agents_in_no_room_are_counted_however_rooms_write_their_members() {
    let bench = Bench::new(&[("AUTH", "bearer")]);
    bench.room("r", &["bare", "local:scoped", "molt://local/agents/full", "far:away"], "");
    let asked = ["bare", "scoped", "full", "away", "nobody"].map(str::to_owned).to_vec();
    assert_eq!(bench.ask(None, NetworkOp::Roomless(asked)), Ok(Reply::Roomless(2)));
    assert_eq!(bench.ask(None, NetworkOp::Roomless(vec![])), Ok(Reply::Roomless(0)));
}
