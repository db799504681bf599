//! What earlier versions stored is read by this one, and what they are told they understand.

use super::*;
use crate::sql::column;
use moltghost_protocol::metrics::figures::Figures;
use moltghost_protocol::object::account::{Report, Sums};

/// Brings a database back to an earlier version, which had these tables alone.
fn back(sql: &Sqlite, version: i64, tables: &[&str]) {
    let rows = sql.run("SELECT name FROM sqlite_master WHERE type = 'table'", &[]).unwrap();
    for name in rows.iter().map(|row| column(row, 0).text()) {
        if name != "schema" && !name.starts_with("sqlite_") && !tables.contains(&name) {
            let drop: &'static str = Box::leak(format!("DROP TABLE \"{name}\"").into_boxed_str());
            sql.run(drop, &[]).unwrap();
        }
    }
    sql.run("UPDATE schema SET version = ?1", &[version.into()]).unwrap();
}

#[test]
fn an_account_and_a_register_of_the_first_version_go_on() {
    let deployment = Deployment::with_account();
    deployment.create_agent(1, r#"{"name":"a","alias":"the-one"}"#).unwrap();
    back(&deployment.database("acct:acme"), 1, &["account", "token", "agent"]);
    back(&deployment.database("accounts"), 1, &["listed"]);
    let document: AccountDocument = deployment.operator(AccountOp::Show).unwrap();
    assert_eq!(document.id, acme());
    let found: AgentId = deployment
        .operator(AccountOp::Find { agent: Which::Name("a".to_owned()), role: Role::Viewer })
        .unwrap();
    assert_eq!((found.clone(), deployment.holder("the-one").unwrap()), (AgentId::mint(1), found));
    let sums = || -> Sums {
        deployment.ask(AccountName::Register, &AccountAsk::Register(RegisterOp::Sums)).unwrap()
    };
    assert_eq!(sums().accounts, 1);
    let report = Report {
        agent: AgentId::mint(1),
        state: State::Running,
        events: vec![],
        figures: Figures { requests: 3, ..Figures::default() },
    };
    let told = AccountAsk::Report(Box::new(report));
    deployment.ask::<()>(AccountName::Account(acme()), &told).unwrap();
    deployment.alarm();
    assert_eq!(sums().figures.requests, 3);
}

#[test]
fn sums_of_the_version_before_are_understood() {
    let before = serde_json::json!({ "accounts": 1, "agents": {}, "figures": Figures::default() });
    let sums: Sums = serde_json::from_value(before).unwrap();
    assert!(sums.accounts == 1 && sums.edge.is_empty());
}
