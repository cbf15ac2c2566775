//! The tree of limits, and which of them a call falls under. Reads no clock and no row.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use types::{AgentId, BudgetId, MicroUsd, PauseId, ProjectId, RunId, SquadId, TaskId};

use super::period::{Calendar, Window};

/// Who makes a call. What is not known falls under the team's limit alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spender {
    pub project: Option<ProjectId>,
    pub squad: Option<SquadId>,
    pub agent: Option<AgentId>,
    pub task: Option<TaskId>,
    pub run: Option<RunId>,
}

/// The part of a team that a limit or a pause is about; all `None` is the whole team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject {
    pub project: Option<ProjectId>,
    pub squad: Option<SquadId>,
    pub agent: Option<AgentId>,
}

impl Subject {
    pub const TEAM: Self = Self { project: None, squad: None, agent: None };

    /// Whether a call of `spender` is about this part.
    #[must_use]
    pub fn covers(&self, spender: &Spender) -> bool {
        self.project.is_none_or(|id| spender.project == Some(id))
            && self.squad.is_none_or(|id| spender.squad == Some(id))
            && self.agent.is_none_or(|id| spender.agent == Some(id))
    }

    /// Whether every call that is about `self` is about `outer` too.
    #[must_use]
    pub fn lies_in(&self, outer: &Self) -> bool {
        (outer.project.is_none() || outer.project == self.project)
            && (outer.squad.is_none() || outer.squad == self.squad)
            && (outer.agent.is_none() || outer.agent == self.agent)
    }
}

/// How much money a node allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// It only counts.
    #[default]
    None,
    Amount(MicroUsd),
    /// Ten-thousandths of what the parent allows, in the parent's own period.
    Share(u16),
}

/// What a call counts as at most, so that the sums of hundreds of thousands of such calls stay within 63 bits: ten million
/// dollars. A team may agree on any price, and a provider of its own may report any count.
pub(crate) const DEAREST: MicroUsd = MicroUsd::from_micros(10_000_000_000_000);

/// One limit of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub id: BudgetId,
    pub parent: Option<BudgetId>,
    pub subject: Subject,
    /// As people know it: the name of the team, project, squad or agent.
    pub name: String,
    pub limit: Limit,
    /// Tokens of any kind in a period.
    pub tokens: Option<i64>,
    pub calendar: Calendar,
    /// For any one task.
    pub per_task: Option<MicroUsd>,
    /// For any one run.
    pub per_run: Option<MicroUsd>,
    pub concurrent_runs: Option<i32>,
    /// Per cent of the limit at which people are told, ascending.
    pub warn_at: Vec<i16>,
}

/// A stop that somebody ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub id: PauseId,
    pub subject: Subject,
    pub reason: String,
}

/// A counter of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Leg {
    pub budget: BudgetId,
    pub bucket: String,
}

/// A counter that a call falls under, and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) leg: Leg,
    pub(crate) kind: BoundKind,
    pub(crate) money: Option<i64>,
    pub(crate) tokens: Option<i64>,
    /// From when on usage counts.
    pub(crate) window: Window,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundKind {
    Period,
    Task(TaskId),
    Run(RunId),
}

impl BoundKind {
    /// The name of the counter, but for that of a period.
    fn bucket(self) -> Option<String> {
        match self {
            Self::Period => None,
            Self::Task(task) => Some(format!("task:{task}")),
            Self::Run(run) => Some(format!("run:{run}")),
        }
    }

    /// What a counter of this name counts.
    pub(crate) fn of_bucket(bucket: &str) -> Self {
        if let Some(Ok(task)) = bucket.strip_prefix("task:").map(str::parse) {
            Self::Task(task)
        } else if let Some(Ok(run)) = bucket.strip_prefix("run:").map(str::parse) {
            Self::Run(run)
        } else {
            Self::Period
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    places: HashMap<BudgetId, usize>,
    pauses: Vec<Pause>,
    /// What a million tokens count as where no price is known.
    pub(crate) unknown_rate: i64,
    /// Of the rows it was read from, see [`super::load::changed`].
    pub(crate) version: i64,
}

impl Tree {
    pub(crate) fn new(nodes: Vec<Node>, pauses: Vec<Pause>, unknown_rate: i64) -> Self {
        let places = nodes.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
        Self { nodes, places, pauses, unknown_rate, version: 0 }
    }

    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    #[must_use]
    pub fn pauses(&self) -> &[Pause] {
        &self.pauses
    }

    #[must_use]
    pub fn node(&self, id: BudgetId) -> Option<&Node> {
        self.places.get(&id).map(|&at| &self.nodes[at])
    }

    /// What the node allows in money, shares worked out; None where nothing limits it.
    #[must_use]
    pub fn limit(&self, node: &Node) -> Option<MicroUsd> {
        match node.limit {
            Limit::None => None,
            Limit::Amount(amount) => Some(amount),
            Limit::Share(share) => {
                let whole = self.limit(self.node(node.parent?)?)?;
                // Rounded down: shares of one whole never add up to more.
                let part = i128::from(whole.micros()) * i128::from(share) / 10_000;
                Some(MicroUsd::from_micros(i64::try_from(part).unwrap_or(i64::MAX)))
            }
        }
    }

    /// The calendar that the node follows: a share follows what it is a share of.
    #[must_use]
    pub fn calendar<'a>(&'a self, node: &'a Node) -> &'a Calendar {
        match (node.limit, node.parent.and_then(|parent| self.node(parent))) {
            (Limit::Share(_), Some(parent)) => self.calendar(parent),
            _ => &node.calendar,
        }
    }

    /// The stop that holds for a call, if any.
    #[must_use]
    pub fn paused(&self, spender: &Spender) -> Option<&Pause> {
        self.pauses.iter().find(|pause| pause.subject.covers(spender))
    }

    /// All counters that a call falls under, the team's first.
    pub(crate) fn bounds(&self, spender: &Spender, now: OffsetDateTime) -> Vec<Bound> {
        let mut bounds = Vec::new();
        for node in self.nodes.iter().filter(|node| node.subject.covers(spender)) {
            bounds.push(self.bound(node, now));
            bounds.extend(spender.task.and_then(|task| cap(node, BoundKind::Task(task))));
            bounds.extend(spender.run.and_then(|run| cap(node, BoundKind::Run(run))));
        }
        bounds
    }

    /// What holds for a counter now; none where it is of an earlier period, or of a limit that is gone.
    pub(crate) fn bound_of(&self, leg: &Leg, now: OffsetDateTime) -> Option<Bound> {
        let node = self.node(leg.budget)?;
        let bound = match BoundKind::of_bucket(&leg.bucket) {
            BoundKind::Period => self.bound(node, now),
            kind => cap(node, kind)?,
        };
        (bound.leg == *leg).then_some(bound)
    }

    /// The counter of the node's period.
    pub(crate) fn bound(&self, node: &Node, now: OffsetDateTime) -> Bound {
        let window = self.calendar(node).window(now);
        Bound {
            leg: Leg { budget: node.id, bucket: bucket(window) },
            kind: BoundKind::Period,
            money: self.limit(node).map(MicroUsd::micros),
            tokens: node.tokens,
            window,
        }
    }

    /// What a call counts as: its price, or the rate for unknown ones, rounded up; at most [`DEAREST`].
    #[must_use]
    pub fn counted(&self, cost: Option<MicroUsd>, tokens: i64) -> i64 {
        let counted = cost.map_or_else(
            || {
                let product = i128::from(self.unknown_rate) * i128::from(tokens.max(0));
                i64::try_from((product + 999_999) / 1_000_000).unwrap_or(i64::MAX)
            },
            MicroUsd::micros,
        );
        counted.min(DEAREST.micros())
    }
}

/// The counter of one task or run, where the node limits it.
fn cap(node: &Node, kind: BoundKind) -> Option<Bound> {
    let most = match kind {
        BoundKind::Period => None,
        BoundKind::Task(_) => node.per_task,
        BoundKind::Run(_) => node.per_run,
    };
    Some(Bound {
        leg: Leg { budget: node.id, bucket: kind.bucket()? },
        kind,
        money: Some(most?.micros()),
        tokens: None,
        window: Window::ALWAYS,
    })
}

pub(super) fn bucket(window: Window) -> String {
    match window.end {
        None => "total".to_owned(),
        Some(_) => format!("from:{}", window.start.unix_timestamp()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::budgets::period::Period;

    pub(crate) fn node(parent: Option<BudgetId>, subject: Subject, limit: Limit) -> Node {
        Node {
            id: BudgetId::new(),
            parent,
            subject,
            name: "a node".into(),
            limit,
            tokens: None,
            calendar: Calendar { period: Period::Day, reset_day: 1, time_zone: "UTC".into() },
            per_task: None,
            per_run: None,
            concurrent_runs: None,
            warn_at: vec![80],
        }
    }

    #[test]
    fn shares_are_of_what_the_parent_allows() {
        let (project, agent) = (ProjectId::new(), AgentId::new());
        let team = node(None, Subject::TEAM, Limit::Amount(MicroUsd::from_cents(1_000)));
        let of_project = Subject { project: Some(project), ..Subject::TEAM };
        let part = node(Some(team.id), of_project, Limit::Share(4_000));
        let architect = node(Some(part.id), Subject { agent: Some(agent), ..of_project }, Limit::Share(2_000));
        let odd = node(Some(architect.id), Subject::TEAM, Limit::Share(3_333));
        let tree = Tree::new(vec![team.clone(), part.clone(), architect.clone(), odd.clone()], vec![], 0);
        let cents = |node| tree.limit(node).map(MicroUsd::micros);
        assert_eq!(cents(&part), Some(4_000_000));
        assert_eq!(cents(&architect), Some(800_000));
        assert_eq!(cents(&odd), Some(266_640), "rounded down");
    }

    #[test]
    fn a_call_falls_under_the_nodes_that_name_it() {
        let (project, squad, agent) = (ProjectId::new(), SquadId::new(), AgentId::new());
        let team = node(None, Subject::TEAM, Limit::None);
        let ours =
            node(Some(team.id), Subject { project: Some(project), ..Subject::TEAM }, Limit::Amount(MicroUsd::ZERO));
        let other = node(Some(team.id), Subject { project: Some(ProjectId::new()), ..Subject::TEAM }, Limit::None);
        let mut crew = node(Some(team.id), Subject { squad: Some(squad), ..Subject::TEAM }, Limit::None);
        crew.per_task = Some(MicroUsd::from_cents(5));
        let tree = Tree::new(vec![team.clone(), ours.clone(), other, crew.clone()], vec![], 0);
        let call = Spender {
            project: Some(project),
            squad: Some(squad),
            agent: Some(agent),
            task: Some(TaskId::new()),
            run: None,
        };
        let found: Vec<_> = tree
            .bounds(&call, OffsetDateTime::UNIX_EPOCH)
            .into_iter()
            .map(|bound| (bound.leg.budget, bound.money))
            .collect();
        assert_eq!(found, [(team.id, None), (ours.id, Some(0)), (crew.id, None), (crew.id, Some(50_000))]);
        let script = tree.bounds(&Spender::default(), OffsetDateTime::UNIX_EPOCH);
        assert_eq!(script.len(), 1, "a person's script falls under the team alone");
    }

    #[test]
    fn an_unknown_price_counts_at_the_rate() {
        let tree = Tree::new(vec![], vec![], 10_000_000);
        assert_eq!(tree.counted(None, 1), 10);
        assert_eq!(tree.counted(None, 1_000_000), 10_000_000);
        assert_eq!(tree.counted(Some(MicroUsd::from_micros(3)), 1_000_000), 3);
        assert_eq!(tree.counted(Some(MicroUsd::from_micros(i64::MAX)), 1), DEAREST.micros());
    }
}
