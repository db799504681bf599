//! Which link takes a call: the one with the fewest calls in flight for its weight. One that did not take calls rests
//! for a while, unless all do.

use super::{Tunnel, Wire};
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::{MAX_STREAM, MAX_STREAMS};

/// How long a link rests after the first call that it did not take, and the longest.
const REST: Millis = 500;
const MAX_REST: Millis = 30_000;

impl<W: Wire> Tunnel<W> {
    /// The link for a call, which was not among `tried`; `None` where there is none.
    pub(super) fn choose(&mut self, tried: &[u64], now: Millis) -> Option<u64> {
        let mut flying = std::collections::HashMap::new();
        for (link, _) in self.streams.keys() {
            *flying.entry(*link).or_insert(0usize) += 1;
        }
        let load = |number: &u64| flying.get(number).copied().unwrap_or(0);
        let fits = self.links.iter().filter_map(|(number, link)| {
            let greeted = link.greeted.as_ref().filter(|_| !link.leaving)?;
            let open = link.next <= MAX_STREAM && load(number) < MAX_STREAMS && !tried.contains(number);
            // What rests comes last; of two that are alike the one that was not chosen for longer comes first.
            let share = (load(number) + 1) * 1_000 / usize::from(greeted.weight.max(1));
            open.then_some((link.rests > now, share, link.chosen, *number))
        });
        let (.., number) = fits.min()?;
        self.chosen += 1;
        if let Some(link) = self.links.get_mut(&number) {
            link.chosen = self.chosen;
        }
        Some(number)
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
