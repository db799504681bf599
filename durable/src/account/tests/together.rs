//! Messages that reach the account while others of its messages wait for another object.

use super::*;
use std::future::poll_fn;

/// Waits once, so that other messages go first.
pub(super) async fn give_way() {
    let mut gave = false;
    poll_fn(|_| if std::mem::replace(&mut gave, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Has the account take messages that all wait for each other's turns; answers what came of each.
fn all_at_once(deployment: &Deployment, asks: Vec<AccountOp>) -> Vec<Answer<serde_json::Value>> {
    let texts: Vec<String> = asks.into_iter().map(|op| write(&AccountAsk::Operator(op))).collect();
    let object = deployment.object(AccountName::Account(acme()));
    let mut waiting: Vec<_> = texts.iter().map(|text| Some(Box::pin(object.handle(text)))).collect();
    let mut answers: Vec<_> = texts.iter().map(|_| None).collect();
    while answers.iter().any(Option::is_none) {
        for (future, answer) in waiting.iter_mut().zip(&mut answers) {
            let Some(running) = future else { continue };
            if let Poll::Ready(text) = running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                *answer = Some(read_answer(&text));
                *future = None;
            }
        }
    }
    answers.into_iter().flatten().collect()
}

#[test]
fn whoever_waits_for_a_creation_that_is_refused_is_answered_for_its_own() {
    let deployment = Deployment::with_account();
    deployment.create_agent(1, r#"{"name":"first","alias":"taken"}"#).unwrap();
    deployment.slow_claims.set(true);
    let same = [
        r#"{"name":"sales","alias":"taken"}"#,
        r#"{"name":"sales","alias":"taken"}"#,
        r#"{"name":"sales","alias":"taken"}"#,
        r#"{"name":"sales","alias":"free"}"#,
        r#"{"name":"sales","alias":"free"}"#,
    ];
    let asks = (10..).zip(same).map(|(id, body)| deployment.creation(id, body)).collect();
    let answers = all_at_once(&deployment, asks);
    let (refused, made) = answers.split_at(3);
    for answer in refused {
        assert_eq!(answer.as_ref().unwrap_err().code, Code::NameTaken);
    }
    let ids: Vec<_> = made.iter().map(id_of).collect();
    assert_eq!(ids.first(), ids.last());
    assert_eq!(made.iter().filter(|answer| answer.as_ref().unwrap()["new"] == true).count(), 1);
    assert_eq!(deployment.holder("free").as_ref().ok(), ids.first());
}

fn id_of(answer: &Answer<serde_json::Value>) -> AgentId {
    AgentId::parse(answer.as_ref().unwrap()["document"]["id"].as_str().unwrap()).unwrap()
}

#[test]
fn a_name_is_nobody_elses_while_the_change_that_gives_it_up_may_be_undone() {
    for alias in ["taken", "free"] {
        let deployment = Deployment::with_account();
        deployment.create_agent(1, r#"{"name":"first","alias":"taken"}"#).unwrap();
        deployment.create_agent(2, r#"{"name":"old"}"#).unwrap();
        deployment.create_agent(3, r#"{"name":"third"}"#).unwrap();
        deployment.slow_claims.set(true);
        let change = |id, body: String| AccountOp::ChangeAgent {
            agent: AgentId::mint(id),
            change: Box::new(Change::parse(body.as_bytes()).unwrap()),
        };
        let asks = vec![
            change(2, format!(r#"{{"name":"new","alias":"{alias}"}}"#)),
            deployment.creation(10, r#"{"name":"old"}"#),
            change(3, r#"{"name":"old"}"#.to_owned()),
        ];
        let answers = all_at_once(&deployment, asks);
        let [changed, created, renamed] = answers.as_slice() else { panic!("three were asked") };
        // Whichever way it goes, one agent has the name and nobody is told of a fault of ours.
        assert_eq!(renamed.as_ref().unwrap_err().code, Code::NameTaken);
        let has_it = if alias == "free" { AgentId::mint(10) } else { AgentId::mint(2) };
        assert_eq!(changed.is_ok(), alias == "free");
        assert_eq!(id_of(created), has_it);
        deployment.slow_claims.set(false);
        let found: Answer<AgentId> =
            deployment.operator(AccountOp::Find { agent: Which::Name("old".to_owned()), role: Role::Viewer });
        assert_eq!(found.unwrap(), has_it);
        let ended: Answer<AgentRecord> = deployment.operator(AccountOp::TerminateAgent(AgentId::mint(2)));
        assert_eq!(ended.unwrap().state, State::Terminated);
    }
}
