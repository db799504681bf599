//! Random operations on a whole network, over lines that lose and repeat, with evictions in between: what can be read
//! is at any time as a few plain maps say, and when all is told, D1 is
//! what the logs fold to, and the hub has every message once.
//!
//! Seeds are fixed; a failure names its seed and step.

mod check;
mod hub;
mod state;
mod town;

use super::{body, ADMIN};
use moltghost_protocol::moltnet::agent::RegisterRequest;
use moltghost_protocol::moltnet::apply::ApplyRequest;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::message::{MessageAccepted, SendRequest};
use moltghost_protocol::moltnet::room::{CreateRoom, UpdateMembers};
use moltghost_protocol::moltnet::token::NewToken;
use moltghost_protocol::name::{Conversation, ConversationKind};
use moltghost_protocol::object::network::{LeaseAsk, NetworkOp, OperatorOp, Reply, Ticket};
use moltghost_protocol::object::read_outcome;
use moltghost_protocol::object::room::{LeasedPost, Post, RoomAsk, REFER};
use serde_json::json;
use state::{Model, Room, To};
use std::collections::{BTreeMap, BTreeSet};
use town::{Sent, Town};

/// The token in whose name messages are sent.
const WRITER: &str = "a-token-that-writes";

const SEEDS: u64 = 12;
const STEPS: u64 = 400;
/// Steps between two looks at everything.
const ROUND: u64 = 25;

/// A message that was let through and is still on its way.
struct Late {
    ticket: Ticket,
    to: To,
    sender: String,
}

struct Run {
    town: Town,
    model: Model,
    late: Vec<Late>,
    messages: u64,
    /// Rooms that were seen to keep a lease, with its key.
    held: BTreeSet<(String, String)>,
    /// Messages that were stored under one.
    leased: u64,
    /// What a failure names.
    at: String,
}

fn status(answer: Outcome<Reply>) -> u16 {
    match answer {
        Ok(Reply::Document { status, .. }) => status,
        Ok(_) => 200,
        Err(error) => error.status,
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        let town = Town::new(seed);
        town.fail(false);
        let scopes = vec!["write".to_owned()];
        let token = NewToken { value: WRITER.to_owned(), scopes, ..NewToken::default() };
        let made = town.ask(ADMIN, NetworkOp::Operator(OperatorOp::PutToken(token)));
        assert_eq!(status(made.answer.unwrap()), 201);
        town.fail(true);
        Self {
            town,
            model: Model::default(),
            late: Vec::new(),
            messages: 0,
            held: BTreeSet::new(),
            leased: 0,
            at: String::new(),
        }
    }

    fn pick(&self, kind: &str, count: u64) -> String {
        format!("{kind}-{}", self.town.dice().below(count))
    }

    fn agents(&self) -> Vec<String> {
        (0..self.town.dice().below(5)).map(|_| self.pick("agent", 6)).collect()
    }

    /// An operator's request. `due` is its status, and changes the model; it is asked if the request arrived.
    fn operate(&mut self, op: NetworkOp, due: impl FnOnce(&mut Model) -> u16) {
        let Sent { arrived, twice, answer } = self.town.ask(ADMIN, op);
        if !arrived {
            return;
        }
        let due = due(&mut self.model);
        if let Some(status) = answer.map(status) {
            // What registers an agent twice finds it registered.
            assert!(
                status == due || (twice && (due, status) == (201, 200)),
                "{}: {status}, not {due}",
                self.at
            );
        }
    }

    fn step(&mut self) {
        self.town.pass();
        let room = self.pick("room", 5);
        match self.town.dice().below(24) {
            0 | 1 => {
                let members = self.agents();
                let request =
                    CreateRoom { id: room.clone(), members: members.clone(), ..CreateRoom::default() };
                self.operate(NetworkOp::CreateRoom(request), |model| {
                    if model.rooms.contains_key(&room) {
                        return 409;
                    }
                    let members = members.into_iter().collect();
                    model.rooms.insert(room.clone(), Room { name: room, members, removed: false });
                    201
                });
            }
            // Seldom, as a removed room never comes back.
            2 if self.town.dice().once_in(6) => self.operate(NetworkOp::RemoveRoom(room.clone()), |model| {
                model.room(&room).map_or(404, |room| {
                    room.removed = true;
                    200
                })
            }),
            3 => {
                let (members, name) = (self.agents(), self.pick("name", 9));
                let applied = CreateRoom {
                    id: room.clone(),
                    name: name.clone(),
                    members: members.clone(),
                    ..CreateRoom::default()
                };
                let request = ApplyRequest { rooms: vec![applied], ..ApplyRequest::default() };
                self.operate(NetworkOp::Apply(request), |model| {
                    let known = model.rooms.entry(room).or_default();
                    if !known.removed {
                        (known.name, known.members) = (name, members.into_iter().collect());
                    }
                    200
                });
            }
            4 | 5 => {
                let change = UpdateMembers { add: self.agents(), remove: self.agents() };
                let op = NetworkOp::UpdateMembers { room: room.clone(), change: change.clone() };
                self.operate(op, |model| {
                    model.room(&room).map_or(404, |room| {
                        room.members.extend(change.add);
                        room.members.retain(|member| !change.remove.contains(member));
                        200
                    })
                });
            }
            6 if self.town.dice().once_in(3) => {
                let id = self.pick("agent", 6);
                let request = RegisterRequest { requested_agent_id: id.clone(), name: String::new() };
                self.operate(
                    NetworkOp::Register(request),
                    |model| {
                        if model.agents.insert(id) {
                            201
                        } else {
                            200
                        }
                    },
                );
            }
            7 => {
                let id = self.pick("agent", 6);
                self.operate(NetworkOp::RemoveAgent(id.clone()), |model| {
                    let known = !model.rooms_of(&id).is_empty() || model.agents.contains(&id);
                    model.agents.remove(&id);
                    for room in model.rooms.values_mut().filter(|room| !room.removed) {
                        room.members.remove(&id);
                    }
                    if known {
                        200
                    } else {
                        404
                    }
                });
            }
            event @ 8..=11 => self.happen(event),
            12 => self.arrive_late(),
            13..=15 => self.say(&To::Dm(self.pick("dm", 3))),
            16..=18 => {
                let thread = self.pick("thread", 5);
                let bound = self.model.threads.get(&thread).filter(|_| !self.town.dice().once_in(6));
                let room = bound.cloned().unwrap_or(room);
                self.say(&To::Thread(thread, room));
            }
            _ => self.say(&To::Room(room)),
        }
    }

    /// What happens by itself: objects vanish, alarms ring.
    fn happen(&mut self, event: u64) {
        match event {
            8 => {
                self.town.evict_directory();
                self.town.evict_hub();
            }
            9 => self
                .town
                .conversations()
                .iter()
                .filter(|_| self.town.dice().once_in(3))
                .for_each(|name| self.town.evict(name)),
            10 => self.town.alarm(),
            _ => {
                for name in self.town.conversations() {
                    self.town.deliver(&name, self.town.dice().once_in(2));
                }
            }
        }
    }

    /// Somebody says something, or much in a row, as those do who get leases.
    fn say(&mut self, to: &To) {
        let sender = self.pick("agent", 6);
        let times = if self.town.dice().once_in(4) { 10 } else { 1 };
        for _ in 0..times {
            self.say_as(&sender, to.clone());
            self.town.pass();
        }
    }

    /// Says something, or the same again.
    fn say_as(&mut self, sender: &str, to: To) {
        let before = self.model.said.get(&to.key()).and_then(|said| said.last());
        let again = before.filter(|_| self.town.dice().once_in(6)).cloned();
        let id = again.unwrap_or_else(|| {
            self.messages += 1;
            format!("m{}", self.messages)
        });
        let request: SendRequest = serde_json::from_value(json!({
            "id": id, "target": to.target(), "from": { "type": "agent", "id": sender },
            "parts": [{ "kind": "text", "text": "hello" }],
        }))
        .unwrap();
        let key = Town::lease_key(WRITER, &request);
        let place = (to.room(), key.clone());
        let was_held = self.held.contains(&place);
        if was_held && self.goes_under_lease(&to, sender, &key, &request) {
            return;
        }
        let used_up = was_held && !self.held.contains(&place);
        let lease = LeaseAsk { key, spent: used_up };
        let sent = self.town.ask_for(WRITER, NetworkOp::Send(Box::new(request)), Some(lease));
        if !sent.arrived {
            return;
        }
        let due = self.model.admit(&to, sender);
        let ticket = match sent.answer {
            None => return,
            Some(Ok(Reply::Ticket(ticket))) => *ticket,
            Some(other) => return assert_eq!(Some(status(other)), due, "{}", self.at),
        };
        assert_eq!(due, None, "{}", self.at);
        if self.town.dice().once_in(8) {
            self.late.push(Late { ticket, to, sender: sender.to_owned() });
            return;
        }
        let Sent { arrived, answer, .. } = self.hand_over(ticket);
        if arrived {
            let due = self.model.store(&to, sender, &id);
            if let Some(status) = answer {
                assert_eq!(status.map_or_else(|error| error.status, |_| 202), due, "{}", self.at);
            }
        }
    }

    /// Takes a message to its room without asking the directory, where the room holds a lease. Answers whether it did,
    /// or may have: then all is as if the directory had been asked.
    fn goes_under_lease(&mut self, to: &To, sender: &str, key: &str, message: &SendRequest) -> bool {
        let room = to.room();
        let name = Conversation { kind: ConversationKind::Room, network: "local".into(), id: room.clone() };
        let ask = RoomAsk::Leased(Box::new(LeasedPost { key: key.to_owned(), message: message.clone() }));
        let Sent { arrived, answer, .. } = self.town.converse_as_text(&name, &ask);
        let Some(answer) = answer else {
            if arrived {
                // Whether it was stored nobody knows: what is asked again has one answer or the other.
                self.unsure(to, sender, &message.id, &name, &ask);
            }
            return true;
        };
        if answer == REFER {
            self.held.remove(&(room, key.to_owned()));
        }
        if answer.starts_with(REFER) {
            return false;
        }
        let due = self.model.admit(to, sender).unwrap_or_else(|| self.model.store(to, sender, &message.id));
        let status = match read_outcome::<Vec<Outcome<MessageAccepted>>>(&answer) {
            Ok(mut stored) => stored.remove(0).map_or_else(|error| error.status, |_| 202),
            Err(error) => error.status,
        };
        assert_eq!(status, due, "{}", self.at);
        self.leased += u64::from(status == 202);
        true
    }

    /// The answer to a message was lost; it is sent again until one comes.
    fn unsure(&mut self, to: &To, sender: &str, id: &str, name: &Conversation, ask: &RoomAsk) {
        self.town.fail(false);
        let answer = self.town.converse_as_text(name, ask).answer.unwrap();
        self.town.fail(true);
        if !answer.starts_with(REFER) {
            let due = self.model.admit(to, sender).unwrap_or_else(|| self.model.store(to, sender, id));
            let stored = read_outcome::<Vec<Outcome<MessageAccepted>>>(&answer).unwrap().remove(0);
            assert_eq!(stored.map_or_else(|error| error.status, |_| 202), due, "{}", self.at);
        }
    }

    /// Takes a message to its conversation.
    fn hand_over(&mut self, ticket: Ticket) -> Sent<Outcome<MessageAccepted>> {
        let post = Post { caller: ticket.caller, message: ticket.message };
        let key = ticket.lease.as_ref().map(|lease| lease.key.clone());
        let ask = RoomAsk::Post { open: ticket.open, posts: vec![post], lease: ticket.lease };
        let Sent { arrived, twice, answer } = self.town.converse_as_text(&ticket.conversation, &ask);
        let answer = answer.map(|text| {
            let kept = text.strip_prefix(REFER);
            if let (Some(_), Some(key)) = (kept, key) {
                self.held.insert((ticket.conversation.id, key));
            }
            read_outcome::<Vec<Outcome<MessageAccepted>>>(kept.unwrap_or(&text)).unwrap().remove(0)
        });
        Sent { arrived, twice, answer }
    }

    /// A message arrives of which the ticket may be out of date. Which state of the room it meets is open, but what it
    /// is told is what happens.
    fn arrive_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let Late { ticket, to, sender } = self.late.remove(0);
        let id = ticket.message.id.clone();
        self.town.fail(false);
        let answer = self.hand_over(ticket).answer.unwrap();
        self.town.fail(true);
        match answer {
            Ok(_) => self.model.keep(&to, &sender, &id),
            Err(error) => assert!(matches!(error.status, 403 | 404), "{}: {error}", self.at),
        }
    }
}

#[test]
fn whatever_is_lost_the_state_is_the_models_and_d1_is_what_the_logs_fold_to() {
    let mut leased = 0;
    for seed in 1..=SEEDS {
        let mut run = Run::new(seed);
        for step in 1..=STEPS {
            run.at = format!("seed {seed}, step {step}");
            run.step();
            if step % ROUND == 0 {
                run.check();
            }
        }
        leased += run.leased;
        run.at = format!("seed {seed}, at the end");
        run.check();
        run.settled();
    }
    assert!(leased > 100, "{leased} messages went under a lease");
}
