//! Asking the `Network` object and conversations in a caller's name.
//!
//! A request that is wrong by itself is not refused before its caller is known to be let in: who has no business here
//! learns nothing from the order of checks.

use super::leases::Lease;
use super::{counts, credential, page, write};
use crate::answer::Answer;
use crate::request::Request;
use moltghost_durable::bindings::entry::{body, BodyError};
use moltghost_durable::bindings::object::{call, call_referred, Class};
use moltghost_durable::bindings::{random, Failure};
use moltghost_protocol::alphabet::hex;
use moltghost_protocol::moltnet::decode::{decode, MAX_BODY};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::Gate;
use moltghost_protocol::moltnet::message::SendRequest;
use moltghost_protocol::moltnet::page::PageRequest;
use moltghost_protocol::moltnet::settings::Settings;
use moltghost_protocol::name::{self, Conversation};
use moltghost_protocol::object::hub::HubAsk;
use moltghost_protocol::object::network::{LeaseAsk, NetworkAsk, NetworkOp, OperatorOp, Reply};
use moltghost_protocol::object::room::{LeasedPost, RoomAsk, REFER, REFER_ONCE};
use moltghost_protocol::object::{read_outcome, write as written};
use serde::de::DeserializeOwned;

/// A request, and the network that it is for.
pub struct Asking<'a> {
    /// The request.
    pub request: &'a Request,
    /// The network's settings.
    pub settings: &'a Settings,
}

impl Asking<'_> {
    /// Asks the network.
    ///
    /// # Errors
    /// Its refusal; 401 for a header that holds no token, 403 for a cookie that another site sends.
    pub async fn network(&self, op: NetworkOp) -> Outcome<Reply> {
        let credential = credential::of(self.request, self.settings)?;
        self.network_as(credential, op).await
    }

    /// Asks the network with this credential.
    ///
    /// # Errors
    /// Its refusal.
    pub async fn network_as(&self, credential: Option<String>, op: NetworkOp) -> Outcome<Reply> {
        let ask = written(&self.asked(credential, op)?);
        read_outcome(&self.call(Class::Network, &name::network(&self.settings.id), &ask).await?)
    }

    /// Takes a message, which has its id, to its conversation: by way of the network, unless the conversation holds a
    /// lease for it. Answers what the conversation says, or the network's refusal, as text.
    ///
    /// # Errors
    /// As [`Asking::network`]; where an object cannot be reached.
    pub async fn send(&self, message: SendRequest) -> Outcome<String> {
        let credential = credential::of(self.request, self.settings)?;
        let lease = self.lease(credential.as_deref(), &message);
        let (mut message, mut spent) = (message, false);
        if let Some(lease) = lease.as_ref().filter(|lease| lease.is_held()) {
            let ask = RoomAsk::Leased(Box::new(LeasedPost { key: lease.key.clone(), message }));
            let answer = self.call(Class::Room, &lease.conversation, &written(&ask)).await?;
            spent = answer == REFER;
            if spent {
                lease.forget();
            } else if answer != REFER_ONCE {
                return Ok(answer);
            }
            let RoomAsk::Leased(referred) = ask else { return Err(answered_wrongly()) };
            message = referred.message;
        }
        let asked = self.asked(credential, NetworkOp::Send(Box::new(message)))?;
        let may = lease.as_ref().map(|lease| LeaseAsk { key: lease.key.clone(), spent });
        let ask = written(&NetworkAsk { refer: true, lease: may, ..asked });
        let name = name::network(&self.settings.id);
        let answer =
            call_referred(&self.request.env, Class::Network, &name, &ask).await.map_err(unreachable)?;
        match (answer.strip_prefix(REFER), lease) {
            (Some(rest), Some(lease)) => {
                lease.keep();
                Ok(rest.to_owned())
            }
            _ => Ok(answer),
        }
    }

    /// The lease that a room may hold for a message; none for direct conversations.
    fn lease(&self, credential: Option<&str>, message: &SendRequest) -> Option<Lease> {
        let config = self.request.config().ok()?;
        Lease::of(config.pepper().ok()?, &self.settings.id, credential, &client(self.request), message)
    }

    fn asked(&self, credential: Option<String>, op: NetworkOp) -> Outcome<NetworkAsk> {
        let (client, answered) = (client(self.request), counts::take());
        let nonce = nonce(&op)?;
        Ok(NetworkAsk { credential, client, answered, ..NetworkAsk::ours(op, nonce) })
    }

    /// Asks the network for a document.
    ///
    /// # Errors
    /// Its refusal.
    pub async fn document(&self, op: NetworkOp) -> Outcome<Answer> {
        match self.network(op).await? {
            Reply::Document { status, body } => Ok(write::json(status, body)),
            _ => Err(answered_wrongly()),
        }
    }

    /// Asks the hub.
    ///
    /// # Errors
    /// Its refusal.
    pub async fn hub<T: DeserializeOwned>(&self, ask: &HubAsk) -> Outcome<T> {
        read_outcome(&self.call(Class::Hub, &name::hub(&self.settings.id), &written(ask)).await?)
    }

    /// Asks a conversation.
    ///
    /// # Errors
    /// Its refusal.
    pub async fn conversation<T: DeserializeOwned>(&self, name: &Conversation, ask: &RoomAsk) -> Outcome<T> {
        read_outcome(&self.call(Class::Room, &name.to_string(), &written(ask)).await?)
    }

    async fn call(&self, class: Class, name: &str, message: &str) -> Outcome<String> {
        call(&self.request.env, class, name, message).await.map_err(unreachable)
    }

    /// Lets the caller in, or not.
    ///
    /// # Errors
    /// The gate's refusal.
    pub async fn enter(&self, gate: Gate) -> Outcome<()> {
        self.network(NetworkOp::Enter(gate)).await.map(|_| ())
    }

    /// What was read of the request, or what is wrong with it, for callers whom the gate lets in.
    ///
    /// # Errors
    /// The gate's refusal first.
    pub async fn checked<T>(&self, gate: Gate, read: Outcome<T>) -> Outcome<T> {
        if read.is_err() {
            self.enter(gate).await?;
        }
        read
    }

    /// The page that a list is asked for.
    ///
    /// # Errors
    /// As [`Asking::checked`].
    pub async fn page(&self, gate: Gate) -> Outcome<PageRequest> {
        self.checked(gate, page(self.request)).await
    }

    /// The request's body.
    ///
    /// # Errors
    /// As [`Asking::checked`]: 400 for anything but one JSON object of at most 1 MiB.
    pub async fn body<T: DeserializeOwned + Default>(&self, gate: Gate) -> Outcome<T> {
        let bytes = self.bytes().await;
        self.checked(gate, bytes.and_then(|bytes| decode(&bytes))).await
    }

    /// The request's body, which may be empty.
    ///
    /// # Errors
    /// As [`Asking::body`].
    pub async fn body_if_any<T: DeserializeOwned + Default>(&self, gate: Gate) -> Outcome<T> {
        let bytes = self.bytes().await;
        let read = |bytes: Vec<u8>| if bytes.is_empty() { Ok(T::default()) } else { decode(&bytes) };
        self.checked(gate, bytes.and_then(read)).await
    }

    async fn bytes(&self) -> Outcome<Vec<u8>> {
        body(&self.request.raw, &self.request.head, MAX_BODY as u64, false).await.map_err(|error| match error
        {
            BodyError::TooLarge => MoltnetError::bad_request("http: request body too large"),
            BodyError::BadEncoding | BodyError::Cut => MoltnetError::bad_request("unexpected EOF"),
            BodyError::Full => MoltnetError::unavailable("this instance holds as many bodies as it may"),
        })
    }
}

/// 503: an object cannot be reached.
fn unreachable(Failure(why): Failure) -> MoltnetError {
    MoltnetError::unavailable(format!("an object cannot be reached: {why}"))
}

/// 500: the network's object answered something that was not asked for.
pub fn answered_wrongly() -> MoltnetError {
    MoltnetError::internal("the network's object answered something else")
}

/// The caller's address. Only the platform sets this header.
fn client(request: &Request) -> String {
    request.head.header("cf-connecting-ip").unwrap_or("local").to_owned()
}

/// What makes the same request the same, should it reach the object twice.
fn nonce(op: &NetworkOp) -> Outcome<String> {
    let once = matches!(
        op,
        NetworkOp::CreateRoom(_)
            | NetworkOp::Register(_)
            | NetworkOp::Rotate { .. }
            | NetworkOp::RemoveRoom(_)
            | NetworkOp::RemoveAgent(_)
            | NetworkOp::Operator(OperatorOp::RemoveToken(_) | OperatorOp::RemovePairing(_))
    );
    if !once {
        return Ok(String::new());
    }
    let bytes: [u8; 16] = random::bytes().map_err(|Failure(why)| MoltnetError::internal(why))?;
    Ok(hex(&bytes))
}
