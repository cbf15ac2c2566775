//! Where a limit stands among the others, and whether they fit together.

use types::{BudgetId, MicroUsd};

use super::{
    edit::BudgetSettings,
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

/// What tells parts that can add up from parts that overlap: projects add up, and a project and a squad do not.
fn dimension(node: &Node, parent: &Node) -> (bool, bool, bool) {
    let (own, above) = (node.subject, parent.subject);
    (own.project != above.project, own.squad != above.squad, own.agent != above.agent)
}

/// Parts that add up must fit into what they are parts of, as far as both count in the same period.
pub(super) fn check_fit(tree: &Tree, id: BudgetId) -> Result<()> {
    let node = tree.node(id).ok_or(Error::NotFound)?;
    let parents = [Some(node), node.parent.and_then(|parent| tree.node(parent))];
    for parent in parents.into_iter().flatten() {
        let Some(most) = tree.limit(parent) else {
            let share = tree
                .nodes()
                .iter()
                .find(|child| child.parent == Some(parent.id) && matches!(child.limit, Limit::Share(_)));
            if share.is_some() {
                return Err(Error::field(
                    "share",
                    "A share needs a limit above it. Give the budget above an amount first.",
                ));
            }
            continue;
        };
        let parts = tree.nodes().iter().filter(|child| child.parent == Some(parent.id));
        let parts: Vec<&Node> =
            parts.filter(|child| tree.calendar(child).period == tree.calendar(parent).period).collect();
        for part in &parts {
            let beside = parts.iter().filter(|other| dimension(other, parent) == dimension(part, parent));
            let sum: i64 = beside.filter_map(|other| tree.limit(other)).map(MicroUsd::micros).sum();
            if sum > most.micros() {
                let (sum, most) = (MicroUsd::from_micros(sum).dollars(2), most.dollars(2));
                let field = if matches!(node.limit, Limit::Share(_)) { "share" } else { "amount" };
                return Err(Error::field(
                    field,
                    format!("The parts would add up to {sum} USD, and what is above them allows {most} USD."),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use types::{ProjectId, SquadId};

    use super::*;
    use crate::budgets::{
        period::{Calendar, Period},
        tree::tests::node,
    };

    fn settings(limit: Limit) -> BudgetSettings {
        let calendar = Calendar { period: Period::Day, reset_day: 1, time_zone: "UTC".into() };
        BudgetSettings { limit, calendar, ..BudgetSettings::default() }
    }

    fn of(project: ProjectId) -> Subject {
        Subject { project: Some(project), ..Subject::TEAM }
    }

    const fn cents(cents: i32) -> Limit {
        Limit::Amount(MicroUsd::from_cents(cents))
    }

    #[test]
    fn parts_fit_into_the_whole() {
        let team = node(None, Subject::TEAM, cents(1_000));
        let tree = Tree::new(vec![team], vec![], 0);
        let (a, b) = (BudgetId::new(), BudgetId::new());
        let tree = with(&tree, a, of(ProjectId::new()), &settings(Limit::Share(4_000)));
        check_fit(&tree, a).unwrap();
        let full = with(&tree, b, of(ProjectId::new()), &settings(cents(600)));
        check_fit(&full, b).unwrap();
        let over = with(&tree, b, of(ProjectId::new()), &settings(cents(601)));
        assert!(matches!(check_fit(&over, b), Err(Error::Invalid(fields)) if fields[0].message.contains("10.01 USD")));
        let crew = Subject { squad: Some(SquadId::new()), ..Subject::TEAM };
        let beside = with(&full, BudgetId::new(), crew, &settings(cents(900)));
        let crew = beside.nodes().last().unwrap().id;
        check_fit(&beside, crew).unwrap();
    }

    #[test]
    fn a_whole_that_shrinks_must_still_hold_its_parts() {
        let team = node(None, Subject::TEAM, cents(1_000));
        let id = team.id;
        let part = node(Some(id), of(ProjectId::new()), cents(800));
        let tree = Tree::new(vec![team, part], vec![], 0);
        assert!(check_fit(&with(&tree, id, Subject::TEAM, &settings(cents(700))), id).is_err());
        assert!(check_fit(&with(&tree, id, Subject::TEAM, &settings(cents(800))), id).is_ok());
    }

    #[test]
    fn a_node_between_takes_its_parts_along() {
        let (project, squad) = (ProjectId::new(), SquadId::new());
        let team = node(None, Subject::TEAM, Limit::None);
        let crew = node(Some(team.id), Subject { squad: Some(squad), ..of(project) }, cents(5));
        let tree = Tree::new(vec![team.clone(), crew.clone()], vec![], 0);
        let id = BudgetId::new();
        let tree = with(&tree, id, of(project), &settings(cents(10)));
        assert_eq!(tree.node(crew.id).unwrap().parent, Some(id));
        assert_eq!(tree.node(id).unwrap().parent, Some(team.id));
    }

    #[test]
    fn a_share_of_nothing_is_refused() {
        let tree = Tree::new(vec![node(None, Subject::TEAM, Limit::None)], vec![], 0);
        let id = BudgetId::new();
        assert!(check_fit(&with(&tree, id, of(ProjectId::new()), &settings(Limit::Share(1))), id).is_err());
    }
}
