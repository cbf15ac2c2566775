//! What the rows of the ledger and of runs tell: where money went, and what came of it.
//!
//! Each question is one verb and one query. Money is what budgets count ([`Spent::counted`]); where a price is not known
//! that is the team's rate, and the part of it is told beside it.

mod estimate;
mod outcomes;
mod span;
mod spending;
mod tasks;
mod waste;
mod what_if;

pub use estimate::{Alike, Estimate, Past, Spread, estimate, spread};
pub use outcomes::{Cause, EndedRun, FailureCause, Outcome, OutcomeRow};
pub use span::{MAX_DAYS, Range, Span};
pub use spending::{Spending, SpendingRow, Spent};
pub use tasks::{SpendingTask, TaskSpending, TaskSpendingRow};
use types::{AgentId, ProjectId, SquadId};
pub use waste::{Waste, WasteRow};
pub use what_if::{PricedModel, WhatIf, what_if};

use crate::{Error, Result};

/// What spending is grouped by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    #[default]
    Project,
    Squad,
    Agent,
    /// Provider and model: the same model may have another price elsewhere.
    Model,
    Day,
}

impl By {
    pub const ALL: &[Self] = &[Self::Project, Self::Squad, Self::Agent, Self::Model, Self::Day];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Squad => "squad",
            Self::Agent => "agent",
            Self::Model => "model",
            Self::Day => "day",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|by| by.as_str() == text)
    }
}

/// A part of the team, or the calls that belong to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<I> {
    Nothing,
    One(I),
}

/// How keys and addresses name the calls that belong to no project, squad or agent.
pub const NOTHING: &str = "none";

impl<I: std::str::FromStr> Of<I> {
    /// Reads a key; an empty one asks for nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what is no key.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        match text.trim() {
            "" => Ok(None),
            NOTHING => Ok(Some(Self::Nothing)),
            id => Ok(Some(Self::One(id.parse().map_err(|_| Error::NotFound)?))),
        }
    }
}

/// Which calls count; all without any.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub project: Option<Of<ProjectId>>,
    pub squad: Option<Of<SquadId>>,
    pub agent: Option<Of<AgentId>>,
    /// `provider/model`, as a row's key has it.
    pub model: Option<String>,
}

impl Filter {
    fn project(&self) -> Option<String> {
        text(self.project.as_ref())
    }

    fn squad(&self) -> Option<String> {
        text(self.squad.as_ref())
    }

    fn agent(&self) -> Option<String> {
        text(self.agent.as_ref())
    }
}

fn text<I: std::fmt::Display>(of: Option<&Of<I>>) -> Option<String> {
    of.map(|of| match of {
        Of::Nothing => NOTHING.to_owned(),
        Of::One(id) => id.to_string(),
    })
}
