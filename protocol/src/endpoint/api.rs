//! The APIs that a call may speak (agent-endpoints §2). They differ in what a body must hold, in what an answer and
//! its usage look like, and in how a stream ends or fails.

/// One API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// `/v1/chat/completions`
    ChatCompletions,
    /// `/v1/chat`: asked of the pod as a chat completion.
    Chat,
    /// `/v1/tools`: asked of the pod as it is if it has that path, else as a chat completion.
    Tools,
    /// `/v1/completions`
    Completions,
    /// `/v1/embeddings`
    Embeddings,
    /// `/v1/responses`
    Responses,
}

impl Api {
    /// Every API.
    pub const ALL: [Self; 6] = [
        Self::ChatCompletions,
        Self::Chat,
        Self::Tools,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
    ];

    /// Whether an answer can stream.
    pub const fn streams(self) -> bool {
        !matches!(self, Self::Tools | Self::Embeddings)
    }

    /// Whether a pod gets a chat completion of it.
    pub const fn is_chat(self) -> bool {
        matches!(self, Self::ChatCompletions | Self::Chat | Self::Tools)
    }

    /// Whether an answer is a list of choices, and `stream_options.include_usage` asks for a usage chunk.
    pub const fn has_choices(self) -> bool {
        matches!(self, Self::ChatCompletions | Self::Chat | Self::Tools | Self::Completions)
    }

    /// Whether the pod's bytes go out as they came.
    pub const fn is_verbatim(self) -> bool {
        !matches!(self, Self::Chat | Self::Tools)
    }

    /// The path of the same name at a pod, and here.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Chat => "/v1/chat",
            Self::Tools => "/v1/tools",
            Self::Completions => "/v1/completions",
            Self::Embeddings => "/v1/embeddings",
            Self::Responses => "/v1/responses",
        }
    }

    /// The members of a body that limit an answer's tokens.
    pub(super) const fn token_limits(self) -> &'static [&'static str] {
        match self {
            Self::ChatCompletions | Self::Chat | Self::Tools => &["max_tokens", "max_completion_tokens"],
            Self::Completions => &["max_tokens"],
            Self::Responses => &["max_output_tokens"],
            Self::Embeddings => &[],
        }
    }
}
