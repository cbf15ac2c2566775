//! What comes next in a run: a pure function of where it is and what came out.
//!
//! The workflow performs the effects; this module decides them. It reads no clock and no row, so that a run which is
//! taken up again after a crash decides the same.

use serde::{Deserialize, Serialize};
use types::{AgentId, AgentRole};

/// Which people may stop a run to look at it, and how often its loops may turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// Roles of the squad in hand-off order; a role may stand there twice.
    pub roles: Vec<AgentRole>,
    /// Whether a person approves the plan before anybody writes.
    pub approve_plan: bool,
    /// Whether a person approves the change before it is merged.
    pub approve_merge: bool,
    /// How often failing checks go back to a coder before the run gives up.
    pub max_fixes: u32,
    /// How often a reviewer may send the work back.
    pub max_reworks: u32,
}

impl Policy {
    fn has(&self, role: AgentRole) -> bool {
        self.roles.contains(&role)
    }

    /// Whether steps of a plan can be left to this role: it has a turn after the plan.
    pub(crate) fn has_steps(&self, role: AgentRole) -> bool {
        role != AgentRole::Lead && self.has(role)
    }
}

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

/// Where a run begins.
pub(crate) fn begin() -> Position {
    Position {
        doing: Effect::Prepare,
        turns: 0,
        verifications: 0,
        fixes: 0,
        reworks: 0,
        tested: false,
        merges: 0,
        asked: None,
        resumed: false,
        clashes: Vec::new(),
        outdated: false,
        unsolved: Vec::new(),
    }
}

/// Where a run begins that goes on from an earlier attempt's work.
pub(crate) fn go_on() -> Position {
    Position { resumed: true, ..begin() }
}

/// What follows when `position.doing` came out as `outcome`.
pub(crate) fn next(policy: &Policy, mut position: Position, outcome: Outcome) -> Position {
    count(&mut position);
    position.doing = match (position.doing, outcome) {
        (_, Outcome::Failed(failure)) => Effect::End(End::Failed(failure)),
        (Effect::Prepare, _) => after_preparation(policy, position.resumed),
        (Effect::Turn(purpose), Outcome::Asked) => {
            position.asked = Some(purpose);
            Effect::Wait(Gate::Question)
        }
        (Effect::Turn(purpose), outcome) => after_turn(policy, &mut position, purpose, outcome),
        (Effect::Verify, Outcome::Verified { passed }) => after_checks(policy, &mut position, passed),
        (Effect::Deliver, Outcome::Delivered { changed: false }) => Effect::End(End::Failed(Failure::NoChange)),
        (Effect::Deliver, _) if policy.approve_merge => Effect::Wait(Gate::Merge),
        (Effect::Deliver, _) => Effect::Merge,
        (Effect::Wait(Gate::Plan), Outcome::SentBack) => Effect::Turn(planner(policy)),
        (Effect::Wait(Gate::Plan), _) => Effect::Turn(Purpose::Implement),
        (Effect::Wait(Gate::Merge), Outcome::Approved) => Effect::Merge,
        // A person's remark opens the bounds again: they decided that it is worth it.
        (Effect::Wait(Gate::Merge), _) => {
            (position.fixes, position.reworks) = (0, 0);
            if position.outdated { Effect::Update } else { Effect::Turn(Purpose::Rework) }
        }
        (Effect::Wait(Gate::Question), _) => {
            position.asked.take().map_or(Effect::End(End::Failed(Failure::Internal)), Effect::Turn)
        }
        (Effect::Merge, Outcome::Conflicted) => after_conflict(policy, &mut position),
        (Effect::Merge, _) => Effect::End(End::Merged),
        (Effect::Update, _) => {
            position.outdated = false;
            Effect::Turn(Purpose::Rework)
        }
        (Effect::Verify | Effect::End(_), _) => Effect::End(End::Failed(Failure::Internal)),
    };
    position
}

fn count(position: &mut Position) {
    match position.doing {
        Effect::Turn(_) => position.turns += 1,
        Effect::Verify => position.verifications += 1,
        Effect::Merge => position.merges += 1,
        _ => {}
    }
}

fn after_preparation(policy: &Policy, resumed: bool) -> Effect {
    if resumed {
        Effect::Turn(Purpose::Implement)
    } else if policy.has(AgentRole::Lead) || policy.has(AgentRole::Architect) {
        Effect::Turn(planner(policy))
    } else {
        Effect::Turn(Purpose::Implement)
    }
}

fn planner(policy: &Policy) -> Purpose {
    if policy.has(AgentRole::Lead) { Purpose::Plan } else { Purpose::Design }
}

fn after_turn(policy: &Policy, position: &mut Position, purpose: Purpose, outcome: Outcome) -> Effect {
    match purpose {
        Purpose::Plan if policy.has(AgentRole::Architect) => Effect::Turn(Purpose::Design),
        Purpose::Plan | Purpose::Design if policy.approve_plan => Effect::Wait(Gate::Plan),
        Purpose::Plan | Purpose::Design => Effect::Turn(Purpose::Implement),
        Purpose::Implement if outcome == Outcome::Clashed => Effect::Turn(Purpose::Implement),
        // Whoever did a share once more is done with it now.
        Purpose::Implement if position.clashes.len() > 1 => {
            position.clashes.remove(0);
            Effect::Turn(Purpose::Implement)
        }
        Purpose::Implement | Purpose::Rework => {
            position.clashes.clear();
            position.fixes = 0;
            Effect::Verify
        }
        Purpose::Fix => Effect::Verify,
        Purpose::Test => {
            position.tested = true;
            Effect::Verify
        }
        Purpose::Review if outcome == (Outcome::Reviewed { approved: true }) => Effect::Deliver,
        Purpose::Review if position.reworks < policy.max_reworks => {
            position.reworks += 1;
            Effect::Turn(Purpose::Rework)
        }
        Purpose::Review => Effect::End(End::Failed(Failure::Review)),
    }
}

/// Who approved the change decides what becomes of it; where nobody does, it goes back by itself, as after a review.
fn after_conflict(policy: &Policy, position: &mut Position) -> Effect {
    position.outdated = true;
    if policy.approve_merge || position.reworks >= policy.max_reworks {
        return Effect::Wait(Gate::Merge);
    }
    position.reworks += 1;
    Effect::Update
}

fn after_checks(policy: &Policy, position: &mut Position, passed: bool) -> Effect {
    if !passed {
        if position.fixes >= policy.max_fixes {
            return Effect::End(End::Failed(Failure::Checks));
        }
        position.fixes += 1;
        return Effect::Turn(Purpose::Fix);
    }
    position.unsolved.clear();
    if policy.has(AgentRole::Tester) && !position.tested {
        Effect::Turn(Purpose::Test)
    } else if policy.has(AgentRole::Reviewer) {
        Effect::Turn(Purpose::Review)
    } else {
        Effect::Deliver
    }
}

#[cfg(test)]
mod tests;
