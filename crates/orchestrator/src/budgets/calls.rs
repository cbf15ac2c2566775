//! A metered call, in the words of whoever makes it.

use std::sync::Arc;

use time::OffsetDateTime;
use types::{MicroUsd, ReservationId, StepId, TeamId, chat::TokenUsage};

use super::{desk::Beating, tree::Spender};

/// A model call that is about to be made.
#[derive(Clone, Debug)]
pub struct NewCall {
    pub spender: Spender,
    /// Its stable name in the run, or any name that tells it from others.
    pub key: String,
    /// The provider, as the ledger names it.
    pub provider: String,
    pub model: String,
    /// The most that it can cost; None where no price is known, and then the team's rate for unknown prices counts.
    pub worst: Option<MicroUsd>,
    /// The most tokens that it can take, input and output together.
    pub tokens: i64,
}

/// What a call was worked out from, which may have changed since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// The version of the team's catalogue.
    pub(crate) catalogue: i64,
    /// Of the key that somebody showed. Such a call of a run also wants the run to be alive, and room under its agent's limits.
    pub(crate) expires_at: Option<OffsetDateTime>,
}

impl Terms {
    /// Whether they are those of the catalogue as it is, and the key still works.
    pub(crate) fn stand(&self, catalogue: i64, now: OffsetDateTime) -> bool {
        self.catalogue == catalogue && self.expires_at.is_none_or(|until| now < until)
    }
}

/// What a call came to.
#[derive(Clone, Debug)]
pub struct Used {
    pub usage: TokenUsage,
    /// Whether the provider reported none, and this is our count.
    pub estimated: bool,
    /// None where no price is known.
    pub cost: Option<MicroUsd>,
    /// Where the price is from, with its version.
    pub source: String,
    /// The model that answered.
    pub model: String,
    /// Whether no whole answer came, so that the call will be made again.
    pub failed: bool,
    pub duration: std::time::Duration,
    /// The step of the run that made it.
    pub step: Option<StepId>,
}

/// A call whose worst case is held back. Settle or release it; one that is dropped counts as lost within a minute.
#[derive(Debug)]
pub struct Held {
    pub(crate) team: TeamId,
    pub(crate) id: ReservationId,
    pub(crate) _beating: Arc<Beating>,
}

impl Held {
    #[must_use]
    pub const fn id(&self) -> ReservationId {
        self.id
    }
}

/// Where an amount stands in the team's books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    Available,
    Held,
    Spent,
}

impl Account {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Held => "held",
            Self::Spent => "spent",
        }
    }
}
