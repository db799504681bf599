//! Why a stream or a link ends before its time.

/// Why one end gives a stream up. A number that is not known is read as [`Reset::Failed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Nobody waits for the answer any more: stop the work.
    Cancelled,
    /// The pod was certainly not asked; another link may be.
    Refused,
    /// The pod cannot be reached, so it was certainly not asked.
    Unreachable,
    /// The pod broke off, or the connector failed.
    Failed,
    /// Time is up.
    Timeout,
    /// More came than there was room for.
    FlowControl,
    /// A frame came that may not come there, or cannot be used.
    Protocol,
    /// The pod's head is larger than a frame may be.
    TooLarge,
}

impl Reset {
    const ALL: [Self; 8] = [
        Self::Cancelled,
        Self::Refused,
        Self::Unreachable,
        Self::Failed,
        Self::Timeout,
        Self::FlowControl,
        Self::Protocol,
        Self::TooLarge,
    ];

    /// The number in a frame.
    pub fn code(self) -> u8 {
        match self {
            Self::Cancelled => 1,
            Self::Refused => 2,
            Self::Unreachable => 3,
            Self::Failed => 4,
            Self::Timeout => 5,
            Self::FlowControl => 6,
            Self::Protocol => 7,
            Self::TooLarge => 8,
        }
    }

    /// The reason of a number.
    pub fn of(code: u8) -> Self {
        Self::ALL.into_iter().find(|reason| reason.code() == code).unwrap_or(Self::Failed)
    }

    /// The reason in one word, for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Failed => "failed",
            Self::Timeout => "timeout",
            Self::FlowControl => "flow_control",
            Self::Protocol => "protocol",
            Self::TooLarge => "too_large",
        }
    }

    /// Whether the pod was certainly not asked, so that the call may go to another link.
    pub fn is_unasked(self) -> bool {
        matches!(self, Self::Refused | Self::Unreachable)
    }
}

/// Why one end leaves the link. A number that is not known is read as [`Goodbye::Shutdown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goodbye {
    /// It goes away and comes back, or another takes its place: connect again.
    Shutdown,
    /// A newer link of the same replica has come: do not connect again.
    Replaced,
    /// The connect token was replaced: do not connect again without the new one.
    Token,
    /// There is no version of the protocol that both speak.
    Version,
    /// A frame came that may not come, or cannot be read.
    Protocol,
    /// The agent was terminated: do not connect again.
    Terminated,
    /// The agent has as many links as it may have.
    TooManyLinks,
    /// The agent is not reached by a tunnel, as its owner has set.
    NotTunnel,
    /// Its owner drains this replica.
    Drained,
}

impl Goodbye {
    const ALL: [Self; 9] = [
        Self::Shutdown,
        Self::Replaced,
        Self::Token,
        Self::Version,
        Self::Protocol,
        Self::Terminated,
        Self::TooManyLinks,
        Self::NotTunnel,
        Self::Drained,
    ];

    /// The number in a frame.
    pub fn code(self) -> u8 {
        match self {
            Self::Shutdown => 1,
            Self::Replaced => 2,
            Self::Token => 3,
            Self::Version => 4,
            Self::Protocol => 5,
            Self::Terminated => 6,
            Self::TooManyLinks => 7,
            Self::NotTunnel => 8,
            Self::Drained => 9,
        }
    }

    /// The reason of a number.
    pub fn of(code: u8) -> Self {
        Self::ALL.into_iter().find(|reason| reason.code() == code).unwrap_or(Self::Shutdown)
    }

    /// The reason in one word, for logs and as reason of the WebSocket's close frame.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Replaced => "replaced",
            Self::Token => "token_replaced",
            Self::Version => "unsupported_version",
            Self::Protocol => "protocol_error",
            Self::Terminated => "agent_terminated",
            Self::TooManyLinks => "too_many_links",
            Self::NotTunnel => "not_a_tunnel",
            Self::Drained => "drained",
        }
    }

    /// The code of the WebSocket's close frame that follows: 4400 and the number.
    pub fn close_code(self) -> u16 {
        4400 + u16::from(self.code())
    }

    /// Whether a connector that is told this should connect again with what it has.
    pub fn comes_back(self) -> bool {
        matches!(self, Self::Shutdown | Self::Protocol | Self::TooManyLinks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_others_are_the_general_reason() {
        for reason in Reset::ALL {
            assert_eq!(Reset::of(reason.code()), reason, "{}", reason.as_str());
        }
        for reason in Goodbye::ALL {
            assert_eq!(Goodbye::of(reason.code()), reason, "{}", reason.as_str());
            assert!((4401..4500).contains(&reason.close_code()));
        }
        assert_eq!((Reset::of(0), Reset::of(255)), (Reset::Failed, Reset::Failed));
        assert_eq!((Goodbye::of(0), Goodbye::of(255)), (Goodbye::Shutdown, Goodbye::Shutdown));
    }

    #[test]
    fn only_what_never_reached_the_pod_may_go_elsewhere() {
        let unasked: Vec<_> = Reset::ALL.into_iter().filter(|reason| reason.is_unasked()).collect();
        assert_eq!(unasked, [Reset::Refused, Reset::Unreachable]);
    }
}
