//! Looks at everything that can be read, and at D1.

use super::*;
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::name::{Conversation, ConversationKind};
use moltghost_protocol::object::network::{Place, What};
use serde_json::Value;

fn all() -> PageRequest {
    PageRequest { limit: 500, ..PageRequest::default() }
}

fn ids(page: &Value, collection: &str) -> Vec<String> {
    page[collection].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

impl Run {
    fn get(&self, op: NetworkOp) -> Outcome<Value> {
        self.town.ask(ADMIN, op).answer.unwrap().map(|reply| body(reply).1)
    }

    fn place(&self, what: What) -> Outcome<Place> {
        match self.town.ask(ADMIN, NetworkOp::Read(what)).answer.unwrap()? {
            Reply::Read(place) => Ok(*place),
            other => panic!("a place was expected, not {other:?}"),
        }
    }

    /// What is read at a place, as the Worker does it.
    fn read(&self, what: What, ask: impl FnOnce(Option<String>) -> RoomAsk) -> Outcome<Value> {
        let Place { conversation, thread, unopened } = self.place(what)?;
        let answer = self.town.converse(&conversation.unwrap(), &ask(thread)).answer.unwrap();
        match answer {
            Err(error) if error.status == 404 && unopened => Ok(json!({ "messages": [], "threads": [] })),
            other => other,
        }
    }

    fn messages(&self, what: What) -> Outcome<Vec<String>> {
        let read = self.read(what, |thread| RoomAsk::Messages { thread, page: all() });
        read.map(|page| ids(&page, "messages"))
    }

    /// Everything that can be read is as the model says.
    pub(super) fn check(&self) {
        self.town.fail(false);
        self.rooms();
        self.threads();
        self.dms();
        let agents = self.get(NetworkOp::Agents(all())).unwrap();
        let found: Vec<_> = agents["agents"]
            .as_array()
            .unwrap()
            .iter()
            .map(|agent| {
                let rooms = agent["rooms"].as_array().cloned().unwrap_or_default();
                (agent["id"].clone(), rooms, agent.get("actor_uid").is_some())
            })
            .collect();
        let due: Vec<_> = (0..6)
            .map(|n| format!("agent-{n}"))
            .map(|id| (self.model.rooms_of(&id), self.model.agents.contains(&id), id))
            .filter(|(rooms, registered, _)| *registered || !rooms.is_empty())
            .map(|(rooms, registered, id)| {
                (json!(id), rooms.into_iter().map(Value::from).collect(), registered)
            })
            .collect();
        assert_eq!(found, due, "{}", self.at);
        self.town.fail(true);
    }

    fn rooms(&self) {
        let listed = self.get(NetworkOp::Rooms(all())).unwrap();
        let there = || self.model.rooms.iter().filter(|(_, room)| !room.removed);
        assert_eq!(
            ids(&listed, "rooms"),
            there().map(|(id, _)| id.clone()).collect::<Vec<_>>(),
            "{}",
            self.at
        );
        for (document, (id, room)) in listed["rooms"].as_array().unwrap().iter().zip(there()) {
            let members = document["members"].as_array().cloned().unwrap_or_default();
            assert_eq!(Value::from(members), json!(room.members), "{}: {id}", self.at);
            assert_eq!(document["name"], json!(room.name), "{}: {id}", self.at);
            assert_eq!(self.get(NetworkOp::Room(id.clone())).unwrap(), *document);
        }
        for (id, room) in &self.model.rooms {
            let read = self.messages(What::Room(id.clone()));
            if room.removed {
                assert_eq!(read.unwrap_err().status, 404, "{}: {id}", self.at);
                continue;
            }
            let said = self.model.said.get(id).cloned().unwrap_or_default();
            assert_eq!(read.unwrap(), said, "{}: {id}", self.at);
            let threads = self.read(What::Room(id.clone()), |_| RoomAsk::Threads(all())).unwrap();
            let begun =
                |(thread, of): &(&String, &String)| *of == id && self.model.said.contains_key(*thread);
            let due: Vec<_> =
                self.model.threads.iter().filter(begun).map(|(thread, _)| thread.clone()).collect();
            assert_eq!(ids(&threads, "threads"), due, "{}: {id}", self.at);
        }
    }

    fn threads(&self) {
        for (id, room) in &self.model.threads {
            let read = self.messages(What::Thread(id.clone()));
            let document = || self.read(What::Thread(id.clone()), |_| RoomAsk::Thread(id.clone()));
            match self.model.said.get(id).filter(|_| !self.model.rooms[room].removed) {
                Some(said) => {
                    assert_eq!(read.unwrap(), *said, "{}: {id}", self.at);
                    assert_eq!(document().unwrap()["message_count"], json!(said.len()), "{}: {id}", self.at);
                }
                None => match read {
                    // Its room's object was never told that it was made, so nothing was said there.
                    Ok(found) => assert!(found.is_empty(), "{}: {id}", self.at),
                    Err(error) => assert_eq!(error.status, 404, "{}: {id}", self.at),
                },
            }
        }
    }

    fn dms(&self) {
        let listed = self.get(NetworkOp::Dms(all())).unwrap();
        assert_eq!(ids(&listed, "dms"), self.model.dms.keys().cloned().collect::<Vec<_>>(), "{}", self.at);
        for (document, (id, participants)) in listed["dms"].as_array().unwrap().iter().zip(&self.model.dms) {
            assert_eq!(document["participant_ids"], json!(participants), "{}: {id}", self.at);
            let summary = self.read(What::Dm(id.clone()), |_| RoomAsk::Summary {});
            match self.model.said.get(id) {
                Some(said) => {
                    let summary = summary.unwrap();
                    assert_eq!(
                        summary["participant_ids"],
                        json!(self.model.talkers[id]),
                        "{}: {id}",
                        self.at
                    );
                    assert_eq!(summary["message_count"], json!(said.len()), "{}: {id}", self.at);
                    assert_eq!(self.messages(What::Dm(id.clone())).unwrap(), *said, "{}: {id}", self.at);
                }
                None => assert_eq!(summary.unwrap_err().status, 404, "{}: {id}", self.at),
            }
        }
    }

    /// When everybody was told: the directory's list of direct conversations is exact, D1 is what the logs and the
    /// directory say, and the hub has every message once, in order.
    pub(super) fn settled(&self) {
        self.town.fail(false);
        self.town.settle();
        let listed = self.get(NetworkOp::Dms(all())).unwrap();
        for document in listed["dms"].as_array().unwrap() {
            let said = self.model.said.get(document["id"].as_str().unwrap()).map_or(0, Vec::len);
            assert_eq!(document["message_count"], json!(said), "{}", self.at);
        }
        self.directory_in_d1();
        for name in self.town.conversations() {
            self.log_in_d1(&name);
        }
    }

    fn directory_in_d1(&self) {
        let rooms: Vec<_> = self
            .model
            .rooms
            .iter()
            .map(|(id, room)| {
                json!([id, room.name, json!(room.members).to_string(), i64::from(room.removed)]).to_string()
            })
            .collect();
        let query = "SELECT id, name, members, removed_at IS NOT NULL FROM network_room ORDER BY id";
        assert_eq!(self.town.history(query), rooms, "{}", self.at);
        let agents: Vec<_> = self.model.agents.iter().map(|id| json!([id]).to_string()).collect();
        assert_eq!(self.town.history("SELECT id FROM network_agent ORDER BY id"), agents, "{}", self.at);
    }

    fn log_in_d1(&self, name: &Conversation) {
        let at = format!("{}: {name}", self.at);
        let log = "SELECT offset, kind, thread, id, at, body FROM log ORDER BY offset";
        let history = log.replace("FROM log", &format!("FROM history WHERE conversation = '{name}'"));
        let rows = self.town.history(&history);
        assert_eq!(rows, self.town.stored(name, log), "{at}");
        let (mut offsets, mut order) = (Vec::new(), Vec::new());
        let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut last = None;
        for row in &rows {
            let (offset, kind, thread, id, _, body): (u64, String, Option<String>, String, i64, String) =
                serde_json::from_str(row).unwrap();
            if kind.starts_with("room.") {
                last = Some((kind, serde_json::from_str::<Value>(&body).unwrap()));
            } else if kind == "message.created" {
                offsets.push(format!("[{offset}]"));
                let key = thread.filter(|thread| !thread.is_empty()).unwrap_or_else(|| name.id.clone());
                order.push(id.clone());
                messages.entry(key).or_default().push(id);
            }
        }
        let told = format!(
            "SELECT e.body ->> '$.message.id' FROM event e JOIN conversation c ON c.number = e.conversation
             WHERE c.name = '{name}' AND e.kind = 'message.created' ORDER BY e.seq"
        );
        let told: Vec<(String,)> =
            self.town.live(&told).iter().map(|row| serde_json::from_str(row).unwrap()).collect();
        assert_eq!(told.into_iter().map(|(id,)| id).collect::<Vec<_>>(), order, "{at}");
        for (key, found) in messages {
            assert_eq!(Some(&found), self.model.said.get(&key), "{at}: {key}");
        }
        let documents = format!(
            "SELECT offset FROM document WHERE conversation = '{name}'
             AND conversation NOT IN (SELECT conversation FROM removed) ORDER BY offset"
        );
        let found = self.town.search(&documents);
        let room = self.model.rooms.get(&name.id).filter(|_| name.kind == ConversationKind::Room);
        match (room, last) {
            (Some(room), Some((kind, _))) if room.removed => {
                assert_eq!(kind, "room.removed", "{at}");
                assert!(found.is_empty(), "{at}: {found:?}");
            }
            (Some(room), Some((_, document))) => {
                let members = document["members"].as_array().cloned().unwrap_or_default();
                assert_eq!(
                    (document["name"].clone(), Value::from(members)),
                    (json!(room.name), json!(room.members)),
                    "{at}"
                );
                assert_eq!(found, offsets, "{at}");
            }
            _ => assert_eq!(found, offsets, "{at}"),
        }
    }
}
