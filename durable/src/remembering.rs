//! A database whose answers are remembered until something is written: for an object that is asked the same few
//! things with every message.
//!
//! Invariant: what is remembered is what the database would answer. The object is its database's only writer, and
//! every write goes through here and forgets everything before it runs. An instance that the platform has replaced
//! must not answer from memory, so each event reads the database first (architecture rule 7): [`Sql::finds`] is never
//! answered from memory.

use crate::sql::{Sql, SqlError, Value};
use std::cell::RefCell;
use std::collections::HashMap;

/// How much is remembered, in bytes of text, roughly. Beyond it everything is forgotten.
const MOST: usize = 4 * 1024 * 1024;

type Rows = Vec<Vec<Value>>;

#[derive(Default)]
struct Known {
    answers: HashMap<String, HashMap<Vec<Value>, Rows>>,
    size: usize,
}

/// The database.
pub struct Remembering<S> {
    sql: S,
    known: RefCell<Known>,
}

impl<S> Remembering<S> {
    /// Remembers nothing yet.
    pub fn new(sql: S) -> Self {
        Self { sql, known: RefCell::default() }
    }

    fn forget(&self) {
        self.known.take();
    }
}

impl<S: Sql> Sql for Remembering<S> {
    fn run(&self, query: &str, parameters: &[Value]) -> Result<Rows, SqlError> {
        if !query.starts_with("SELECT") {
            self.forget();
            return self.sql.run(query, parameters);
        }
        let known = self.known.borrow();
        if let Some(rows) = known.answers.get(query).and_then(|answers| answers.get(parameters)) {
            return Ok(rows.clone());
        }
        drop(known);
        let rows = self.sql.run(query, parameters)?;
        let size = query.len() + size(parameters) + rows.iter().map(|row| size(row)).sum::<usize>();
        let mut known = self.known.borrow_mut();
        if known.size + size > MOST {
            *known = Known::default();
        }
        if size <= MOST {
            known.size += size;
            known.answers.entry(query.to_owned()).or_default().insert(parameters.to_vec(), rows.clone());
        }
        Ok(rows)
    }

    fn finds(&self, query: &str) -> Result<bool, SqlError> {
        self.sql.finds(query)
    }

    fn apply(&self, statements: &[(&str, Vec<Value>)]) -> (usize, Result<(), SqlError>) {
        self.forget();
        self.sql.apply(statements)
    }

    fn size(&self) -> Result<u64, SqlError> {
        self.sql.size()
    }

    fn batch(&self, statements: &[(&str, Vec<Value>)]) -> Result<(), SqlError> {
        self.forget();
        self.sql.batch(statements)
    }
}

/// What values take in memory.
fn size(values: &[Value]) -> usize {
    values.iter().map(|value| size_of::<Value>() + value.text().len()).sum::<usize>() + size_of::<Rows>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::Sqlite;

    const READ: &str = "SELECT text FROM a WHERE id = ?1";

    fn opened() -> (Sqlite, Remembering<Sqlite>) {
        let sql = Sqlite::new();
        let remembering = Remembering::new(sql.clone());
        remembering.batch(&[("CREATE TABLE a (id INTEGER PRIMARY KEY, text TEXT)", vec![])]).unwrap();
        (sql, remembering)
    }

    #[test]
    fn what_was_read_is_read_once_until_something_is_written() {
        let (sql, remembering) = opened();
        let read = |id: i64| remembering.run(READ, &[id.into()]).unwrap();
        remembering.run("INSERT INTO a VALUES (1, 'old')", &[]).unwrap();
        assert_eq!((read(1), read(2)), (vec![vec!["old".into()]], vec![]));
        // Behind its back, which no object does: this shows that it was remembered.
        sql.run("UPDATE a SET text = 'new'", &[]).unwrap();
        assert_eq!((read(1), read(2)), (vec![vec!["old".into()]], vec![]));
        assert!(remembering.finds("SELECT 1 FROM a WHERE text = 'new'").unwrap());
        let writes: [&dyn Fn(); 3] = [
            &|| drop(remembering.run("INSERT INTO a VALUES (2, 'x')", &[]).unwrap()),
            &|| remembering.batch(&[("UPDATE a SET text = 'y' WHERE id = 2", vec![])]).unwrap(),
            &|| remembering.apply(&[("UPDATE a SET text = 'z' WHERE id = 2", vec![])]).1.unwrap(),
        ];
        for (write, text) in writes.into_iter().zip(["x", "y", "z"]) {
            write();
            assert_eq!((read(1), read(2)), (vec![vec!["new".into()]], vec![vec![text.into()]]));
        }
    }

    #[test]
    fn a_write_that_fails_forgets_too() {
        let (sql, remembering) = opened();
        assert_eq!(remembering.run(READ, &[1i64.into()]).unwrap(), Rows::new());
        sql.run("INSERT INTO a VALUES (1, 'x')", &[]).unwrap();
        assert!(remembering.run("INSERT INTO a VALUES (1, 'y')", &[]).is_err());
        assert_eq!(remembering.run(READ, &[1i64.into()]).unwrap(), [[Value::from("x")]]);
    }

    #[test]
    fn memory_has_an_end() {
        let (_, remembering) = opened();
        let long = "x".repeat(MOST / 4);
        for id in 0..9i64 {
            remembering.run("SELECT ?1, ?2", &[id.into(), long.as_str().into()]).unwrap();
            assert!(remembering.known.borrow().size <= MOST);
        }
        let longer = "x".repeat(MOST);
        remembering.run("SELECT ?1", &[longer.into()]).unwrap();
        assert!(remembering.known.borrow().size <= MOST);
    }
}
