use types::{AgentId, ProjectId, SquadId};

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

fn misfit(tree: &Tree, id: BudgetId) -> (String, String) {
    match check_fit(tree, id) {
        Err(Error::Invalid(mut fields)) => {
            let first = fields.remove(0);
            (first.field, first.message)
        }
        other => panic!("{other:?}"),
    }
}

fn in_period(period: Period, limit: Limit) -> BudgetSettings {
    let settings = settings(limit);
    BudgetSettings { calendar: Calendar { period, ..settings.calendar }, ..settings }
}

fn named(parent: Option<BudgetId>, subject: Subject, name: &str, settings: &BudgetSettings) -> Node {
    let plain = node(parent, subject, settings.limit);
    let id = plain.id;
    let set = with(&Tree::new(vec![plain], vec![], 0), id, subject, settings);
    Node { name: name.to_owned(), parent, ..set.nodes()[0].clone() }
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
    let (field, told) = misfit(&over, b);
    assert_eq!(field, "amount");
    assert!(
        told.contains("add up to 10.01 USD") && told.ends_with("Use at most 6.00 USD, or raise what is above first."),
        "{told}"
    );
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

#[test]
fn a_part_may_not_take_more_than_the_next_limit_above_it() {
    let (a, b, crew) = (of(ProjectId::new()), of(ProjectId::new()), SquadId::new());
    let team = named(None, Subject::TEAM, "Quayside", &settings(cents(1_000)));
    let open = named(Some(team.id), a, "Parcels", &settings(Limit::None));
    let beside = named(Some(team.id), b, "Letters", &settings(cents(500)));
    let inner = |n: u32, limit| {
        let subject = Subject { squad: Some(if n == 0 { crew } else { SquadId::new() }), ..a };
        named(Some(open.id), subject, &format!("Crew {n}"), &settings(limit))
    };
    let (one, two) = (inner(0, cents(300)), inner(1, cents(200)));
    let fits = Tree::new(vec![team.clone(), open.clone(), beside.clone(), one.clone(), two.clone()], vec![], 0);
    for node in fits.nodes() {
        check_fit(&fits, node.id).unwrap();
    }
    // Two levels down, the level between says nothing: with the other squad and the other project it is a cent too much.
    let over = with(&fits, one.id, one.subject, &settings(cents(301)));
    let (field, told) = misfit(&over, one.id);
    assert_eq!(field, "amount");
    assert_eq!(
        told,
        "The budget of Crew 0 (3.01 USD), the budget of Letters (5.00 USD) and the budget of Crew 1 (2.00 USD) add up to \
         10.01 USD, and the budget of Quayside allows 10.00 USD a day. Use at most 3.00 USD, or raise what is above first."
    );
    // The same from above.
    let shrunk = with(&fits, team.id, Subject::TEAM, &settings(cents(999)));
    let (field, told) = misfit(&shrunk, team.id);
    assert!(field == "amount" && told.ends_with("Use at least 10.00 USD, or lower them first."), "{told}");
    // What is in the way elsewhere is not told to somebody who sets another part.
    let elsewhere = with(&over, beside.id, b, &settings(Limit::None));
    check_fit(&elsewhere, beside.id).unwrap();
}

#[test]
fn an_agent_fits_into_its_squad_and_its_project() {
    let (project, crew) = (ProjectId::new(), SquadId::new());
    let team = named(None, Subject::TEAM, "Quayside", &settings(Limit::None));
    let squad = named(Some(team.id), Subject { squad: Some(crew), ..Subject::TEAM }, "Crew", &settings(cents(100)));
    let work = named(Some(team.id), of(project), "Parcels", &settings(cents(1_000)));
    let agent = Subject { project: Some(project), squad: Some(crew), agent: Some(AgentId::new()) };
    let tree = Tree::new(vec![team, squad, work], vec![], 0);
    let id = BudgetId::new();
    check_fit(&with(&tree, id, agent, &settings(cents(100))), id).unwrap();
    let (_, told) = misfit(&with(&tree, id, agent, &settings(cents(101))), id);
    assert!(
        told.starts_with("This budget allows 1.01 USD a day, and the budget of Crew allows 1.00 USD a day."),
        "{told}"
    );
}

#[test]
fn shorter_periods_are_compared_with_longer_ones_and_not_the_other_way_round() {
    let project = of(ProjectId::new());
    let team = |period| named(None, Subject::TEAM, "Quayside", &in_period(period, cents(1_000)));
    for (above, part, cents_of_part, fits) in [
        (Period::Month, Period::Day, 1_000, true),
        (Period::Month, Period::Day, 1_001, false),
        (Period::Month, Period::Week, 1_001, false),
        (Period::Total, Period::Month, 1_001, false),
        (Period::Day, Period::Month, 1_001, true),
        (Period::Month, Period::Total, 1_001, true),
    ] {
        let tree = Tree::new(vec![team(above)], vec![], 0);
        let id = BudgetId::new();
        let set = with(&tree, id, project, &in_period(part, cents(cents_of_part)));
        assert_eq!(check_fit(&set, id).is_ok(), fits, "{part:?} under {above:?}");
    }
    // A daily limit between does not hide months that do not fit.
    let team = team(Period::Month);
    let between = named(Some(team.id), project, "Parcels", &in_period(Period::Day, cents(100)));
    let crew = Subject { squad: Some(SquadId::new()), ..project };
    let id = BudgetId::new();
    let tree = Tree::new(vec![team, between], vec![], 0);
    check_fit(&with(&tree, id, crew, &in_period(Period::Month, cents(1_000))), id).unwrap();
    assert!(misfit(&with(&tree, id, crew, &in_period(Period::Month, cents(1_001))), id).1.contains("Quayside"));
}

#[test]
fn tokens_and_caps_fit_too() {
    let whole = BudgetSettings {
        tokens: Some(1_000),
        per_task: Some(MicroUsd::from_cents(50)),
        per_run: Some(MicroUsd::from_cents(20)),
        concurrent_runs: Some(2),
        ..settings(Limit::None)
    };
    let team = named(None, Subject::TEAM, "Quayside", &whole);
    let open = named(Some(team.id), of(ProjectId::new()), "Parcels", &settings(Limit::None));
    let crew = Subject { squad: Some(SquadId::new()), ..open.subject };
    let tree = Tree::new(vec![team.clone(), open], vec![], 0);
    let id = BudgetId::new();
    check_fit(&with(&tree, id, crew, &whole), id).unwrap();
    for (settings, field, words) in [
        (BudgetSettings { tokens: Some(1_001), ..whole.clone() }, "tokens", "allows 1001 tokens a day"),
        (
            BudgetSettings { per_task: Some(MicroUsd::from_cents(51)), ..whole.clone() },
            "per_task",
            "One task under this budget may cost 0.51 USD, and the budget of Quayside only 0.50 USD.",
        ),
        (BudgetSettings { per_run: Some(MicroUsd::from_cents(21)), ..whole.clone() }, "per_run", "One run"),
        (BudgetSettings { concurrent_runs: Some(3), ..whole.clone() }, "concurrent_runs", "3 runs"),
    ] {
        let (found, told) = misfit(&with(&tree, id, crew, &settings), id);
        assert!(found == field && told.contains(words), "{found}: {told}");
    }
    // A whole that shrinks names the part that is in the way.
    let set = with(&tree, id, crew, &whole);
    let (field, told) =
        misfit(&with(&set, team.id, Subject::TEAM, &BudgetSettings { tokens: Some(999), ..whole }), team.id);
    assert!(field == "tokens" && told.ends_with("Use at least 1000 tokens, or lower them first."), "{told}");
}
