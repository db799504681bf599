//! The edge Worker: host → surface → handler. It checks shape and limits, routes and streams, and holds no state but
//! caches that can never make an answer wrong.

mod answer;
mod config;
mod control;
mod cors;
mod endpoint;
mod objects;
mod request;
mod surface;
mod system;

use moltghost_durable::bindings::{entry, Failure};
use request::Request;
use wasm_bindgen::prelude::*;

pub use moltghost_durable::account::AccountObject;
pub use moltghost_durable::agent::AgentObject;

/// Links the worker crate, whose start function and panic hook bring a trapped instance back.
pub use worker as runtime;

/// Takes a request: the one entry of the Worker.
#[allow(unsafe_code, reason = "written by the macro")]
#[wasm_bindgen]
pub fn fetch(request: JsValue, env: JsValue, ctx: &JsValue) -> JsValue {
    match enter(request, env, ctx) {
        Ok(promise) => promise,
        Err(failure) => js_sys::Promise::reject(&JsValue::from_str(&failure.0)).into(),
    }
}

fn enter(raw: JsValue, env: JsValue, ctx: &JsValue) -> Result<JsValue, Failure> {
    let request = Request::new(raw, env, ctx.clone())?;
    let deadline = std::rc::Rc::clone(&request.deadline);
    deadline.guard(ctx, async move {
        let answer = surface::serve(&request).await;
        answer.finish(&request)
    })
}

/// Writes one line of the structured log.
pub(crate) fn log(event: &str, request: &Request, detail: &str) {
    let line = serde_json::json!({ "event": event, "request_id": request.id, "detail": detail });
    entry::log(&line.to_string());
}
