//! Analytics: where money went, and what came of it.

mod asked;
mod chart;
mod figures;
mod filters;
mod instead;
mod outcome;
mod rows;
pub mod tasks;

pub use asked::Asked;
use leptos::prelude::*;
use orchestrator::analytics::{
    By, FailureCause, NOTHING, Outcome, OutcomeRow, PricedModel, Range, Span, Spending, SpendingRow, Spent, WasteRow,
    WhatIf as IfSo,
};
use types::MicroUsd;

use crate::{
    components::{
        button::Button,
        empty::{Empty, empty},
        error_summary::error_summary,
        icon::Icon,
        section::page_head,
        select::Choice,
        time::day,
    },
    forms::Errors,
    layout::shell::{self, Shell},
};

/// The stretches that have names of their own.
pub const PRESETS: &[(&str, &str, Range)] = &[
    ("7d", "7 days", Range::Last(7)),
    ("30d", "30 days", Range::Last(30)),
    ("90d", "90 days", Range::Last(90)),
    ("month", "This month", Range::ThisMonth),
];

/// Everything that the page of analytics shows.
#[derive(Clone, Debug)]
pub struct Analytics {
    pub asked: Asked,
    pub by: By,
    pub choices: Choices,
    /// None where the address asks for days that cannot be.
    pub found: Option<Found>,
    pub errors: Errors,
}

/// What can be filtered by: what spent something in those days.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    pub projects: Vec<Choice>,
    pub squads: Vec<Choice>,
    pub agents: Vec<Choice>,
    pub models: Vec<Choice>,
}

/// What the rows tell of those days.
#[derive(Clone, Debug)]
pub struct Found {
    pub span: Span,
    pub spending: Spending,
    /// The same by day.
    pub days: Spending,
    /// Of as many days right before.
    pub before: Spent,
    pub outcome: Outcome,
    /// By the same property as the spending.
    pub outcomes: Vec<OutcomeRow>,
    pub causes: Vec<FailureCause>,
    pub waste: Vec<WasteRow>,
    pub what_if: Option<WhatIf>,
    /// What a million tokens count as where no price is known.
    pub rate: MicroUsd,
}

/// What the same tokens would have cost with another model.
#[derive(Clone, Debug)]
pub struct WhatIf {
    pub models: Vec<PricedModel>,
    pub chosen: Option<(IfSo, PricedModel)>,
}

#[must_use]
pub fn page(shell: &Shell, data: &Analytics) -> String {
    let spent = data.found.as_ref().is_some_and(|found| found.spending.total.calls > 0);
    let actions = spent.then(|| {
        let csv = shell.link(&format!("/analytics.csv{}", data.asked.without(&["show", "instead"]).query(&[])));
        Button::new("CSV").icon(Icon::Download).link(csv)
    });
    let sub = data.found.as_ref().map_or_else(String::new, |found| {
        format!("{} · US dollars · a call counts when it ends", stretch(&found.span))
    });
    let body = data.found.as_ref().map(|found| {
        if found.spending.total.calls > 0 || found.outcome.ended > 0 {
            told(shell, data, found)
        } else {
            nothing(shell, data)
        }
    });
    let main = view! {
        {page_head("Analytics", &sub, actions)}
        {error_summary(&data.errors)}
        <div class="pile" data-gap="large">
            {filters::filters(shell, data)}
            {body}
        </div>
    };
    shell::page(shell, "Analytics", !data.errors.is_empty(), main.into_any())
}

fn told(shell: &Shell, data: &Analytics, found: &Found) -> AnyView {
    view! {
        {figures::figures(found)}
        <div class="twocol">
            <section aria-labelledby="days">{chart::chart(shell, data, found)}</section>
            {outcome::causes(shell, data, found)}
        </div>
        {rows::groups(shell, data, found)}
        {outcome::waste(shell, data, found)}
        {instead::instead(shell, data, found)}
        {figures::definitions(found)}
    }
    .into_any()
}

fn nothing(shell: &Shell, data: &Analytics) -> AnyView {
    let (title, text, actions) = if data.asked.narrows() {
        let all = shell.link(&format!("/analytics{}", data.asked.query(&CLEARED)));
        let button = Button::new("Show all calls").link(all);
        ("No call fits this filter", "In these days nothing was spent by what the filter names.", vec![button])
    } else {
        let text = "Every model call leaves a row: who made it, for which task, how many tokens it took and what they cost. This \
                    page adds those rows up. Start a task, and it fills.";
        ("No calls in these days", text, vec![Button::new("Open the dashboard").link(shell.link(""))])
    };
    empty(Empty { title: title.to_owned(), text: text.to_owned(), actions })
}

/// An address without a filter.
const CLEARED: [(&str, &str); 4] = [("project", ""), ("squad", ""), ("agent", ""), ("model", "")];

/// “1 Nov to 30 Nov 2026, days of Europe/Berlin”.
fn stretch(span: &Span) -> String {
    let days = if span.from() == span.to() {
        format!("{} {}", day(span.to()), span.to().year())
    } else if span.from().year() == span.to().year() {
        format!("{} to {} {}", day(span.from()), day(span.to()), span.to().year())
    } else {
        format!("{} {} to {} {}", day(span.from()), span.from().year(), day(span.to()), span.to().year())
    };
    format!("{days}, days of {}", span.zone())
}

/// How people read a row's name.
#[must_use]
pub fn name(by: By, row: &SpendingRow) -> String {
    match (&row.name, by) {
        (Some(name), By::Agent) => row.within.as_ref().map_or_else(|| name.clone(), |squad| format!("{name}, {squad}")),
        (Some(name), By::Model) => row.within.as_ref().map_or_else(|| name.clone(), |at| format!("{name}, {at}")),
        (Some(name), _) => name.clone(),
        (None, By::Day) => row.key.clone(),
        (None, _) if row.key == NOTHING => nobody(by).to_owned(),
        (None, _) => format!("A {} that is gone", by.as_str()),
    }
}

/// The calls that belong to none.
const fn nobody(by: By) -> &'static str {
    match by {
        By::Project => "No project",
        By::Squad => "No squad",
        By::Agent | By::Model | By::Day => "No agent",
    }
}

/// “61.8 %” of thousandths; a dash where there is nothing to have a share of.
fn share(thousandths: Option<i64>) -> String {
    thousandths.map_or_else(|| "–".to_owned(), |part| format!("{}.{} %", part / 10, part % 10))
}

/// Thousandths that one amount is of another; None of nothing.
fn part(amount: MicroUsd, of: MicroUsd) -> Option<i64> {
    let share = (i128::from(amount.micros()) * 1000).checked_div(i128::from(of.micros()))?;
    i64::try_from(share).ok()
}

/// An amount for each of some; None for none.
fn each(amount: MicroUsd, count: i64) -> Option<MicroUsd> {
    amount.micros().checked_div(count).map(MicroUsd::from_micros)
}

/// “12.4 M”: tokens as people compare them.
fn tokens(count: u64) -> String {
    let (unit, word) = match count {
        0..10_000 => return super::budgets::grouped(i64::try_from(count).unwrap_or(i64::MAX)),
        10_000..10_000_000 => (1_000, "k"),
        10_000_000..10_000_000_000 => (1_000_000, "M"),
        _ => (1_000_000_000, "G"),
    };
    let tenths = count / (unit / 10);
    if tenths >= 1_000 { format!("{} {word}", tenths / 10) } else { format!("{}.{} {word}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_in_a_unit_that_compares() {
        for (count, words) in [
            (0, "0"),
            (9_999, "9\u{202f}999"),
            (12_345, "12.3 k"),
            (123_456, "123 k"),
            (12_345_678, "12.3 M"),
            (u64::MAX, "18446744073 G"),
        ] {
            assert_eq!(tokens(count), words);
        }
    }

    #[test]
    fn a_share_of_nothing_is_no_number() {
        let micros = MicroUsd::from_micros;
        assert_eq!(share(part(micros(618), micros(1_000))), "61.8 %");
        assert_eq!(share(part(micros(1), micros(0))), "–");
        assert_eq!(each(micros(10), 0), None);
    }
}
