//! Pages of lists: what is asked for, and what stands around a page.

use super::cursor;
use serde::{Deserialize, Serialize};

/// Items of a page where the caller names no number.
pub const DEFAULT_LIMIT: u32 = 100;

/// Most items of a page.
pub const MAX_LIMIT: u32 = 500;

/// Most bytes of a page's items: answers that clients read stay under 1 MiB.
pub const MAX_BYTES: usize = 960 * 1024;

/// What page is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Items before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Items after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Most items, 1 to [`MAX_LIMIT`].
    pub limit: u32,
}

impl PageRequest {
    /// Reads the parameters of a query.
    ///
    /// # Errors
    /// The original's words: both cursors, or one that can be no id.
    pub fn parse(before: Option<&str>, after: Option<&str>, limit: Option<&str>) -> Result<Self, String> {
        let given =
            |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let (before, after) = (given(before), given(after));
        if before.is_some() && after.is_some() {
            return Err("before and after cannot both be set".to_owned());
        }
        for (name, id) in [("before", &before), ("after", &after)] {
            if let Some(id) = id {
                cursor::check(id).map_err(|fault| format!("{name} {fault}"))?;
            }
        }
        Ok(Self { before, after, limit: limit_of(limit) })
    }
}

/// The number that `limit` asks for: whatever is none, or below one, is the default.
pub fn limit_of(text: Option<&str>) -> u32 {
    match text.map(str::trim).and_then(|text| text.parse::<i64>().ok()) {
        Some(limit) if limit > 0 => u32::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT),
        _ => DEFAULT_LIMIT,
    }
}

/// What stands around a page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageInfo {
    /// Whether there is more in the direction that was asked for; in collections, on either side.
    pub has_more: bool,
    /// Cursor to the page before this one, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_before: Option<String>,
    /// Cursor to the page after this one, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_after: Option<String>,
}

/// `{"<collection>":[…],"page":{…}}` from items that are JSON already.
pub fn write(collection: &str, items: &[String], page: &PageInfo) -> String {
    let size = items.iter().map(|item| item.len() + 1).sum::<usize>();
    let mut text = String::with_capacity(size + 256);
    text.push_str("{\"");
    text.push_str(collection);
    text.push_str("\":[");
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(item);
    }
    text.push_str("],\"page\":");
    text.push_str(&serde_json::to_string(page).unwrap_or_default());
    text.push('}');
    text
}

/// How many of `sizes` fit into [`MAX_BYTES`]: always one at least, so that paging goes on.
pub fn fit(sizes: impl IntoIterator<Item = usize>) -> usize {
    let mut total = 0;
    let mut count = 0;
    for size in sizes {
        total += size + 1;
        if total > MAX_BYTES && count > 0 {
            break;
        }
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_never_an_error() {
        for (text, limit) in [
            (None, 100),
            (Some(""), 100),
            (Some("x"), 100),
            (Some("0"), 100),
            (Some("-1"), 100),
            (Some("1"), 1),
            (Some("500"), 500),
            (Some("501"), 500),
            (Some("99999999999"), 500),
            (Some("1.5"), 100),
        ] {
            assert_eq!(limit_of(text), limit, "{text:?}");
        }
    }

    #[test]
    fn cursors_are_ids_and_only_one_may_stand() {
        let page = PageRequest::parse(Some(" a "), Some(" "), None).unwrap();
        assert_eq!((page.before.as_deref(), page.after), (Some("a"), None));
        assert_eq!(
            PageRequest::parse(Some("a"), Some("b"), None).unwrap_err(),
            "before and after cannot both be set"
        );
        assert_eq!(
            PageRequest::parse(Some("-"), None, None).unwrap_err(),
            "before id must match [A-Za-z0-9][A-Za-z0-9._:-]{0,127}"
        );
        let long = "a".repeat(129);
        assert_eq!(
            PageRequest::parse(None, Some(&long), None).unwrap_err(),
            "after id must be 128 characters or fewer"
        );
    }

    #[test]
    fn pages_are_cut_by_bytes_but_never_to_nothing() {
        assert_eq!(fit([MAX_BYTES + 5, 1]), 1);
        assert_eq!(fit([MAX_BYTES / 2, MAX_BYTES / 2 - 2, 1]), 2);
        assert_eq!(fit([MAX_BYTES / 2, MAX_BYTES / 2 - 1]), 1);
        assert_eq!(fit([]), 0);
        let page = PageInfo { has_more: true, next_before: Some("a".into()), next_after: None };
        assert_eq!(
            write("messages", &["1".into(), "2".into()], &page),
            r#"{"messages":[1,2],"page":{"has_more":true,"next_before":"a"}}"#
        );
        assert_eq!(write("rooms", &[], &PageInfo::default()), r#"{"rooms":[],"page":{"has_more":false}}"#);
    }
}
