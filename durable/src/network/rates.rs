//! How often a caller may do something: leases ahead of use, written before they are used, so that a restart forgets
//! nothing. A restart in the middle of a window costs what was leased and not used: stricter, never looser.

use super::{Network, World};
use crate::sql::{column, Sql};
use moltghost_protocol::moltnet::error::{MoltnetError, Outcome};
use moltghost_protocol::time::Millis;
use std::collections::HashMap;

/// Windows that are kept in memory and in storage.
const KEPT: usize = 10_000;

/// A lease is this part of the limit, and no more uses than this: what a restart costs.
const LEASES: u32 = 20;
const MOST_LEASED: u32 = 200;

/// What was used in a window.
#[derive(Debug, Clone, Copy)]
struct Window {
    began: Millis,
    used: i64,
    leased: i64,
}

/// Windows by what they count.
#[derive(Debug, Default)]
pub(super) struct Rates(HashMap<String, Window>);

/// One limit.
pub(super) struct Rate<'a> {
    /// Its name, as in the network's limits.
    pub name: &'a str,
    /// How often in a window.
    pub limit: u32,
    /// How long a window is.
    pub window: Millis,
}

impl Rate<'_> {
    fn key(&self, who: &str) -> String {
        format!("{}:{who}", self.name)
    }

    /// How many uses are written ahead of them.
    fn lease(&self) -> i64 {
        i64::from((self.limit / LEASES).clamp(1, MOST_LEASED))
    }
}

impl<S: Sql, W: World> Network<S, W> {
    /// Counts one use by `who`.
    ///
    /// # Errors
    /// 429 until the window ends.
    pub(super) fn count(&self, rate: &Rate<'_>, who: &str) -> Outcome<()> {
        let key = rate.key(who);
        let now = self.world.now();
        let mut rates = self.rates.borrow_mut();
        let mut window = match rates.0.get(&key) {
            Some(window) => *window,
            None => self.stored_window(&key)?.unwrap_or(Window { began: now, used: 0, leased: 0 }),
        };
        // A clock that went back opens no new window.
        if now >= window.began + rate.window {
            window = Window { began: now, used: 0, leased: 0 };
        }
        let limit = i64::from(rate.limit);
        if window.used >= limit {
            let left = window.began + rate.window - now;
            let seconds = u32::try_from((left + 999) / 1_000).unwrap_or(u32::MAX);
            rates.0.insert(key, window);
            return Err(MoltnetError::rate_limited(
                format!("{} is {}: try again in {seconds} seconds", rate.name, rate.limit),
                seconds,
            ));
        }
        if window.used >= window.leased {
            window.leased = (window.leased + rate.lease()).min(limit);
            self.write_lease(&key, &window)?;
        }
        window.used += 1;
        if rates.0.len() >= KEPT && !rates.0.contains_key(&key) {
            // Whoever comes again is read from storage; windows that ended long ago go from there too.
            rates.0.clear();
            let old = now - rate.window.max(HOUR);
            self.sql.run("DELETE FROM rate WHERE began < ?1", &[old.into()])?;
        }
        rates.0.insert(key, window);
        Ok(())
    }

    /// Counts `more` uses by `who` ahead of them, if the window has begun in earnest: `busy` uses are in it. Answers when
    /// it ends.
    pub(super) fn lend(&self, rate: &Rate<'_>, who: &str, more: u32, busy: u32) -> Outcome<Option<Millis>> {
        let key = rate.key(who);
        let mut rates = self.rates.borrow_mut();
        let Some(window) = rates.0.get_mut(&key) else { return Ok(None) };
        let (now, used) = (self.world.now(), window.used + i64::from(more));
        let end = window.began + rate.window;
        if window.used < i64::from(busy) || used > i64::from(rate.limit) || now >= end {
            return Ok(None);
        }
        if used > window.leased {
            let leased = (used + rate.lease()).min(i64::from(rate.limit));
            self.write_lease(&key, &Window { leased, ..*window })?;
            window.leased = leased;
        }
        window.used = used;
        Ok(Some(end))
    }

    fn write_lease(&self, key: &str, window: &Window) -> Outcome<()> {
        self.sql.run(
            "INSERT INTO rate (key, began, leased) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET began = excluded.began, leased = excluded.leased",
            &[key.into(), window.began.into(), window.leased.into()],
        )?;
        Ok(())
    }

    fn stored_window(&self, key: &str) -> Outcome<Option<Window>> {
        let rows = self.sql.run("SELECT began, leased FROM rate WHERE key = ?1", &[key.into()])?;
        Ok(rows.first().map(|row| {
            let leased = column(row, 1).int();
            Window { began: column(row, 0).int(), used: leased, leased }
        }))
    }
}

/// An hour.
pub(super) const HOUR: Millis = 3_600_000;

/// A minute.
pub(super) const MINUTE: Millis = 60_000;
