//! The Worker's way to a pod over its agent's tunnel.

use super::object::{Left, Place};
use super::{glue, task, Failure};
use js_sys::Array;
use moltghost_protocol::object::tunnel::Socket;
use std::cell::Cell;
use wasm_bindgen::{JsCast, JsValue};

/// A tunnel, which requests are sent over as others are fetched.
pub struct Tunnel(pub(super) glue::Tunnel);

impl Tunnel {
    /// The tunnel of an agent, by its object's place, and what it is for. A call that was admitted with a socket takes
    /// that.
    ///
    /// # Errors
    /// Never in practice; what JavaScript throws.
    pub fn new(env: &JsValue, agent: &Place, who: &Socket, opened: Option<JsValue>) -> Result<Self, Failure> {
        let who = serde_json::to_string(who).unwrap_or_default();
        let socket = opened.unwrap_or(JsValue::UNDEFINED);
        Ok(Self(glue::Tunnel::new(env, &agent.0, &who, &socket)?))
    }
}

/// The socket that came with a call's admission, until the call takes it. One that is not taken is closed.
#[derive(Default)]
pub struct Opened(Cell<Option<JsValue>>);

impl Opened {
    /// Keeps a socket.
    pub fn keep(&self, socket: JsValue) {
        self.drop_kept();
        self.0.set(Some(socket));
    }

    /// The socket, once.
    pub fn take(&self) -> Option<JsValue> {
        self.0.take()
    }

    /// The call is not made.
    pub fn drop_kept(&self) {
        if let Some(socket) = self.take() {
            let _ = glue::drop_call(&socket);
        }
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.drop_kept();
    }
}

/// Asks an agent's object to run a call, as [`super::object::call_while`] does, and keeps the socket that comes with
/// an admission over its tunnel.
///
/// # Errors
/// Where the object cannot be reached or threw.
pub async fn admit_over(
    request: &JsValue,
    env: &JsValue,
    agent: &Place,
    message: &str,
    left: &Left,
    opened: &Opened,
) -> Result<String, Failure> {
    let asking = glue::admit_over(request, env, &agent.0, message, &left.0)?;
    let answer: Array = task::settled(&asking).await?.unchecked_into();
    let socket = answer.get(1);
    if !socket.is_undefined() {
        opened.keep(socket);
    }
    answer.get(0).as_string().ok_or_else(|| Failure("an object answered without text".to_owned()))
}
