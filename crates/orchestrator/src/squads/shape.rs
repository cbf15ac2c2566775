use serde::{Deserialize, Serialize};
use types::{AgentRole, FieldError, MicroUsd, Stage};

use crate::{Error, Result};

/// Who works in a stage.
///
/// Without roles, Plan and Review are left out, Verify runs the project's checks alone, and Deliver is done by Muster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageRoles {
    pub stage: Stage,
    pub roles: Vec<AgentRole>,
}

/// Where a run waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// A person approves the plan before anything is written.
    pub plan: bool,
    /// A person approves the change before it is merged.
    pub merge: bool,
}

/// How often work may go round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Times that a failed verification sends the work back to Implement.
    pub max_iterations: i32,
    /// Times that a review, of an agent or a person, sends the work back.
    pub max_reworks: i32,
    /// Runs of the squad at the same time.
    pub max_concurrent_runs: i32,
}

/// How a squad works: stages, gates and bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// All stages, in order.
    pub stages: Vec<StageRoles>,
    pub gates: Gates,
    pub bounds: Bounds,
}

/// What one agent may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentLimits {
    /// Model calls in one turn.
    pub max_model_calls: i32,
    /// Tokens in one run, read afresh and written; what comes from a provider's cache is not counted.
    pub max_tokens: i64,
    /// Money in one run; zero lets only free models answer.
    pub max_cost: MicroUsd,
    /// Minutes that one turn may take.
    pub wall_minutes: i32,
}

/// Collects what is wrong with a form.
#[derive(Default)]
pub(super) struct Wrong(Vec<FieldError>);

impl Wrong {
    pub(super) fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }

    pub(super) fn within(&mut self, field: &str, value: impl Into<i64>, least: i64, most: i64) {
        let value = value.into();
        if value < least || value > most {
            self.add(field, format!("Enter a number from {least} to {most}."));
        }
    }

    pub(super) fn longest(&mut self, field: &str, text: &str, most: usize) {
        if text.chars().count() > most {
            self.add(field, format!("Use at most {most} characters."));
        }
    }

    /// A name for files and commands: lower-case letters, digits and single hyphens.
    pub(super) fn handle(&mut self, field: &str, text: &str, most: usize) {
        let fits = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if text.is_empty() {
            self.add(field, "Enter a name.");
        } else if text.len() > most || !text.split('-').all(fits) {
            self.add(field, format!("Use at most {most} lower-case letters, digits and single hyphens."));
        }
    }

    pub(super) fn done(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}

impl Rules {
    /// The roles that work in a stage; empty where no agent does.
    #[must_use]
    pub fn roles(&self, stage: Stage) -> &[AgentRole] {
        self.stages.iter().find(|roles| roles.stage == stage).map_or(&[], |roles| &roles.roles)
    }

    /// # Errors
    /// [`Error::Invalid`], field by field: `implement`, `max_iterations`, `max_reworks`, `max_concurrent_runs`.
    pub(super) fn check(&self) -> Result<()> {
        let mut wrong = Wrong::default();
        if !self.stages.iter().map(|stage| stage.stage).eq(Stage::ALL.iter().copied()) {
            return Err(Error::internal("the stages of a squad are not the five stages in order"));
        }
        if self.stages.iter().any(|stage| stage.stage == Stage::Implement && stage.roles.is_empty()) {
            wrong.add("implement", "Choose who implements.");
        }
        wrong.within("max_iterations", self.bounds.max_iterations, 0, 20);
        wrong.within("max_reworks", self.bounds.max_reworks, 0, 20);
        wrong.within("max_concurrent_runs", self.bounds.max_concurrent_runs, 1, 100);
        wrong.done()
    }
}

impl AgentLimits {
    pub(super) fn note(&self, wrong: &mut Wrong) {
        wrong.within("max_model_calls", self.max_model_calls, 1, 1000);
        wrong.within("max_tokens", self.max_tokens, 1000, 1_000_000_000);
        wrong.within("wall_minutes", self.wall_minutes, 1, 1440);
        if !(0..=1_000_000_000_000).contains(&self.max_cost.micros()) {
            wrong.add("max_cost", "Enter an amount from 0 to 1000000 dollars.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_are_lower_case_words() {
        let fits = |text: &str| {
            let mut wrong = Wrong::default();
            wrong.handle("name", text, 10);
            wrong.done().is_ok()
        };
        assert!(fits("coder-1") && fits("a"));
        for bad in ["", "-", "a-", "a--b", "Coder", "a b", "é", "elevenchars"] {
            assert!(!fits(bad), "{bad}");
        }
    }
}
