//! The request limits of an endpoint: one limiter for each key and one for all of them (agent-endpoints §5).
//!
//! A permit is used only out of a block whose row is written; see [`moltghost_protocol::limit`]. Blocks are renewed
//! with the leases, after the reply. Only where no block is open (a key's first request, and in a rush that uses up
//! a block within one turn) is the row written before the answer, which then waits for it.

use super::endpoint::{Answer, Loaded};
use crate::sql::{column, Sql, SqlError, Statement};
use moltghost_protocol::error::{Code, Problem, Retry};
use moltghost_protocol::id::KeyId;
use moltghost_protocol::limit::{Block, Limiter, Rate, DEFAULT_RPM, REST};
use moltghost_protocol::time::Millis;
use std::collections::HashMap;

/// Which limits bind a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// Requests in 60 s of the key.
    pub key: u32,
    /// Of all keys together, where there is such a limit.
    pub all: Option<u32>,
}

/// The limiters of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Permits {
    all: Limiter,
    keys: HashMap<KeyId, Limiter>,
    /// Limiters whose block is to be renewed, and their limits; `None` is the one of all keys.
    low: Vec<(Option<KeyId>, u32)>,
    /// When blocks that nobody uses any more are looked for.
    rest: Option<Millis>,
}

/// Blocks that a flush writes: they are open once it has.
pub(super) type Renewed = Vec<(Option<KeyId>, Block)>;

impl Permits {
    pub(super) fn load(sql: &impl Sql) -> Result<Self, SqlError> {
        let mut blocks: HashMap<Option<KeyId>, Vec<Block>> = HashMap::new();
        for row in &sql.run("SELECT key, number, permits, until FROM permit", &[])? {
            let block = Block {
                number: column(row, 1).int(),
                permits: u32::try_from(column(row, 2).int()).unwrap_or(u32::MAX),
                until: column(row, 3).int(),
            };
            blocks.entry(KeyId::parse(column(row, 0).text()).ok()).or_default().push(block);
        }
        let mut permits = Self::default();
        for (key, blocks) in blocks {
            *permits.limiter(key.as_ref()) = Limiter::restore(blocks);
        }
        Ok(permits)
    }

    fn limiter(&mut self, key: Option<&KeyId>) -> &mut Limiter {
        match key {
            None => &mut self.all,
            Some(key) => {
                if !self.keys.contains_key(key) {
                    self.keys.insert(key.clone(), Limiter::default());
                }
                // It is there: it was put in just now.
                self.keys.get_mut(key).unwrap_or(&mut self.all)
            }
        }
    }

    /// Whether a request of a key may pass or wait.
    ///
    /// # Errors
    /// `rate_limited`, with the time after which one may.
    pub(super) fn check(&mut self, key: &KeyId, rates: Rates, now: Millis) -> Result<(), Problem> {
        let own = self.limiter(Some(key)).check(rates.key, now);
        let all = rates.all.map_or(Ok(()), |limit| self.all.check(limit, now));
        match (own, all) {
            (Ok(()), Ok(())) => Ok(()),
            (Err(wait), all) => Err(limited("key", rates.key, wait.max(all.err().unwrap_or(0)))),
            (Ok(()), Err(wait)) => Err(limited("agent", rates.all.unwrap_or(0), wait)),
        }
    }

    /// Keeps a permit for a request that waits for a slot.
    pub(super) fn hold(&mut self, key: &KeyId) {
        self.limiter(Some(key)).hold();
        self.all.hold();
    }

    /// Ends a hold: its request passes right after this, or has left.
    pub(super) fn release(&mut self, key: &KeyId) {
        self.limiter(Some(key)).release();
        self.all.release();
    }

    /// Lets a request pass that [`Permits::check`] allowed. Answers the time that it is counted at.
    ///
    /// # Errors
    /// Where a block had to be written and could not be.
    pub(super) fn pass(&mut self, sql: &impl Sql, key: &KeyId, rates: Rates, now: Millis) -> Answer<Millis> {
        self.lease(sql, Some(key), rates.key, now)?;
        if let Some(limit) = rates.all {
            self.lease(sql, None, limit, now)?;
            self.all.pass(limit, now);
            self.note(None, limit);
        }
        let at = self.limiter(Some(key)).pass(rates.key, now);
        self.note(Some(key), rates.key);
        self.rest.get_or_insert(now + REST);
        Ok(at)
    }

    /// Makes sure that a block is open that can be used.
    fn lease(&mut self, sql: &impl Sql, key: Option<&KeyId>, limit: u32, now: Millis) -> Answer<()> {
        let limiter = self.limiter(key);
        if limiter.is_leased(now) {
            return Ok(());
        }
        let (new, old) = limiter.renew(limit, now);
        let Some(block) = new else {
            return Err(limited("key", limit, limiter.check(limit, now).err().unwrap_or(1)));
        };
        let statements = rows(key, limiter, Some(block), old);
        let (_, result) = sql.apply(&statements);
        result?;
        self.limiter(key).stored(block);
        Ok(())
    }

    fn note(&mut self, key: Option<&KeyId>, limit: u32) {
        let low = self.limiter(key).is_low();
        if low && !self.low.iter().any(|(noted, _)| noted.as_ref() == key) {
            self.low.push((key.cloned(), limit));
        }
    }

    /// Whether a block waits for [`Permits::renewals`].
    pub(super) fn unwritten(&self) -> bool {
        !self.low.is_empty()
    }

    /// Statements that renew blocks, and what is to be given to [`Permits::stored`] once they were run. If they were
    /// not, the next request of each key writes its block itself.
    pub(super) fn renewals(&mut self, now: Millis) -> (Vec<Statement>, Renewed) {
        let mut statements = Vec::new();
        let mut renewed = Vec::new();
        for (key, limit) in std::mem::take(&mut self.low) {
            let limiter = self.limiter(key.as_ref());
            let (new, old) = limiter.renew(limit, now);
            statements.extend(rows(key.as_ref(), limiter, new, old));
            renewed.extend(new.map(|block| (key, block)));
        }
        (statements, renewed)
    }

    /// The statements were run.
    pub(super) fn stored(&mut self, renewed: Renewed) {
        for (key, block) in renewed {
            self.limiter(key.as_ref()).stored(block);
        }
    }

    /// Gives back a permit of a request that did not reach the pod.
    pub(super) fn give_back(&mut self, key: &KeyId, at: Millis) {
        self.limiter(Some(key)).give_back(at);
        self.all.give_back(at);
    }

    /// When to look for blocks that are not used any more.
    pub(super) fn next_rest(&self) -> Option<Millis> {
        self.rest
    }

    /// Statements that give back what is left of blocks that were not used for a while. They need not succeed.
    pub(super) fn rest(&mut self, now: Millis) -> Vec<Statement> {
        let Some(_) = self.rest.filter(|due| *due <= now) else { return Vec::new() };
        let mut statements = Vec::new();
        let mut open = false;
        let keys = self.keys.iter_mut().map(|(key, limiter)| (Some(key), limiter));
        for (key, limiter) in keys.chain([(None, &mut self.all)]) {
            let closed = limiter.rest(now);
            open |= limiter.is_open();
            statements.extend(closed.map(|block| row(key, block)));
        }
        self.rest = open.then_some(now + REST);
        statements
    }

    /// What a key's holder is told: the tighter of the two limits.
    pub(super) fn rate(&mut self, key: &KeyId, rates: Rates, now: Millis) -> Rate {
        let all = rates.all.map(|limit| self.all.rate(limit, now));
        self.limiter(Some(key)).rate(rates.key, now).tighter(all)
    }
}

impl Loaded {
    /// The limits that bind a key now.
    pub(super) fn rates(&self, key: &KeyId) -> Rates {
        let all = self.settings.limits.rpm;
        let own = self.keys.get(key).and_then(|key| key.settings.limits.rpm);
        Rates { key: own.or(all).unwrap_or(DEFAULT_RPM), all }
    }
}

/// Rows of a renewal in the order in which they must be written, and the end of those that count no more.
fn rows(key: Option<&KeyId>, limiter: &Limiter, new: Option<Block>, old: Option<Block>) -> Vec<Statement> {
    let mut statements: Vec<Statement> = new.into_iter().chain(old).map(|block| row(key, block)).collect();
    let horizon = limiter.horizon();
    statements
        .push(("DELETE FROM permit WHERE key = ?1 AND until < ?2", vec![name(key).into(), horizon.into()]));
    statements
}

fn row(key: Option<&KeyId>, block: Block) -> Statement {
    (
        "REPLACE INTO permit (key, number, permits, until) VALUES (?1, ?2, ?3, ?4)",
        vec![name(key).into(), block.number.into(), u64::from(block.permits).into(), block.until.into()],
    )
}

/// The limiter of all keys has no name.
fn name(key: Option<&KeyId>) -> &str {
    key.map_or("", KeyId::as_str)
}

fn limited(whose: &str, limit: u32, wait: Millis) -> Problem {
    Problem::new(
        Code::RateLimited,
        format!(
            "The request limit of this {whose} is used up: {limit} in 60 seconds. Try again after the time that is \
             told; the owner can raise limits.rpm."
        ),
    )
    .retry(Retry::After(u32::try_from(wait).unwrap_or(u32::MAX)))
}
