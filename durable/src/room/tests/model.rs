//! Random operations, evictions, lost answers and failures of D1 against a model in memory.

use super::super::outbox::{Consumer, Push};
use super::outbox::Copy;
use super::*;
use crate::sql::Sql;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Step {
    /// Messages of one commit: id, poster, thread.
    Posts(Vec<(u8, u8, u8)>),
    Members(u8),
    Evict,
    /// The disk fails after so many writes, during these posts.
    Failing(u32, Vec<(u8, u8, u8)>),
    /// Consumers are told; after so many transactions the answers are lost, or D1 fails.
    Deliver {
        transactions: u8,
        lost: bool,
    },
    Rewind,
    Read,
}

fn posts() -> impl Strategy<Value = Vec<(u8, u8, u8)>> {
    prop::collection::vec((0..20u8, 0..3u8, 0..4u8), 1..6)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => posts().prop_map(Step::Posts),
        1 => (0..4u8).prop_map(Step::Members),
        2 => Just(Step::Evict),
        1 => (0..10u32, posts()).prop_map(|(writes, posts)| Step::Failing(writes, posts)),
        2 => (0..3u8, any::<bool>()).prop_map(|(transactions, lost)| Step::Deliver { transactions, lost }),
        1 => Just(Step::Rewind),
        3 => Just(Step::Read),
    ]
}

const AGENTS: [&str; 3] = ["alpha", "beta", "delta"];

/// What a conversation is, in the simplest form.
#[derive(Default)]
struct Model {
    members: Vec<&'static str>,
    /// Id, owner and thread, in order.
    messages: Vec<(String, &'static str, Option<String>)>,
}

impl Model {
    /// Status, and whether a thread began.
    fn post(&mut self, id: &str, agent: &'static str, thread: Option<&str>) -> Result<bool, u16> {
        if !self.members.contains(&agent) {
            return Err(403);
        }
        if let Some((_, owner, _)) = self.messages.iter().find(|(known, ..)| known == id) {
            return if *owner == agent { Ok(false) } else { Err(409) };
        }
        let begins = thread.is_some_and(|thread| self.list(Some(thread)).is_empty());
        self.messages.push((id.to_owned(), agent, thread.map(str::to_owned)));
        Ok(begins)
    }

    fn list(&self, thread: Option<&str>) -> Vec<String> {
        let of = |item: &&(String, &str, Option<String>)| item.2.as_deref() == thread;
        self.messages.iter().filter(of).map(|(id, ..)| id.clone()).collect()
    }
}

fn thread(n: u8) -> Option<String> {
    (n > 0).then(|| format!("t{n}"))
}

fn message(id: u8, poster: u8, thread: Option<String>) -> Post {
    let target = match thread {
        None => r#"{"kind":"room","room_id":"general"}"#.to_owned(),
        Some(thread) => format!(r#"{{"kind":"thread","room_id":"general","thread_id":"{thread}"}}"#),
    };
    let caller = agent(AGENTS[usize::from(poster)]);
    said(
        caller,
        &format!(r#"{{"id":"m{id}","target":{target},"parts":[{{"kind":"text","text":"word{id}"}}]}}"#),
    )
}

fn check(scene: &mut Scene, model: &Model) {
    let mut threads: BTreeMap<String, u64> = BTreeMap::new();
    assert_eq!(scene.ids(None), model.list(None));
    for (_, _, thread) in &model.messages {
        if let Some(thread) = thread {
            *threads.entry(thread.clone()).or_default() += 1;
        }
    }
    let listed: Value = scene.ask(RoomAsk::Threads(newest(100))).unwrap();
    let counts: BTreeMap<String, u64> = listed["threads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t["id"].as_str().unwrap().to_owned(), t["message_count"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, threads);
    for thread in threads.keys() {
        let page = scene.page(Some(thread), newest(100)).unwrap();
        assert_eq!(ids(&page, "messages"), model.list(Some(thread)));
        // Paging forward from the first gives the same.
        let mut seen = vec![model.list(Some(thread))[0].clone()];
        while let Some(next) = {
            let page = scene.page(Some(thread), after(seen.last().unwrap(), 2)).unwrap();
            seen.extend(ids(&page, "messages"));
            page["page"]["next_after"].as_str().map(str::to_owned)
        } {
            assert_eq!(Some(&next), seen.last());
        }
        assert_eq!(seen, model.list(Some(thread)));
    }
}

fn deliver(scene: &mut Scene, copies: &[(Consumer, Copy)], transactions: u8, lost: bool) {
    for (consumer, copy) in copies {
        for _ in 0..transactions {
            let Some(Push::Entries(statements)) = scene.room.due(*consumer).unwrap() else { break };
            let answer = copy.batch(&statements);
            if !lost {
                scene.room.told(*consumer, super::super::outbox::stands(&answer).unwrap());
            }
        }
    }
    if !lost {
        scene.room.save_marks().unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_state_is_the_models_and_the_copies_are_the_logs(steps in prop::collection::vec(step(), 1..40)) {
        let mut scene = Scene::room();
        scene.room.searchable = true;
        let mut model = Model { members: vec!["alpha", "beta"], ..Model::default() };
        let copies = [(Consumer::History, Copy::history()), (Consumer::Search, Copy::search())];
        let mut version = 1;
        for step in steps {
            match step {
                Step::Posts(posts) => {
                    let asked = posts.iter().map(|(id, poster, t)| message(*id, *poster, thread(*t))).collect();
                    let answers = scene.post_all(asked);
                    for ((id, poster, t), answer) in posts.into_iter().zip(answers) {
                        let told = answer.map(|a| a.thread_created).map_err(|e| e.status);
                        let known = model.post(&format!("m{id}"), AGENTS[usize::from(poster)], thread(t).as_deref());
                        prop_assert_eq!(told, known);
                    }
                }
                Step::Failing(writes, posts) => {
                    scene.sql.writes.set(Some(writes));
                    let asked = posts.iter().map(|(id, poster, t)| message(*id, *poster, thread(*t))).collect();
                    let answers = scene.post_all(asked);
                    scene.sql.writes.set(None);
                    scene.evict();
                    for ((id, poster, t), answer) in posts.into_iter().zip(answers) {
                        match answer {
                            Err(error) if error.status == 500 => {}
                            answer => {
                                let agent = AGENTS[usize::from(poster)];
                                let known = model.post(&format!("m{id}"), agent, thread(t).as_deref());
                                prop_assert_eq!(answer.map(|a| a.thread_created).map_err(|e| e.status), known);
                            }
                        }
                    }
                }
                Step::Members(bits) => {
                    version += 1;
                    model.members = AGENTS.into_iter().enumerate().filter(|(n, _)| bits & (1 << n) != 0).map(|(_, a)| a).collect();
                    let members = model.members.clone();
                    scene.ask::<()>(RoomAsk::Configure(Box::new(state(version, &members)))).unwrap();
                }
                Step::Evict => scene.evict(),
                Step::Deliver { transactions, lost } => deliver(&mut scene, &copies, transactions, lost),
                Step::Rewind => scene.ask::<()>(RoomAsk::Reproject).unwrap(),
                Step::Read => check(&mut scene, &model),
            }
        }
        scene.evict();
        check(&mut scene, &model);
        deliver(&mut scene, &copies, 100, false);
        let rows = |sql: &Sqlite, query: &str| sql.run(query, &[]).unwrap();
        prop_assert_eq!(
            rows(&copies[0].1.sql, "SELECT offset, kind, thread, id, at, body FROM history ORDER BY offset"),
            rows(&scene.sql, "SELECT offset, kind, thread, id, at, body FROM log ORDER BY offset")
        );
        prop_assert_eq!(
            rows(&copies[1].1.sql, "SELECT offset FROM document ORDER BY id"),
            rows(&scene.sql, "SELECT offset FROM log WHERE sender IS NOT NULL ORDER BY offset")
        );
        for (id, ..) in &model.messages {
            let word = id.replace('m', "word");
            let found = copies[1].1.sql.run("SELECT rowid FROM passage WHERE passage MATCH ?1", &[word.into()]).unwrap();
            prop_assert_eq!(found.len(), 1);
        }
    }
}
