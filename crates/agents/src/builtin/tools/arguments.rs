use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use types::AgentRole;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// A command line for the shell, executed at the root of the repository. There is no terminal and no input.
    pub command: String,
    /// Stop it after this many seconds; 120 if left out, 1800 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// One question that only a person can answer, with what they need to know for it.
    pub question: String,
    /// Answers to choose from, if they can be listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanStep {
    /// A few words, as an order: "Round fees to cents".
    pub title: String,
    /// What to change, where, and how to see that it is right.
    pub detail: String,
    /// Who does it.
    #[schemars(schema_with = "workers")]
    pub role: AgentRole,
    /// A short name for the part of the change that the step belongs to. Steps of different parts touch different files and can
    /// be written at the same time, by different coders. Leave it out when in doubt: then one coder writes everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Approve,
    RequestChanges,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// The file it is about, relative to the root of the repository; empty for the change as a whole.
    pub path: String,
    /// The line in the file as it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong and what would be right.
    pub text: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishPlan {
    /// The goal and the approach in a few sentences.
    pub(super) summary: String,
    /// The work, in order.
    pub(super) steps: Vec<PlanStep>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishDesign {
    /// The design in one or two sentences.
    pub(super) summary: String,
    /// Interfaces, data, edge cases, and decisions with their reasons, in Markdown.
    pub(super) notes: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishWork {
    /// What was changed and why, and what was checked, in a few sentences.
    pub(super) summary: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FinishReview {
    pub(super) verdict: Verdict,
    /// The judgement in one or two sentences.
    pub(super) summary: String,
    /// What has to change before approval; remarks that block nothing say so.
    #[serde(default)]
    pub(super) comments: Vec<Comment>,
}

/// What an agent hands over, by its role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Finish {
    /// From a lead.
    Plan { summary: String, steps: Vec<PlanStep> },
    /// From an architect.
    Design { summary: String, notes: String },
    /// From a coder or a tester.
    Work { summary: String },
    /// From a reviewer.
    Review { verdict: Verdict, summary: String, comments: Vec<Comment> },
}

impl Finish {
    #[must_use]
    pub fn summary(&self) -> &str {
        match self {
            Self::Plan { summary, .. }
            | Self::Design { summary, .. }
            | Self::Work { summary }
            | Self::Review { summary, .. } => summary,
        }
    }
}

fn workers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": [AgentRole::Architect, AgentRole::Coder, AgentRole::Tester] })
}
