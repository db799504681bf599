//! An endpoint in memory, and the one way in: a message.

use super::availability::Presence;
use super::capabilities::Found;
use super::keys::Key;
use super::links::Links;
use super::notices::Notices;
use super::outbox::Outbox;
use super::permits::Permits;
use super::queue::Queue;
use super::runs::Runs;
use super::schema::STEPS;
use super::start::Starting;
use crate::migrate;
use crate::sql::Sql;
use moltghost_protocol::control::agent::{AgentRecord, Origin, Settings, State};
use moltghost_protocol::credential::{Pepper, SecretHash};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::id::{AccountId, AgentId, KeyId};
use moltghost_protocol::object::agent::{self, Admission, AgentOp};
use moltghost_protocol::object::write_answer;
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::{rfc3339, Millis};
use moltghost_protocol::tunnel::Goodbye;
use serde::Serialize;
use std::collections::HashMap;
use std::rc::Rc;

/// What one event has of the world.
pub struct Turn<'a> {
    /// Now.
    pub now: Millis,
    /// Fresh random bytes for a nonce; `None` where the runtime gives none.
    pub nonce: &'a dyn Fn() -> Option<[u8; 12]>,
}

/// What is in memory once the endpoint exists.
pub(super) struct Loaded {
    pub id: AgentId,
    pub account: AccountId,
    pub settings: Settings,
    /// The values of origin headers as they are stored.
    pub sealed: Option<String>,
    /// Whether they cannot be opened: the pepper that they were sealed under is gone.
    pub lost: bool,
    pub connect: SecretHash,
    pub state: State,
    pub since: Millis,
    pub reason: Option<String>,
    pub created: Millis,
    pub updated: Millis,
    pub keys: HashMap<KeyId, Key>,
    /// Keys whose last use is newer than their row.
    pub used_keys: Vec<KeyId>,
    pub runs: Runs,
    /// What the account is to be told.
    pub outbox: Outbox,
    /// What the provisioner is to be told.
    pub notices: Notices,
    /// The state and reason that the account was told, or is being told.
    pub announced: Option<(State, Option<String>)>,
    pub permits: Permits,
    /// When the last probe was handed out.
    pub probed: Millis,
    /// The probes of the start that goes on.
    pub starting: Starting,
    /// How long the agent usually takes to start.
    pub startup: Option<Millis>,
    /// What the pod serves.
    pub found: Option<Found>,
    /// The links of its tunnel that are up.
    pub links: Rc<dyn Links>,
    /// Whether it is there for its callers.
    pub presence: Presence,
}

/// What comes of a message.
#[derive(Debug)]
pub enum Reply {
    /// The answer.
    Now(String),
    /// The answer comes later, under this run.
    Later(RunId),
}

/// One endpoint.
pub struct Endpoint<S> {
    pub(super) sql: S,
    pub(super) pepper: Pepper,
    pub(super) name: String,
    pub(super) loaded: Option<Loaded>,
    /// Whether the deployment has a provisioner.
    pub(super) provisioned: bool,
    /// When the event came that is being served.
    pub(super) now: Millis,
    pub(super) queue: Queue,
    /// Questions about runs in flight, and until when each waits.
    pub(super) watches: HashMap<RunId, Millis>,
    /// Whether something happened that may end runs in flight.
    pub(super) alarmed: bool,
    /// The same for sockets: keys may have ended, or the agent.
    pub(super) dismisses: bool,
    /// Answers to messages that waited, by run.
    pub(super) decided: Vec<(RunId, String)>,
    pub(super) links: Rc<dyn Links>,
    /// The run that was admitted last, where it goes over the tunnel.
    pub(super) opened: Option<RunId>,
    /// Why all links are to go, and after how many milliseconds at the latest.
    pub(super) farewell: Option<(Goodbye, Millis)>,
}

/// An answer, or why not.
pub(super) type Answer<T> = Result<T, Problem>;

impl<S: Sql> Endpoint<S> {
    /// The endpoint on a database; reads nothing yet. `name` is the object's, which sealed values are bound to; `links`
    /// are those of its tunnel.
    pub fn new(sql: S, pepper: Pepper, name: String, links: Rc<dyn Links>) -> Self {
        Self {
            sql,
            pepper,
            name,
            loaded: None,
            provisioned: false,
            now: 0,
            queue: Queue::default(),
            watches: HashMap::new(),
            alarmed: false,
            dismisses: false,
            decided: Vec::new(),
            links,
            farewell: None,
            opened: None,
        }
    }

    /// The endpoint in a deployment that has a provisioner, or has none.
    #[must_use]
    pub fn provisioned(self, provisioned: bool) -> Self {
        Self { provisioned, ..self }
    }

    /// Takes one message and gives its answer, both as text; a call that waits is answered later, among
    /// [`Endpoint::take_decided`]. Everything that the answer depends on is written before this returns, but for
    /// leases and riding settlements, which [`Endpoint::flush`] writes.
    pub fn handle(&mut self, message: &str, turn: &Turn<'_>) -> Reply {
        self.now = turn.now;
        let (op, settled) = match agent::read(message) {
            Ok(ask) => ask,
            Err(problem) => return Reply::Now(write_answer::<()>(&Err(problem))),
        };
        let ready =
            self.touch().and_then(|()| self.keep_presence(None)).and_then(|()| self.give_up(turn.now));
        if let Err(problem) = ready {
            return Reply::Now(write_answer::<()>(&Err(problem)));
        }
        for settle in settled {
            self.settle(&settle, turn.now);
        }
        // Slots that became free are theirs who waited, before anybody new takes them.
        self.advance(turn.now);
        let reply = self.answer(op, turn);
        self.advance(turn.now);
        if std::mem::take(&mut self.alarmed) {
            self.alert(turn.now);
            self.dismisses = true;
        }
        reply
    }

    fn answer(&mut self, op: AgentOp, turn: &Turn<'_>) -> Reply {
        fn text<T: Serialize>(answer: &Answer<T>) -> String {
            write_answer(answer)
        }
        Reply::Now(match op {
            AgentOp::Admit(ask) => match self.admit(&ask, turn.now) {
                Some(answer) => {
                    self.opened = answer.as_ref().is_ok_and(Admission::opens).then_some(ask.run);
                    text(&answer)
                }
                None => return Reply::Later(ask.run),
            },
            AgentOp::Settle => text(&self.flush(turn.now).map(|_| ())),
            AgentOp::Watch(run) => match self.watch(&run, turn.now) {
                Some(told) => text(&Ok(told)),
                None => return Reply::Later(run),
            },
            AgentOp::Inspect(inspect) => text(&self.inspect(&inspect, turn.now)),
            AgentOp::Health => text(&self.health()),
            AgentOp::Cors(alias) => text(&self.cors(alias.as_ref())),
            AgentOp::Create(create) => text(&self.create(*create, turn)),
            AgentOp::Show => text(&self.record()),
            AgentOp::Usage(range) => text(&self.usage(range, turn.now)),
            AgentOp::Metrics(range) => text(&self.metrics(&range)),
            AgentOp::Change(change) => text(&self.change(*change, turn)),
            AgentOp::Start => text(&self.start(turn)),
            AgentOp::Restart => text(&self.restart(turn)),
            AgentOp::Probed(error) => text(&self.probed(error, turn.now)),
            AgentOp::Reported(report) => text(&self.hear_probe(&report, turn.now)),
            AgentOp::Capable(told) => text(&self.capable(&told, turn.now)),
            AgentOp::Pause => text(&self.pause(turn.now)),
            AgentOp::PauseNow => text(&self.pause_now(turn.now)),
            AgentOp::Terminate => text(&self.terminate(turn.now)),
            AgentOp::ConnectToken { hash, now } => text(&self.change_connect_token(hash, now)),
            AgentOp::Drain { replica, now } => text(&self.drain(&replica, now, turn.now)),
            AgentOp::CreateKey(key) => text(&self.create_key(*key, turn.now)),
            AgentOp::Keys(page) => text(&self.keys(&page, turn.now)),
            AgentOp::RevokeKey(id) => text(&self.revoke_key(&id, turn.now)),
            AgentOp::RevokeByKey { id, secret } => text(&self.revoke_by_key(&id, &secret, turn.now)),
            AgentOp::RotateKey(rotation) => text(&self.rotate_key(*rotation, turn.now)),
        })
    }

    /// Reads the database, loading the endpoint the first time. An object that was never created stays empty.
    pub(super) fn touch(&mut self) -> Answer<()> {
        if self.loaded.is_some() {
            if !self.sql.finds("SELECT 1 FROM agent")? {
                self.loaded = None;
            }
            return Ok(());
        }
        let Some(version) = migrate::version(&self.sql)? else { return Ok(()) };
        migrate::migrate(&self.sql, Some(version), STEPS)?;
        self.load()
    }

    /// The endpoint in memory.
    ///
    /// # Errors
    /// `agent_not_found` where it was never created.
    pub(super) fn existing(&mut self) -> Answer<&mut Loaded> {
        self.loaded.as_mut().ok_or_else(not_found)
    }

    /// The id of the agent; empty where there is none.
    pub fn agent_id(&self) -> String {
        self.loaded.as_ref().map(|loaded| loaded.id.to_string()).unwrap_or_default()
    }

    /// The endpoint as the control API knows it.
    pub(super) fn record(&mut self) -> Answer<AgentRecord> {
        let now = self.now;
        self.existing().map(|loaded| loaded.record(now))
    }

    /// Writes leases, settlements and permits that are only in memory. Answers when the next lease or key ends, or
    /// permits are to be given back, for the alarm.
    ///
    /// # Errors
    /// What the database says; everything stays in memory for the next time then.
    pub fn flush(&mut self, now: Millis) -> Answer<Option<Millis>> {
        let Some(loaded) = &mut self.loaded else { return Ok(None) };
        let mut more = super::keys::unwritten_use(loaded);
        let (permits, renewed) = loaded.permits.renewals(now);
        more.extend(permits);
        let counted = loaded.runs.counted();
        let next = loaded.runs.flush(&self.sql, more)?;
        loaded.permits.stored(renewed);
        if counted {
            loaded.outbox.counted(now);
        }
        let ends = loaded.keys.values().filter_map(|key| key.next_end(now)).min();
        Ok(next.into_iter().chain(loaded.permits.next_rest()).chain(ends).min())
    }

    /// Writes what was counted, whether or not its time has come.
    pub(super) fn flush_metrics(&mut self) -> Answer<()> {
        if let Some(loaded) = &mut self.loaded {
            let (_, result) = self.sql.apply(&loaded.runs.metrics.statements());
            result?;
            loaded.runs.metrics.written();
        }
        Ok(())
    }

    /// Charges the leases that have ended, in full, tells of keys that have, and gives back permits that nobody uses. Answers when to do so
    /// again.
    ///
    /// # Errors
    /// What the database says.
    pub fn alarm(&mut self, now: Millis) -> Answer<Option<Millis>> {
        self.now = now;
        self.touch()?;
        self.keep_presence(None)?;
        self.give_up(now)?;
        if let Some(loaded) = &mut self.loaded {
            loaded.runs.expire(now);
            // What is to be told is told with this alarm.
            loaded.outbox.due = None;
        }
        self.advance(now);
        self.alert(now);
        self.tell_ended_keys(now)?;
        if let Some(loaded) = &mut self.loaded {
            let rest = loaded.permits.rest(now);
            if !rest.is_empty() {
                self.sql.apply(&rest).1?;
            }
        }
        self.flush(now)
    }

    /// When the alarm is to ring at the latest, for whatever comes first.
    pub fn due(&self) -> Option<Millis> {
        let loaded = self.loaded.as_ref()?;
        let rest = loaded.permits.next_rest();
        let told = [self.tell_by(), loaded.notices.due];
        let own = [loaded.start_wake(), loaded.runs.next_end(), rest];
        told.into_iter().chain(own).flatten().min()
    }

    /// Whether something goes on that only the alarm looks after.
    pub fn is_under_way(&self) -> bool {
        self.loaded
            .as_ref()
            .is_some_and(|loaded| loaded.start_wake().is_some() || loaded.notices.due.is_some())
    }

    /// Whether something waits for [`Endpoint::flush`].
    pub fn unwritten(&self) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| {
            loaded.runs.unwritten() || !loaded.used_keys.is_empty() || loaded.permits.unwritten()
        })
    }

    /// When [`Endpoint::tick`] is due, as long as this instance lives: only while messages wait for their answers.
    pub fn next_tick(&self) -> Option<Millis> {
        self.queue.next_end().into_iter().chain(self.next_watch()).min()
    }

    /// Ends waits whose time is up.
    ///
    /// # Errors
    /// What the database says.
    pub fn tick(&mut self, now: Millis) -> Answer<()> {
        self.touch()?;
        self.advance(now);
        self.alert(now);
        Ok(())
    }
}

impl Loaded {
    /// The settings with the values of origin headers left blank.
    pub(super) fn shown_settings(&self) -> Settings {
        let mut settings = self.settings.clone();
        if let Origin::Http { headers, .. } = &mut settings.origin {
            headers.values_mut().for_each(String::clear);
        }
        settings
    }

    fn record(&self, now: Millis) -> AgentRecord {
        AgentRecord {
            links: self.shown_links(now),
            id: self.id.clone(),
            account: self.account.clone(),
            settings: self.shown_settings(),
            state: self.state,
            since: rfc3339(self.since),
            reason: self.reason.clone(),
            created_at: rfc3339(self.created),
            updated_at: rfc3339(self.updated),
        }
    }
}

/// `agent_not_found`, the same for everything that was never there.
pub fn not_found() -> Problem {
    Problem::new(Code::AgentNotFound, "There is no such agent. Check the id or alias in the address.")
}

/// `agent_terminated`.
pub(super) fn terminated() -> Problem {
    Problem::new(Code::AgentTerminated, "This agent was terminated. Its endpoint is gone for good.")
}
