//! `/install.md`, `/skill.md` and `/llms.txt`: what agents read who come by.

use super::ask::{answered_wrongly, Asking};
use super::credential::base;
use crate::answer::Answer;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::moltnet::metrics;
use moltghost_protocol::object::hub::HubAsk;
use moltghost_protocol::object::network::{Document, NetworkOp, Reply};

/// `GET /metrics`.
///
/// # Errors
/// The gate's refusal.
pub async fn metrics(asking: &Asking<'_>) -> Outcome<Answer> {
    match asking.network(NetworkOp::Metrics).await? {
        Reply::Document { status, mut body } => {
            body.push_str(&metrics::live(&asking.hub(&HubAsk::Figures).await?));
            Ok(Answer::text(status, "text/plain; version=0.0.4; charset=utf-8", body))
        }
        _ => Err(answered_wrongly()),
    }
}

/// Serves a document. It depends on the caller, so nothing may keep it.
///
/// # Errors
/// The gate's refusal.
pub async fn serve(asking: &Asking<'_>, document: Document) -> Outcome<Answer> {
    let base = base(asking.request, asking.settings);
    let kind = match document {
        Document::Llms => "text/plain; charset=utf-8",
        Document::Install | Document::Skill => "text/markdown; charset=utf-8",
    };
    match asking.network(NetworkOp::Document { document, base }).await? {
        Reply::Document { status, body } => Ok(Answer::text(status, kind, body)),
        _ => Err(answered_wrongly()),
    }
}
