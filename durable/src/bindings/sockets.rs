//! An object's end of its readers' links.

use super::{glue, Failure};
use crate::stream::link;
use wasm_bindgen::JsValue;

/// A WebSocket that outlives the object's sleep.
#[derive(Clone)]
pub struct Socket(pub JsValue);

/// Whether a request asks for a WebSocket.
pub fn is_upgrade(request: &JsValue) -> bool {
    glue::is_upgrade(request).unwrap_or(false)
}

/// Takes a link: the response to the request that asked for it.
///
/// # Errors
/// Where the platform has no socket to give.
pub fn accept(state: &JsValue) -> Result<JsValue, Failure> {
    Ok(glue::accept_socket(state)?)
}

/// The object's open sockets; none where the platform does not tell.
pub fn open(state: &JsValue) -> Vec<Socket> {
    glue::open_sockets(state).map(|sockets| sockets.iter().map(Socket).collect()).unwrap_or_default()
}

impl link::Socket for Socket {
    type Text = JsValue;

    fn text(text: &str) -> JsValue {
        JsValue::from_str(text)
    }

    fn state(&self) -> Option<String> {
        glue::socket_state(&self.0).ok().flatten()
    }

    // A socket that is closed already throws; its reader comes back with the cursor that it saw last.
    fn keep(&self, state: &str) {
        let _ = glue::keep_state(&self.0, state);
    }

    fn send(&self, text: &JsValue) {
        let _ = glue::send_text(&self.0, text);
    }

    fn close(&self, code: u16, reason: &str) {
        let _ = glue::close_socket(&self.0, code, reason);
    }
}
