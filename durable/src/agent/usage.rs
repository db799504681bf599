//! What was used by day and month, and the numbers of calls, as the control API shows them.

use super::endpoint::{Answer, Endpoint};
use super::metrics::steps;
use super::stored::{from_json, quoted};
use crate::sql::{column, Sql, SqlError, Value};
use moltghost_protocol::metrics::range::{
    DayUsage, MetricsDocument, MetricsRange, UsageDocument, UsageRange,
};
use moltghost_protocol::object::agent::{BySource, MonthUsage};
use moltghost_protocol::time::Millis;
use std::collections::BTreeSet;

impl<S: Sql> Endpoint<S> {
    /// Usage by day and source, and the totals of the months that the days belong to.
    pub(super) fn usage(&mut self, range: UsageRange, now: Millis) -> Answer<UsageDocument> {
        let agent = self.existing()?.id.clone();
        // What is shown must be stored: figures that wait in memory are written first.
        self.flush(now)?;
        let rows = self.sql.run(
            "SELECT day, source, requests, prompt, completion FROM usage WHERE day >= ?1 AND day <= ?2
             ORDER BY day, source",
            &[range.from.as_str().into(), range.to.as_str().into()],
        )?;
        let mut data = Vec::with_capacity(rows.len());
        let mut months = BTreeSet::new();
        for row in &rows {
            let number = |at| u64::try_from(column(row, at).int()).unwrap_or_default();
            let day = column(row, 0).text().to_owned();
            months.insert(day.chars().take(7).collect::<String>());
            data.push(DayUsage {
                day,
                source: from_json(&quoted(column(row, 1)))?,
                requests: number(2),
                prompt_tokens: number(3),
                completion_tokens: number(4),
                total_tokens: number(3).saturating_add(number(4)),
            });
        }
        let months = months.into_iter().map(|name| month(&self.sql, name)).collect::<Result<_, _>>()?;
        Ok(UsageDocument { agent, from: range.from, to: range.to, data, months })
    }

    /// Numbers of calls by step.
    pub(super) fn metrics(&mut self, range: &MetricsRange) -> Answer<MetricsDocument> {
        let agent = self.existing()?.id.clone();
        self.flush_metrics()?;
        Ok(MetricsDocument::new(agent, range, steps(&self.sql, range)?))
    }
}

/// What was used in a month, `2026-11`, as far as it is written.
pub(super) fn month(sql: &impl Sql, month: String) -> Result<MonthUsage, SqlError> {
    let rows = sql.run(
        "SELECT source, sum(requests), sum(prompt), sum(completion) FROM usage
         WHERE day >= ?1 || '-01' AND day <= ?1 || '-31' GROUP BY source",
        &[Value::from(month.as_str())],
    )?;
    let mut usage = MonthUsage { month, ..MonthUsage::default() };
    let mut by_source = BySource::default();
    for row in &rows {
        let number = |at| u64::try_from(column(row, at).int()).unwrap_or_default();
        let total = number(2).saturating_add(number(3));
        usage.requests += number(1);
        usage.prompt_tokens += number(2);
        usage.completion_tokens += number(3);
        usage.total_tokens += total;
        match column(row, 0).text() {
            "reported" => by_source.reported += total,
            "counted" => by_source.counted += total,
            _ => by_source.estimated += total,
        }
    }
    usage.by_source = by_source;
    Ok(usage)
}
