//! Which link takes a call: of those that are well and serve its path, the nearest, and there the one with the fewest
//! calls in flight for its weight.
//!
//! A link that did not take calls rests for a while (its breaker is open); then one call tries it, and its outcome
//! closes or opens it again. None of this ever leaves a call without a link: it goes to the best that there is.

use super::{Link, Tunnel, Wire};
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::{MAX_STREAM, MAX_STREAMS};

/// How long a link rests after the first call that it did not take, and the longest.
const REST: Millis = 500;
const MAX_REST: Millis = 30_000;

/// How long other calls keep away from a link that one tries after its rest.
const TRIAL: Millis = 5_000;

/// What a call asks for.
pub(super) struct Wanted<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// The only link that may take it.
    pub only: Option<u64>,
    /// Links that have not.
    pub tried: &'a [u64],
}

/// How well a link is, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Health {
    /// A probe has shown that its pod is ready.
    Ready,
    /// No probe has come back yet.
    Unknown,
    /// Its pod was not ready, or it rests.
    Poor,
}

impl<W> Link<W> {
    fn health(&self, now: Millis) -> Health {
        if self.rests > now || self.probed.error.is_some() {
            Health::Poor
        } else if self.probed.found.is_some() {
            Health::Ready
        } else {
            Health::Unknown
        }
    }
}

impl<W: Wire> Tunnel<W> {
    /// The link for a call, which is noted there; `None` where there is none.
    pub(super) fn choose(&mut self, wanted: &Wanted<'_>, now: Millis) -> Option<u64> {
        let number = self.best(wanted, now)?;
        self.chosen += 1;
        if let Some(link) = self.links.get_mut(&number) {
            link.chosen = self.chosen;
            if link.failed > 0 {
                link.rests = link.rests.max(now + TRIAL);
            }
        }
        Some(number)
    }

    /// The link that a call would get.
    pub(super) fn best(&self, wanted: &Wanted<'_>, now: Millis) -> Option<u64> {
        let flying = self.flying();
        let load = |number: u64| flying.get(&number).map_or(0, |calls| *calls as usize);
        let fits = self.up().filter_map(|(number, link)| {
            let greeted = link.greeted.as_ref()?;
            let asked = wanted.only.is_none_or(|only| only == number) && !wanted.tried.contains(&number);
            let open = link.next <= MAX_STREAM && load(number) < MAX_STREAMS;
            let lacks = link.probed.found.is_some_and(|at| at.capabilities.lacks(wanted.method, wanted.path));
            // Of two that are alike the one that was not chosen for longer comes first.
            let share = (load(number) + 1) * 1_000 / usize::from(greeted.weight.max(1));
            (asked && open).then(|| (lacks, link.health(now), greeted.distance, share, link.chosen, number))
        });
        fits.min().map(|(.., number)| number)
    }

    /// A link has taken a call, or has not.
    pub(super) fn judge(&mut self, link: u64, took: bool, now: Millis) {
        if let Some(link) = self.links.get_mut(&link) {
            if took {
                (link.failed, link.rests) = (0, 0);
            } else {
                link.rests = now + (REST << link.failed.min(6)).min(MAX_REST);
                link.failed = link.failed.saturating_add(1);
            }
        }
    }
}
