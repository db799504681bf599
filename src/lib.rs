//! The edge Worker: host → surface → handler. It checks shape and limits, routes and streams, and holds no state but
//! caches that can never make an answer wrong.

mod answer;
mod config;
mod control;
mod cors;
mod endpoint;
mod inside;
mod journal;
mod network;
mod objects;
mod refusals;
mod request;
mod surface;
mod system;

pub(crate) use journal::write as log;
use moltghost_durable::bindings::{entry, now, Failure};
use request::Request;
use wasm_bindgen::prelude::*;

pub use moltghost_durable::account::AccountObject;
pub use moltghost_durable::agent::AgentObject;
pub use moltghost_durable::hub::HubObject;
pub use moltghost_durable::network::NetworkObject;
pub use moltghost_durable::room::RoomObject;

/// How long an entry may take until its run is admitted, the reading of its body included.
const ENTRY_MS: u32 = 120_000;

/// Links the worker crate, whose start function and panic hook bring a trapped instance back.
pub use worker as runtime;

/// Takes a request: the one entry of the Worker.
#[allow(unsafe_code, reason = "written by the macro")]
#[wasm_bindgen]
pub fn fetch(request: &JsValue, env: JsValue, ctx: &JsValue) -> JsValue {
    match enter(request, env, ctx) {
        Ok(promise) => promise,
        Err(failure) => js_sys::Promise::reject(&JsValue::from_str(&failure.0)).into(),
    }
}

fn enter(raw: &JsValue, env: JsValue, ctx: &JsValue) -> Result<JsValue, Failure> {
    let request = Request::new(raw.clone(), env, ctx.clone())?;
    let lines = answer::common(&request.id, request.host());
    entry::guard(raw, ctx, ENTRY_MS, &format!("{lines}cache-control: no-store\n"), async move {
        let begun = now();
        let answer = surface::serve(&request).await;
        if let Some(code) = answer.refusal() {
            refusals::count(&request, code);
        }
        journal::call(&request, answer.status(), now() - begun);
        answer.finish(&request)
    })
}
