//! What the machine speaks of: where a run is, what is to be done, and what came out.

use serde::{Deserialize, Serialize};
use types::{AgentId, AgentRole};

/// What a turn of an agent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Plan,
    Design,
    Implement,
    Fix,
    Test,
    Review,
    Rework,
}

impl Purpose {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Design => "design",
            Self::Implement => "implement",
            Self::Fix => "fix",
            Self::Test => "test",
            Self::Review => "review",
            Self::Rework => "rework",
        }
    }

    /// The role that does it.
    #[must_use]
    pub const fn role(self) -> AgentRole {
        match self {
            Self::Plan => AgentRole::Lead,
            Self::Design => AgentRole::Architect,
            Self::Implement | Self::Fix | Self::Rework => AgentRole::Coder,
            Self::Test => AgentRole::Tester,
            Self::Review => AgentRole::Reviewer,
        }
    }

    /// The stage of the run that people see.
    #[must_use]
    pub const fn stage(self) -> Stage {
        match self {
            Self::Plan | Self::Design => Stage::Plan,
            Self::Implement | Self::Fix | Self::Test | Self::Rework => Stage::Implement,
            Self::Review => Stage::Review,
        }
    }
}

/// The parts of a run that people see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Prepare,
    Plan,
    Implement,
    Verify,
    Review,
    Deliver,
    Merge,
}

impl Effect {
    /// The stage that people see while it is done; `None` where the run stands still.
    pub(crate) const fn stage(self) -> Option<Stage> {
        match self {
            Self::Prepare => Some(Stage::Prepare),
            Self::Turn(purpose) => Some(purpose.stage()),
            Self::Verify => Some(Stage::Verify),
            Self::Deliver => Some(Stage::Deliver),
            Self::Merge => Some(Stage::Merge),
            Self::Update => Some(Stage::Implement),
            Self::Wait(_) | Self::End(_) => None,
        }
    }
}

impl Stage {
    pub const ALL: &[Self] =
        &[Self::Prepare, Self::Plan, Self::Implement, Self::Verify, Self::Review, Self::Deliver, Self::Merge];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Plan => "plan",
            Self::Implement => "implement",
            Self::Verify => "verify",
            Self::Review => "review",
            Self::Deliver => "deliver",
            Self::Merge => "merge",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|stage| stage.as_str() == text)
    }
}

/// A question that a run waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    Plan,
    Merge,
    /// An agent asked something.
    Question,
}

impl Gate {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Merge => "merge",
            Self::Question => "question",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plan, Self::Merge, Self::Question].into_iter().find(|gate| gate.as_str() == text)
    }
}

/// How far a run is. Kept in its row between segments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub doing: Effect,
    /// Turns so far, of any purpose: names the next one.
    pub turns: u32,
    pub verifications: u32,
    /// Fixes since the last turn that wrote something new.
    pub fixes: u32,
    pub reworks: u32,
    /// Whether the tester has had its turn.
    pub tested: bool,
    pub merges: u32,
    /// Whose question a person is to answer.
    pub asked: Option<Purpose>,
    /// Whether it goes on from what an earlier attempt wrote: planning is behind it.
    #[serde(default)]
    pub resumed: bool,
    /// Shares of the work that could not be put together with the others: each is done once more, one after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clashes: Vec<Clash>,
    /// Whether the target branch changed what the run changed too: the work goes on from the branch as it is now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outdated: bool,
    /// Files in which both versions stand until somebody has put them together and the checks have passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsolved: Vec<String>,
}

/// What one coder wrote beside others, and what of it stood in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clash {
    pub agent: AgentId,
    /// Steps of the plan, counted from 0.
    pub steps: Vec<usize>,
    pub paths: Vec<String>,
    /// Whose work stands, by their names.
    pub with: Vec<String>,
}

/// What the workflow is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    /// Bring the code and the sandbox.
    Prepare,
    /// Let an agent work.
    Turn(Purpose),
    /// Run the project's commands.
    Verify,
    /// Make the branch and the patch.
    Deliver,
    /// Ask a person, and end this segment.
    Wait(Gate),
    Merge,
    /// Bring the work onto the target branch as it is now.
    Update,
    End(End),
}

/// How a run ends by itself. Stopping is a person's verb and not the machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Merged,
    Failed(Failure),
}

/// Why a run failed. Each has a remedy, shown beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    /// The code could not be fetched or the sandbox not be made.
    Preparation,
    /// The repository's server does not let Muster in.
    Access,
    /// The checks still failed after the last allowed fix.
    Checks,
    /// The reviewer still asked for changes after the last allowed rework.
    Review,
    /// An agent or the run reached a limit, or an agent went in circles.
    Agent,
    /// The model could not be reached or refused.
    Model,
    /// The squad changed nothing.
    NoChange,
    /// Muster itself stumbled.
    Internal,
}

/// What came out of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done,
    /// Several coders wrote, and not all of it went together.
    Clashed,
    /// An agent asked a person something instead of finishing.
    Asked,
    /// Checks: all passed, or not.
    Verified {
        passed: bool,
    },
    /// A review: whether it asks for changes.
    Reviewed {
        approved: bool,
    },
    Delivered {
        changed: bool,
    },
    /// A person agreed, or answered.
    Approved,
    /// A person sent it back.
    SentBack,
    Merged,
    /// The target branch moved in a way that cannot be combined.
    Conflicted,
    Failed(Failure),
}
