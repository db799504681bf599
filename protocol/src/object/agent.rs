//! What the Worker asks of an `Agent` object.

mod reading;

pub use reading::{
    Availability, BySource, Health, HealthDetail, Inspect, Inspection, MonthUsage, Read, Reading, Status,
};

use crate::control::agent::{AgentRecord, Change, Settings};
use crate::control::key::{KeyDocument, NewKey};
use crate::control::page::PageRequest;
use crate::credential::SecretHash;
use crate::endpoint::capability::Capabilities;
use crate::endpoint::usage::Usage;
use crate::error::Problem;
use crate::id::{AccountId, AgentId, Alias, KeyId};
use crate::limit::Rate;
use crate::metrics::figures::Ending;
use crate::metrics::range::{MetricsRange, UsageRange};
use crate::request_id::RunId;
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// Reads a message to an `Agent` object: on the first line what is asked, on each further line a [`Settle`] of a run
/// that ended meanwhile and whose settlement rides along. A settlement that cannot be read is left out: the run's
/// lease makes up for it.
///
/// # Errors
/// As [`super::read`].
pub fn read(text: &str) -> Result<(AgentOp, Vec<Settle>), Problem> {
    let mut lines = text.split('\n');
    let op = super::read(lines.next().unwrap_or_default())?;
    Ok((op, lines.filter_map(|line| serde_json::from_str(line).ok()).collect()))
}

/// Writes a settlement as a rider of [`read`].
pub fn rider(settle: &Settle) -> String {
    serde_json::to_string(settle).unwrap_or_default()
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentOp {
    /// May this call run? Answers [`Admission`].
    Admit(Box<Admit>),
    /// Tells, as soon as there is something to tell, whether a run in flight must end. Answers [`Watched`].
    Watch(RunId),
    /// Only the settlements that ride along. Answers `null`.
    Settle,
    /// May this key read? Answers [`Inspection`].
    Inspect(Inspect),
    /// Public health. Answers [`Health`].
    Health,
    /// Which browsers may call? Answers a list of origins.
    Cors(Option<Alias>),
    /// Creates the endpoint; again with the same settings it is the same endpoint. Answers [`AgentRecord`].
    Create(Box<Create>),
    /// Answers [`AgentRecord`].
    Show,
    /// Answers [`crate::metrics::range::UsageDocument`].
    Usage(UsageRange),
    /// Answers [`crate::metrics::range::MetricsDocument`].
    Metrics(MetricsRange),
    /// Changes settings. Answers [`AgentRecord`].
    Change(Box<Change>),
    /// Asks it to run. Answers [`Started`].
    Start,
    /// Asks it to start anew. Answers [`Started`].
    Restart,
    /// Tells how a probe of the pod went: `None` for good. Answers [`AgentRecord`].
    Probed(Option<String>),
    /// Tells what a probe of the pod came to. Answers [`AgentRecord`].
    Reported(Box<ProbeReport>),
    /// Tells what the pod serves. Answers `null`.
    Capable(Box<Capable>),
    /// Stops serving. Answers [`AgentRecord`].
    Pause,
    /// The same, and tells runs in flight to end. Answers [`AgentRecord`].
    PauseNow,
    /// Ends it for ever. Answers [`AgentRecord`].
    Terminate,
    /// Gives it another connect token; links of the old one end, at once where `now`. Answers [`AgentRecord`].
    ConnectToken {
        /// Hash of the new token.
        hash: SecretHash,
        /// Whether streams in flight are ended, too.
        now: bool,
    },
    /// Sends a replica's links away, which end what they have, or nothing where `now`. Answers [`AgentRecord`].
    Drain {
        /// The replica.
        replica: String,
        /// Whether streams in flight are ended, too.
        now: bool,
    },
    /// Creates a key; the same id again with the same name is the same key. Answers [`KeyDocument`].
    CreateKey(Box<CreateKey>),
    /// Answers a list of [`KeyDocument`].
    Keys(PageRequest),
    /// Gives a key a new secret; the same rotation again is the same. Answers [`KeyDocument`].
    RotateKey(Box<RotateKey>),
    /// Revokes a key by id. Answers [`KeyDocument`].
    RevokeKey(KeyId),
    /// Revokes a key by itself. Answers [`KeyDocument`].
    RevokeByKey {
        /// Id of the key.
        id: KeyId,
        /// Its secret.
        secret: String,
    },
}

/// `POST /agents`, as the account's object hands it on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// The agent's id.
    pub id: AgentId,
    /// The account.
    pub account: AccountId,
    /// Settings.
    pub settings: Settings,
    /// Hash of the connect token.
    pub connect: SecretHash,
}

/// What a pod serves, as a probe found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capable {
    /// Base URL of the origin that was asked: another one may have been set meanwhile.
    pub url: String,
    /// What it serves.
    pub capabilities: Capabilities,
}

/// What a probe of a pod came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeReport {
    /// Base URL of the origin that was asked: another one may have been set meanwhile.
    pub url: String,
    /// Why the pod is not ready; `None` where it is.
    pub error: Option<String>,
    /// What it serves, where it is ready.
    pub capabilities: Capabilities,
}

/// A new key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateKey {
    /// Its public id.
    pub id: KeyId,
    /// Its settings.
    pub key: NewKey,
    /// Its hash.
    pub hash: SecretHash,
}

/// A new secret of a key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RotateKey {
    /// Which key.
    pub id: KeyId,
    /// The hash of the new secret.
    pub hash: SecretHash,
    /// The rotation's id, if it has one.
    pub rotation: Option<String>,
    /// How long the old secret stays valid, in seconds.
    pub grace_seconds: u32,
}

/// A key as it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presented {
    /// The account in the key.
    pub account: AccountId,
    /// The key's public id.
    pub id: KeyId,
    /// The key as it was written; hashed by the object, never stored.
    pub key: String,
}

/// Asks to run a call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Admit {
    /// Made by the Worker: admitting the same run again is the same admission.
    pub run: RunId,
    /// The key; `None` where it is missing or cannot be one, which still ends in 410 on a terminated agent.
    pub key: Option<Presented>,
    /// The alias in the host, if that is what stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Alias>,
    /// The browser's origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// The route, as [`crate::endpoint::route::Route::pattern`] writes it; empty in messages of the first version.
    #[serde(default)]
    pub path: String,
    /// Whether the path is one of the documented ones (`/v1/chat`), which answer 202 while the agent starts.
    pub documented: bool,
    /// Bytes of the body, as far as they were read.
    pub body_bytes: u64,
    /// Why the body cannot be used, said only once everything before it was right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_problem: Option<Problem>,
    /// Tokens to reserve: the prompt's estimate and what may be answered.
    pub reserve: u64,
    /// Wall time asked for, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The key of a run that a socket asks for, in the place of `key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched: Option<Vouched>,
}

/// A key that was presented when a socket was opened: the object knows it by its own mark and keeps no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouched {
    /// The account in the key.
    pub account: AccountId,
    /// The key's public id.
    pub id: KeyId,
    /// Which of the key's secrets it was: the beginning of its hash. A rotation makes another one.
    pub mark: String,
}

/// Asks to open a socket of `/ws`; comes with the upgrade itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgrade {
    /// The key, unless there is a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Presented>,
    /// The ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// The alias in the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Alias>,
    /// The browser's origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
}

/// Whether a call may run.
#[derive(Debug, Serialize, Deserialize)]
pub struct Admission {
    /// Origins of browsers that may read the answer.
    pub cors: Vec<String>,
    /// The pod to call, or why not.
    pub outcome: Outcome,
    /// What is left of the request limit; `None` where no key was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The pod to probe, where the agent starts and no probe was made for a while, or where what the pod serves is not
    /// known or was found out long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Box<Target>>,
}

impl Admission {
    /// Whether the call may be made, over the agent's tunnel.
    pub fn opens(&self) -> bool {
        matches!(&self.outcome, Outcome::Run(target) if target.tunnel().is_some())
    }
}

/// The outcome of asking.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Call the pod.
    Run(Box<Target>),
    /// The agent starts: 202 on documented paths.
    Starting {
        /// Seconds after which to try again.
        retry_after: u32,
    },
    /// Refused.
    Refused(Problem),
}

/// What there is to tell of a run in flight. `exchange.js` knows these forms.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// Nothing yet: ask again.
    Again,
    /// It was settled.
    Done,
    /// It must end now, and why.
    Ended(Problem),
}

/// Where and how to call the pod.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// Base URL of the origin.
    pub url: String,
    /// Header lines of the origin: `name: value\n` each.
    pub headers: String,
    /// Names of the caller's headers to pass on besides the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forward: Vec<String>,
    /// The model that a request without one gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The models that may be asked for; empty for all that the pod has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// What the pod serves, as far as it is known.
    #[serde(default)]
    pub capabilities: Capabilities,
    /// Whether a plain answer may begin with white space while the pod still works on it.
    #[serde(default)]
    pub early_headers: bool,
    /// Wall time left, in milliseconds.
    pub timeout_ms: u64,
}

/// A run that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    /// Which.
    pub run: RunId,
    /// What it used; `None` for a run of which nothing is known to have reached the pod: no tokens count.
    pub usage: Option<Usage>,
    /// How it ended, as its caller saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// Milliseconds from admission to the last byte of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<u64>,
    /// Milliseconds from admission to the first piece of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
    /// Whether the pod was certainly not asked: the permit is given back, and a run that still waits for admission
    /// leaves the queue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsent: bool,
}

impl Settle {
    /// A run that ended with what it used, where nothing else is known.
    pub fn new(run: RunId, usage: Option<Usage>) -> Self {
        Self { run, usage, ending: None, latency_ms: None, first_token_ms: None, unsent: false }
    }

    /// A run whose pod was certainly not asked.
    pub fn unsent(run: RunId) -> Self {
        Self { unsent: true, ..Self::new(run, None) }
    }
}

/// The answer to `start`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Started {
    /// The agent.
    pub record: AgentRecord,
    /// The pod to probe, if the agent is not running yet and the Worker can reach it.
    pub probe: Option<Target>,
}

/// A run's lease: until when its slot and reservation are held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The run.
    pub run: RunId,
    /// The key that it runs on.
    pub key: KeyId,
    /// When it was admitted.
    pub admitted: Millis,
    /// When the lease ends and the run is charged in full.
    pub until: Millis,
    /// Tokens reserved.
    pub reserved: u64,
}

/// The list answer of [`AgentOp::Keys`].
pub type KeyList = Vec<KeyDocument>;
