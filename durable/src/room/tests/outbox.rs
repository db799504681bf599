//! What consumers are told, over the schemas that D1 gets.

use super::super::outbox::{stands, Consumer, Push};
use super::*;
use crate::search::place_word;
use crate::sql::{Sql, Statement};
use moltghost_protocol::object::hub::Stood;

/// A database as D1 has it.
pub(super) struct Copy {
    pub sql: Sqlite,
}

impl Copy {
    pub(super) fn new(migration: &str) -> Self {
        let sql = Sqlite::new();
        sql.script(migration);
        Self { sql }
    }

    pub(super) fn history() -> Self {
        Self::new(include_str!("../../../../migrations/0002_history.sql"))
    }

    pub(super) fn search() -> Self {
        Self::new(include_str!("../../../../migrations/search/0001_search.sql"))
    }

    /// Runs a transaction as D1 does, and answers as it does.
    pub(super) fn batch(&self, statements: &[Statement]) -> String {
        let (last, parameters) = statements.last().unwrap();
        self.sql.batch(statements).unwrap();
        let rows = self.sql.run(last, parameters).unwrap();
        format!("[{{\"offset\":{}}}]", rows[0][0].int())
    }

    fn all(&self, query: &str) -> Vec<String> {
        self.sql.run(query, &[]).unwrap().iter().map(|row| serde_json::to_string(row).unwrap()).collect()
    }
}

impl Scene {
    /// Tells a consumer everything that it lacks, as the alarm does; each transaction is sent `times` times.
    pub(super) fn deliver(&mut self, consumer: Consumer, to: &Copy, times: usize) -> usize {
        let mut transactions = 0;
        while let Some(Push::Entries(statements)) = self.room.due(consumer).unwrap() {
            for _ in 0..times {
                let offset = stands(&to.batch(&statements)).unwrap();
                self.room.told(consumer, offset);
            }
            transactions += 1;
            assert!(transactions < 10_000, "the mark does not move");
        }
        self.room.save_marks().unwrap();
        transactions
    }
}

const HISTORY: &str = "SELECT offset, kind, thread, id, at, body FROM history ORDER BY offset";
const LOG: &str = "SELECT offset, kind, thread, id, at, body FROM log ORDER BY offset";

#[test]
fn the_history_is_the_log_whatever_comes_twice() {
    let (mut scene, d1) = (Scene::room(), Copy::history());
    assert!(scene.room.lags());
    scene.post_all(vec![hi("m1"), in_thread("m2", "t")]);
    assert_eq!(scene.deliver(Consumer::History, &d1, 2), 1);
    scene.room.told(Consumer::Hub, u64::MAX);
    assert!(!scene.room.lags());
    let mut odd = hi("m3");
    odd.message.parts = serde_json::from_str(
        r#"[{"kind":"data","data":{"b":1.50,"a":"é\u0001\"\\/","n":12345678901234567890,"z":[]}},{"kind":"text","text":"'\u2028"}]"#,
    )
    .unwrap();
    scene.post(odd).unwrap();
    // What was told and not marked, as after a crash, comes again.
    let Some(Push::Entries(statements)) = scene.room.due(Consumer::History).unwrap() else { panic!() };
    d1.batch(&statements);
    scene.evict();
    assert_eq!(scene.deliver(Consumer::History, &d1, 1), 1);
    let log: Vec<String> =
        scene.sql.run(LOG, &[]).unwrap().iter().map(|row| serde_json::to_string(row).unwrap()).collect();
    assert_eq!(d1.all(HISTORY), log);
    assert_eq!(d1.all("SELECT message, part, kind FROM artifact"), [r#"["m3",0,"data"]"#]);
    assert_eq!(
        d1.all("SELECT id, sender FROM message WHERE thread = 't'"),
        [r#"["m2","molt://home/agents/alpha"]"#]
    );
}

#[test]
fn transactions_are_cut_at_500_entries_and_at_a_megabyte() {
    let (mut scene, d1) = (Scene::room(), Copy::history());
    scene.post_all((0..1_200).map(|n| hi(&format!("m{n}"))).collect());
    assert_eq!(scene.deliver(Consumer::History, &d1, 1), 3);
    for n in 0..9 {
        let mut post = hi(&format!("large{n}"));
        post.message.parts[0].text = "\"".repeat(120_000);
        scene.post(post).unwrap();
    }
    assert_eq!(scene.deliver(Consumer::History, &d1, 1), 3);
    assert_eq!(d1.all("SELECT count(*), max(offset) FROM history"), ["[1210,1210]"]);
}

#[test]
fn a_database_that_was_emptied_or_brought_back_is_filled_again() {
    let (mut scene, d1) = (Scene::room(), Copy::history());
    scene.post_all((0..600).map(|n| hi(&format!("m{n}"))).collect());
    scene.deliver(Consumer::History, &d1, 1);
    // It is brought back to where it was a while ago; the next message finds out.
    d1.sql.run("DELETE FROM history WHERE offset > 300", &[]).unwrap();
    d1.sql.run("UPDATE history_mark SET offset = 300", &[]).unwrap();
    scene.post(hi("new")).unwrap();
    scene.deliver(Consumer::History, &d1, 1);
    assert_eq!(d1.all("SELECT count(*), max(offset) FROM history"), ["[602,602]"]);
    // It is emptied, and the operator has everything sent again.
    d1.sql.run("DELETE FROM history", &[]).unwrap();
    d1.sql.run("DELETE FROM history_mark", &[]).unwrap();
    scene.ask::<()>(RoomAsk::Reproject).unwrap();
    scene.evict();
    scene.deliver(Consumer::History, &d1, 1);
    assert_eq!(d1.all("SELECT count(*), max(offset) FROM history"), ["[602,602]"]);
    // Sending everything again where nothing is missing costs one transaction.
    scene.ask::<()>(RoomAsk::Reproject).unwrap();
    assert_eq!(scene.deliver(Consumer::History, &d1, 1), 1);
}

fn finds(d1: &Copy, query: &str) -> Vec<String> {
    d1.sql
        .run(
            "SELECT d.conversation || ' ' || d.offset FROM passage p JOIN document d ON d.id = p.rowid
             WHERE passage MATCH ?1 ORDER BY p.rowid DESC",
            &[query.into()],
        )
        .unwrap()
        .iter()
        .map(|row| row[0].text().to_owned())
        .collect()
}

#[test]
fn words_are_found_once_and_only_where_they_were_said() {
    let d1 = Copy::search();
    let mut room = Scene::room();
    room.room.searchable = true;
    let with = |id: &str, parts: &str| {
        let mut post = hi(id);
        post.message.parts = serde_json::from_str(parts).unwrap();
        post
    };
    room.post_all(vec![
        with("m1", r#"[{"kind":"text","text":"The Größe of a fox"},{"kind":"file","filename":"plan.pdf"}]"#),
        with("m2", r#"[{"kind":"data","data":{"fox":1}}]"#),
        with("m3", r#"[{"kind":"text","text":"another fox"}]"#),
    ]);
    room.deliver(Consumer::Search, &d1, 2);
    room.evict();
    room.deliver(Consumer::Search, &d1, 2);
    let mut dm = Scene::dm();
    dm.room.searchable = true;
    let mut post = in_dm(agent("alpha"), "m1", r#"["alpha","beta"]"#);
    post.message.parts[0].text = "a fox in private".into();
    dm.post(post).unwrap();
    dm.deliver(Consumer::Search, &d1, 1);
    assert_eq!(finds(&d1, "\"fox\""), ["dm:home:d1 2", "room:home:general 4", "room:home:general 2"]);
    assert_eq!(finds(&d1, "\"grosse\""), [""; 0]);
    assert_eq!(finds(&d1, "\"größe\""), ["room:home:general 2"]);
    assert_eq!(finds(&d1, "\"plan\""), ["room:home:general 2"]);
    let word = place_word("dm:home:d1");
    assert_eq!(finds(&d1, &format!("words:\"fox\" AND place:{word}")), ["dm:home:d1 2"]);
    assert_eq!(d1.all("SELECT count(*) FROM document"), ["[4]"]);
    room.ask::<()>(RoomAsk::Close { version: 2 }).unwrap();
    room.deliver(Consumer::Search, &d1, 2);
    assert_eq!(d1.all("SELECT * FROM removed"), [r#"["room:home:general"]"#]);
}

#[test]
fn the_directory_is_told_of_direct_conversations_alone() {
    let mut room = Scene::room();
    assert_eq!(room.room.due(Consumer::Network).unwrap(), None);
    let mut dm = Scene::dm();
    dm.post(in_dm(agent("alpha"), "m1", r#"["alpha","beta"]"#)).unwrap();
    let Some(Push::Summary(summary)) = dm.room.due(Consumer::Network).unwrap() else { panic!() };
    assert_eq!((summary.last_offset, summary.message_count, summary.last_message_at), (2, 1, 1_001));
    assert_eq!(summary.participant_ids, ["alpha", "beta"]);
    dm.room.told(Consumer::Network, 2);
    assert_eq!(dm.room.due(Consumer::Network).unwrap(), None);
}

#[test]
fn nothing_is_told_of_what_was_never_opened_or_where_there_is_no_search() {
    let mut scene = Scene::new("room:home:other");
    for consumer in Consumer::ALL {
        assert_eq!(scene.room.due(consumer).unwrap(), None);
    }
    assert!(!scene.room.lags());
    assert_eq!(Scene::room().room.due(Consumer::Search).unwrap(), None);
    assert!(stands("[]").is_err());
}

#[test]
fn a_quiet_hub_is_told_in_one_round_what_the_others_are_told() {
    let mut scene = Scene::room();
    let to_hub = |scene: &mut Scene| -> Value {
        let Some(Push::Hub(message)) = scene.room.due(Consumer::Hub).unwrap() else { panic!() };
        let message: Value = serde_json::from_str(&message).unwrap();
        message["ask"]["Push"]["entries"].clone()
    };
    let to_history = |scene: &mut Scene| -> Value {
        let Some(Push::Entries(statements)) = scene.room.due(Consumer::History).unwrap() else { panic!() };
        serde_json::from_str(statements[0].1[2].text()).unwrap()
    };
    let count = |entries: &Value| entries.as_array().unwrap().len();
    scene.room.hub_stands(Stood::Quiet(1));
    scene.room.told(Consumer::History, 1);
    scene.post(hi("m1")).unwrap();
    scene.room.reads_anew();
    let told = to_hub(&mut scene);
    scene.post(hi("m2")).unwrap();
    assert_eq!((count(&told), to_history(&mut scene)), (1, told));
    // What came meanwhile is for the next round.
    scene.room.reads_anew();
    assert_eq!((count(&to_hub(&mut scene)), count(&to_history(&mut scene))), (2, 2));
}

#[test]
fn the_hub_is_told_from_where_it_stands() {
    let mut scene = Scene::room();
    let told = |scene: &mut Scene| -> Option<Value> {
        let Some(Push::Hub(message)) = scene.room.due(Consumer::Hub).unwrap() else { return None };
        let message: Value = serde_json::from_str(&message).unwrap();
        Some(message["ask"]["Push"].clone())
    };
    let kinds = |push: &Value| {
        let entries = push["entries"].as_array().unwrap().clone();
        entries.iter().map(|entry| (entry[0].as_u64().unwrap(), entry[1].clone())).collect::<Vec<_>>()
    };
    let push = told(&mut scene).unwrap();
    assert_eq!((push["after"].as_u64(), push["standing"].is_null()), (Some(0), true));
    assert_eq!(kinds(&push), [(1, "room.created".into())]);
    scene.room.hub_stands(Stood::At(1));
    assert_eq!(told(&mut scene), None);
    scene.post_all(vec![hi("m1"), hi("m2")]);
    assert_eq!(
        kinds(&told(&mut scene).unwrap()),
        [(2, "message.created".into()), (3, "message.created".into())]
    );
    assert!(!scene.room.hub_is_quiet());
    scene.room.hub_stands(Stood::Quiet(2));
    assert!(scene.room.hub_is_quiet() && scene.room.hub_lags());
    // Somebody begins to follow, and what the hub said before comes after that.
    scene.ask::<()>(RoomAsk::Followed).unwrap();
    assert!(!scene.room.hub_is_quiet() && scene.room.hub_lags());
    scene.room.hub_stands(Stood::Quiet(2));
    assert!(!scene.room.hub_is_quiet());
    scene.room.hub_stands(Stood::Quiet(2));
    assert!(scene.room.hub_is_quiet());
    // It knows less than it said, as after its storage was lost.
    scene.room.hub_stands(Stood::At(0));
    assert_eq!(told(&mut scene).unwrap()["entries"].as_array().unwrap().len(), 3);
    scene.room.hub_stands(Stood::At(3));
    scene.room.save_marks().unwrap();
    scene.evict();
    scene.post(hi("m3")).unwrap();
    assert_eq!(told(&mut scene).unwrap()["after"], 3);
    // It does not know the room at all: it is told what the room was there.
    scene.room.hub_stands(Stood::Unknown);
    let push = told(&mut scene).unwrap();
    let members = push["standing"]["room"]["members"].as_array().unwrap();
    assert_eq!(members.len(), 3);
    scene.room.hub_stands(Stood::At(4));
    assert!(!scene.room.hub_lags());
}
