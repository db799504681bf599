//! What the deployment's operator asks of the network, and the totals that limits bound.

use super::{document, Network, World};
use crate::sql::{column, Sql};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::limits::{ChangeLimits, Limits};
use moltghost_protocol::object::network::{OperatorOp, Reply};

/// Seconds after which a network that is full is worth another try: somebody has to act first.
const FULL: u32 = 3_600;

impl<S: Sql, W: World> Network<S, W> {
    pub(super) fn operate(&self, op: OperatorOp, nonce: &str) -> Outcome<Reply> {
        match op {
            OperatorOp::Show => {
                let totals = self.totals()?;
                document(
                    200,
                    &serde_json::json!({
                        "id": self.home(), "name": self.settings.name, "mode": self.settings.mode().as_str(),
                        "limits": totals.0,
                        "totals": { "rooms": totals.1, "members": totals.2, "agents": totals.3 },
                        "tokens": self.listed_tokens()?, "pairings": self.paired()?,
                    }),
                )
            }
            OperatorOp::PutToken(new) => self.put_token(&new),
            OperatorOp::RemoveToken(id) => self.once(nonce, &|| self.remove_token(&id)),
            OperatorOp::PutPairing(new) => self.put_pairing(&new),
            OperatorOp::RemovePairing(id) => self.once(nonce, &|| self.remove_pairing(&id)),
            OperatorOp::ChangeLimits(change) => self.change_limits(change),
            OperatorOp::Reproject => {
                self.sql.run("UPDATE room SET projected = 0", &[])?;
                self.sql.run("UPDATE agent SET projected = 0", &[])?;
                self.changed();
                document(200, &serde_json::json!({ "reprojecting": true }))
            }
        }
    }

    /// Limits, rooms, members, agents.
    fn totals(&self) -> Outcome<(Limits, i64, i64, i64)> {
        let rows = self.sql.run("SELECT limits, rooms, members, agents FROM total", &[])?;
        let row = rows.first().ok_or_else(|| MoltnetError::internal("the network's totals are not there"))?;
        let limits = serde_json::from_str(column(row, 0).text()).map_err(|error| {
            MoltnetError::internal(format!("the network's limits cannot be read: {error}"))
        })?;
        Ok((limits, column(row, 1).int(), column(row, 2).int(), column(row, 3).int()))
    }

    /// The network's limits.
    pub(super) fn limits(&self) -> Outcome<Limits> {
        Ok(self.totals()?.0)
    }

    fn change_limits(&self, change: ChangeLimits) -> Outcome<Reply> {
        let limits = change.applied(self.limits()?)?;
        let text = serde_json::to_string(&limits).unwrap_or_default();
        self.sql.run("UPDATE total SET limits = ?1", &[text.into()])?;
        self.ends_leases();
        document(200, &limits)
    }

    /// Whether so much more fits into the network.
    ///
    /// # Errors
    /// 429 with the name of the limit.
    pub(super) fn make_space(&self, rooms: i64, members: usize, agents: i64) -> Outcome<()> {
        let (limits, all_rooms, all_members, all_agents) = self.totals()?;
        let members = i64::try_from(members).unwrap_or(i64::MAX);
        for (name, limit, now, more) in [
            ("rooms", limits.rooms, all_rooms, rooms),
            ("members", limits.members, all_members, members),
            ("agents", limits.agents, all_agents, agents),
        ] {
            if more > 0 && now.saturating_add(more) > i64::from(limit) {
                return Err(MoltnetError::rate_limited(
                    format!("the network's limit of {limit} {name} is reached; an operator can raise it"),
                    FULL,
                ));
            }
        }
        Ok(())
    }
}
