use std::time::Duration;

use types::chat::TokenUsage;

/// Why a call gave no whole answer.
///
/// Messages come from the provider, are cut to 500 characters and never contain the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The provider takes no more requests for now.
    #[error("the provider limits the rate: {message}")]
    RateLimited { retry_after: Option<Duration>, message: String },
    #[error("the provider is overloaded: {message}")]
    Overloaded { retry_after: Option<Duration>, message: String },
    /// The account behind the key has no credit left; waiting does not help.
    #[error("the provider's account has no credit left: {message}")]
    OutOfCredit { message: String },
    #[error("the provider refused the key: {message}")]
    Unauthorized { message: String },
    #[error("the provider does not know the model: {message}")]
    ModelNotFound { message: String },
    #[error("the conversation is longer than the model can read: {message}")]
    ContextTooLong { message: String },
    #[error("the provider refused the request: {message}")]
    BadRequest { message: String },
    /// Any other answer that is no success.
    #[error("the provider answered with status {status}: {message}")]
    Refused { status: u16, message: String },
    /// The address leads where calls may not go.
    #[error("calls to {host} are not allowed: {reason}")]
    Blocked { host: String, reason: String },
    #[error("the provider cannot be reached: {message}")]
    Network {
        /// Whether the request may have arrived, and so may be billed.
        sent: bool,
        message: String,
    },
    #[error("the provider sent nothing for {waited:?}")]
    Timeout { waited: Duration, partial: Option<TokenUsage> },
    #[error("the answer does not follow the protocol: {message}")]
    Malformed { message: String, partial: Option<TokenUsage> },
    /// The stream ended before the answer did.
    #[error("the answer broke off{}", because(by.as_deref()))]
    CutShort {
        partial: Option<TokenUsage>,
        /// The provider's own word for it, where it gave one.
        by: Option<Box<CallError>>,
    },
    #[error("the answer is longer than {limit} bytes")]
    TooLarge { limit: usize, partial: Option<TokenUsage> },
}

impl CallError {
    /// Whether the same request may succeed later.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::Network { .. }
            | Self::Timeout { .. }
            | Self::Malformed { .. }
            | Self::CutShort { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 408,
            Self::OutOfCredit { .. }
            | Self::Unauthorized { .. }
            | Self::ModelNotFound { .. }
            | Self::ContextTooLong { .. }
            | Self::BadRequest { .. }
            | Self::Blocked { .. }
            | Self::TooLarge { .. } => false,
        }
    }

    /// How long the provider asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Overloaded { retry_after, .. } => *retry_after,
            Self::CutShort { by: Some(by), .. } => by.retry_after(),
            _ => None,
        }
    }

    /// Whether the provider may have begun to work, so that the call may be billed.
    #[must_use]
    pub fn may_have_cost(&self) -> bool {
        match self {
            Self::Network { sent, .. } => *sent,
            Self::Timeout { .. } | Self::Malformed { .. } | Self::CutShort { .. } | Self::TooLarge { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
            _ => false,
        }
    }

    /// Whether the conversation has to be made shorter, which may only be found when the answer has begun.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        match self {
            Self::ContextTooLong { .. } => true,
            Self::CutShort { by: Some(by), .. } => by.is_too_long(),
            _ => false,
        }
    }

    /// What the call took before it failed, where tokens were reported: their count, with a token of output for each byte
    /// that the model wrote, which is more than it can be, but never more than the request allowed.
    #[must_use]
    pub fn partial_usage(&self) -> Option<TokenUsage> {
        match self {
            Self::Timeout { partial, .. }
            | Self::Malformed { partial, .. }
            | Self::CutShort { partial, .. }
            | Self::TooLarge { partial, .. } => *partial,
            _ => None,
        }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::Malformed { message: message.into(), partial: None }
    }

    pub(crate) const fn cut_short() -> Self {
        Self::CutShort { partial: None, by: None }
    }

    /// The same error in the middle of an answer: whatever it is, what was written until then may be billed.
    pub(crate) fn amid_the_answer(self) -> Self {
        match self {
            Self::Timeout { .. } | Self::Malformed { .. } | Self::CutShort { .. } | Self::TooLarge { .. } => self,
            refusal => Self::CutShort { partial: None, by: Some(Box::new(refusal)) },
        }
    }

    /// The same error, with what is known about tokens.
    pub(crate) fn with_partial(mut self, usage: Option<TokenUsage>) -> Self {
        match &mut self {
            Self::Timeout { partial, .. }
            | Self::Malformed { partial, .. }
            | Self::CutShort { partial, .. }
            | Self::TooLarge { partial, .. } => *partial = usage,
            _ => {}
        }
        self
    }
}

fn because(by: Option<&CallError>) -> String {
    by.map_or_else(String::new, |by| format!(": {by}"))
}
