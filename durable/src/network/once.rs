//! What may be done once alone, and is answered again where the same request comes again because its answer was lost:
//! removals. Without it the second time would say that there is nothing to remove.
//!
//! The answer is kept in the commit of the removal, under the request's nonce, for longer than a request is sent
//! again.

use super::{Network, World};
use crate::sql::{column, Sql};
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::object::network::Reply;
use moltghost_protocol::time::Millis;

/// How long an answer is kept.
const KEPT: Millis = 60_000;

impl<S: Sql, W: World> Network<S, W> {
    /// Does it, unless the same request did: then gives that answer again. A refusal is none to be kept.
    pub(super) fn once(&self, nonce: &str, act: &dyn Fn() -> Outcome<Reply>) -> Outcome<Reply> {
        let rows = self.sql.run("SELECT status, body FROM answered WHERE nonce = ?1", &[nonce.into()])?;
        if let Some(row) = rows.first() {
            let status = u16::try_from(column(row, 0).int()).unwrap_or(200);
            return Ok(Reply::Document { status, body: column(row, 1).text().to_owned() });
        }
        let reply = act()?;
        if let (Reply::Document { status, body }, false) = (&reply, nonce.is_empty()) {
            let now = self.world.now();
            self.sql.batch(&[
                ("DELETE FROM answered WHERE at < ?1", vec![(now - KEPT).into()]),
                (
                    "INSERT INTO answered (nonce, at, status, body) VALUES (?1, ?2, ?3, ?4)",
                    vec![nonce.into(), now.into(), i64::from(*status).into(), body.as_str().into()],
                ),
            ])?;
        }
        Ok(reply)
    }
}
