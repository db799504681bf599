//! Our own bindings to JavaScript: the one place with `unsafe` code (the macro's), and the one place where an
//! exception can come from.
//!
//! Every extern in [`glue`] has `catch`. Without it an exception would fly through the Wasm frames, run no
//! destructor and leave a task that never ends: the request would hang for ever. A test reads the built glue and
//! fails on an import of ours that is not caught.

pub mod assets;
pub mod chat;
pub mod d1;
pub mod entry;
pub mod exchange;
pub mod glue;
pub mod inquiry;
mod lines;
pub mod link;
pub mod object;
pub mod random;
pub mod sockets;
pub mod task;
pub mod tunnel;
pub mod worker;

use wasm_bindgen::JsValue;

/// Something that JavaScript threw or rejected with, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure(pub String);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl From<JsValue> for Failure {
    fn from(value: JsValue) -> Self {
        Self(
            value
                .as_string()
                .or_else(|| js_sys::Reflect::get(&value, &"message".into()).ok()?.as_string())
                .unwrap_or_else(|| "JavaScript threw something that is not an error".to_owned()),
        )
    }
}

/// Milliseconds since 1970, as far as the runtime lets time go on within one event.
pub fn now() -> moltghost_protocol::time::Millis {
    #[allow(clippy::cast_possible_truncation, reason = "dates are whole numbers far below 2^53")]
    let now = js_sys::Date::now() as i64;
    now
}
