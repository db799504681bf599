//! Lists: `limit` and `cursor` in, `{data, next_cursor}` out.

use super::fields::wrong;
use crate::error::Problem;
use serde::{Deserialize, Serialize};

/// Items on a page unless the caller says otherwise.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most items on a page.
pub const MAX_LIMIT: u32 = 200;

/// Which page of a list: items after `after` in the list's own order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Most items wanted.
    pub limit: u32,
    /// The last item of the page before; empty for the first page.
    pub after: String,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, after: String::new() }
    }
}

impl PageRequest {
    /// Reads `limit` and `cursor` as they stand in a query.
    ///
    /// # Errors
    /// `invalid_request` naming the parameter.
    pub fn parse(limit: Option<&str>, cursor: Option<&str>) -> Result<Self, Problem> {
        let limit = match limit {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=MAX_LIMIT).contains(n))
                .ok_or_else(|| wrong("limit", "it must be a whole number from 1 to 200"))?,
        };
        let after = match cursor {
            None | Some("") => String::new(),
            Some(text) => crate::alphabet::from_hex(text)
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .filter(|text| text.len() <= 128)
                .ok_or_else(|| wrong("cursor", "it must be the next_cursor of the page before, unchanged"))?,
        };
        Ok(Self { limit, after })
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items.
    pub data: Vec<T>,
    /// Ask with this cursor for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` of `items`, of which one more than `limit` was read to see whether others follow.
    pub fn cut(mut items: Vec<T>, limit: u32, key: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = if more { items.last().map(|item| cursor(&key(item))) } else { None };
        Self { data: items, next_cursor }
    }
}

/// The cursor that stands for "after this item".
pub fn cursor(after: &str) -> String {
    crate::alphabet::hex(after.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap() {
        let page = Page::cut(vec!["a".to_owned(), "b".into(), "c".into()], 2, Clone::clone);
        assert_eq!(page.data, ["a", "b"]);
        let next = PageRequest::parse(None, page.next_cursor.as_deref()).unwrap();
        assert_eq!(next.after, "b");
        assert_eq!(Page::cut(vec!["c".to_owned()], 2, Clone::clone).next_cursor, None);
    }

    #[test]
    fn limits_are_refused_at_their_edges() {
        for (text, ok) in
            [("0", false), ("1", true), ("200", true), ("201", false), ("-1", false), ("x", false)]
        {
            assert_eq!(PageRequest::parse(Some(text), None).is_ok(), ok, "{text}");
        }
        assert!(PageRequest::parse(None, Some("zz")).is_err());
    }
}
