//! Carries what consumers lack to them, from the object's alarm. A consumer that fails is tried again later, more and
//! more seldom, and holds up no other.

use super::object::Shared;
use super::outbox::{stands, Consumer, Push};
use crate::bindings::d1::{self, Database};
use crate::bindings::object::{call, Class};
use crate::bindings::{entry, now, task, Failure};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::name;
use moltghost_protocol::object::hub::Stood;
use moltghost_protocol::object::network::{NetworkAsk, NetworkOp, Reply};
use moltghost_protocol::object::room::DmSummary;
use moltghost_protocol::object::{read_outcome, write};
use moltghost_protocol::time::Millis;
use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use wasm_bindgen::JsValue;

/// How long entries wait for more to go along, and how long at least where consumers have been told just before.
const GATHER_MS: Millis = 500;
const PACE_MS: Millis = 1_000;

/// How long is waited after a failure: this, doubled with every further one, up to the second.
const RETRY_MS: Millis = 1_000;
const MAX_RETRY_MS: Millis = 30_000;

/// Longest time of one alarm. What is left then is for the next.
const ALARM_MS: u32 = 30_000;
const WORK_MS: Millis = 20_000;

/// How long entries wait for more where nobody followed the last time, and how long at most where the hub has been told
/// just before: until then the alarm has most likely told it along with the others. The hub cuts the second short when
/// somebody begins to follow.
const QUIET_MS: Millis = 50;
const QUIET_PACE_MS: Millis = 1_500;

/// Longest time that one task tells the hub; one that has not come back by then is given up.
const PUSH_MS: Millis = 30_000;

/// When the alarm rings, as far as this instance knows.
#[derive(Default)]
pub(super) struct Deliver {
    alarm: Cell<Option<Millis>>,
    /// Nothing is tried before this.
    not_before: Cell<Millis>,
    failures: Cell<u32>,
    /// Whether the alarm is telling consumers, and so does not ring again before it has.
    telling: Cell<bool>,
    /// When it has last.
    told: Cell<Millis>,
    /// When the hub was told last.
    pushed: Cell<Millis>,
    /// Until when a task waits before it tells the hub.
    gathering: Cell<Option<Millis>>,
    /// Since when the hub is being told.
    pushing: Cell<Option<Millis>>,
}

/// `work` under a deadline.
pub(super) fn guarded(
    work: impl Future<Output = Result<JsValue, Failure>> + 'static,
) -> Result<JsValue, Failure> {
    entry::guard(&js_sys::Object::new(), &JsValue::UNDEFINED, ALARM_MS, "", work)
}

impl Deliver {
    /// Sees to it that the alarm rings where any consumer lacks anything.
    pub(super) fn soon(&self, shared: &Shared) {
        if !shared.room.borrow().lags() {
            return;
        }
        let now = now();
        // A clock that was set back does not put it off.
        let paced = (self.told.get() + PACE_MS).min(now + PACE_MS);
        let time = (now + GATHER_MS).max(paced).max(self.not_before.get());
        if self.alarm.get().is_some_and(|set| set <= time) {
            return;
        }
        match shared.storage.set_alarm(time) {
            Ok(()) => self.alarm.set(Some(time)),
            Err(failure) => entry::log("alarm_unset", &failure.to_string()),
        }
    }

    /// Tells the hub now; or in a moment, if the alarm does not, where nobody followed the last time and messages are all
    /// that it lacks.
    pub(super) fn push(shared: &Rc<Shared>) {
        if !shared.room.borrow().hub_is_quiet() {
            Self::push_now(shared);
            return;
        }
        let now = now();
        if shared.deliver.is_gathering(now) || !shared.room.borrow().hub_lags() {
            return;
        }
        let this = &shared.deliver;
        let pushed = this.pushed.get();
        let time = (pushed + QUIET_PACE_MS).min(now + QUIET_PACE_MS).max(now + QUIET_MS);
        // An alarm that should have rung is not relied on.
        if !this.telling.get() && this.alarm.get().is_some_and(|rings| rings > now && rings <= time) {
            return;
        }
        this.gathering.set(Some(time));
        let shared = Rc::clone(shared);
        task::soon(async move {
            let _ = entry::sleep(u32::try_from(time - now).unwrap_or_default()).await;
            let this = &shared.deliver;
            this.gathering.set(None);
            if this.pushed.get() == pushed {
                Self::push_now(&shared);
            } else {
                Self::push(&shared);
            }
        });
    }

    /// Tells the hub. It is told by one task at a time, which sees to what comes meanwhile; the alarm is there for when
    /// it fails.
    fn push_now(shared: &Rc<Shared>) {
        let now = now();
        if shared.deliver.is_pushing(now) || !shared.room.borrow().hub_lags() {
            return;
        }
        shared.deliver.pushing.set(Some(now));
        shared.deliver.pushed.set(now);
        let shared = Rc::clone(shared);
        task::soon(async move {
            let last = shared.room.borrow().last();
            let told = tell(&shared, Consumer::Hub, last, now + PUSH_MS).await;
            if shared.deliver.pushing.get() == Some(now) {
                shared.deliver.pushing.set(None);
            }
            match told {
                // What came meanwhile.
                Ok(()) => Self::push(&shared),
                Err(error) => entry::log("hub_behind", &error.to_string()),
            }
        });
    }

    fn is_pushing(&self, now: Millis) -> bool {
        self.pushing.get().is_some_and(|since| now < since + PUSH_MS)
    }

    /// A task that has not come back long after its time is given up.
    fn is_gathering(&self, now: Millis) -> bool {
        self.gathering.get().is_some_and(|until| now < until + PUSH_MS)
    }

    /// Tells every consumer what it lacks. Never fails: the platform would give up after six times.
    pub(super) async fn run(shared: &Shared) {
        let this = &shared.deliver;
        this.alarm.set(None);
        this.telling.set(true);
        let until = now() + WORK_MS;
        let mut failed = false;
        shared.room.borrow_mut().reads_anew();
        let last = shared.room.borrow().last();
        for consumer in Consumer::ALL {
            if consumer == Consumer::Hub {
                if this.is_pushing(now()) || !shared.room.borrow().hub_lags() {
                    continue;
                }
                this.pushed.set(now());
            }
            if let Err(error) = tell(shared, consumer, last, until).await {
                entry::log("consumer_behind", &format!("{consumer:?}: {error}"));
                failed = true;
            }
        }
        if let Err(error) = shared.room.borrow_mut().save_marks() {
            entry::log("marks_unsaved", &error.to_string());
        }
        let failures = if failed { this.failures.get().saturating_add(1) } else { 0 };
        this.failures.set(failures);
        let wait = if failed { (RETRY_MS << failures.min(5)).min(MAX_RETRY_MS) } else { 0 };
        let now = now();
        this.told.set(now);
        this.telling.set(false);
        this.not_before.set(now + wait);
        this.soon(shared);
    }
}

/// Tells a consumer what it lacks up to `last`. What came after that goes along where somebody follows, and else gathers
/// for the next time: each batch costs its receiver a commit.
async fn tell(shared: &Shared, consumer: Consumer, last: u64, until: Millis) -> Outcome<()> {
    while now() < until {
        let gathers = consumer != Consumer::Hub || shared.room.borrow().hub_is_quiet();
        if gathers && shared.room.borrow().has_told(consumer, last) {
            break;
        }
        let Some(push) = shared.room.borrow_mut().due(consumer)? else { break };
        let offset = match push {
            Push::Hub(message) => {
                let stood = tell_hub(shared, &message).await?;
                shared.room.borrow_mut().hub_stands(stood);
                continue;
            }
            Push::Summary(summary) => inform(shared, summary).await?,
            Push::Entries(statements) => {
                let database = match consumer {
                    Consumer::Search => Database::Search,
                    _ => Database::History,
                };
                let answer = d1::batch(&shared.env, database, &statements).await;
                stands(&answer.map_err(|failure| MoltnetError::unavailable(failure.0))?)?
            }
        };
        shared.room.borrow_mut().told(consumer, offset);
    }
    Ok(())
}

/// Tells the hub; answers how far it knows the conversation.
async fn tell_hub(shared: &Shared, message: &str) -> Outcome<Stood> {
    let name = name::hub(&shared.room.borrow().name.network);
    let answer = call(&shared.env, Class::Hub, &name, message).await;
    read_outcome(&answer.map_err(|failure| MoltnetError::unavailable(failure.0))?)
}

/// Tells the directory; answers the offset that it knows of now.
async fn inform(shared: &Shared, summary: DmSummary) -> Outcome<u64> {
    let name = name::network(&shared.room.borrow().name.network);
    let offset = summary.last_offset;
    let op = NetworkOp::DmSummary(summary);
    let ask = NetworkAsk::ours(op, String::new());
    let answer = call(&shared.env, Class::Network, &name, &write(&ask)).await;
    read_outcome::<Reply>(&answer.map_err(|failure| MoltnetError::unavailable(failure.0))?)?;
    Ok(offset)
}
