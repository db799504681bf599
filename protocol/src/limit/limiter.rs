//! The request limiter: no trailing 60 s holds more passed requests than the limit, across any crash.
//!
//! Memory holds exactly what passed in the last 60 s. Storage holds blocks: permits that were leased ahead, each row
//! saying "so many may have been used, as late as then". A permit is used only out of a block that is stored, so
//! after a crash the rows count at least what was used, no earlier than it was: stricter, never looser. A block is
//! renewed in the background before it is used up; one that nobody uses any more is cut to what was used.
//!
//! Whoever drives this writes a [`Block`] before it lets anything pass that the block allows, and says so with
//! [`Limiter::stored`]. A write that failed is forgotten: what it may have left in storage only counts too much.

use super::{Rate, LEASE, REST, WINDOW};
use crate::time::Millis;
use std::collections::VecDeque;

/// Limits above this are counted in slots of [`SLOT`], so that a limiter never holds more than about 1,000 entries.
const EXACT: u32 = 1_000;

/// Width of a slot in milliseconds; a slot counts as late as its last use.
const SLOT: Millis = 60;

/// Largest part of a limit that one block leases, as its inverse, and most permits of one: what a crash can cost.
const PART: u32 = 16;
const MOST: u32 = 1_000;

/// A block of permits as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Which block of the limiter; a row of the same number is replaced.
    pub number: i64,
    /// Permits that may have been used.
    pub permits: u32,
    /// How late.
    pub until: Millis,
}

/// The block that permits are taken from.
#[derive(Debug)]
struct Open {
    block: Block,
    used: u32,
    last: Millis,
}

/// What passed between two points of time.
#[derive(Debug)]
struct Slot {
    first: Millis,
    last: Millis,
    passed: u32,
}

/// One limiter. The limit itself is an argument everywhere: it may change between two requests.
#[derive(Debug, Default)]
pub struct Limiter {
    /// The latest time seen: a clock that falls back waits here until it is there again.
    high: Millis,
    /// What passes now counts no earlier than this: something may have passed as late as that before a crash.
    floor: Millis,
    slots: VecDeque<Slot>,
    /// Sum of the slots.
    passed: u32,
    /// Permits of those who wait: not passed yet, and not free.
    held: u32,
    open: Option<Open>,
    /// Number of the next block.
    next: i64,
}

impl Limiter {
    /// A limiter as it is after a crash: every stored block counts in full, as late as it may have been used.
    pub fn restore(mut blocks: Vec<Block>) -> Self {
        blocks.sort_unstable_by_key(|block| block.until);
        let mut limiter = Self::default();
        for Block { number, permits, until } in blocks {
            limiter.floor = limiter.floor.max(until);
            limiter.next = limiter.next.max(number.saturating_add(1));
            if permits > 0 {
                limiter.passed = limiter.passed.saturating_add(permits);
                limiter.slots.push_back(Slot { first: until, last: until, passed: permits });
            }
        }
        limiter
    }

    /// Lets go of what is older than 60 s. Answers the time at which something would pass now.
    fn advance(&mut self, now: Millis) -> Millis {
        self.high = self.high.max(now);
        while let Some(slot) = self.slots.front().filter(|slot| slot.last + WINDOW <= self.high) {
            self.passed = self.passed.saturating_sub(slot.passed);
            self.slots.pop_front();
        }
        self.high.max(self.floor)
    }

    /// Whether one more may pass or be held.
    ///
    /// # Errors
    /// Milliseconds until one may.
    pub fn check(&mut self, limit: u32, now: Millis) -> Result<(), Millis> {
        self.advance(now);
        let taken = self.passed.saturating_add(self.held);
        if taken < limit {
            return Ok(());
        }
        Err(self.free_at(taken - limit + 1).saturating_sub(now).max(1))
    }

    /// When `permits` of those that passed will be free.
    fn free_at(&self, permits: u32) -> Millis {
        let mut freed = 0u32;
        for slot in &self.slots {
            freed = freed.saturating_add(slot.passed);
            if freed >= permits {
                return slot.last + WINDOW;
            }
        }
        self.high + WINDOW
    }

    /// Keeps a permit for one who waits; [`Limiter::check`] said yes.
    pub fn hold(&mut self) {
        self.held = self.held.saturating_add(1);
    }

    /// Ends a hold: its holder passes right after this, or has left.
    pub fn release(&mut self) {
        self.held = self.held.saturating_sub(1);
    }

    /// Whether a permit is leased that may be used now.
    pub fn is_leased(&mut self, now: Millis) -> bool {
        let now = self.advance(now);
        self.open.as_ref().is_some_and(|open| open.used < open.block.permits && now <= open.block.until)
    }

    /// Whether the block should be renewed in the background.
    pub fn is_low(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.used >= open.block.permits.div_ceil(2))
    }

    /// Lets one pass, at the time it answers; [`Limiter::is_leased`] said yes.
    pub fn pass(&mut self, limit: u32, now: Millis) -> Millis {
        let now = self.advance(now);
        if let Some(open) = &mut self.open {
            open.used += 1;
            open.last = now;
        }
        self.passed += 1;
        let width = if limit > EXACT { SLOT } else { 1 };
        match self.slots.back_mut().filter(|slot| now - slot.first < width) {
            Some(slot) => {
                slot.last = now;
                slot.passed += 1;
            }
            None => self.slots.push_back(Slot { first: now, last: now, passed: 1 }),
        }
        now
    }

    /// Gives back a permit that was used at `at` by a request that did not reach the pod after all. Its block counts
    /// it still.
    pub fn give_back(&mut self, at: Millis) {
        let slot = self.slots.iter_mut().find(|slot| slot.first <= at && at <= slot.last && slot.passed > 0);
        if let Some(slot) = slot {
            slot.passed -= 1;
            self.passed -= 1;
        }
    }

    /// Closes the block and plans the next one. Answers rows in the order in which they must be written: the new
    /// block, then what is left of the old. `None` for the new one where nothing is free to be leased.
    pub fn renew(&mut self, limit: u32, now: Millis) -> (Option<Block>, Option<Block>) {
        let now = self.advance(now);
        let old = self.close();
        let free = limit.saturating_sub(self.passed);
        let permits = free.min(limit.div_ceil(PART).min(MOST));
        let new = (permits > 0).then(|| Block { number: self.number(), permits, until: now + LEASE });
        (new, old)
    }

    fn number(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }

    /// A block is stored: permits may be used out of it.
    pub fn stored(&mut self, block: Block) {
        self.open = Some(Open { block, used: 0, last: 0 });
    }

    /// The block as it is once nothing more will be used of it.
    fn close(&mut self) -> Option<Block> {
        let open = self.open.take()?;
        let until = if open.used == 0 { open.block.until - LEASE } else { open.last };
        Some(Block { permits: open.used, until, ..open.block })
    }

    /// Gives back what is left of a block that was not used for a while: the row to write.
    pub fn rest(&mut self, now: Millis) -> Option<Block> {
        let now = self.advance(now);
        let idle = self.open.as_ref().is_some_and(|open| {
            let last = if open.used == 0 { open.block.until - LEASE } else { open.last };
            now - last >= REST
        });
        if idle {
            self.close()
        } else {
            None
        }
    }

    /// Whether a block is open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The oldest point of time that a stored block still counts at.
    pub fn horizon(&self) -> Millis {
        self.high - WINDOW
    }

    /// What callers are told.
    pub fn rate(&mut self, limit: u32, now: Millis) -> Rate {
        self.advance(now);
        let wait = |at: Millis| u32::try_from((at - now).max(0)).unwrap_or(u32::MAX);
        Rate {
            limit,
            remaining: limit.saturating_sub(self.passed.saturating_add(self.held)),
            reset_ms: self.slots.back().map_or(0, |slot| wait(slot.last + WINDOW)),
            next_ms: self.slots.front().map_or(0, |slot| wait(slot.last + WINDOW)),
        }
    }

    #[cfg(test)]
    pub(super) fn slots_held(&self) -> usize {
        self.slots.len()
    }
}
