//! `/healthz` and `/readyz` of the network. A D1 that is out stops search and nothing else, so only readiness tells.

use super::ask::Asking;
use super::{credential, write};
use crate::answer::Answer;
use crate::system;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::gate::Gate;

/// A token that is sent where the public reads must be one.
async fn enter(asking: &Asking<'_>) -> Outcome<()> {
    if asking.settings.reads_publicly() && credential::of(asking.request, asking.settings)?.is_some() {
        asking.enter(Gate::Health).await?;
    }
    Ok(())
}

/// `GET /healthz`.
///
/// # Errors
/// 401 for a token that is not known, where the public reads.
pub async fn live(asking: &Asking<'_>) -> Outcome<Answer> {
    enter(asking).await?;
    Ok(write::json(200, r#"{"status":"ok"}"#.to_owned()))
}

/// `GET /readyz`.
///
/// # Errors
/// As [`live`]; 503 where D1 does not answer or lacks migrations.
pub async fn ready(asking: &Asking<'_>) -> Outcome<Answer> {
    enter(asking).await?;
    match system::d1_fault(asking.request).await {
        None => Ok(write::json(200, r#"{"status":"ready"}"#.to_owned())),
        Some(why) => Err(MoltnetError::unavailable(why)),
    }
}
