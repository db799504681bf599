//! What an object asks of the Worker itself: to fetch from a pod, which no object does (it may have only six requests
//! waiting for headers).
//!
//! Such a request comes in by the Worker's one entry, as everybody's does, so it proves where it comes from: by an HMAC
//! over the minute and the body under a key derived from the pepper. Its host is no name that DNS could have, and what is
//! not signed is answered like any host that is not served here.

use crate::alphabet;
use crate::credential::{same_text, Pepper};
use crate::id::AgentId;
use crate::object::agent::{Target, Vouched};
use crate::request_id::RunId;
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// The host of such requests.
pub const HOST: &str = "objects.moltghost.invalid";

/// The header that holds the signature.
pub const SIGNATURE: &str = "x-moltghost-object";

const PURPOSE: &str = "moltghost/object-asks-worker/v1";

/// How long a signature holds, at least; twice that at most.
const WINDOW: Millis = 60_000;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkerAsk {
    /// Is the pod ready, and what does it serve? Answers [`super::agent::ProbeReport`].
    Probe(Box<Target>),
    /// Tell the provisioner. Answers `null` once it has taken the notice.
    Notify(Box<Notice>),
    /// Run a chat that a socket asks for; its body, as `/v1/chat` takes it, follows after a line feed. Answers as
    /// `/v1/chat` does.
    Chat(Box<Chat>),
}

/// A chat that a socket asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chat {
    /// The agent.
    pub agent: AgentId,
    /// The key that the socket was opened with.
    pub vouched: Vouched,
    /// The browser's origin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// The run's id.
    pub run: RunId,
}

/// A message for the provisioner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its place in the agent's outbox.
    pub seq: i64,
    /// Its id, the same in every attempt.
    pub id: String,
    /// Its body.
    pub body: String,
}

/// The signature of a request with this body: `<pepper version>.<minute>.<hmac>`.
pub fn sign(pepper: &Pepper, body: &str, now: Millis) -> String {
    let window = (now / WINDOW).to_string();
    let mac = alphabet::hex(&pepper.derive(PURPOSE, &[&window, body]));
    format!("{}.{window}.{mac}", pepper.version())
}

/// Whether a signature is one of ours for this body, made a short time ago; compares in constant time.
pub fn is_signed(pepper: &Pepper, signature: &str, body: &str, now: Millis) -> bool {
    let mut parts = signature.splitn(3, '.');
    let (Some(version), Some(window), Some(mac)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let recent = window.parse::<Millis>().is_ok_and(|window| (now / WINDOW - window).abs() <= 1);
    let wanted = version.parse().ok().and_then(|v| pepper.derive_with(v, PURPOSE, &[window, body]));
    recent && wanted.is_some_and(|wanted| same_text(&alphabet::hex(&wanted), mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_body_for_a_while_and_under_either_pepper() {
        let old = Pepper::parse("1:an old pepper of length", None).unwrap();
        let both = Pepper::parse("2:a new pepper of length!", Some("1:an old pepper of length")).unwrap();
        let other = Pepper::parse("1:some other pepper here", None).unwrap();
        let now = 1_795_392_000_000;
        let signature = sign(&old, "body", now);
        for later in [-WINDOW, 0, WINDOW] {
            assert!(is_signed(&both, &signature, "body", now + later));
        }
        assert!(!is_signed(&old, &signature, "body", now + 2 * WINDOW));
        assert!(!is_signed(&old, &signature, "body", now - 2 * WINDOW));
        assert!(!is_signed(&old, &signature, "bodx", now));
        assert!(!is_signed(&other, &signature, "body", now));
        for nonsense in ["", ".", "..", "1.x.y", "9.1.2", &signature[..signature.len() - 1]] {
            assert!(!is_signed(&old, nonsense, "body", now));
        }
        let window = now / WINDOW;
        assert!(!is_signed(
            &old,
            &signature.replace(&window.to_string(), &(window + 1).to_string()),
            "body",
            now
        ));
    }
}
