//! Probing the pod of an agent that starts, by way of the Worker: from the alarm, without a call.

use super::instance::Shared;
use crate::bindings::{entry, now, worker};
use moltghost_protocol::object::agent::{ProbeReport, Target};
use moltghost_protocol::object::read_answer;
use moltghost_protocol::object::worker::WorkerAsk;
use std::rc::Rc;

impl Shared {
    /// Probes a pod if one is given, and has the alarm do it again while it is not ready.
    pub(super) async fn probe(self: &Rc<Self>, target: Option<Target>) {
        let Some(target) = target else { return };
        let pepper = self.endpoint.borrow().pepper.clone();
        let answer = worker::ask(&self.state, &pepper, &WorkerAsk::Probe(Box::new(target))).await;
        let report = match answer.map(|answer| read_answer::<ProbeReport>(&answer)) {
            Ok(Ok(report)) => Some(report),
            Ok(Err(problem)) => unprobed(&problem.to_string()),
            Err(failure) => unprobed(&failure.to_string()),
        };
        let taken = self.endpoint.borrow_mut().take_probe(report.as_ref(), now());
        if let Err(problem) = taken {
            entry::log("probe_unstored", &problem.to_string());
        }
        if self.endpoint.borrow().has_news() {
            self.tell_soon();
        }
        self.arm();
    }
}

fn unprobed(why: &str) -> Option<ProbeReport> {
    entry::log("probe_failed", why);
    None
}
