//! Whether a call may be made, and what it leaves in the counters. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use types::{BudgetId, MicroUsd};

use super::tree::{Bound, BoundKind, Leg, Tree};

/// What a node has spent and holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counter {
    pub(crate) spent: i64,
    pub(crate) reserved: i64,
    pub(crate) tokens_spent: i64,
    pub(crate) tokens_reserved: i64,
    /// The highest step of the limit in money that people were told of, and of the one in tokens.
    pub(crate) warned: i16,
    pub(crate) tokens_warned: i16,
}

impl Counter {
    /// What is spent of a limit in this measure, and the step that people were told of.
    pub(crate) const fn stands(&mut self, measure: Measure) -> (i64, &mut i16) {
        match measure {
            Measure::Money => (self.spent, &mut self.warned),
            Measure::Tokens => (self.tokens_spent, &mut self.tokens_warned),
        }
    }
}

pub(crate) type Counters = HashMap<Leg, Counter>;

/// What a limit counts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Millionths of a US dollar.
    Money,
    Tokens,
}

impl Measure {
    pub(crate) const ALL: [Self; 2] = [Self::Money, Self::Tokens];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Tokens => "tokens",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.as_str() == text)
    }

    /// For people: `0.05 USD`, `1200 tokens`.
    pub(crate) fn amount(self, value: i64) -> String {
        match self {
            Self::Money => format!("{} USD", MicroUsd::from_micros(value).dollars(decimals(value))),
            Self::Tokens => format!("{value} tokens"),
        }
    }
}

/// Why a call was not let through: the node, its limit, and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub budget: BudgetId,
    /// The node as people know it.
    pub name: String,
    pub kind: BoundKind,
    pub measure: Measure,
    pub limit: i64,
    pub spent: i64,
    /// Held back for calls that are under way.
    pub reserved: i64,
    /// What the call could cost at most.
    pub wanted: i64,
    /// When the limit begins anew.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resets_at: Option<OffsetDateTime>,
    /// Of the tree that refused: another one may have room.
    pub version: i64,
}

impl Refusal {
    /// Whether the call would fit if the calls that are under way cost nothing: then waiting for them may help.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        self.reserved > 0 && self.spent.saturating_add(self.wanted) <= self.limit
    }

    /// What happened, for people: the node, its limit, and who can raise it.
    #[must_use]
    pub fn sentence(&self) -> String {
        let amount = |value: i64| self.measure.amount(value);
        let what = match self.kind {
            BoundKind::Period => "The budget".to_owned(),
            BoundKind::Task(_) => "The limit for one task".to_owned(),
            BoundKind::Run(_) => "The limit for one run".to_owned(),
        };
        let held = if self.reserved > 0 {
            format!(" and {} held for calls under way", amount(self.reserved))
        } else {
            String::new()
        };
        format!(
            "{what} of {} allows {}; {} spent{held}, and this call could cost {}.",
            self.name,
            amount(self.limit),
            amount(self.spent),
            amount(self.wanted),
        )
    }

    /// What a person can do about it.
    #[must_use]
    pub fn way_out(&self) -> String {
        let raise = "Whoever may manage budgets (owners and admins, unless your team's roles say otherwise) can raise it under Budgets";
        match self.resets_at {
            Some(at) => format!("{raise}; it begins anew at {} UTC.", super::minute(at)),
            None => format!("{raise}."),
        }
    }
}

/// Cents, or more digits for an amount that has them.
pub(super) const fn decimals(micros: i64) -> u32 {
    if micros % 10_000 == 0 {
        2
    } else if micros % 100 == 0 {
        4
    } else {
        6
    }
}

/// Holds a call's worst case back on every counter it falls under, or on none.
///
/// # Errors
/// The first counter, from the team down, that has no room.
pub(crate) fn hold(
    tree: &Tree,
    counters: &mut Counters,
    bounds: &[Bound],
    micros: i64,
    tokens: i64,
) -> Result<(), Box<Refusal>> {
    for bound in bounds {
        let counter = counters.get(&bound.leg).copied().unwrap_or_default();
        let measures = [
            (Measure::Money, bound.money, counter.spent, counter.reserved, micros),
            (Measure::Tokens, bound.tokens, counter.tokens_spent, counter.tokens_reserved, tokens),
        ];
        for (measure, limit, spent, reserved, wanted) in measures {
            let Some(limit) = limit else { continue };
            // What costs nothing needs no room: a demo goes on when the money is spent.
            if wanted > 0 && spent.saturating_add(reserved).saturating_add(wanted) > limit {
                let name = tree.node(bound.leg.budget).map(|node| node.name.clone()).unwrap_or_default();
                let (budget, kind, resets_at) = (bound.leg.budget, bound.kind, bound.window.end);
                return Err(Box::new(Refusal {
                    budget,
                    name,
                    kind,
                    measure,
                    limit,
                    spent,
                    reserved,
                    wanted,
                    resets_at,
                    version: tree.version,
                }));
            }
        }
    }
    for bound in bounds {
        let counter = counters.entry(bound.leg.clone()).or_default();
        counter.reserved = counter.reserved.saturating_add(micros);
        counter.tokens_reserved = counter.tokens_reserved.saturating_add(tokens);
    }
    Ok(())
}

/// Gives back what was held, and counts what was spent.
pub(crate) fn settle(counters: &mut Counters, legs: &[Leg], held: (i64, i64), spent: (i64, i64)) {
    for leg in legs {
        let counter = counters.entry(leg.clone()).or_default();
        counter.reserved = counter.reserved.saturating_sub(held.0);
        counter.tokens_reserved = counter.tokens_reserved.saturating_sub(held.1);
        counter.spent = counter.spent.saturating_add(spent.0);
        counter.tokens_spent = counter.tokens_spent.saturating_add(spent.1);
    }
}

/// The highest of the node's steps that `spent` has passed and that is above the one people were told of.
pub(crate) fn warning((spent, warned): (i64, i16), limit: i64, steps: &[i16]) -> Option<i16> {
    let passed = |step: i16| i128::from(spent) * 100 >= i128::from(limit) * i128::from(step);
    steps.iter().copied().filter(|&step| limit > 0 && step > warned && passed(step)).max()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use types::ProjectId;

    use super::*;
    use crate::budgets::tree::{Limit, Node, Spender, Subject, tests::node};

    fn small(limit: i64) -> (Tree, Node, Node, Spender) {
        let project = ProjectId::new();
        let team = node(None, Subject::TEAM, Limit::Amount(MicroUsd::from_micros(10 * limit)));
        let part = node(
            Some(team.id),
            Subject { project: Some(project), ..Subject::TEAM },
            Limit::Amount(MicroUsd::from_micros(limit)),
        );
        let tree = Tree::new(vec![team.clone(), part.clone()], vec![], 0);
        (tree, team, part, Spender { project: Some(project), ..Spender::default() })
    }

    #[test]
    fn a_refused_call_holds_nothing_anywhere_and_names_the_node() {
        let (tree, _, part, call) = small(100);
        let bounds = tree.bounds(&call, OffsetDateTime::UNIX_EPOCH);
        let mut counters = Counters::new();
        hold(&tree, &mut counters, &bounds, 60, 1).unwrap();
        let before = counters.clone();
        let refusal = hold(&tree, &mut counters, &bounds, 41, 1).unwrap_err();
        assert_eq!((refusal.budget, refusal.limit, refusal.reserved, refusal.wanted), (part.id, 100, 60, 41));
        assert!(refusal.may_pass(), "the call under way may cost less");
        assert_eq!(counters, before);
        hold(&tree, &mut counters, &bounds, 40, 1).unwrap();
    }

    #[test]
    fn the_sentence_names_node_limit_and_way_out() {
        let (tree, _, _, call) = small(50_000);
        let bounds = tree.bounds(&call, OffsetDateTime::UNIX_EPOCH);
        let refusal = hold(&tree, &mut Counters::new(), &bounds, 60_001, 1).unwrap_err();
        assert_eq!(
            refusal.sentence(),
            "The budget of a node allows 0.05 USD; 0.00 USD spent, and this call could cost 0.060001 USD."
        );
        assert!(refusal.way_out().contains("under Budgets; it begins anew at 1970-01-02 00:00 UTC."));
        assert!(!refusal.may_pass());
    }

    #[test]
    fn no_count_is_too_large_to_be_held_or_spent() {
        let (tree, _, _, call) = small(100);
        let bounds = tree.bounds(&call, OffsetDateTime::UNIX_EPOCH);
        let legs: Vec<Leg> = bounds.iter().map(|bound| bound.leg.clone()).collect();
        let mut counters = Counters::new();
        for _ in 0..2 {
            hold(&tree, &mut counters, &bounds, 0, i64::MAX).unwrap();
            settle(&mut counters, &legs, (0, 0), (i64::MAX, i64::MAX));
        }
        let stands = counters.values().map(|counter| (counter.spent, counter.tokens_spent, counter.tokens_reserved));
        assert!(stands.into_iter().all(|stands| stands == (i64::MAX, i64::MAX, i64::MAX)));
        assert!(hold(&tree, &mut counters, &bounds, 1, 0).is_err());
    }

    #[test]
    fn what_costs_nothing_needs_no_room() {
        let (tree, _, _, call) = small(0);
        let bounds = tree.bounds(&call, OffsetDateTime::UNIX_EPOCH);
        assert!(hold(&tree, &mut Counters::new(), &bounds, 0, 5).is_ok());
        assert!(hold(&tree, &mut Counters::new(), &bounds, 1, 5).is_err());
    }

    #[test]
    fn each_step_is_told_once() {
        let at = |spent, warned| warning((spent, warned), 100, &[50, 80, 100]);
        assert_eq!(at(49, 0), None);
        assert_eq!(at(50, 0), Some(50));
        assert_eq!(at(79, 50), None);
        assert_eq!(at(100, 50), Some(100));
        assert_eq!(at(100, 100), None);
        assert_eq!(warning((5, 0), 0, &[50]), None);
    }

    proptest! {
        /// Whatever is held, settled for less, and given back: no node ever spends more than its limit, nothing is left
        /// held at the end, and each node's spending is what its calls cost.
        #[test]
        fn nothing_is_overspent(
            limit in 0_i64..500,
            calls in proptest::collection::vec((0_i64..120, 0_u32..=100, any::<bool>(), 0_usize..8), 1..60),
        ) {
            let (tree, team, part, call) = small(limit);
            let bounds = tree.bounds(&call, OffsetDateTime::UNIX_EPOCH);
            let legs: Vec<Leg> = bounds.iter().map(|bound| bound.leg.clone()).collect();
            let (mut counters, mut open, mut total) = (Counters::new(), Vec::new(), 0);
            for (worst, per_cent, release, end) in calls {
                if hold(&tree, &mut counters, &bounds, worst, worst).is_ok() {
                    open.push((worst, if release { 0 } else { worst * i64::from(per_cent) / 100 }));
                }
                if end < open.len() {
                    let (held, cost) = open.swap_remove(end);
                    settle(&mut counters, &legs, (held, held), (cost, cost));
                    total += cost;
                }
                for counter in counters.values() {
                    prop_assert!(counter.reserved >= 0 && counter.spent >= 0);
                }
                let spent = counters.values().map(|counter| counter.spent + counter.reserved).max().unwrap_or(0);
                prop_assert!(spent <= limit);
            }
            for (held, cost) in open {
                settle(&mut counters, &legs, (held, held), (cost, cost));
                total += cost;
            }
            for node in [&team, &part] {
                let counter = counters.get(&tree.bound(node, OffsetDateTime::UNIX_EPOCH).leg).copied().unwrap_or_default();
                prop_assert_eq!((counter.spent, counter.reserved, counter.tokens_reserved), (total, 0, 0));
            }
        }
    }
}
