//! The links as others see them: which take calls, how each is, and what its pod serves.

use super::{Link, Probed, Tunnel, Wire};
use moltghost_protocol::control::link::{Breaker, LinkStatus};
use moltghost_protocol::region::Region;
use moltghost_protocol::time::{rfc3339, Millis};
use std::collections::HashMap;

impl<W: Wire> Tunnel<W> {
    /// The links that calls may take.
    pub fn up(&self) -> impl Iterator<Item = (u64, &Link<W>)> {
        let links = self.links.iter().filter(|(_, link)| link.greeted.is_some() && link.leaving.is_none());
        links.map(|(number, link)| (*number, link))
    }

    /// The links to a replica that take calls.
    pub fn of_replica(&self, replica: &str) -> Vec<u64> {
        let of = |link: &Link<W>| link.greeted.as_ref().is_some_and(|greeted| greeted.replica == replica);
        self.up().filter(|(_, link)| of(link)).map(|(number, _)| number).collect()
    }

    /// Calls in flight, by link.
    pub(super) fn flying(&self) -> HashMap<u64, u32> {
        let mut flying = HashMap::new();
        for (link, _) in self.streams.keys() {
            *flying.entry(*link).or_insert(0) += 1;
        }
        flying
    }

    /// The links of the tunnel, as `/v1/status` shows them.
    pub fn shown(&self, now: Millis) -> Vec<LinkStatus> {
        let flying = self.flying();
        let greeted =
            self.links.iter().filter_map(|(number, link)| Some((number, link, link.greeted.as_ref()?)));
        let shown = greeted.map(|(number, link, greeted)| LinkStatus {
            kind: "tunnel".to_owned(),
            up: link.leaving.is_none(),
            replica: Some(greeted.replica.clone()),
            weight: Some(greeted.weight),
            region: greeted.region.clone(),
            since: Some(rfc3339(greeted.since)),
            in_flight: flying.get(number).copied().unwrap_or(0),
            breaker: Some(link.breaker(now)),
            draining: link.leaving.is_some(),
            last_error: link.probed.error.clone(),
            capabilities: link.probed.found.map(|found| found.capabilities),
        });
        shown.collect()
    }

    /// Changes what is known of a link's pod.
    pub fn probed(&mut self, number: u64, change: impl FnOnce(&mut Probed)) {
        if let Some(link) = self.links.get_mut(&number) {
            change(&mut link.probed);
            self.keep_link(number);
        }
    }

    /// Says where the agent's region is, by which links are nearer or farther.
    pub fn place(&mut self, home: Option<Region>) {
        if self.home == home {
            return;
        }
        self.home = home;
        for number in self.numbers() {
            if let Some(greeted) = self.links.get_mut(&number).and_then(|link| link.greeted.as_mut()) {
                greeted.distance = Region::distance(home, greeted.region.as_deref().and_then(Region::parse));
                self.keep_link(number);
            }
        }
    }
}

impl<W> Link<W> {
    /// Whether it is given calls.
    pub(super) fn breaker(&self, now: Millis) -> Breaker {
        match (self.failed, self.rests > now) {
            (0, _) => Breaker::Closed,
            (_, true) => Breaker::Open,
            (_, false) => Breaker::HalfOpen,
        }
    }
}
