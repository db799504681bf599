//! Who may open a socket, with a key or a ticket, and when it must close.

use super::*;
use moltghost_protocol::object::agent::{Upgrade, Vouched};

fn ticket() -> String {
    Secret::mint([5; 32]).reveal()
}

impl Bench {
    fn make_ticket(&mut self, key: &ApiKey, browser: Option<&str>, ticket: &str) -> Read {
        let ask = Inspect {
            key: Some(presented(key)),
            alias: None,
            browser: browser.map(str::to_owned),
            what: Reading::Ticket,
            path: "/v1/ws-ticket".into(),
            ticket: Some(ticket.to_owned()),
        };
        self.ok::<Inspection>(AgentOp::Inspect(ask)).outcome
    }

    fn open_with(&mut self, ticket: &str, browser: Option<&str>) -> Result<Vouched, Code> {
        let ask = Upgrade {
            ticket: Some(ticket.to_owned()),
            browser: browser.map(str::to_owned),
            ..Upgrade::default()
        };
        self.endpoint.open(&ask, self.now).map_err(|problem| problem.code)
    }

    fn open_by_key(&mut self, key: &ApiKey) -> Result<Vouched, Code> {
        let ask = Upgrade { key: Some(presented(key)), ..Upgrade::default() };
        self.endpoint.open(&ask, self.now).map_err(|problem| problem.code)
    }

    fn run_of(&mut self, vouched: &Vouched, run: u128) -> Outcome {
        let admit =
            Admit { run: RunId::mint(0, run), vouched: Some(vouched.clone()), path: "/ws".into(), ..blank() };
        self.ask::<Admission>(AgentOp::Admit(Box::new(admit)), vec![]).unwrap().outcome
    }
}

#[test]
fn a_ticket_opens_once_within_its_minute_on_its_page_across_crashes() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let page = Some("https://app.example");
    let refused = Err(Code::InvalidApiKey);
    assert!(matches!(bench.make_ticket(&key, page, &ticket()), Read::Ticket));
    bench.crash();
    let vouched = bench.open_with(&ticket(), page).unwrap();
    assert_eq!((&vouched.id, vouched.account.as_str()), (&key.id, "acme"));
    bench.crash();
    assert_eq!(bench.open_with(&ticket(), page), refused);
    for (wait, browser) in [(TICKET, page), (0, None), (0, Some("https://evil.example"))] {
        bench.make_ticket(&key, page, &ticket());
        bench.now += wait;
        assert_eq!(bench.open_with(&ticket(), browser), refused);
        bench.now -= wait;
        assert_eq!(bench.open_with(&ticket(), page), refused, "it was not used up");
    }
    assert_eq!(bench.open_with("no ticket", page), refused);
    bench.make_ticket(&key, page, &ticket());
    bench.ok::<KeyDocument>(AgentOp::RevokeKey(key.id.clone()));
    assert_eq!(bench.open_with(&ticket(), page), refused);
    assert!(bench.sql.run("SELECT 1 FROM ticket", &[]).unwrap().is_empty());
}

const TICKET: Millis = crate::agent::ticket::TICKET_MS;

#[test]
fn a_rotation_has_the_sockets_of_ended_secrets_closed() {
    let mut bench = Bench::running();
    let old = bench.key(1);
    let opened = bench.open_by_key(&old).unwrap();
    let mut rotated = |seed: u8, grace_seconds| {
        let ask = moltghost_protocol::object::agent::RotateKey {
            id: old.id.clone(),
            hash: SecretHash::of(&Secret::mint([seed; 32]), &bench.pepper),
            rotation: None,
            grace_seconds,
        };
        bench.ok::<KeyDocument>(AgentOp::RotateKey(Box::new(ask)));
        let closes = bench.endpoint.must_close(&opened, bench.now).is_some();
        (std::mem::take(&mut bench.endpoint.dismisses), closes)
    };
    assert_eq!(rotated(2, 60), (true, false), "the old secret is valid still");
    assert_eq!(rotated(3, 60), (true, true), "it is the last but one now");
}

#[test]
fn no_ticket_is_stored_as_it_is() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    bench.make_ticket(&key, None, &ticket());
    let row = bench.sql.run("SELECT hash, mark FROM ticket", &[]).unwrap();
    assert_ne!(row[0][0].text(), ticket());
    assert_eq!((row[0][0].text().len(), row[0][1].text().len()), (64, 16));
}

#[test]
fn each_run_of_a_socket_is_admitted_anew() {
    let mut bench = Bench::running();
    let key = bench.key(1);
    let vouched = bench.open_by_key(&key).unwrap();
    assert!(matches!(bench.run_of(&vouched, 1), Outcome::Run(_)));
    assert_eq!(bench.endpoint.must_close(&vouched, bench.now), None);
    let wrong = Vouched { mark: "0".repeat(16), ..vouched.clone() };
    assert_eq!(refused(bench.run_of(&wrong, 2)), Code::InvalidApiKey);
    bench.ok::<AgentRecord>(AgentOp::Pause);
    assert_eq!(refused(bench.run_of(&vouched, 3)), Code::AgentPaused);
    assert_eq!(bench.open_by_key(&key), Err(Code::AgentPaused));
    assert_eq!(bench.endpoint.must_close(&vouched, bench.now), None);
    bench.ok::<KeyDocument>(AgentOp::RevokeKey(key.id.clone()));
    assert_eq!(refused(bench.run_of(&vouched, 4)), Code::InvalidApiKey);
    let code = |problem: Option<Problem>| problem.map(|problem| problem.code);
    assert_eq!(code(bench.endpoint.must_close(&vouched, bench.now)), Some(Code::InvalidApiKey));
    bench.ok::<AgentRecord>(AgentOp::Terminate);
    assert_eq!(code(bench.endpoint.must_close(&vouched, bench.now)), Some(Code::AgentTerminated));
    assert_eq!(bench.open_with(&ticket(), None), Err(Code::AgentTerminated));
}

#[test]
fn a_key_that_is_confined_elsewhere_gets_neither_socket_nor_ticket() {
    let mut bench = Bench::running();
    let chat = bench.key_with(1, r#"{"name":"k","allowed_paths":["/v1/chat"]}"#);
    assert_eq!(bench.open_by_key(&chat), Err(Code::PathNotAllowed));
    let tickets = bench.key_with(2, r#"{"name":"k","allowed_paths":["/v1/ws-ticket"]}"#);
    assert!(matches!(bench.make_ticket(&tickets, None, &ticket()), Read::Refused(_)));
}
