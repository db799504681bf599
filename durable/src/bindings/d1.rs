//! D1, one crossing for a batch.

use super::{glue, Failure};
use crate::sql::Value;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Runs statements as one transaction and answers the rows of the last, as a JSON array of objects.
///
/// # Errors
/// What D1 says; nothing was changed then.
pub async fn batch(env: &JsValue, statements: &[(&str, Vec<Value>)]) -> Result<String, Failure> {
    let database = glue::binding(env, "DB")?;
    if database.is_undefined() {
        return Err(Failure("there is no D1 binding named DB".to_owned()));
    }
    let text = serde_json::to_string(statements).map_err(|error| Failure(error.to_string()))?;
    let rows = JsFuture::from(glue::d1_batch(&database, &text)?).await?;
    Ok(rows.as_string().unwrap_or_default())
}
