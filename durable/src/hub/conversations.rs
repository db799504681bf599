//! What the hub knows of conversations: how far it has taken their entries, and what they are since then. Kept in
//! storage; memory holds those that were asked for lately.

use crate::sql::{column, Sql, SqlError, Statement, Value};
use moltghost_protocol::moltnet::delivery::Standing;
use std::collections::HashMap;
use std::rc::Rc;

/// Conversations that are remembered.
const REMEMBERED: usize = 10_000;

/// One conversation.
#[derive(Debug, Clone)]
pub struct Known {
    /// Its number in the hub.
    pub number: i64,
    /// Offset of the last entry that was taken.
    pub position: u64,
    /// What it is since then.
    pub standing: Rc<Standing>,
}

/// What is in memory.
#[derive(Default)]
pub struct Conversations {
    known: HashMap<String, Known>,
    standings: HashMap<i64, Rc<Standing>>,
}

impl Conversations {
    /// A conversation by its name; `None` for one that the hub was never told of.
    pub fn find(&mut self, sql: &impl Sql, name: &str) -> Result<Option<Known>, SqlError> {
        if let Some(known) = self.known.get(name) {
            return Ok(Some(known.clone()));
        }
        let query = "SELECT number, position, standing FROM conversation WHERE name = ?1";
        let rows = sql.run(query, &[name.into()])?;
        let Some(row) = rows.first() else { return Ok(None) };
        let known = Known {
            number: column(row, 0).int(),
            position: u64::try_from(column(row, 1).int()).unwrap_or(0),
            standing: read(column(row, 2))?,
        };
        self.remember(name, known.clone());
        Ok(Some(known))
    }

    /// What the conversation of this number is now.
    pub fn standing(&mut self, sql: &impl Sql, number: i64) -> Result<Rc<Standing>, SqlError> {
        if let Some(standing) = self.standings.get(&number) {
            return Ok(Rc::clone(standing));
        }
        let rows = sql.run("SELECT standing FROM conversation WHERE number = ?1", &[number.into()])?;
        let row = rows.first().ok_or_else(|| SqlError(format!("there is no conversation {number}")))?;
        let standing = read(column(row, 0))?;
        self.make_room();
        self.standings.insert(number, Rc::clone(&standing));
        Ok(standing)
    }

    /// The number for a conversation that is new.
    pub fn fresh_number(sql: &impl Sql) -> Result<i64, SqlError> {
        let rows = sql.run("SELECT coalesce(max(number), 0) + 1 FROM conversation", &[])?;
        rows.first().map(|row| column(row, 0).int()).ok_or_else(|| SqlError("nothing was counted".to_owned()))
    }

    /// What has become of a conversation; its statement is written already.
    pub fn remember(&mut self, name: &str, known: Known) {
        self.make_room();
        self.standings.insert(known.number, Rc::clone(&known.standing));
        self.known.insert(name.to_owned(), known);
    }

    fn make_room(&mut self) {
        if self.known.len() >= REMEMBERED || self.standings.len() >= REMEMBERED {
            self.known.clear();
            self.standings.clear();
        }
    }
}

/// Writes what a conversation has become; `before` where it was known.
pub fn write(name: &str, before: Option<&Known>, after: &Known) -> Statement {
    let same = before.is_some_and(|before| Rc::ptr_eq(&before.standing, &after.standing));
    let (number, position): (Value, Value) = (after.number.into(), after.position.into());
    if same {
        return ("UPDATE conversation SET position = ?2 WHERE number = ?1", vec![number, position]);
    }
    let standing = serde_json::to_string(&*after.standing).unwrap_or_default();
    (
        "INSERT INTO conversation (number, position, standing, name) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (number) DO UPDATE SET position = excluded.position, standing = excluded.standing",
        vec![number, position, standing.into(), name.into()],
    )
}

fn read(value: &Value) -> Result<Rc<Standing>, SqlError> {
    serde_json::from_str(value.text())
        .map(Rc::new)
        .map_err(|error| SqlError(format!("a standing is stored in no known form: {error}")))
}
