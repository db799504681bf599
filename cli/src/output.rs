//! How a command speaks: what was asked for on stdout, everything else on stderr.
//!
//! Invariant: with `--json` stdout holds JSON and nothing else; a reader that closes its end (`| head`) ends the
//! program quietly.

use crate::failure::{Failure, Kind};
use serde_json::Value;
use std::io::Write;

/// Where and in what form a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Whether `--json` was given.
    pub json: bool,
    /// Whether `--quiet` was given: no progress and no advice on stderr.
    pub quiet: bool,
}

impl Output {
    /// One line on stdout.
    ///
    /// # Errors
    /// The reader is gone.
    #[allow(clippy::unused_self, reason = "all printing goes through here")]
    pub fn line(self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let done =
            out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
        done.map_err(|error| match error.kind() {
            // Nobody reads any more, which is no fault.
            std::io::ErrorKind::BrokenPipe => Failure::new(Kind::Other, ""),
            _ => Failure::from(error),
        })
    }

    /// A document: JSON over several lines.
    ///
    /// # Errors
    /// The reader is gone.
    pub fn document(self, value: &Value) -> Result<(), Failure> {
        self.line(&format!("{value:#}"))
    }

    /// A document with `--json`, else the text.
    ///
    /// # Errors
    /// The reader is gone.
    pub fn either(self, value: &Value, text: &str) -> Result<(), Failure> {
        if self.json {
            self.document(value)
        } else {
            self.line(text)
        }
    }

    /// Progress, or advice: a line on stderr unless `--quiet`.
    pub fn say(self, text: &str) {
        if !self.quiet {
            // If stderr is closed nobody is to be told.
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }
}

/// Rows under headings, each column as wide as its widest cell; the last one is not filled up.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head: Vec<String> = headings.iter().map(|heading| (*heading).to_owned()).collect();
    let lines = std::iter::once(&head).chain(rows).map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Names and values below each other, the values in one column.
pub fn list(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = pairs.iter().map(|(name, value)| format!("{name:width$}  {value}").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// The text of a member, as people read it: nothing for null, numbers and truth as they are.
pub fn cell(value: &Value, member: &str) -> String {
    match value.get(member) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A time as people read it: to the second, with a blank in place of `T`.
pub fn time(value: &Value, member: &str) -> String {
    let text = cell(value, member);
    match text.split_once('T') {
        Some((day, clock)) => format!("{day} {}", clock.split(['.', 'Z']).next().unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = vec![vec!["a".into(), "running".into()], vec!["long-name".into(), "-".into()]];
        assert_eq!(table(&["NAME", "STATE"], &rows), "NAME       STATE\na          running\nlong-name  -");
    }

    #[test]
    fn what_is_not_there_is_a_dash() {
        let agent = json!({ "alias": null, "since": "2026-11-23T12:00:00.000Z", "replicas": 3 });
        assert_eq!(cell(&agent, "alias"), "-");
        assert_eq!(cell(&agent, "replicas"), "3");
        assert_eq!(time(&agent, "since"), "2026-11-23 12:00:00");
        assert_eq!(time(&agent, "never"), "-");
    }
}
