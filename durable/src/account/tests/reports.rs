//! What agents tell their account: taken once, in order, shown to who watches, and summed up.

use super::*;
use crate::stream::link::tests::read as read_frames;
use moltghost_protocol::control::event::AgentEvent;
use moltghost_protocol::metrics::figures::Figures;
use moltghost_protocol::object::account::{EdgeReport, Report, Reported, Sums, Watching};
use proptest::prelude::*;

fn figures(requests: u64) -> Figures {
    Figures { requests, prompt_tokens: requests * 2, ..Figures::default() }
}

fn report(agent: u128, seqs: std::ops::RangeInclusive<i64>, requests: u64) -> Report {
    let event =
        |seq| Reported { seq, event: Some((seq, AgentEvent::State { state: State::Running, reason: None })) };
    Report {
        agent: AgentId::mint(agent),
        state: State::Running,
        events: seqs.map(event).collect(),
        figures: figures(requests),
    }
}

impl Deployment {
    fn report(&self, report: Report) {
        self.ask::<()>(AccountName::Account(acme()), &AccountAsk::Report(Box::new(report))).unwrap();
    }

    fn sums(&self) -> Sums {
        self.ask(AccountName::Register, &AccountAsk::Register(RegisterOp::Sums)).unwrap()
    }

    fn frame(&self, socket: &FakeSocket, text: &str) {
        self.object(AccountName::Account(acme())).frame(socket, text);
    }

    fn watch(&self, cursor: &str, ask: &AccountAsk) -> FakeSocket {
        let socket = FakeSocket::default();
        self.sockets.borrow_mut().push(socket.clone());
        self.frame(&socket, &format!("{cursor}\n{}", write(ask)));
        socket
    }

    fn token(&self, seed: u8, expires_at: Option<Millis>) -> (AccountToken, AccountAsk) {
        let id = TokenId::mint(u128::from(seed));
        let token = AccountToken { account: acme(), id: id.clone(), secret: Secret::mint([seed; 32]) };
        let settings = NewToken { name: name_of("t"), role: Role::Viewer, expires_at };
        let hash = SecretHash::of(&token.secret, &self.pepper);
        let op = AccountOp::CreateToken { id: id.clone(), token: settings, hash };
        self.operator::<Created<TokenDocument>>(op).unwrap();
        let ask = AccountAsk::Token { id, token: token.reveal(), op: AccountOp::Watch };
        (token, ask)
    }
}

/// The first frame, as an answer.
fn greeting(socket: &FakeSocket) -> Answer<Watching> {
    read_answer(&socket.0.borrow().sent[0])
}

#[test]
fn what_comes_twice_or_late_is_told_and_counted_once() {
    let d = Deployment::with_account();
    let watcher = d.watch("", &AccountAsk::Operator(AccountOp::Watch));
    for (seqs, requests) in [(1..=2, 5), (1..=2, 5), (1..=3, 7), (2..=3, 6), (4..=4, 7)] {
        d.report(report(1, seqs, requests));
    }
    d.report(report(2, 1..=1, 10));
    let (events, _) = read_frames(&watcher.0.borrow().sent[1..]);
    assert_eq!(events.len(), 5);
    d.alarm();
    d.alarm();
    let sums = d.sums();
    assert_eq!((sums.figures.requests, sums.figures.prompt_tokens), (17, 34));
    assert_eq!(sums.agents.get("running"), Some(&2));
    assert_eq!(sums.accounts, 1);
}

#[test]
fn the_register_learns_what_it_could_not_be_told_before() {
    let d = Deployment::with_account();
    d.report(report(1, 1..=1, 5));
    d.calls.set(Some(0));
    d.alarm();
    assert_eq!(d.alarm.get(), Some(d.now.get() + super::super::saga::RETRY));
    d.calls.set(None);
    d.alarm();
    assert_eq!(d.sums().figures.requests, 5);
}

#[test]
fn only_a_token_of_the_account_opens_a_stream() {
    let d = Deployment::with_account();
    let (token, good) = d.token(1, Some(d.now.get() + 1_000));
    assert_eq!(greeting(&d.watch("", &good)).unwrap().ends, Some(d.now.get() + 1_000));
    let id = &token.id;
    let forged = AccountToken { account: acme(), id: id.clone(), secret: Secret::mint([9; 32]) }.reveal();
    for ask in [
        AccountAsk::Token { id: id.clone(), token: forged, op: AccountOp::Watch },
        AccountAsk::Token { id: TokenId::mint(99), token: "x".into(), op: AccountOp::Watch },
        AccountAsk::Operator(AccountOp::Show),
        AccountAsk::Register(RegisterOp::Sums),
    ] {
        let socket = d.watch("", &ask);
        assert!(greeting(&socket).is_err());
        assert_eq!(socket.0.borrow().closed.as_ref().unwrap().0, 4403);
        assert_eq!(socket.0.borrow().state, None);
    }
    d.now.set(d.now.get() + 1_000);
    assert_eq!(greeting(&d.watch("", &good)).unwrap_err().code, Code::InvalidToken);
}

#[test]
fn a_link_that_breaks_before_any_event_goes_on_where_it_began() {
    let d = Deployment::with_account();
    let operator = AccountAsk::Operator(AccountOp::Watch);
    d.report(report(1, 1..=2, 1));
    let began = greeting(&d.watch("", &operator)).unwrap().cursor;
    d.report(report(1, 3..=4, 2));
    let again = d.watch(&began, &operator);
    assert_eq!(greeting(&again).unwrap().cursor, began);
    assert_eq!(read_frames(&again.0.borrow().sent[1..]).0.len(), 2);
    assert_eq!(greeting(&d.watch("unknown-1", &operator)).unwrap().cursor, "", "a gap comes first");
}

#[test]
fn revoking_a_token_ends_its_streams_and_no_others() {
    let d = Deployment::with_account();
    let ((one, ask), (_, other)) = (d.token(1, None), d.token(2, None));
    let (ends, stays) = (d.watch("", &ask), d.watch("", &other));
    d.operator::<TokenDocument>(AccountOp::RevokeToken(one.id.clone())).unwrap();
    assert_eq!(ends.0.borrow().closed.as_ref().unwrap().0, 4401);
    let last = ends.0.borrow().sent.last().unwrap().clone();
    assert!(last.contains("event: stream.end\ndata: ") && last.contains("invalid_token"), "{last}");
    assert_eq!((stays.0.borrow().closed.clone(), stays.0.borrow().sent.len()), (None, 1));
}

#[test]
fn the_hundred_and_first_stream_is_refused_by_name() {
    let d = Deployment::with_account();
    for n in 0..=100 {
        let opened = greeting(&d.watch("", &AccountAsk::Operator(AccountOp::Watch)));
        assert_eq!(
            opened.err().map(|problem| problem.code),
            if n < 100 { None } else { Some(Code::TooManyStreams) }
        );
    }
}

#[test]
fn frames_that_make_no_sense_close_the_link_and_nothing_else() {
    let d = Deployment::with_account();
    let operator = AccountAsk::Operator(AccountOp::Watch);
    for (greeted, text) in [(true, "x"), (true, ""), (true, "-1"), (false, ""), (false, "x"), (false, "\n{}")]
    {
        let socket = if greeted { d.watch("", &operator) } else { FakeSocket::default() };
        d.frame(&socket, text);
        assert!(socket.0.borrow().closed.is_some(), "{text}");
    }
    d.report(report(1, 1..=1, 1));
}

#[test]
fn an_account_of_the_first_version_takes_reports() {
    let d = Deployment::new();
    let sql = d.database("acct:acme");
    let first = &super::super::schema::ACCOUNT[..1];
    crate::migrate::migrate(&sql, None, first).unwrap();
    sql.run("INSERT INTO account (id, name, created) VALUES ('acme', 'Acme', 1)", &[]).unwrap();
    d.report(report(1, 1..=1, 3));
    d.alarm();
    assert_eq!(d.sums().figures.requests, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Reports of several agents, each told late, twice or in overlapping parts, with alarms and failures in between:
    /// in the end every event is in the log once and in its agent's order, and the sums are exact.
    #[test]
    fn in_the_end_everything_is_known_once(steps in prop::collection::vec((1u128..4, 0i64..3, any::<bool>()), 1..40)) {
        let d = Deployment::with_account();
        let watcher = d.watch("", &AccountAsk::Operator(AccountOp::Watch));
        let mut newest = [0i64; 4];
        for (agent, more, fails) in steps {
            let known = &mut newest[usize::try_from(agent).unwrap()];
            let again = (*known - 1).max(0) + 1;
            *known += more;
            d.report(report(agent, again..=*known, known.unsigned_abs()));
            d.calls.set(fails.then_some(0));
            d.alarm();
            d.calls.set(None);
        }
        d.alarm();
        let total = newest.iter().sum::<i64>().unsigned_abs();
        let (events, _) = read_frames(&watcher.0.borrow().sent[1..]);
        prop_assert_eq!(events.len() as u64, total);
        prop_assert_eq!(d.sums().figures.requests, total);
    }
}

#[test]
fn refusals_at_the_edge_are_added_up_each_report_once() {
    let tell = |deployment: &Deployment, instance: &str, number, count| {
        let refused = [("invalid_api_key".to_owned(), count)].into();
        let report = EdgeReport { instance: instance.to_owned(), number, refused };
        deployment.ask::<()>(AccountName::Register, &AccountAsk::Register(RegisterOp::Edge(report))).unwrap();
    };
    let empty = Deployment::new();
    tell(&empty, "a", 1, 5);
    assert_eq!(empty.sums(), Sums::default(), "a deployment without accounts keeps nothing");
    let deployment = Deployment::with_account();
    for (instance, number, count) in [("a", 1, 5), ("a", 1, 5), ("b", 1, 7), ("a", 2, 1), ("a", 1, 5)] {
        tell(&deployment, instance, number, count);
    }
    assert_eq!(deployment.sums().edge, [("invalid_api_key".to_owned(), 13)].into());
    deployment.now.set(deployment.now.get() + 2 * DAY);
    tell(&deployment, "c", 1, 1);
    tell(&deployment, "b", 2, 1);
    assert_eq!(deployment.sums().edge, [("invalid_api_key".to_owned(), 15)].into());
}
