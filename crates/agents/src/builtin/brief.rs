use serde::{Deserialize, Serialize};
use types::AgentRole;

use super::PlanStep;

/// Everything an agent knows when it begins. What is empty is left out of its instructions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    pub role: AgentRole,
    /// The provider's own name of the model.
    pub model: String,
    pub title: String,
    pub description: String,
    pub acceptance: String,
    /// What the people who set this agent up want of it; trusted.
    pub instructions: String,
    /// Files of the repository that speak to agents; not trusted. See [`super::note_paths`].
    pub notes: Vec<Note>,
    pub plan: Vec<PlanStep>,
    /// Which steps of the plan are this agent's, counted from 0, while others write the rest; empty: all of them.
    pub steps: Vec<usize>,
    /// What agents before this one found or decided, oldest first.
    pub findings: Vec<String>,
    /// The commands that check the result, such as the tests.
    pub checks: Vec<String>,
    pub failing: Option<CheckFailure>,
    /// What a reviewer or a person wants changed, of the plan for those who plan; for a reviewer: what was asked for last time.
    pub review: Vec<ReviewNote>,
    /// The change so far, as a unified diff.
    pub change: String,
    pub limits: Limits,
}

impl Brief {
    /// A brief with everything optional left empty.
    #[must_use]
    pub fn new(role: AgentRole, model: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            role,
            model: model.into(),
            title: title.into(),
            description: String::new(),
            acceptance: String::new(),
            instructions: String::new(),
            notes: Vec::new(),
            plan: Vec::new(),
            steps: Vec::new(),
            findings: Vec::new(),
            checks: Vec::new(),
            failing: None,
            review: Vec::new(),
            change: String::new(),
            limits: Limits::default(),
        }
    }
}

/// A file that the repository holds for agents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub path: String,
    pub text: String,
}

/// A check that did not pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckFailure {
    pub command: String,
    pub output: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewNote {
    /// Empty: about the change, or the plan, as a whole.
    pub path: String,
    pub line: Option<u32>,
    pub text: String,
}

/// Bounds that no model can talk its way around.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub max_model_calls: u32,
    /// Output of all calls together, reasoning included.
    pub max_output_tokens: u64,
    /// Output of one call.
    pub max_answer_tokens: u32,
    /// What the model can read at once, its answer included.
    pub context_tokens: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_model_calls: 60, max_output_tokens: 120_000, max_answer_tokens: 8_192, context_tokens: 128_000 }
    }
}
