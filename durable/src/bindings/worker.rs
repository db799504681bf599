//! The Worker itself, as its objects reach it: for what an object must not do, such as a fetch that waits for a pod.

use super::{glue, now, task, Failure};
use moltghost_protocol::credential::Pepper;
use moltghost_protocol::object::worker::{sign, WorkerAsk, HOST, SIGNATURE};
use moltghost_protocol::object::write;
use wasm_bindgen::JsValue;

/// Longest time that an answer takes, in milliseconds.
const TIMEOUT_MS: u32 = 20_000;

/// Asks the Worker that the object of this state belongs to, and answers with what it said.
///
/// # Errors
/// Where it cannot be reached, did not answer in time, or refused.
pub async fn ask(state: &JsValue, pepper: &Pepper, ask: &WorkerAsk) -> Result<String, Failure> {
    let body = write(ask);
    let signature = sign(pepper, &body, now());
    let url = format!("https://{HOST}/");
    let asked = glue::ask_worker(state, &url, SIGNATURE, &signature, &body, TIMEOUT_MS)?;
    let answer = task::settled(&asked).await?;
    answer.as_string().ok_or_else(|| Failure("the Worker answered without text".to_owned()))
}
