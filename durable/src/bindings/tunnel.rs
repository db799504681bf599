//! The Worker's way to a pod over its agent's tunnel.

use super::object::Class;
use super::{glue, Failure};
use moltghost_protocol::object::tunnel::Socket;
use wasm_bindgen::JsValue;

/// A tunnel, which requests are sent over as others are fetched.
pub struct Tunnel(pub(super) glue::Tunnel);

impl Tunnel {
    /// The tunnel of an agent, by its object's name, and what it is for.
    ///
    /// # Errors
    /// Never in practice; what JavaScript throws.
    pub fn new(env: &JsValue, name: &str, who: &Socket) -> Result<Self, Failure> {
        let who = serde_json::to_string(who).unwrap_or_default();
        Ok(Self(glue::Tunnel::new(env, Class::Agent.binding(), name, &who)?))
    }
}
