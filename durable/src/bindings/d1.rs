//! D1, one crossing for a batch.

use super::{glue, task, Failure};
use crate::sql::Value;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

/// The databases, by the names of their bindings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// `DB`: history and directory.
    History,
    /// `SEARCH`: the full text of messages.
    Search,
}

impl Database {
    /// Name of its binding.
    pub fn binding(self) -> &'static str {
        match self {
            Self::History => "DB",
            Self::Search => "SEARCH",
        }
    }

    /// Whether the deployment has it.
    pub fn is_bound(self, env: &JsValue) -> bool {
        glue::binding(env, self.binding()).is_ok_and(|database| !database.is_undefined())
    }
}

/// What a database is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct State {
    /// Migrations that were applied; 0 where there is no record of any.
    pub migrations: u32,
    /// Bytes.
    pub size: u64,
}

fn bound(env: &JsValue, database: Database) -> Result<JsValue, Failure> {
    let name = database.binding();
    let database = glue::binding(env, name)?;
    if database.is_undefined() {
        return Err(Failure(format!("there is no D1 binding named {name}")));
    }
    Ok(database)
}

/// Looks at a database.
///
/// # Errors
/// What D1 says, or that it is not bound.
pub async fn state(env: &JsValue, database: Database) -> Result<State, Failure> {
    let told = task::settled(&glue::d1_state(&bound(env, database)?)?).await?;
    serde_json::from_str(&told.as_string().unwrap_or_default()).map_err(|error| Failure(error.to_string()))
}

/// A text of this many bytes crosses by itself.
const LONG: usize = 1_024;

/// A parameter as it crosses.
#[derive(Serialize)]
#[serde(untagged)]
enum Parameter<'a> {
    Value(&'a Value),
    /// The long text.
    Text {},
}

impl<'a> Parameter<'a> {
    fn of(value: &'a Value, long: &str) -> Self {
        if !long.is_empty() && value.text() == long {
            Self::Text {}
        } else {
            Self::Value(value)
        }
    }
}

/// Runs statements as one transaction and answers the rows of the last, as a JSON array of objects.
///
/// Their longest text crosses once and as it is: several statements may take the same entries of a log, which would be
/// JSON in JSON each time.
///
/// # Errors
/// What D1 says; nothing was changed then.
pub async fn batch(
    env: &JsValue,
    database: Database,
    statements: &[(&str, Vec<Value>)],
) -> Result<String, Failure> {
    let database = bound(env, database)?;
    let texts = statements.iter().flat_map(|(_, row)| row).map(Value::text);
    let long = texts.max_by_key(|text| text.len()).filter(|text| text.len() >= LONG).unwrap_or_default();
    let crossing: Vec<(&str, Vec<Parameter<'_>>)> = statements
        .iter()
        .map(|(query, row)| (*query, row.iter().map(|value| Parameter::of(value, long)).collect()))
        .collect();
    let crossing = serde_json::to_string(&crossing).map_err(|error| Failure(error.to_string()))?;
    let rows = task::settled(&glue::d1_batch(&database, &crossing, long)?).await?;
    Ok(rows.as_string().unwrap_or_default())
}
