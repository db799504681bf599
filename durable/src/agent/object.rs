//! The class that the runtime knows: takes messages to the rules and wakes for what is due.

#![allow(unsafe_code, missing_docs, reason = "written by the wasm-bindgen macro")]

use super::instance::{Asker, Laters, Shared};
use super::sockets::CALLER;
use crate::bindings::sockets::{self, Socket};
use crate::bindings::{entry, object, Failure};
use crate::stream::link;
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::object::write_answer;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

/// Longest time that an alarm takes.
const DEADLINE_MS: u32 = 25_000;

/// The `Agent` Durable Object.
#[wasm_bindgen]
pub struct Agent {
    turns: object::Turns,
    shared: Result<Rc<Shared>, Failure>,
}

#[wasm_bindgen]
impl Agent {
    /// Only reads: an object that is looked at and was never created leaves no trace.
    #[wasm_bindgen(constructor)]
    pub fn new(state: &JsValue, env: &JsValue) -> Self {
        let shared = Shared::open(state, env).map(Rc::new);
        let turns = match shared.clone() {
            Ok(shared) => {
                let _ = shared.laters.set(Laters::new(&shared));
                object::Turns::deferring(move |message, waiting| {
                    shared.handle(&message, || Asker::Message(waiting))
                })
            }
            Err(failure) => object::Turns::new(move |_| {
                let problem = Problem::new(Code::NotConfigured, failure.to_string());
                write_answer::<()>(&Err(problem))
            }),
        };
        Self { turns, shared }
    }

    /// Takes a message from the Worker or from an account, or a socket.
    pub fn fetch(&self, request: &JsValue) -> Result<JsValue, JsValue> {
        if let (Some(who), Ok(shared)) = (sockets::admitted(request), &self.shared) {
            return shared.take_socket(&who).map_err(|failure| JsValue::from_str(&failure.0));
        }
        self.turns.serve(request).map_err(|failure| JsValue::from_str(&failure.0))
    }

    /// Takes a message of a caller, of a connector or of a call.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn web_socket_message(&self, socket: JsValue, message: &JsValue) {
        let socket = Socket(socket);
        let Ok(shared) = &self.shared else { return };
        // Most messages are the tunnel's: of those no more is asked than whose they are.
        if shared.whose(&socket).is_none() && shared.kind(&socket).as_deref() == Some(CALLER) {
            shared.frame(&socket, message);
        } else {
            shared.hear(&socket, sockets::take_bytes(message).as_deref());
        }
    }

    /// A socket has closed.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn web_socket_close(&self, socket: JsValue, code: u16) {
        let socket = Socket(socket);
        if let Ok(shared) = &self.shared {
            if shared.kind(&socket).as_deref() == Some(CALLER) {
                shared.hung_up(&socket);
            } else {
                shared.lose(&socket);
            }
        }
        // Codes that stand for none cannot be sent.
        link::Socket::close(&socket, if matches!(code, 1_005 | 1_006 | 1_015) { 1_000 } else { code }, "");
    }

    /// A socket has broken.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn web_socket_error(&self, socket: JsValue) {
        self.web_socket_close(socket, 1_006);
    }

    /// Charges leases that have ended, probes the pod of an agent that starts, and tells the account and the
    /// provisioner what they do not know yet. A failure is tried again later:
    /// the platform would give up after six times.
    pub fn alarm(&self) -> Result<JsValue, JsValue> {
        let Ok(shared) = self.shared.clone() else { return Ok(JsValue::UNDEFINED) };
        let target = shared.ring();
        let work = async move {
            let notifying = Box::pin(shared.notify());
            entry::together(vec![Box::pin(shared.tell()), Box::pin(shared.probe(target)), notifying]).await;
            Ok(JsValue::UNDEFINED)
        };
        entry::guard(&js_sys::Object::new(), &JsValue::UNDEFINED, DEADLINE_MS, "", work)
            .map_err(|failure| JsValue::from_str(&failure.0))
    }
}
