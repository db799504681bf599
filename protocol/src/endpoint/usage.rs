//! How many tokens a run used, and how we know (agent-endpoints §5).

use serde::{Deserialize, Serialize};

/// Where a figure comes from; every figure shown says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The pod said so.
    Reported,
    /// The pieces of content in the stream were counted.
    Counted,
    /// Guessed from the size of the content.
    Estimated,
}

impl UsageSource {
    /// The word as it is shown and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Counted => "counted",
            Self::Estimated => "estimated",
        }
    }
}

/// Most tokens that a figure of one run can say, and most that a run reserves. Nothing uses as many; sums of what is
/// beyond would not fit where they are kept.
pub const MAX_TOKENS: u64 = u32::MAX as u64;

/// Tokens of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of what was asked.
    pub prompt_tokens: u64,
    /// Tokens of what was answered.
    pub completion_tokens: u64,
    /// Both; what a pod reports here is taken as it is, even where it is more than the sum.
    pub total_tokens: u64,
    /// How we know.
    pub source: UsageSource,
}

/// Tokens in `bytes` of text where nothing better is known: a quarter, rounded up.
pub const fn estimate_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}

impl Usage {
    /// Tokens of the answer such that they and the prompt's make the total: what a pod reports beyond its two parts
    /// counts as the answer's.
    pub fn completion_of_total(&self) -> u64 {
        self.total_tokens.saturating_sub(self.prompt_tokens).max(self.completion_tokens)
    }

    /// What the pod said; a missing figure follows from the other two, as far as they are there. An explicit zero is
    /// a figure, and one above [`MAX_TOKENS`] is none. `None` if there is no figure at all.
    pub fn reported(prompt: Option<u64>, completion: Option<u64>, total: Option<u64>) -> Option<Self> {
        let [prompt, completion, total] =
            [prompt, completion, total].map(|figure| figure.filter(|n| *n <= MAX_TOKENS));
        let (prompt_tokens, completion_tokens) = match (prompt, completion, total) {
            (None, None, None) => return None,
            (Some(prompt), Some(completion), _) => (prompt, completion),
            (Some(prompt), None, total) => (prompt, total.unwrap_or(prompt).saturating_sub(prompt)),
            (None, Some(completion), total) => {
                (total.unwrap_or(completion).saturating_sub(completion), completion)
            }
            (None, None, Some(total)) => (0, total),
        };
        let total_tokens = total.unwrap_or(prompt_tokens.saturating_add(completion_tokens));
        Some(Self { prompt_tokens, completion_tokens, total_tokens, source: UsageSource::Reported })
    }

    /// Each piece of content of a stream counts as one token.
    pub fn counted(prompt_tokens: u64, pieces: u64) -> Self {
        Self::guessed(prompt_tokens, pieces, UsageSource::Counted)
    }

    /// Guessed from the UTF-8 bytes of the content.
    pub fn estimated(prompt_tokens: u64, content_bytes: u64) -> Self {
        Self::guessed(prompt_tokens, estimate_tokens(content_bytes), UsageSource::Estimated)
    }

    fn guessed(prompt_tokens: u64, completion_tokens: u64, source: UsageSource) -> Self {
        let total_tokens = prompt_tokens.saturating_add(completion_tokens);
        Self { prompt_tokens, completion_tokens, total_tokens, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(usage: Option<Usage>) -> Option<(u64, u64, u64)> {
        usage.map(|u| (u.prompt_tokens, u.completion_tokens, u.total_tokens))
    }

    #[test]
    fn a_missing_figure_follows_from_the_others() {
        assert_eq!(figures(Usage::reported(Some(3), Some(4), None)), Some((3, 4, 7)));
        assert_eq!(figures(Usage::reported(Some(3), None, Some(9))), Some((3, 6, 9)));
        assert_eq!(figures(Usage::reported(None, Some(4), Some(9))), Some((5, 4, 9)));
        assert_eq!(figures(Usage::reported(None, None, Some(9))), Some((0, 9, 9)));
        assert_eq!(figures(Usage::reported(Some(3), Some(4), Some(9))), Some((3, 4, 9)));
        assert_eq!(figures(Usage::reported(None, None, None)), None);
    }

    #[test]
    fn an_explicit_zero_is_not_a_missing_figure() {
        assert_eq!(figures(Usage::reported(Some(0), Some(0), Some(0))), Some((0, 0, 0)));
        assert_eq!(figures(Usage::reported(Some(5), Some(0), None)), Some((5, 0, 5)));
    }

    #[test]
    fn nonsense_does_not_overflow() {
        assert_eq!(
            figures(Usage::reported(Some(MAX_TOKENS), Some(9), None)),
            Some((MAX_TOKENS, 9, MAX_TOKENS + 9))
        );
        assert_eq!(figures(Usage::reported(Some(MAX_TOKENS + 1), Some(9), None)), Some((0, 9, 9)));
        assert_eq!(figures(Usage::reported(Some(4), Some(u64::MAX), Some(7))), Some((4, 3, 7)));
        assert_eq!(figures(Usage::reported(Some(u64::MAX), Some(u64::MAX), Some(u64::MAX))), None);
        assert_eq!(figures(Usage::reported(Some(9), None, Some(3))), Some((9, 0, 3)));
    }

    #[test]
    fn guesses_say_that_they_are_guesses() {
        assert_eq!(Usage::counted(10, 3).source, UsageSource::Counted);
        assert_eq!(Usage::estimated(10, 5).completion_tokens, 2);
        assert_eq!(serde_json::to_string(&UsageSource::Estimated).unwrap(), "\"estimated\"");
        assert_eq!(UsageSource::Estimated.as_str(), "estimated");
    }
}
