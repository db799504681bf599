//! The same SQL natively, for tests.

use crate::sql::{Sql, SqlError, Value};
use rusqlite::types::ValueRef;
use rusqlite::{params_from_iter, Connection};
use std::cell::Cell;
use std::rc::Rc;

/// A database in memory that several instances of an object can be opened on, one after the other, as after a crash.
#[derive(Clone)]
pub struct Sqlite {
    connection: Rc<Connection>,
    /// Fails every write from now on.
    pub broken: Rc<Cell<bool>>,
    /// Writes that still succeed; `None`: all.
    pub writes: Rc<Cell<Option<u32>>>,
}

impl Sqlite {
    pub fn new() -> Self {
        let connection = Rc::new(Connection::open_in_memory().unwrap());
        Self { connection, broken: Rc::default(), writes: Rc::default() }
    }

    /// Runs a whole script.
    pub fn script(&self, text: &str) {
        self.connection.execute_batch(text).unwrap();
    }
}

fn to_sqlite(value: &Value) -> rusqlite::types::Value {
    match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Int(n) => (*n).into(),
        Value::Text(text) => text.clone().into(),
    }
}

impl Sql for Sqlite {
    fn run(&self, query: &str, parameters: &[Value]) -> Result<Vec<Vec<Value>>, SqlError> {
        if self.broken.get() && !query.trim_start().starts_with("SELECT") {
            return Err(SqlError("the disk is broken".into()));
        }
        if let (Some(left), false) = (self.writes.get(), query.trim_start().starts_with("SELECT")) {
            self.writes.set(Some(left.saturating_sub(1)));
            if left == 0 {
                return Err(SqlError("the disk is full".into()));
            }
        }
        let error = |e: rusqlite::Error| SqlError(e.to_string());
        let mut statement = self.connection.prepare(query).map_err(error)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(parameters.iter().map(to_sqlite))).map_err(error)?;
        let mut result = Vec::new();
        while let Some(row) = rows.next().map_err(error)? {
            let value = |at| match row.get_ref(at).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(n) => Value::Int(n),
                ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
                ValueRef::Real(_) | ValueRef::Blob(_) => panic!("rules store whole numbers and text"),
            };
            result.push((0..columns).map(value).collect());
        }
        Ok(result)
    }

    fn size(&self) -> Result<u64, SqlError> {
        let rows =
            self.run("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", &[])?;
        Ok(rows[0][0].int().unsigned_abs())
    }

    fn batch(&self, statements: &[(&str, Vec<Value>)]) -> Result<(), SqlError> {
        self.connection.execute_batch("SAVEPOINT batch").unwrap();
        for (query, parameters) in statements {
            if let Err(error) = self.run(query, parameters) {
                self.connection.execute_batch("ROLLBACK TO batch; RELEASE batch").unwrap();
                return Err(error);
            }
        }
        self.connection.execute_batch("RELEASE batch").unwrap();
        Ok(())
    }
}
