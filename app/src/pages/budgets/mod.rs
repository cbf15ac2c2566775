//! Budgets: how much may be spent, by whom, and where it went.

pub mod ask;
mod chart;
pub mod content;
pub mod decline;
pub mod edit;
mod figures;
pub mod ledger;
pub mod pauses;
mod side;
mod tree;

pub(crate) use figures::grouped;
use leptos::prelude::*;
use orchestrator::budgets::{
    AlertView, BudgetPart, BudgetRequest, BudgetView, Burn, LedgerEntry, PauseView, Period, Subject,
};
use types::{MicroUsd, Permission};

use crate::{
    components::{
        button::Button,
        empty::{Empty, empty},
        error_summary::error_summary,
        field::Field,
        icon::{Icon, icon},
        section::{page_head, section},
        select::{Choice, select},
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// Everything that the page of budgets shows.
#[derive(Clone, Debug)]
pub struct Budgets {
    pub views: Vec<BudgetView>,
    pub burn: Burn,
    pub alerts: Vec<AlertView>,
    pub requests: Vec<BudgetRequest>,
    /// Who may change budgets, by name: they are told and decide.
    pub managers: Vec<String>,
    pub pauses: Vec<PauseView>,
    /// The latest entries.
    pub ledger: Vec<LedgerEntry>,
    /// What can have a limit; empty for those who may not set one.
    pub parts: Vec<BudgetPart>,
    /// What a million tokens count as where no price is known.
    pub unknown_rate: MicroUsd,
    /// The rate as it was typed, when it was wrong.
    pub typed_rate: Option<String>,
    pub errors: Errors,
}

#[must_use]
pub fn page(shell: &Shell, data: &Budgets) -> String {
    let manages = shell.may(Permission::ManageBudgets);
    let set = manages.then(|| Button::new("Add a budget").primary().icon(Icon::Plus).link("#add".to_owned()));
    let actions = view! {
        {Button::new("CSV").icon(Icon::Download).link(shell.link("/budgets/ledger.csv"))}
        {Button::new("JSON lines").icon(Icon::Download).link(shell.link("/budgets/ledger.jsonl"))}
        {set}
    };
    let sub =
        "US dollars. No call starts whose worst case does not fit into what is left, so no budget is ever overspent.";
    let begun = data.views.iter().any(|view| is_set(view) || view.spent > MicroUsd::ZERO || view.tokens_spent > 0);
    let body = if begun { overview(shell, data, manages) } else { nothing(shell, manages) };
    let main = view! {
        {page_head("Budgets", sub, begun.then(|| actions.into_any()))}
        {error_summary(&data.errors)}
        <div class="pile" data-gap="large">
            {body}
            {manages.then(|| section("add", "Add a budget", None, None, add(shell, &data.parts)))}
            {manages.then(|| section("rate", "Where no price is known", None, None, rate(shell, data)))}
            {halt(shell, &data.pauses, manages)}
        </div>
    };
    shell::page(shell, "Budgets", !data.errors.is_empty(), main.into_any())
}

/// Whether the limit says anything: the team's own exists always, and only counts when it says nothing.
fn is_set(view: &BudgetView) -> bool {
    let node = &view.node;
    view.limit.is_some()
        || node.parent.is_some()
        || node.tokens.is_some()
        || node.per_task.is_some()
        || node.per_run.is_some()
        || node.concurrent_runs.is_some()
}

fn overview(shell: &Shell, data: &Budgets, manages: bool) -> AnyView {
    let more = view! { <a class="section__more" href=shell.link("/budgets/ledger")>"Open the ledger"</a> };
    view! {
        {figures::figures(shell, data)}
        <div class="twocol">
            <section aria-labelledby="burn">{chart::burn(shell, &data.burn)}</section>
            {section("alerts", "Alerts and requests", None, None, side::alerts(shell, data, manages))}
        </div>
        {tree::tree(shell, &data.views, manages)}
        {section("ledger", "Ledger", None, Some(more.into_any()), ledger::table(shell, &data.ledger))}
    }
    .into_any()
}

fn nothing(shell: &Shell, manages: bool) -> AnyView {
    let text = "A budget is the most that model calls of the team, a project, a squad or one agent may cost in a day, a week or \
                a month. Muster holds each call's worst case back before it is made, and runs that no longer fit wait instead of \
                failing.";
    let title = "No budget is set".to_owned();
    let empty = empty(Empty { title, text: text.to_owned(), actions: Vec::new() });
    view! { {empty}{manages.then(|| first(shell))} }.into_any()
}

fn first(shell: &Shell) -> AnyView {
    let amount = Field::new("amount", "The team may spend, in US dollars").required().max_length(20).view();
    view! {
        <form class="tools" data-even=true method="post" action=shell.link("/budgets/edit")>
            {amount}
            {select("period", "In each", &periods(), Period::Month.as_str(), None)}
            {Button::new("Set the budget").primary().busy("Saving…").submit()}
        </form>
    }
    .into_any()
}

fn add(shell: &Shell, parts: &[BudgetPart]) -> AnyView {
    let choices = |keep: fn(&Subject) -> bool| -> Vec<Choice> {
        parts.iter().filter(|part| keep(&part.subject)).map(|part| Choice::new(key(part.subject), &part.name)).collect()
    };
    let what: Vec<Choice> = [
        ("Project ", choices(|s| s.project.is_some())),
        ("Squad ", choices(|s| s.squad.is_some() && s.agent.is_none())),
        ("Agent ", choices(|s| s.agent.is_some())),
    ]
    .into_iter()
    .flat_map(|(kind, list)| list.into_iter().map(move |c| Choice::new(c.value, format!("{kind}{}", c.label))))
    .collect();
    if what.is_empty() {
        return view! { <p class="section__note">"A project, a squad or an agent can have a budget of its own once there is one."</p> }
            .into_any();
    }
    let within: Vec<Choice> =
        std::iter::once(Choice::new("", "Any project")).chain(choices(|s| s.project.is_some())).collect();
    view! {
        <form class="tools" data-even=true method="get" action=shell.link("/budgets/edit")>
            {select("part", "For", &what, "", None)}
            {select("within", "When it works on", &within, "", None)}
            {Button::new("Go on").submit()}
        </form>
    }
    .into_any()
}

/// “Ada, Mira and Jonas”; of many, the first few.
pub(crate) fn names(people: &[String]) -> String {
    const SHOWN: usize = 6;
    let rest = people.len().saturating_sub(SHOWN);
    let mut parts: Vec<String> = people[..people.len() - rest].to_vec();
    parts.extend((rest > 0).then(|| format!("{rest} more")));
    match parts.split_last() {
        None => "nobody".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
    }
}

/// A part of the team as a form sends it.
fn key(subject: Subject) -> String {
    match subject {
        Subject { agent: Some(id), .. } => format!("agent:{id}"),
        Subject { squad: Some(id), .. } => format!("squad:{id}"),
        Subject { project: Some(id), .. } => format!("project:{id}"),
        _ => String::new(),
    }
}

/// A part of the team as the query of an address names it.
#[must_use]
pub fn query(subject: Subject) -> String {
    let parts = [
        subject.project.map(|id| format!("project={id}")),
        subject.squad.map(|id| format!("squad={id}")),
        subject.agent.map(|id| format!("agent={id}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("&")
}

fn rate(shell: &Shell, data: &Budgets) -> AnyView {
    let digits = if data.unknown_rate.micros() % 10_000 == 0 { 2 } else { 6 };
    let value = data.typed_rate.clone().unwrap_or_else(|| data.unknown_rate.dollars(digits));
    let field = Field::new("unknown_rate", "A million tokens count as, in US dollars")
        .value(&value)
        .hint("Calls whose price nobody knows count at this rate against every budget. They never count as free.")
        .error(data.errors.of("unknown_rate"))
        .required()
        .max_length(20)
        .view();
    view! {
        <form class="form" method="post" action=shell.link("/budgets/rate")>
            {field}
            <div class="cluster">{Button::new("Save the rate").busy("Saving…").submit()}</div>
        </form>
    }
    .into_any()
}

fn halt(shell: &Shell, pauses: &[PauseView], manages: bool) -> AnyView {
    let alive = pauses.iter().filter(|pause| pause.resumed.is_none()).count();
    let words = match alive {
        0 => "Stops every model call within a second and every process of an agent within ten. Nothing is lost; no money is spent \
              until a person resumes. You are asked for a reason.".to_owned(),
        1 => "One part of the team is paused now.".to_owned(),
        more => format!("{more} parts of the team are paused now."),
    };
    let button = if manages && alive == 0 {
        Button::new("Pause all work…").danger().link(shell.link("/budgets/pauses"))
    } else {
        Button::new("See the pauses").link(shell.link("/budgets/pauses"))
    };
    view! {
        <section class="halt" aria-labelledby="halt">
            {icon(Icon::OctagonX)}
            <div><h2 id="halt">"Emergency pause"</h2><p>{words}</p></div>
            {button}
        </section>
    }
    .into_any()
}

fn periods() -> Vec<Choice> {
    Period::ALL.iter().map(|period| Choice::new(period.as_str(), period_word(*period))).collect()
}

const fn period_word(period: Period) -> &'static str {
    match period {
        Period::Day => "Day",
        Period::Week => "Week",
        Period::Month => "Month",
        Period::Total => "Once, without end",
    }
}

/// What kind of part it is, in a word.
const fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject { agent: Some(_), .. } => "agent",
        Subject { squad: Some(_), .. } => "squad",
        Subject { project: Some(_), .. } => "project",
        _ => "team",
    }
}

/// Thousandths of a limit; nothing is all of nothing.
fn thousandths(part: MicroUsd, limit: MicroUsd) -> i64 {
    let (part, limit) = (i128::from(part.micros()), i128::from(limit.micros()));
    if limit == 0 {
        return 1000;
    }
    i64::try_from(part * 1000 / limit).unwrap_or(i64::MAX)
}

/// “61.8 %”.
fn per_cent(thousandths: i64) -> String {
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}
