//! The console's files, as the platform keeps them: the binding `ASSETS`.

use super::{glue, task, Failure};
use wasm_bindgen::JsValue;

/// The body of a file, as a stream that nothing copies; `None` where there is no such file, or no binding.
///
/// # Errors
/// Where the binding fails.
pub async fn body(env: &JsValue, path: &str) -> Result<Option<JsValue>, Failure> {
    let body = task::settled(&glue::asset(env, path)?).await?;
    Ok(body.is_object().then_some(body))
}
