//! The log: events in one sequence, the newest kept.
//!
//! Appending is a list of statements, which its object writes together with what the events are about.

use crate::sql::{column, Sql, SqlError, Statement};
use moltghost_protocol::stream::Cursor;

/// Schema of a log; a step of its object's own steps. The epoch is random: a log that was made anew knows no cursor of
/// the one before.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE stream (epoch TEXT NOT NULL)",
    "INSERT INTO stream (epoch) VALUES (lower(hex(randomblob(6))))",
    "CREATE TABLE event (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)",
];

/// What a log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which log.
    pub epoch: String,
    /// The oldest event that is kept; one more than `newest` where there is none.
    pub oldest: i64,
    /// The newest event; 0 where there was none ever.
    pub newest: i64,
}

/// One event of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Its place.
    pub seq: i64,
    /// Its type.
    pub kind: String,
    /// A JSON object with at least one member, on one line.
    pub body: String,
}

/// Where a reader begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// After which event.
    pub after: i64,
    /// The cursor that the log does not reach back to, if that is so.
    pub gap: Option<String>,
}

impl Span {
    /// What the log holds now.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(sql: &impl Sql) -> Result<Self, SqlError> {
        let rows = sql.run(
            "SELECT epoch, (SELECT min(seq) FROM event), (SELECT max(seq) FROM event) FROM stream",
            &[],
        )?;
        let row = rows.first().ok_or_else(|| SqlError("the log has no epoch".into()))?;
        let newest = column(row, 2).int();
        Ok(Self {
            epoch: column(row, 0).text().to_owned(),
            oldest: column(row, 1).maybe_int().unwrap_or(newest + 1),
            newest,
        })
    }

    /// The cursor of a place.
    pub fn cursor(&self, seq: i64) -> Cursor {
        Cursor { epoch: self.epoch.clone(), seq }
    }

    /// Whether everything after a place is kept.
    pub fn reaches(&self, after: i64) -> bool {
        after + 1 >= self.oldest && after <= self.newest
    }

    /// Where a reader begins that names a cursor. Without one it reads what comes from now on; with one that is not
    /// known, or too old, everything that is kept, after a gap.
    pub fn start(&self, cursor: &str) -> Start {
        if cursor.is_empty() {
            return Start { after: self.newest, gap: None };
        }
        match Cursor::parse(cursor) {
            Some(at) if at.epoch == self.epoch && self.reaches(at.seq) => Start { after: at.seq, gap: None },
            _ => Start { after: self.oldest - 1, gap: Some(cursor.to_owned()) },
        }
    }
}

/// Statements that append events (type and body) to a log that holds `span`, and trim it to the newest `keep`.
pub fn append(span: &Span, events: Vec<(String, String)>, keep: i64) -> Vec<Statement> {
    if events.is_empty() {
        return Vec::new();
    }
    let mut newest = span.newest;
    let mut statements: Vec<Statement> = Vec::with_capacity(events.len() + 1);
    for (kind, body) in events {
        newest += 1;
        statements.push((
            "INSERT INTO event (seq, kind, body) VALUES (?1, ?2, ?3)",
            vec![newest.into(), kind.into(), body.into()],
        ));
    }
    if newest - span.oldest >= keep {
        statements.push(("DELETE FROM event WHERE seq <= ?1", vec![(newest - keep).into()]));
    }
    statements
}

/// At most `most` events after a place, in order.
///
/// # Errors
/// What the database says.
pub fn after(sql: &impl Sql, after: i64, most: i64) -> Result<Vec<Logged>, SqlError> {
    let rows = sql.run(
        "SELECT seq, kind, body FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        &[after.into(), most.into()],
    )?;
    Ok(rows
        .iter()
        .map(|row| Logged {
            seq: column(row, 0).int(),
            kind: column(row, 1).text().to_owned(),
            body: column(row, 2).text().to_owned(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate;
    use crate::sqlite::Sqlite;

    fn log() -> Sqlite {
        let sql = Sqlite::new();
        migrate::migrate(&sql, None, &[SCHEMA]).unwrap();
        sql
    }

    fn add(sql: &Sqlite, count: i64, keep: i64) -> Span {
        let span = Span::read(sql).unwrap();
        let events = (1..=count).map(|n| ("k".into(), format!("{{\"n\":{n}}}"))).collect();
        sql.batch(&append(&span, events, keep)).unwrap();
        Span::read(sql).unwrap()
    }

    #[test]
    fn a_new_log_is_empty_and_every_log_has_an_epoch_of_its_own() {
        let (one, two) = (Span::read(&log()).unwrap(), Span::read(&log()).unwrap());
        assert_eq!((one.oldest, one.newest), (1, 0));
        assert_ne!(one.epoch, two.epoch);
        assert_eq!(Cursor::parse(&one.cursor(0).to_string()), Some(one.cursor(0)));
    }

    #[test]
    fn the_newest_are_kept_in_one_sequence() {
        let sql = log();
        for round in 1..=10 {
            let span = add(&sql, 3, 5);
            assert_eq!(span.newest, round * 3);
            assert_eq!(span.newest - span.oldest + 1, (round * 3).min(5));
        }
        let seqs: Vec<i64> = after(&sql, 27, 10).unwrap().iter().map(|event| event.seq).collect();
        assert_eq!(seqs, [28, 29, 30]);
        assert_eq!(after(&sql, 0, 2).unwrap().len(), 2);
    }

    #[test]
    fn a_reader_begins_where_it_was_or_learns_of_the_gap() {
        let sql = log();
        let span = add(&sql, 8, 5);
        let at = |seq: i64| span.cursor(seq).to_string();
        let start = |cursor: &str| span.start(cursor);
        assert_eq!(start(""), Start { after: 8, gap: None });
        for seq in [3, 7, 8] {
            assert_eq!(start(&at(seq)), Start { after: seq, gap: None });
        }
        for unknown in [at(2), at(9), "ffffffffffff-5".into(), "nonsense".into()] {
            assert_eq!(start(&unknown), Start { after: 3, gap: Some(unknown.clone()) });
        }
        let empty = Span::read(&log()).unwrap();
        assert_eq!(empty.start("x-1"), Start { after: 0, gap: Some("x-1".into()) });
        assert_eq!(empty.start(&empty.cursor(0).to_string()), Start { after: 0, gap: None });
    }
}
