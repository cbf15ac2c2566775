//! Where a limit stands among the others, and whether they fit together.

mod claims;

use std::cmp::Reverse;

use claims::{Claim, Claims, Split, most, sum};
use types::{BudgetId, MicroUsd};

use super::{
    book::Measure,
    edit::BudgetSettings,
    period::Period,
    tree::{Limit, Node, Subject, Tree},
};
use crate::{Error, Result};

/// The narrowest limit that a new one of `subject` would stand under; none above the team's.
pub(super) fn above(nodes: &[Node], subject: Subject) -> Option<&Node> {
    let around = nodes.iter().filter(|node| node.subject != subject && subject.lies_in(&node.subject));
    around.max_by_key(|node| weight(node.subject))
}

/// The tree as it will be.
pub(super) fn with(tree: &Tree, id: BudgetId, subject: Subject, settings: &BudgetSettings) -> Tree {
    let mut nodes: Vec<Node> = tree.nodes().iter().filter(|node| node.id != id).cloned().collect();
    let parent = above(&nodes, subject).map(|node| node.id);
    let known = tree.node(id);
    let parent = known.map_or(parent, |node| node.parent);
    if known.is_none() {
        for node in &mut nodes {
            if node.parent == parent && node.subject != subject && node.subject.lies_in(&subject) {
                node.parent = Some(id);
            }
        }
    }
    nodes.push(Node {
        id,
        parent,
        subject,
        name: known.map(|node| node.name.clone()).unwrap_or_default(),
        limit: settings.limit,
        tokens: settings.tokens,
        calendar: settings.calendar.clone(),
        per_task: settings.per_task,
        per_run: settings.per_run,
        concurrent_runs: settings.concurrent_runs,
        warn_at: settings.warn_at.clone(),
    });
    Tree::new(nodes, tree.pauses().to_vec(), tree.unknown_rate)
}

/// The narrower a part, the heavier; a project weighs more than a squad, because people plan by project first.
fn weight(subject: Subject) -> u8 {
    u8::from(subject.agent.is_some()) * 4 + u8::from(subject.project.is_some()) * 2 + u8::from(subject.squad.is_some())
}

/// The limits of a budget must leave room for each other: its parts fit into it, and with what is beside it, it fits into each
/// that it is a part of. Limits in between that say nothing are looked through. Periods are compared as [`Claims`] says.
pub(super) fn check_fit(tree: &Tree, id: BudgetId) -> Result<()> {
    let node = tree.node(id).ok_or(Error::NotFound)?;
    check_shares(tree, node)?;
    let mut around: Vec<&Node> =
        tree.nodes().iter().filter(|whole| whole.id != id && node.subject.lies_in(&whole.subject)).collect();
    // The misfit that is told of is that with the narrowest.
    around.sort_by_key(|whole| Reverse(weight(whole.subject)));
    for measure in Measure::ALL {
        for whole in std::iter::once(node).chain(around.iter().copied()) {
            check_parts(tree, node, whole, measure)?;
        }
    }
    check_caps(tree, node, &around)
}

fn check_shares(tree: &Tree, node: &Node) -> Result<()> {
    let is_share = |node: &Node| matches!(node.limit, Limit::Share(_));
    let of_it = |child: &Node| child.parent == Some(node.id) && is_share(child);
    let without = tree.limit(node).is_none();
    if without && (is_share(node) || tree.nodes().iter().any(of_it)) {
        return Err(Error::field("share", "A share needs a limit above it. Give the budget above an amount first."));
    }
    Ok(())
}

/// What `whole` allows must be as much as its parts may take: all of its parts where it is the one that is set, else those among
/// which that one is.
fn check_parts(tree: &Tree, node: &Node, whole: &Node, measure: Measure) -> Result<()> {
    let Some(most) = most(tree, whole, measure) else { return Ok(()) };
    let claims = Claims { tree, measure, period: tree.calendar(whole).period };
    for split in Split::ALL {
        if whole.id != node.id && split.part(whole.subject, node.subject).is_none() {
            continue;
        }
        let parts = claims.split(whole.subject, split);
        if sum(&parts) > most {
            let field = match (measure, node.limit) {
                (Measure::Tokens, _) => "tokens",
                (Measure::Money, Limit::Share(_)) => "share",
                (Measure::Money, _) => "amount",
            };
            return Err(Error::field(field, misfit(tree, node, whole, &parts, (measure, most))));
        }
    }
    Ok(())
}

/// What does not fit, by name and amount, and what would.
fn misfit(tree: &Tree, node: &Node, whole: &Node, parts: &[Claim<'_>], (measure, most): (Measure, i64)) -> String {
    let allows = |part: &Node, most| format!("{} {}", measure.amount(most), each(tree.calendar(part).period));
    let above = format!("{} allows {}", called(whole), allows(whole, most));
    let others = sum(&parts.iter().filter(|(part, _)| part.id != node.id).copied().collect::<Vec<_>>());
    let way_out = if whole.id == node.id {
        format!("Use at least {}, or lower them first.", measure.amount(others))
    } else if others < most && parts.iter().any(|(part, _)| part.id == node.id) {
        format!("Use at most {}, or raise what is above first.", measure.amount(most - others))
    } else {
        "Lower one of them first, or raise what is above.".to_owned()
    };
    let told = if let [(part, most)] = parts {
        format!("{} allows {}, and {above}.", called(part), allows(part, *most))
    } else {
        let mut named: Vec<&Claim<'_>> = parts.iter().collect();
        named.sort_by_key(|(part, most)| (part.id != node.id, Reverse(*most)));
        let rest = named.len().saturating_sub(NAMED);
        let mut names: Vec<String> = named[..named.len() - rest]
            .iter()
            .map(|(part, most)| format!("{} ({})", called(part), measure.amount(*most)))
            .collect();
        names.extend((rest > 0).then(|| format!("{rest} more")));
        let last = names.pop().unwrap_or_default();
        let all = measure.amount(sum(parts));
        format!("{} and {last} add up to {all}, and {above}.", names.join(", "))
    };
    let mut letters = told.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{} {way_out}", letters.as_str())
}

/// Parts of a sum that are named; the rest is counted.
const NAMED: usize = 4;

/// A budget that is made just now has no name in the tree yet.
fn called(node: &Node) -> String {
    if node.name.is_empty() { "this budget".to_owned() } else { format!("the budget of {}", node.name) }
}

const fn each(period: Period) -> &'static str {
    match period {
        Period::Day => "a day",
        Period::Week => "a week",
        Period::Month => "a month",
        Period::Total => "in all",
    }
}

/// A cap that is above one around it could never be reached.
fn check_caps(tree: &Tree, node: &Node, around: &[&Node]) -> Result<()> {
    let inside = tree.nodes().iter().filter(|part| part.id != node.id && part.subject.lies_in(&node.subject));
    let pairs: Vec<(&Node, &Node)> =
        around.iter().map(|whole| (node, *whole)).chain(inside.map(|part| (part, node))).collect();
    for cap in Cap::ALL {
        for (part, whole) in &pairs {
            let Some((own, most)) = cap.of(part).zip(cap.of(whole)).filter(|(own, most)| own > most) else { continue };
            let (part, whole) = (called(part), called(whole));
            let sentence = format!(
                "{} {}, and {whole} only {}. Choose a number that fits both, or change the other first.",
                cap.told(&part),
                cap.amount(own),
                cap.amount(most)
            );
            return Err(Error::field(cap.field(), sentence));
        }
    }
    Ok(())
}

/// A limit on each task or run, or on runs at once. It holds at every level by itself and does not add up.
#[derive(Clone, Copy)]
enum Cap {
    Task,
    Run,
    AtOnce,
}

impl Cap {
    const ALL: [Self; 3] = [Self::Task, Self::Run, Self::AtOnce];

    fn of(self, node: &Node) -> Option<i64> {
        match self {
            Self::Task => node.per_task.map(MicroUsd::micros),
            Self::Run => node.per_run.map(MicroUsd::micros),
            Self::AtOnce => node.concurrent_runs.map(i64::from),
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Task => "per_task",
            Self::Run => "per_run",
            Self::AtOnce => "concurrent_runs",
        }
    }

    fn told(self, part: &str) -> String {
        match self {
            Self::Task => format!("One task under {part} may cost"),
            Self::Run => format!("One run under {part} may cost"),
            Self::AtOnce => format!("At once {part} allows"),
        }
    }

    fn amount(self, number: i64) -> String {
        match self {
            Self::Task | Self::Run => Measure::Money.amount(number),
            Self::AtOnce if number == 1 => "1 run".to_owned(),
            Self::AtOnce => format!("{number} runs"),
        }
    }
}

#[cfg(test)]
mod tests;
