use types::{AgentRole, MicroUsd, Stage};

use super::shape::{AgentLimits, Bounds, Gates, Rules, StageRoles};

/// What a squad starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    Full,
    Pair,
    Solo,
}

impl Template {
    pub const ALL: &[Self] = &[Self::Full, Self::Pair, Self::Solo];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Pair => "pair",
            Self::Solo => "solo",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|template| template.as_str() == text)
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "Full squad",
            Self::Pair => "Coder and reviewer",
            Self::Solo => "Solo coder",
        }
    }

    /// What it is good for, in a sentence.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Full => "A lead and an architect plan, two coders write, a tester and a reviewer check.",
            Self::Pair => "One agent plans and writes, another one reviews it before you do.",
            Self::Solo => "One agent plans and writes; tests and you check it. The cheapest.",
        }
    }

    /// The roles of its agents, in hand-off order.
    #[must_use]
    pub const fn roles(self) -> &'static [AgentRole] {
        use AgentRole::{Architect, Coder, Lead, Reviewer, Tester};
        match self {
            Self::Full => &[Lead, Architect, Coder, Coder, Tester, Reviewer],
            Self::Pair => &[Coder, Reviewer],
            Self::Solo => &[Coder],
        }
    }

    /// Its agents, in hand-off order: names count up where a role comes twice.
    pub(super) fn agents(self) -> Vec<(AgentRole, String)> {
        let roles = self.roles();
        let named = roles.iter().enumerate().map(|(at, role)| {
            let several = roles.iter().filter(|other| *other == role).count() > 1;
            let nth = roles[..=at].iter().filter(|other| *other == role).count();
            (*role, if several { format!("{role}-{nth}") } else { role.to_string() })
        });
        named.collect()
    }

    /// Who works in which stage, where people decide, and how often work may go round.
    pub(super) fn rules(self) -> Rules {
        use AgentRole::{Architect, Coder, Lead, Reviewer, Tester};
        let stage = |stage, roles: &[AgentRole]| StageRoles { stage, roles: roles.to_vec() };
        let (plan, verify, review, deliver): (&[_], &[_], &[_], &[_]) = match self {
            Self::Full => (&[Lead, Architect], &[Tester], &[Reviewer], &[Lead]),
            Self::Pair => (&[Coder], &[], &[Reviewer], &[]),
            Self::Solo => (&[Coder], &[], &[], &[]),
        };
        Rules {
            stages: vec![
                stage(Stage::Plan, plan),
                stage(Stage::Implement, &[Coder]),
                stage(Stage::Verify, verify),
                stage(Stage::Review, review),
                stage(Stage::Deliver, deliver),
            ],
            gates: Gates { plan: false, merge: true },
            bounds: Bounds { max_iterations: 3, max_reworks: 2, max_concurrent_runs: 3 },
        }
    }
}

/// The instructions a new agent of a role starts with. They come after what the role itself says to the model.
#[must_use]
pub const fn default_instructions(role: AgentRole) -> &'static str {
    match role {
        AgentRole::Lead => "Keep the task small. Ask a person when its goal is unclear.",
        AgentRole::Architect => "Read before you plan. Name the files to change, and how to see that it works.",
        AgentRole::Coder => "Follow the style of the code around you. Change nothing that the task does not need.",
        AgentRole::Tester => "Test what the task asks for, and the edge cases next to it. Change tests only.",
        AgentRole::Reviewer => "Look for wrong behaviour first, style last. Say where, and what would be right.",
    }
}

/// The limits a new agent of a role starts with.
#[must_use]
pub const fn default_limits(role: AgentRole) -> AgentLimits {
    let (max_model_calls, wall_minutes, cents) = match role {
        AgentRole::Lead | AgentRole::Reviewer => (30, 20, 100),
        AgentRole::Architect => (40, 15, 200),
        AgentRole::Coder => (80, 45, 500),
        AgentRole::Tester => (60, 30, 200),
    };
    // Each call reads the conversation again, mostly from the cache: money is met before.
    AgentLimits { max_model_calls, max_tokens: 10_000_000, max_cost: MicroUsd::from_cents(cents), wall_minutes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_squad_that_can_run() {
        for template in Template::ALL {
            let rules = template.rules();
            assert!(rules.check().is_ok(), "{template:?}");
            for role in rules.stages.iter().flat_map(|stage| &stage.roles) {
                assert!(template.roles().contains(role), "{template:?} has no {role}");
            }
            for role in template.roles() {
                let mut wrong = super::super::shape::Wrong::default();
                default_limits(*role).note(&mut wrong);
                assert!(wrong.done().is_ok(), "{role}");
            }
        }
    }

    #[test]
    fn names_count_up_only_where_a_role_comes_twice() {
        let names: Vec<_> = Template::Full.agents().into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["lead", "architect", "coder-1", "coder-2", "tester", "reviewer"]);
    }
}
