//! A run from its admission to its settlement: whatever ends it goes through here.

use super::plain;
use crate::answer::Answer;
use crate::objects;
use crate::request::Request;
use moltghost_durable::bindings::exchange::Exchange;
use moltghost_durable::bindings::now;
use moltghost_protocol::endpoint::api::Api;
use moltghost_protocol::endpoint::capability;
use moltghost_protocol::endpoint::response;
use moltghost_protocol::endpoint::usage::Usage;
use moltghost_protocol::error::Problem;
use moltghost_protocol::id::{AccountId, AgentId, KeyId};
use moltghost_protocol::metrics::figures::Ending;
use moltghost_protocol::object::agent::{Settle, Target};
use moltghost_protocol::request_id::RunId;
use moltghost_protocol::time::Millis;
use std::cell::Cell;
use std::rc::Rc;

/// A run that was admitted.
pub struct Run {
    /// The agent.
    pub agent: AgentId,
    /// Its id.
    pub id: RunId,
    /// What it speaks.
    pub api: Api,
    /// Whether the pod takes `/v1/tools` itself.
    pub own_tools: bool,
    /// The pod, if it is known to have a route that it need not have: it is asked anew if it has it no more.
    pub claimed: Option<Box<Target>>,
    /// Whether the answer streams.
    pub streaming: bool,
    /// Whether the usage chunk is ours alone: the caller did not ask for it.
    pub cuts_usage: bool,
    /// Estimate of the prompt's tokens.
    pub prompt: u64,
    /// Header lines of the answer.
    pub lines: String,
    /// The account and the key.
    pub caller: Option<(AccountId, KeyId)>,
    /// When it was admitted.
    pub admitted: Millis,
    /// When the first piece of its stream came.
    pub first_token: FirstToken,
}

/// When the first piece of a stream came.
#[derive(Clone, Default)]
pub struct FirstToken(Rc<Cell<Option<Millis>>>);

impl FirstToken {
    /// A piece has come.
    pub fn note(&self) {
        if self.0.get().is_none() {
            self.0.set(Some(now()));
        }
    }
}

impl Run {
    /// Ends the run with what it used; `None` where nothing is known to have reached the pod.
    pub fn settle(&self, request: &Request, usage: Option<Usage>, ending: Ending) {
        let settle = Settle::new(self.id.clone(), usage);
        self.end(request, settle, ending);
    }

    fn end(&self, request: &Request, settle: Settle, ending: Ending) {
        let since = |time: Millis| u64::try_from(time - self.admitted).ok();
        let settle = Settle {
            ending: Some(ending),
            latency_ms: since(now()),
            first_token_ms: self.first_token.0.get().and_then(since),
            ..settle
        };
        objects::settle(request, &self.agent, &settle);
    }

    /// Ends the run with a refusal; `usage` as in [`Run::settle`].
    pub fn failed(&self, request: &Request, usage: Option<Usage>, problem: Problem) -> Answer {
        self.settle(request, usage, Ending::of(problem.code.status()));
        self.refused(problem)
    }

    /// Ends the run with a refusal before the pod was asked: it gives its permit back.
    pub fn unasked(&self, request: &Request, problem: Problem) -> Answer {
        request.opened.drop_kept();
        self.end(request, Settle::unsent(self.id.clone()), Ending::of(problem.code.status()));
        self.refused(problem)
    }

    /// Ends a run whose pod gave no answer: one that was certainly not asked may be called again.
    pub fn unanswered(&self, request: &Request, exchange: &Exchange) -> Answer {
        if exchange.unasked() {
            return self.unasked(request, plain::not_reached());
        }
        self.failed(request, None, plain::unreachable())
    }

    /// Ends the run of a caller who has left; nobody reads the answer.
    pub fn abandoned(&self, request: &Request) -> Answer {
        self.settle(request, Some(plain::unheard(self)), Ending::Cancelled);
        self.refused(plain::gone())
    }

    /// What notes when the first piece of the stream comes.
    pub fn hearing(&self) -> FirstToken {
        self.first_token.clone()
    }

    /// Whether the pod says that it has no such route, where it need not have one; `body` as far as it was read.
    pub fn lacks_route(&self, status: u16, body: &[u8]) -> bool {
        let optional = !self.api.is_chat() || self.own_tools;
        optional && capability::exists(status, body) == Some(false)
    }

    /// Finds out again what the pod serves, since it turned out to lack what it was known to have.
    pub fn asks_anew(&self, request: &Request) {
        if let Some(target) = &self.claimed {
            super::probe::in_background(request, &self.agent, (**target).clone());
        }
    }

    /// The event that ends the answer's stream with an error, of the body of a refusal; `next` is the number of the
    /// event where events have one.
    pub fn error_event(&self, error: &str, next: u64) -> String {
        if self.api == Api::Responses {
            response::error_event(error, next)
        } else {
            format!("data: {error}\n\n")
        }
    }

    /// A refusal after admission.
    pub fn refused(&self, problem: Problem) -> Answer {
        Answer::from(problem).lines(&self.lines)
    }
}
