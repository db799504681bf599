//! Schemas of objects: numbered steps that only go forward.
//!
//! Step `n` leads from version `n` to `n + 1`. All missing steps and the new version are written as one batch, so an
//! object that dies half-way is at the old version, whole.

use crate::sql::{column, Sql, SqlError, Value};

/// The version that the stored schema has; `None` for an object that was never created. Only reads.
///
/// # Errors
/// What the database says.
pub fn version(sql: &impl Sql) -> Result<Option<i64>, SqlError> {
    let found = sql.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema'", &[])?;
    if found.is_empty() {
        return Ok(None);
    }
    let rows = sql.run("SELECT version FROM schema", &[])?;
    Ok(rows.first().map(|row| column(row, 0).int()))
}

/// Brings the stored schema, of version `from`, up to the newest.
///
/// # Errors
/// What the database says; nothing was changed then.
pub fn migrate(sql: &impl Sql, from: Option<i64>, steps: &[&[&'static str]]) -> Result<(), SqlError> {
    let done = usize::try_from(from.unwrap_or(0)).unwrap_or(0);
    if done >= steps.len() {
        return Ok(());
    }
    let mut statements: Vec<(&str, Vec<Value>)> = Vec::new();
    if from.is_none() {
        statements.push(("CREATE TABLE schema (version INTEGER NOT NULL)", vec![]));
        statements.push(("INSERT INTO schema (version) VALUES (0)", vec![]));
    }
    statements.extend(steps.iter().skip(done).flat_map(|step| step.iter().map(|s| (*s, vec![]))));
    let newest = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    statements.push(("UPDATE schema SET version = ?1", vec![newest.into()]));
    sql.batch(&statements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Sqlite;

    const FIRST: &[&str] = &["CREATE TABLE a (x INTEGER)"];
    const SECOND: &[&str] = &["ALTER TABLE a ADD COLUMN y INTEGER"];
    const BROKEN: &[&str] = &["CREATE TABLE b (x INTEGER)", "nonsense"];

    #[test]
    fn stored_data_survives_every_step_and_steps_run_once() {
        let sql = Sqlite::new();
        assert_eq!(version(&sql).unwrap(), None);
        migrate(&sql, None, &[FIRST]).unwrap();
        sql.run("INSERT INTO a VALUES (7)", &[]).unwrap();
        for _ in 0..2 {
            migrate(&sql, version(&sql).unwrap(), &[FIRST, SECOND]).unwrap();
        }
        assert_eq!(version(&sql).unwrap(), Some(2));
        assert_eq!(sql.run("SELECT x, y FROM a", &[]).unwrap(), [[Value::Int(7), Value::Null]]);
    }

    #[test]
    fn a_step_that_fails_leaves_the_old_version_whole() {
        let sql = Sqlite::new();
        migrate(&sql, None, &[FIRST]).unwrap();
        assert!(migrate(&sql, Some(1), &[FIRST, BROKEN]).is_err());
        assert_eq!(version(&sql).unwrap(), Some(1));
        assert!(sql.run("SELECT 1 FROM b", &[]).is_err());
    }
}
