//! Telling the account what it does not know yet: begun in the event that brought it about, and gone on with by the
//! alarm if that fails.

use super::instance::Shared;
use crate::bindings::{entry, now, object, task};
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::AccountAsk;
use moltghost_protocol::object::{read_answer, write};
use std::rc::Rc;

impl Shared {
    /// Begins to tell the account now; the alarm goes on if that fails.
    pub(super) fn tell_soon(self: &Rc<Self>) {
        self.arm();
        if !self.telling.replace(true) {
            let shared = Rc::clone(self);
            task::soon(async move {
                shared.tell().await;
                shared.telling.set(false);
            });
        }
    }

    /// Tells the account what it does not know yet.
    pub(super) async fn tell(&self) {
        loop {
            let report = self.endpoint.borrow_mut().report();
            let (account, report) = match report {
                Ok(Some(report)) => report,
                Ok(None) => return,
                Err(problem) => return self.untold(&problem.to_string()),
            };
            let message = write(&AccountAsk::Report(Box::new(report.clone())));
            let name = AccountName::Account(account).to_string();
            let answer = object::call(&self.env, object::Class::Account, &name, &message).await;
            let told = match answer.map(|answer| read_answer::<()>(&answer)) {
                Ok(Ok(())) => self.endpoint.borrow_mut().reported(&report),
                Ok(Err(problem)) => Err(problem),
                Err(failure) => return self.untold(&failure.to_string()),
            };
            match told {
                Ok(true) => {}
                Ok(false) => return,
                Err(problem) => return self.untold(&problem.to_string()),
            }
        }
    }

    fn untold(&self, why: &str) {
        entry::log("account_untold", why);
        let again = self.endpoint.borrow_mut().unreported(now());
        self.wake(Ok(again));
    }
}
