//! What the hub must learn of the network itself: which agents were removed, and whose credential has ended. It is
//! written with what it tells of, told in order by the alarm, and kept until the hub says that it has it.

use super::{Network, World};
use crate::sql::{column, Sql, Statement};
use moltghost_protocol::moltnet::delivery::Audience;
use moltghost_protocol::moltnet::error::Outcome;
use moltghost_protocol::object::hub::{Admitted, News, Notice};
use moltghost_protocol::object::network::Reply;
use moltghost_protocol::time::Millis;

/// Notices that are told at once.
const BATCH: i64 = 200;

/// A notice that is written with what it tells of.
pub(super) fn notice(at: Millis, news: &News) -> Statement {
    let news = serde_json::to_string(news).unwrap_or_default();
    ("INSERT INTO notice (at, news) VALUES (?1, ?2)", vec![at.into(), news.into()])
}

impl<S: Sql, W: World> Network<S, W> {
    /// Lets an observer in.
    pub(super) fn observe(&self, asker: &super::Asker) -> Outcome<Reply> {
        let audience = Audience::observer(&self.settings, asker.claims.as_ref());
        Ok(Reply::Admitted(Box::new(self.admitted(asker, audience)?)))
    }

    /// A caller who may follow the network.
    pub(super) fn admitted(&self, asker: &super::Asker, audience: Audience) -> Outcome<Admitted> {
        let claims = asker.claims.as_ref();
        let identity =
            claims.map_or_else(|| format!("addr:{}", asker.client), |claims| claims.principal.clone());
        Ok(Admitted { audience, identity, since: self.newest_notice()?, ends: None })
    }

    /// The number of the newest notice there ever was.
    pub(super) fn newest_notice(&self) -> Outcome<u64> {
        let rows = self.sql.run("SELECT max(number) FROM notice", &[])?;
        Ok(rows.first().map_or(0, |row| u64::try_from(column(row, 0).int()).unwrap_or(0)))
    }

    /// Tells the hub what it lacks.
    pub(super) async fn tell_hub(&self) -> Outcome<()> {
        loop {
            let rows = self.sql.run(
                "SELECT number, at, news FROM notice WHERE number > (SELECT number FROM heard)
                 ORDER BY number LIMIT ?1",
                &[BATCH.into()],
            )?;
            if rows.is_empty() {
                return Ok(());
            }
            let read = |row: &Vec<crate::sql::Value>| {
                let number = u64::try_from(column(row, 0).int()).ok()?;
                let news = serde_json::from_str(column(row, 2).text()).ok()?;
                Some(Notice { number, at: column(row, 1).int(), news })
            };
            let known = self.world.hub(rows.iter().filter_map(read).collect()).await?;
            let last = rows.last().map_or(0, |row| column(row, 0).int());
            let known = i64::try_from(known).unwrap_or(i64::MAX).max(last);
            self.sql.batch(&[
                ("UPDATE heard SET number = ?1", vec![known.into()]),
                ("DELETE FROM notice WHERE number < ?1", vec![last.into()]),
            ])?;
        }
    }
}
