//! Counts what is refused before any object is asked, for the deployment's metrics.
//!
//! A refusal costs no message: an instance counts in memory, and tells the register what came together some seconds
//! later, each report under a number of its own, so that one which arrives twice is counted once. What an instance
//! has counted when it ends and not told yet is lost: at most the refusals of those seconds.

use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::{entry, now, random};
use moltghost_protocol::error::{Code, Problem};
use moltghost_protocol::name::AccountName;
use moltghost_protocol::object::account::{AccountAsk, EdgeReport, RegisterOp};
use moltghost_protocol::time::Millis;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How long refusals are gathered before they are told.
const GATHER_MS: u32 = 5_000;

/// After how long somebody else tells, where who meant to has ended early.
const GIVEN_UP: Millis = 30_000;

#[derive(Default)]
struct Counts {
    refused: BTreeMap<String, u64>,
    /// This instance among all others; drawn with its first report.
    instance: Option<String>,
    number: u64,
    /// The report that the register may not have.
    sent: Option<EdgeReport>,
    /// Until when somebody is sure to tell.
    told_by: Millis,
}

thread_local! {
    static COUNTS: RefCell<Counts> = RefCell::default();
}

/// Counts a refusal, if no object was asked; those count themselves.
pub fn count(request: &Request, code: Code) {
    if request.asked.get() {
        return;
    }
    let begins = COUNTS.with_borrow_mut(|counts| {
        *counts.refused.entry(code.as_str().to_owned()).or_default() += 1;
        let begins = counts.told_by <= now();
        if begins {
            counts.told_by = now() + GIVEN_UP;
        }
        begins
    });
    if begins {
        let shared = request.clone();
        let telling = async move {
            let _ = entry::sleep(GATHER_MS).await;
            tell(&shared).await;
            COUNTS.with_borrow_mut(|counts| counts.told_by = 0);
        };
        if entry::after(&request.ctx, telling).is_err() {
            COUNTS.with_borrow_mut(|counts| counts.told_by = 0);
        }
    }
}

/// Tells what was counted. A report that fails is told again, as it was, before the next one.
async fn tell(request: &Request) {
    while let Some(report) = COUNTS.with_borrow_mut(next) {
        let ask = AccountAsk::Register(RegisterOp::Edge(report));
        let told: Result<(), Problem> = objects::account(request, &AccountName::Register, &ask).await;
        if told.is_err() {
            return;
        }
        COUNTS.with_borrow_mut(|counts| counts.sent = None);
    }
}

fn next(counts: &mut Counts) -> Option<EdgeReport> {
    if counts.sent.is_none() && !counts.refused.is_empty() {
        let instance = match &counts.instance {
            Some(instance) => instance.clone(),
            None => counts.instance.insert(format!("{:016x}", random::u64().ok()?)).clone(),
        };
        counts.number += 1;
        let refused = std::mem::take(&mut counts.refused);
        counts.sent = Some(EdgeReport { instance, number: counts.number, refused });
    }
    counts.sent.clone()
}
