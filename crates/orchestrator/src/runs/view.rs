//! A run as people see it, on its page and in lists.

use time::OffsetDateTime;
use types::{AgentRole, ApprovalId, ArtifactId, MicroUsd, RunId, StepId, TaskId};

use super::{
    hold_up::HeldUp,
    machine::{Gate, Stage},
};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Queued,
    Running,
    /// For a person.
    Waiting,
    Completed,
    Failed,
    Cancelled,
}

impl RunState {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "QUEUED" => Self::Queued,
            "RUNNING" => Self::Running,
            "WAITING" => Self::Waiting,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            "CANCELLED" => Self::Cancelled,
            _ => return None,
        })
    }

    #[must_use]
    pub const fn alive(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Waiting)
    }
}

/// A run with everything its page shows but the journal and the change.
#[derive(Clone, Debug)]
pub struct RunView {
    pub id: RunId,
    pub attempt: i32,
    pub state: RunState,
    pub stage: Stage,
    pub squad: String,
    pub started_by: String,
    pub branch: Option<String>,
    pub base: Option<String>,
    pub head: Option<String>,
    pub merge: Option<Merge>,
    /// Where it goes, or went: the default branch.
    pub into: String,
    /// Files that stood in the way of the last merge.
    pub conflicts: Vec<String>,
    /// Whether an attempt at the task has left something to go on from.
    pub resumable: bool,
    /// Why it failed, and what can be done.
    pub failure: Option<(String, String)>,
    pub stop_reason: Option<String>,
    pub cost: MicroUsd,
    /// Whether a call's price was not known, so that the cost is more than what is shown.
    pub cost_incomplete: bool,
    pub tokens: i64,
    /// The providers whose models answered so far.
    pub providers: Vec<String>,
    pub created_at: OffsetDateTime,
    pub started_at: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
    /// The journal's last number.
    pub last_event: i64,
    pub outline: Vec<agents::PlanItem>,
    pub waits_for: Option<Waiting>,
    /// What it waits for when that is no person.
    pub held_up: Option<HeldUp>,
    pub steps: Vec<StepView>,
    pub checks: Vec<Check>,
    pub remarks: Vec<Remark>,
    pub artifacts: Vec<Artifact>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    pub commit: String,
    /// Who approved it; `None` where the squad needs nobody for it.
    pub approved_by: Option<String>,
    /// The commit that took it back, and who did.
    pub reverted: Option<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Waiting {
    pub approval: ApprovalId,
    pub gate: Gate,
    pub question: Option<String>,
    pub options: Vec<String>,
    pub since: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct StepView {
    pub id: StepId,
    /// `prepare`, `plan`, `implement`, `fix`, `verify` …
    pub kind: String,
    pub role: Option<AgentRole>,
    pub agent: Option<String>,
    /// `RUNNING`, `DONE` or `FAILED`.
    pub state: String,
    pub summary: String,
    pub cost: MicroUsd,
    pub tokens: i64,
    pub started_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
}

/// A command of the project, as it came out last.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: String,
    pub command: String,
    pub passed: bool,
    pub outcome: String,
    pub duration_ms: i64,
}

#[derive(Clone, Debug)]
pub struct Remark {
    pub author: String,
    pub path: String,
    pub line: Option<i32>,
    pub text: String,
    pub at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct Artifact {
    pub id: ArtifactId,
    pub name: String,
    /// `log`, `report`, `patch` or `file`.
    pub kind: String,
    pub size: i64,
    pub at: OffsetDateTime,
}

/// A run in a list.
#[derive(Clone, Debug)]
pub struct RunLine {
    pub id: RunId,
    pub task: TaskId,
    pub task_number: i32,
    pub title: String,
    pub project: String,
    pub squad: String,
    pub attempt: i32,
    pub state: RunState,
    pub stage: Stage,
    pub gate: Option<Gate>,
    /// What it waits for.
    pub approval: Option<ApprovalId>,
    /// Of a failed run.
    pub sentence: Option<String>,
    /// Why it waits when that is for no person.
    pub held_up: Option<String>,
    /// What it does now: the last step's kind and agent.
    pub doing: Option<String>,
    pub agent: Option<String>,
    /// Lines of the change, as it was delivered last.
    pub additions: i64,
    pub deletions: i64,
    /// Whether its merge was taken back.
    pub reverted: bool,
    pub cost: MicroUsd,
    pub tokens: i64,
    pub created_at: OffsetDateTime,
    pub started_at: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
    pub last_event: i64,
}
