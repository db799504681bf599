//! Telling the provisioner, by way of the Worker: begun in the event that brought it about, and gone on with by the
//! alarm if that fails.

use super::instance::Shared;
use crate::bindings::{entry, now, task, worker};
use moltghost_protocol::object::read_answer;
use moltghost_protocol::object::worker::WorkerAsk;
use std::rc::Rc;

impl Shared {
    /// Begins to tell the provisioner now.
    pub(super) fn notify_soon(self: &Rc<Self>) {
        if !self.notifying.replace(true) {
            let shared = Rc::clone(self);
            task::soon(async move {
                shared.notify().await;
                shared.notifying.set(false);
            });
        }
    }

    /// Tells the provisioner what it was not told yet, one after the other, until something fails.
    pub(super) async fn notify(&self) {
        loop {
            let due = self.endpoint.borrow_mut().due_notice(now());
            let notice = match due {
                Ok(Some(notice)) => notice,
                Ok(None) => break,
                Err(problem) => {
                    entry::log("notice_unread", &problem.to_string());
                    break;
                }
            };
            // Should this instance go meanwhile, the alarm goes on.
            self.arm();
            let pepper = self.endpoint.borrow().pepper.clone();
            let ask = WorkerAsk::Notify(Box::new(notice.clone()));
            let answer = worker::ask(&self.state, &pepper, &ask).await;
            let taken = match answer.map(|answer| read_answer::<()>(&answer)) {
                Ok(Ok(())) => true,
                Ok(Err(problem)) => untold(&problem.message),
                Err(failure) => untold(&failure.to_string()),
            };
            let more = self.endpoint.borrow_mut().noticed(&notice, taken, now());
            match more {
                Ok(true) => {}
                Ok(false) => break,
                Err(problem) => {
                    entry::log("notice_unstored", &problem.to_string());
                    break;
                }
            }
        }
        if self.endpoint.borrow().is_under_way() {
            self.arm();
        }
    }
}

fn untold(why: &str) -> bool {
    entry::log("provisioner_untold", why);
    false
}
