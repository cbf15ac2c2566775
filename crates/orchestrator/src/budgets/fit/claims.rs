//! What the parts of a budget may take of it together.

use std::collections::BTreeSet;

use types::{AgentId, MicroUsd, ProjectId, SquadId};

use crate::budgets::{
    book::Measure,
    period::Period,
    tree::{Node, Subject, Tree},
};

/// A way to split what a budget is about into parts that do not overlap.
#[derive(Clone, Copy, Debug)]
pub(super) enum Split {
    Projects,
    Squads,
    /// Of one squad: an agent stands in one.
    Agents,
}

impl Split {
    pub(super) const ALL: [Self; 3] = [Self::Projects, Self::Squads, Self::Agents];

    /// The part of `whole` that `inner` lies in.
    pub(super) fn part(self, whole: Subject, inner: Subject) -> Option<Subject> {
        if !inner.lies_in(&whole) {
            return None;
        }
        match self {
            Self::Projects if whole.project.is_none() => inner.project.map(|id| Subject { project: Some(id), ..whole }),
            Self::Squads if whole.squad.is_none() => inner.squad.map(|id| Subject { squad: Some(id), ..whole }),
            Self::Agents if whole.squad.is_some() && whole.agent.is_none() => {
                inner.agent.map(|id| Subject { agent: Some(id), ..whole })
            }
            _ => None,
        }
    }
}

/// A limit and what it may take.
pub(super) type Claim<'a> = (&'a Node, i64);

/// Limits in one measure that can be compared with one of a `period`: such a period holds at least one whole period of theirs, in
/// which each may be used up.
pub(super) struct Claims<'a> {
    pub(super) tree: &'a Tree,
    pub(super) measure: Measure,
    pub(super) period: Period,
}

impl<'a> Claims<'a> {
    /// What the parts of `whole` may take. A part without a limit may take what its own parts may.
    pub(super) fn split(&self, whole: Subject, split: Split) -> Vec<Claim<'a>> {
        let cells: BTreeSet<(Option<ProjectId>, Option<SquadId>, Option<AgentId>)> = self
            .tree
            .nodes()
            .iter()
            .filter_map(|node| split.part(whole, node.subject))
            .map(|Subject { project, squad, agent }| (project, squad, agent))
            .collect();
        cells.into_iter().flat_map(|(project, squad, agent)| self.cell(Subject { project, squad, agent })).collect()
    }

    fn cell(&self, cell: Subject) -> Vec<Claim<'a>> {
        let node = self.tree.nodes().iter().find(|node| node.subject == cell);
        let own = node.and_then(|node| Some((node, self.most(node)?)));
        if let Some(own) = own.filter(|(node, _)| self.tree.calendar(node).period == self.period) {
            return vec![own];
        }
        let below = Split::ALL.map(|split| self.split(cell, split)).into_iter().max_by_key(|parts| sum(parts));
        let below = below.unwrap_or_default();
        match own {
            Some(own) if own.1 >= sum(&below) => vec![own],
            _ => below,
        }
    }

    fn most(&self, node: &Node) -> Option<i64> {
        let comparable = length(self.tree.calendar(node).period) <= length(self.period);
        most(self.tree, node, self.measure).filter(|_| comparable)
    }
}

pub(super) fn sum(claims: &[Claim<'_>]) -> i64 {
    claims.iter().fold(0, |sum, (_, most)| sum.saturating_add(*most))
}

pub(super) fn most(tree: &Tree, node: &Node, measure: Measure) -> Option<i64> {
    match measure {
        Measure::Money => tree.limit(node).map(MicroUsd::micros),
        Measure::Tokens => node.tokens,
    }
}

const fn length(period: Period) -> u8 {
    match period {
        Period::Day => 0,
        Period::Week => 1,
        Period::Month => 2,
        Period::Total => 3,
    }
}
