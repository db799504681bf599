//! What is counted of calls in a minute, in a longer span, or since the beginning.

use super::histogram::Histogram;
use crate::endpoint::usage::Usage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How an admitted run ended, as its caller saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Answered in full.
    Ok,
    /// Answered with a status of 400 to 499.
    ClientError,
    /// Answered with a status of 500 or more, or failed in the middle of a stream.
    ServerError,
    /// The caller left first.
    Cancelled,
    /// Nobody told: its lease ended, and it was charged in full.
    Lost,
}

impl Ending {
    /// The ending of a run that was answered with a status.
    pub const fn of(status: u16) -> Self {
        match status {
            400..=499 => Self::ClientError,
            500.. => Self::ServerError,
            _ => Self::Ok,
        }
    }
}

/// How many runs ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endings {
    /// Answered in full.
    pub ok: u64,
    /// Answered with a status of 400 to 499.
    pub client_error: u64,
    /// Answered with a status of 500 or more, or failed in the middle of a stream.
    pub server_error: u64,
    /// The caller left first.
    pub cancelled: u64,
    /// Their lease ended without a word.
    pub lost: u64,
}

impl Endings {
    fn parts(&mut self) -> [&mut u64; 5] {
        [&mut self.ok, &mut self.client_error, &mut self.server_error, &mut self.cancelled, &mut self.lost]
    }
}

/// Numbers of calls to an agent. Every number only grows, so figures can be added, and of two that were read one
/// after the other the second holds the first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Runs that were admitted.
    pub requests: u64,
    /// Calls that the agent's object refused, by code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, u64>,
    /// Runs that ended, by how.
    pub endings: Endings,
    /// Tokens of prompts.
    pub prompt_tokens: u64,
    /// Tokens of answers.
    pub completion_tokens: u64,
    /// From admission to the last byte of the answer.
    pub latency: Histogram,
    /// From admission to the pod's first piece of a stream; plain answers have none.
    pub first_token: Histogram,
    /// Most runs that were in flight at once.
    pub in_flight_max: u32,
}

impl Figures {
    /// Counts an admitted run; `in_flight` are the runs in flight with it.
    pub fn admitted(&mut self, in_flight: u32) {
        self.requests += 1;
        self.in_flight_max = self.in_flight_max.max(in_flight);
    }

    /// Counts a refusal.
    pub fn refused(&mut self, code: &str) {
        match self.refused.get_mut(code) {
            Some(count) => *count += 1,
            None => drop(self.refused.insert(code.to_owned(), 1)),
        }
    }

    /// Counts the end of a run: how, after how many milliseconds, and after how many the first piece of its stream came.
    pub fn ended(&mut self, ending: Ending, latency_ms: Option<u64>, first_token_ms: Option<u64>) {
        let count = match ending {
            Ending::Ok => &mut self.endings.ok,
            Ending::ClientError => &mut self.endings.client_error,
            Ending::ServerError => &mut self.endings.server_error,
            Ending::Cancelled => &mut self.endings.cancelled,
            Ending::Lost => &mut self.endings.lost,
        };
        *count += 1;
        if let Some(ms) = latency_ms {
            self.latency.observe(ms);
        }
        if let Some(ms) = first_token_ms {
            self.first_token.observe(ms);
        }
    }

    /// Counts tokens.
    pub fn used(&mut self, usage: &Usage) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(usage.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(usage.completion_of_total());
    }

    /// Adds other figures; the most in flight is the larger of both.
    pub fn add(&mut self, other: &Self) {
        let sum = |own: &mut u64, more: u64| *own = own.saturating_add(more);
        sum(&mut self.requests, other.requests);
        sum(&mut self.prompt_tokens, other.prompt_tokens);
        sum(&mut self.completion_tokens, other.completion_tokens);
        for (code, count) in &other.refused {
            sum(self.refused.entry(code.clone()).or_default(), *count);
        }
        let mut endings = other.endings;
        for (own, more) in self.endings.parts().into_iter().zip(endings.parts()) {
            sum(own, *more);
        }
        self.latency.add(&other.latency);
        self.first_token.add(&other.first_token);
        self.in_flight_max = self.in_flight_max.max(other.in_flight_max);
    }

    /// How much has been counted: grows with every call and every end of one, so that of two figures of one agent the
    /// newer is the heavier.
    pub fn weight(&self) -> u64 {
        let mut endings = self.endings;
        let ended = endings.parts().into_iter().map(|count| *count);
        self.refused.values().copied().chain(ended).fold(self.requests, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::usage::UsageSource;
    use proptest::prelude::*;

    fn some(seed: u8) -> Figures {
        let mut figures = Figures::default();
        for n in 0..seed % 7 {
            figures.admitted(u32::from(n));
            figures.ended(Ending::of(u16::from(n) * 100 + 200), Some(u64::from(seed) * 100), Some(3));
            figures.refused(if n % 2 == 0 { "rate_limited" } else { "agent_busy" });
            figures.used(&Usage {
                prompt_tokens: 2,
                completion_tokens: 3,
                total_tokens: 9,
                source: UsageSource::Counted,
            });
        }
        figures
    }

    #[test]
    fn endings_follow_from_statuses() {
        assert_eq!(Ending::of(200), Ending::Ok);
        assert_eq!(Ending::of(404), Ending::ClientError);
        assert_eq!(Ending::of(429), Ending::ClientError);
        assert_eq!(Ending::of(502), Ending::ServerError);
    }

    #[test]
    fn tokens_are_counted_so_that_both_parts_make_the_total() {
        let figures = some(1);
        assert_eq!((figures.prompt_tokens, figures.completion_tokens), (2, 7));
    }

    #[test]
    fn figures_of_an_older_or_newer_build_can_be_read() {
        let read: Figures =
            serde_json::from_str(r#"{"requests":3,"refused":{"code_of_tomorrow":2},"more":1}"#).unwrap();
        assert_eq!((read.requests, read.weight()), (3, 5));
    }

    proptest! {
        #[test]
        fn adding_keeps_every_count(a: u8, b: u8) {
            let (first, more) = (some(a), some(b));
            let mut both = first.clone();
            both.add(&more);
            let mut other_way = more.clone();
            other_way.add(&first);
            prop_assert_eq!(&both, &other_way);
            prop_assert_eq!(both.weight(), first.weight() + more.weight());
            prop_assert_eq!(both.latency.count(), first.latency.count() + more.latency.count());
            prop_assert_eq!(both.prompt_tokens, first.prompt_tokens + more.prompt_tokens);
            let stored = serde_json::to_string(&both).unwrap();
            prop_assert_eq!(serde_json::from_str::<Figures>(&stored).unwrap(), both);
        }
    }
}
