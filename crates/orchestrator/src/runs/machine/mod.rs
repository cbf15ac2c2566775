//! What comes next in a run: a pure function of where it is and what came out.
//!
//! The workflow performs the effects; this module decides them. It reads no clock and no row, so that a run which is
//! taken up again after a crash decides the same.

mod words;

use serde::{Deserialize, Serialize};
use types::AgentRole;

pub(crate) use words::{Clash, Effect, End, Failure, Outcome, Position};
pub use words::{Gate, Purpose, Stage};

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
