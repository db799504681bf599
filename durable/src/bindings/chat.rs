//! A chat that a socket asks for, by way of the Worker: an object waits for no pod itself.

use super::sockets::Socket;
use super::{glue, now, Failure};
use moltghost_protocol::credential::Pepper;
use moltghost_protocol::object::worker::{self, sign, WorkerAsk, HOST, SIGNATURE};
use moltghost_protocol::object::write;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::JsValue;

/// What is told of a chat, by its kind; kinds stand in `chat.js`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The data of an event.
    Event,
    /// Milliseconds after which to try again, if any, a line feed, and the body of an answer that is no stream.
    Refused,
    /// The stream is over.
    End,
    /// The Worker cannot be reached, or broke off.
    Lost,
}

/// Takes what is told of every chat of an object: number, kind, text.
pub struct Ear(Closure<dyn Fn(u32, u32, String)>);

impl Ear {
    /// `tell` is called in turns of its own.
    pub fn new(tell: impl Fn(u64, Kind, &str) + 'static) -> Self {
        Self(Closure::new(move |number: u32, kind: u32, text: String| {
            let kind = match kind {
                0 => Kind::Event,
                1 => Kind::Refused,
                2 => Kind::End,
                _ => Kind::Lost,
            };
            tell(u64::from(number), kind, &text);
        }))
    }
}

/// A chat that goes on. Dropping it does not end it.
pub struct Chat(glue::Chat);

impl Chat {
    /// Begins a chat; what comes of it is told to `ear` under its number.
    ///
    /// # Errors
    /// Where the runtime takes no such request.
    pub fn begin(
        state: &JsValue,
        pepper: &Pepper,
        socket: &Socket,
        (ask, body): (worker::Chat, &str),
        number: u64,
        ear: &Ear,
    ) -> Result<Self, Failure> {
        let message = format!("{}\n{body}", write(&WorkerAsk::Chat(Box::new(ask))));
        let signature = sign(pepper, &message, now());
        let url = format!("https://{HOST}/");
        let number = u32::try_from(number).map_err(|_| Failure("there were too many chats".to_owned()))?;
        let ear = ear.0.as_ref();
        Ok(Self(glue::Chat::new(state, &socket.0, &url, SIGNATURE, &signature, &message, number, ear)?))
    }

    /// Ends it, as a caller does who goes away; nothing more is told of it.
    pub fn end(&self) {
        let _ = self.0.end();
    }
}
