//! Pages of collections, in the order of ids: the window that a page is cut from. `moltnet.md` §5.9.

use crate::sql::{column, Sql, Value};
use moltghost_protocol::moltnet::cursor;
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::moltnet::page::{self, PageInfo, PageRequest};

/// An ordered collection: a query of ids in one column called `id`, which may hold any text.
pub(super) struct Collection<'a> {
    /// `SELECT … FROM …` up to its condition; the first column is the id.
    pub select: &'a str,
    /// Its condition, without the cursor's.
    pub condition: &'a str,
    /// Parameters `?1`, `?2`, … of both.
    pub parameters: Vec<Value>,
    /// Expression of the id.
    pub id: &'a str,
}

/// The rows of a page in order, and what is around them. Holds one row more than a page at most.
pub(super) struct Rows {
    /// Rows, ascending.
    pub found: Vec<Vec<Value>>,
    before: bool,
    after: bool,
}

impl Collection<'_> {
    /// Reads the rows of a page.
    ///
    /// # Errors
    /// 422 for a cursor that is not in the collection.
    pub fn read(&self, sql: &impl Sql, request: &PageRequest) -> Outcome<Rows> {
        let Self { select, condition, id, .. } = self;
        let place = self.parameters.len() + 1;
        let with = |value: Value| {
            let mut parameters = self.parameters.clone();
            parameters.push(value);
            parameters
        };
        let at = request.before.as_ref().or(request.after.as_ref());
        if let Some(at) = at {
            let query = format!("{select} WHERE ({condition}) AND {id} = ?{place} LIMIT 1");
            if sql.run(&query, &with(at.as_str().into()))?.is_empty() {
                return Err(MoltnetError::invalid(cursor::invalid(at)));
            }
        }
        let backwards = request.before.is_some();
        let (relation, order) = if backwards { ("<", "DESC") } else { (">", "ASC") };
        let limit = request.limit.saturating_add(1);
        let query = format!(
            "{select} WHERE ({condition}) AND {id} {relation} ?{place} ORDER BY {id} {order} LIMIT {limit}"
        );
        let mut rows = sql.run(&query, &with(at.map(String::as_str).unwrap_or_default().into()))?;
        let more = rows.len() > usize::try_from(request.limit).unwrap_or(usize::MAX);
        if more {
            rows.pop();
        }
        if backwards {
            rows.reverse();
        }
        let (before, after) = if backwards { (more, true) } else { (at.is_some(), more) };
        Ok(Rows { found: rows, before, after })
    }
}

impl Rows {
    /// Writes the page: `items` are the rows' documents as JSON, in order. What does not fit is left to the next page.
    pub fn write(mut self, collection: &str, request: &PageRequest, mut items: Vec<String>) -> String {
        let sizes = items.iter().map(String::len);
        if request.before.is_some() {
            let fit = page::fit(sizes.rev());
            let cut = items.len() - fit.min(items.len());
            self.before |= cut > 0;
            items.drain(..cut);
            self.found.drain(..cut.min(self.found.len()));
        } else {
            let fit = page::fit(sizes);
            self.after |= fit < items.len();
            items.truncate(fit);
            self.found.truncate(fit);
        }
        let id = |row: Option<&Vec<Value>>| row.map(|row| column(row, 0).text().to_owned());
        let info = PageInfo {
            has_more: self.before || self.after,
            next_before: id(self.found.first()).filter(|_| self.before),
            next_after: id(self.found.last()).filter(|_| self.after),
        };
        page::write(collection, &items, &info)
    }
}
