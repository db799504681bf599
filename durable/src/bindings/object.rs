//! What an object has of the platform: its name, its SQL, its alarm, and other objects.

use super::{glue, now, task, Failure};
use crate::sql::{Sql, SqlError, Value};
use moltghost_protocol::time::Millis;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::JsValue;

/// How far ahead of now an alarm is set at the least, in milliseconds.
const MARGIN: Millis = 10;

/// The storage of the object that this event came to.
#[derive(Clone)]
pub struct Storage(JsValue);

impl Storage {
    /// The storage of an object by its state.
    ///
    /// # Errors
    /// Where the state is not one.
    pub fn of(state: &JsValue) -> Result<Self, Failure> {
        Ok(Self(glue::object_storage(state)?))
    }

    /// Sets the object's one alarm, for some milliseconds from now at the earliest: an alarm may ring a moment before
    /// its time, and one that is set for that same time again while it rings is taken for the one that rang, and lost.
    ///
    /// # Errors
    /// Where the platform refuses; the alarm stands as before then.
    pub fn set_alarm(&self, time: Millis) -> Result<(), Failure> {
        let time = time.max(now() + MARGIN);
        #[allow(clippy::cast_precision_loss, reason = "dates are far below 2^53")]
        let time = time as f64;
        // The promise resolves once the alarm is stored; what is answered afterwards waits for that by itself.
        let _ = glue::set_alarm(&self.0, time)?;
        Ok(())
    }
}

impl Sql for Storage {
    fn run(&self, query: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        let text = serde_json::to_string(parameters).map_err(|error| SqlError(error.to_string()))?;
        let rows = glue::sql_run(&self.0, query, &text).map_err(|error| SqlError(Failure::from(error).0))?;
        serde_json::from_str(&rows).map_err(|error| SqlError(error.to_string()))
    }

    fn finds(&self, query: &str) -> Result<bool, SqlError> {
        glue::sql_finds(&self.0, query).map_err(|error| SqlError(Failure::from(error).0))
    }

    fn apply(&self, statements: &[(&str, Vec<Value>)]) -> (usize, Result<(), SqlError>) {
        let failed = |why: String| (0, Err(SqlError(why)));
        let text = match serde_json::to_string(statements) {
            Ok(text) => text,
            Err(error) => return failed(error.to_string()),
        };
        match glue::sql_apply(&self.0, &text) {
            Ok(told) => {
                let (ran, why) = told.split_once(' ').unwrap_or_default();
                let result = if why.is_empty() { Ok(()) } else { Err(SqlError(why.to_owned())) };
                (ran.parse().unwrap_or(0), result)
            }
            Err(error) => failed(Failure::from(error).0),
        }
    }

    fn size(&self) -> Result<u64, SqlError> {
        let size = glue::sql_size(&self.0).map_err(|error| SqlError(Failure::from(error).0))?;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are below 2^53")]
        let size = size as u64;
        Ok(size)
    }

    fn batch(&self, statements: &[(&str, Vec<Value>)]) -> Result<(), SqlError> {
        let text = serde_json::to_string(statements).map_err(|error| SqlError(error.to_string()))?;
        glue::sql_batch(&self.0, &text).map_err(|error| SqlError(Failure::from(error).0))
    }
}

/// The name that an object was addressed by.
///
/// # Errors
/// Where the state is not one.
pub fn name(state: &JsValue) -> Result<String, Failure> {
    Ok(glue::object_name(state)?)
}

/// The class of an object, by the name of its binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `Account`.
    Account,
    /// `Agent`.
    Agent,
    /// `Hub`.
    Hub,
    /// `Network`.
    Network,
    /// `Room`: rooms and direct conversations.
    Room,
}

impl Class {
    pub(crate) fn binding(self) -> &'static str {
        match self {
            Self::Account => "ACCOUNT",
            Self::Agent => "AGENT",
            Self::Hub => "HUB",
            Self::Network => "NETWORK",
            Self::Room => "ROOM",
        }
    }
}

/// Where an object is: its class and its name, as one text.
#[derive(Debug, Clone)]
pub struct Place(pub(super) String);

impl Place {
    /// The place of an object.
    pub fn of(class: Class, name: &str) -> Self {
        Self([class.binding(), " ", name].concat())
    }

    /// The place, and a message below it.
    pub(super) fn below(&self, message: &str) -> String {
        [&self.0, "\n", message].concat()
    }
}

/// Sends a message to an object and answers with what it said. A message that the runtime knows was not handled is
/// sent again, so every message must be idempotent. Riders that wait for the object go along, one a line.
///
/// # Errors
/// Where the object cannot be reached or threw.
pub async fn call(env: &JsValue, class: Class, name: &str, message: &str) -> Result<String, Failure> {
    call_near(env, class, name, message, None).await
}

/// As [`call`]. Where the object is not there yet, it is made `near` a place on earth, a location hint of the platform.
///
/// # Errors
/// Where the object cannot be reached or threw.
pub async fn call_near(
    env: &JsValue,
    class: Class,
    name: &str,
    message: &str,
    near: Option<&str>,
) -> Result<String, Failure> {
    let object = Place::of(class, name);
    let answer = task::settled(&glue::call_object(env, &object.0, message, near)?).await?;
    answer.as_string().ok_or_else(|| Failure("an object answered without text".to_owned()))
}

/// As [`call`]. Where the answer is a [`referral`], it is what the other object answers.
///
/// # Errors
/// Where an object cannot be reached or threw.
pub async fn call_referred(
    env: &JsValue,
    class: Class,
    name: &str,
    message: &str,
) -> Result<String, Failure> {
    let object = Place::of(class, name);
    let answer = task::settled(&glue::call_referred(env, &object.0, message)?).await?;
    answer.as_string().ok_or_else(|| Failure("an object answered without text".to_owned()))
}

/// An answer that refers to another object: the Worker sends it the message, and what that answers is the answer.
pub fn referral(class: Class, name: &str, message: &str) -> String {
    ["\t", &Place::of(class, name).0, "\t", message].concat()
}

/// What an object is told by the way: a rider, and the message that it goes with where no other is sent soon.
pub struct Left(pub(super) String);

impl Left {
    /// A rider, which is a line of text, and its message.
    pub fn new(rider: &str, alone: &str) -> Self {
        Self([rider, "\n", alone].concat())
    }
}

/// As [`call`], for a caller that may leave while the object lets it wait, which it is told then.
///
/// # Errors
/// Where the object cannot be reached or threw.
pub async fn call_while(
    request: &JsValue,
    env: &JsValue,
    object: &Place,
    message: &str,
    left: &Left,
) -> Result<String, Failure> {
    let answer = task::settled(&glue::call_object_while(request, env, &object.0, message, &left.0)?).await?;
    answer.as_string().ok_or_else(|| Failure("an object answered without text".to_owned()))
}

/// Leaves a rider for the next message to an object; if none comes soon it goes alone. Riders may come twice or never.
///
/// # Errors
/// Where the context is not one; the rider waits for a message then.
pub fn ride(ctx: &JsValue, env: &JsValue, object: &Place, left: &Left) -> Result<(), Failure> {
    Ok(glue::ride(ctx, env, &object.0, &left.0)?)
}

/// Names a message of which the answer comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting(u32);

/// The turns of an object: made once, so that a message costs no more than the call.
pub struct Turns {
    turn: Closure<dyn Fn(String, u32) -> Option<String>>,
}

impl Turns {
    /// `turn` takes the text of a message and gives the text of its answer.
    pub fn new(turn: impl Fn(String) -> String + 'static) -> Self {
        Self { turn: Closure::new(move |message, _| Some(turn(message))) }
    }

    /// As [`Turns::new`], but the turn may give nothing; the message waits then until [`answer`] answers it.
    /// A turn that does so must see to it that this happens whatever comes.
    pub fn deferring(turn: impl Fn(String, Waiting) -> Option<String> + 'static) -> Self {
        Self { turn: Closure::new(move |message, number| turn(message, Waiting(number))) }
    }

    /// The entry of an object: a promise of the response.
    ///
    /// # Errors
    /// Where the value is not a request.
    pub fn serve(&self, request: &JsValue) -> Result<JsValue, Failure> {
        Ok(glue::serve_object(request, self.turn.as_ref())?.into())
    }
}

/// Answers messages that wait, all in one crossing. An answer holds no line feed, which JSON without white space
/// never does; one that did would be cut there.
///
/// # Errors
/// None that is known of; whatever the runtime throws.
pub fn answer(answers: &[(Waiting, String)]) -> Result<(), Failure> {
    let lines: Vec<String> =
        answers.iter().map(|(waiting, answer)| format!("{} {answer}", waiting.0)).collect();
    Ok(glue::answer_later(&lines.join("\n"))?)
}

/// Work that is done in later turns of the event loop, as often as it is asked for.
pub struct Later {
    work: Closure<dyn Fn()>,
}

impl Later {
    /// What is to be done.
    pub fn new(work: impl Fn() + 'static) -> Self {
        Self { work: Closure::new(work) }
    }

    /// Does it after `ms`, in the next turn at the earliest, besides all other times that were set.
    ///
    /// # Errors
    /// Where the runtime has no timers, as outside requests.
    pub fn after(&self, ms: u32) -> Result<(), Failure> {
        Ok(glue::later(self.work.as_ref(), f64::from(ms))?)
    }

    /// Does it in the next turn, for what takes several messages together, by a turn that gives no answer yet; right
    /// after this turn where no other message is expected or on its way.
    ///
    /// # Errors
    /// Where the runtime has no timers, as outside requests.
    pub fn gather(&self, expected: bool) -> Result<(), Failure> {
        Ok(glue::gather(self.work.as_ref(), expected)?)
    }
}

/// Work that is done at one time, which is set, and says itself when it is to be done again.
pub struct Timer {
    work: Closure<dyn Fn() -> f64>,
}

impl Timer {
    /// What is to be done; it answers after how many milliseconds it is to be done again, if at all.
    pub fn new(work: impl Fn() -> Option<u32> + 'static) -> Self {
        Self { work: Closure::new(move || work().map_or(-1.0, f64::from)) }
    }

    /// Does it after `ms`, in a turn of its own, or not at all, in place of what was set before. As long as something is
    /// set the object stays in memory. The work itself must not call this: what it answers takes the place of it.
    ///
    /// # Errors
    /// Where the runtime has no timers, as outside requests.
    pub fn set(&self, ms: Option<u32>) -> Result<(), Failure> {
        Ok(glue::tick(self.work.as_ref(), ms.map_or(-1.0, f64::from))?)
    }
}

/// The message in a request that came to an object.
///
/// # Errors
/// Where its body cannot be read.
pub async fn message(request: &JsValue) -> Result<String, Failure> {
    let text = task::settled(&glue::request_text(request)?).await?;
    Ok(text.as_string().unwrap_or_default())
}
