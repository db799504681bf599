//! The links of an agent's tunnel, as its endpoint sees them: whether there are any, what their pods serve, and which
//! are to go. The sockets themselves are the tunnel's.

use super::capabilities::Found;
use super::tunnel::{Probed, Tunnel, Wire};
use moltghost_protocol::control::link::LinkStatus;
use moltghost_protocol::endpoint::capability::Capabilities;
use moltghost_protocol::object::agent::ProbeReport;
use moltghost_protocol::region::Region;
use moltghost_protocol::time::Millis;
use moltghost_protocol::tunnel::Goodbye;
use std::cell::RefCell;

/// Links of a tunnel.
pub trait Links {
    /// Whether a link takes calls.
    fn any(&self) -> bool;
    /// All links, as they are shown.
    fn shown(&self, now: Millis) -> Vec<LinkStatus>;
    /// What the pods serve together, as far as it is known; `None` where none was asked.
    fn capabilities(&self) -> Option<Capabilities>;
    /// Whether what each pod serves was found out since then.
    fn known_since(&self, since: Millis) -> bool;
    /// The link that is to be probed now: the one whose last probe is the longest ago.
    fn hand_out(&self, now: Millis) -> Option<u64>;
    /// Takes what a probe found, of one link or of whichever was asked. Answers whether that link is there.
    fn report(&self, link: Option<u64>, report: &ProbeReport, now: Millis) -> bool;
    /// Forgets what the pods serve.
    fn forget(&self);
    /// Says where the agent's region is.
    fn place(&self, home: Option<Region>);
    /// Sends a replica's links away; answers whether there was one that took calls.
    fn drain(&self, replica: &str, by: Millis, now: Millis) -> bool;
}

impl<W: Wire> Links for RefCell<Tunnel<W>> {
    fn any(&self) -> bool {
        self.borrow().up().next().is_some()
    }

    fn shown(&self, now: Millis) -> Vec<LinkStatus> {
        self.borrow().shown(now)
    }

    fn capabilities(&self) -> Option<Capabilities> {
        let tunnel = self.borrow();
        let found = tunnel.up().filter_map(|(_, link)| link.probed.found);
        found.map(|found| found.capabilities).reduce(Capabilities::or)
    }

    fn known_since(&self, since: Millis) -> bool {
        self.borrow().up().all(|(_, link)| link.probed.found.is_some_and(|found| found.at > since))
    }

    fn hand_out(&self, now: Millis) -> Option<u64> {
        let mut tunnel = self.borrow_mut();
        let number = tunnel.up().min_by_key(|(_, link)| link.probed.asked).map(|(number, _)| number)?;
        tunnel.probed(number, |probed| probed.asked = now);
        Some(number)
    }

    fn report(&self, link: Option<u64>, report: &ProbeReport, now: Millis) -> bool {
        let mut tunnel = self.borrow_mut();
        let up: Vec<u64> = tunnel.up().map(|(number, _)| number).collect();
        match (link, up.as_slice()) {
            (Some(link), up) if up.contains(&link) => {
                tunnel.probed(link, |probed| probed.take(report, now));
                true
            }
            (None, [only]) => {
                tunnel.probed(*only, |probed| probed.take(report, now));
                true
            }
            // Nobody knows which of them was asked: each is asked again.
            (None, [_, ..]) => {
                drop(tunnel);
                self.forget();
                true
            }
            _ => false,
        }
    }

    fn forget(&self) {
        let mut tunnel = self.borrow_mut();
        for number in tunnel.numbers() {
            tunnel.probed(number, |probed| *probed = Probed::default());
        }
    }

    fn place(&self, home: Option<Region>) {
        self.borrow_mut().place(home);
    }

    fn drain(&self, replica: &str, by: Millis, now: Millis) -> bool {
        let mut tunnel = self.borrow_mut();
        let of = tunnel.of_replica(replica);
        let took = !of.is_empty();
        for number in of {
            tunnel.ask_to_leave(number, Goodbye::Drained, by, now);
        }
        took
    }
}

impl Probed {
    fn take(&mut self, report: &ProbeReport, now: Millis) {
        let found = Found { at: now, capabilities: report.capabilities };
        self.found = report.error.is_none().then_some(found);
        self.error.clone_from(&report.error);
    }
}

/// A tunnel without links.
#[cfg(test)]
pub fn none() -> std::rc::Rc<dyn Links> {
    std::rc::Rc::new(RefCell::new(Tunnel::<super::tunnel::tests::Socket>::of(Vec::new())))
}
