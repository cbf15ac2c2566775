use leptos::prelude::*;
use orchestrator::analytics::{By, Outcome, SpendingRow, Spent};

use super::{Analytics, Found, each, name, part, share, tokens};
use crate::{
    components::{bar::share_bar, money::sum},
    layout::shell::Shell,
    pages::budgets::grouped,
};

const HEADS: [&str; 10] = [
    "Spent",
    "Share",
    "Tokens",
    "From caches",
    "Calls",
    "Tasks",
    "Runs ended",
    "Merged",
    "For each merge",
    "Sent back",
];

/// Where it went, by one property, each row leading to its tasks.
pub(super) fn groups(shell: &Shell, data: &Analytics, found: &Found) -> AnyView {
    let links = By::ALL.iter().map(|by| {
        let href = shell.link(&format!("/analytics{}#groups", data.asked.query(&[("by", by.as_str())])));
        view! { <a href=href aria-current=(*by == data.by).then_some("true")>{word(*by)}</a> }
    });
    let heads = HEADS.map(|head| view! { <th scope="col" data-num=true>{head}</th> });
    let rows = found.spending.rows.iter().filter(|row| row.spent.calls > 0 || ended(found, row).ended > 0);
    let rows = rows.map(|row| line(shell, data, found, row)).collect_view();
    view! {
        <section aria-labelledby="groups">
            <div class="section__head">
                <h2 id="groups">"Where it went"</h2>
                <nav class="segmented section__end" aria-label="By">{links.collect_view()}</nav>
            </div>
            <div class="table__scroll" tabindex="0" role="group" aria-labelledby="groups">
                <table class="table analytics">
                    <thead><tr><th scope="col">{word(data.by)}</th><th scope="col"><span class="visually-hidden">"Bar"</span></th>{heads.collect_view()}</tr></thead>
                    <tbody>{rows}</tbody>
                    <tfoot>{total(found)}</tfoot>
                </table>
            </div>
        </section>
    }
    .into_any()
}

pub(super) const fn word(by: By) -> &'static str {
    match by {
        By::Project => "Project",
        By::Squad => "Squad",
        By::Agent => "Agent",
        By::Model => "Model",
        By::Day => "Day",
    }
}

fn ended(found: &Found, row: &SpendingRow) -> Outcome {
    found
        .outcomes
        .iter()
        .find(|outcome| outcome.key == row.key)
        .map_or_else(Outcome::default, |outcome| outcome.outcome)
}

/// The row's name, as a link to its tasks.
pub(super) fn named(shell: &Shell, data: &Analytics, row: &SpendingRow) -> AnyView {
    let narrowed = match data.by {
        By::Day => data.asked.query(&[("from", &row.key), ("to", &row.key), ("by", "")]),
        by => data.asked.query(&[(by.as_str(), &row.key), ("by", "")]),
    };
    let asked = shell.link(&format!("/analytics/tasks{narrowed}"));
    let sub =
        row.within.clone().filter(|_| row.name.is_some()).map(|within| view! { <span class="sub">{within}</span> });
    let short = row.name.clone().unwrap_or_else(|| name(data.by, row));
    view! { <a href=asked>{short}</a>{sub} }.into_any()
}

fn line(shell: &Shell, data: &Analytics, found: &Found, row: &SpendingRow) -> AnyView {
    let total = &found.spending.total;
    // Where nothing costs anything, the bars compare tokens.
    let thousandths = part(row.spent.counted, total.counted).or_else(|| {
        i64::try_from((u128::from(row.spent.tokens()) * 1000).checked_div(u128::from(total.tokens()))?).ok()
    });
    let label = format!("{}: {} of all", name(data.by, row), share(thousandths));
    view! {
        <tr>
            <th scope="row">{named(shell, data, row)}</th>
            <td>{share_bar(label, thousandths.unwrap_or(0))}</td>
            {cells(&row.spent, part(row.spent.counted, total.counted), row.tasks, &ended(found, row))}
        </tr>
    }
    .into_any()
}

fn cells(spent: &Spent, of_all: Option<i64>, tasks: i64, outcome: &Outcome) -> AnyView {
    let none = || view! { <span class="muted">"–"</span> }.into_any();
    let count = |number: i64| if number == 0 { none() } else { grouped(number).into_any() };
    let merge = each(spent.counted, outcome.merged).map_or_else(none, sum);
    view! {
        <td data-num=true>{sum(spent.counted)}{unknown(spent)}</td>
        <td data-num=true>{share(of_all)}</td>
        <td data-num=true>{tokens(spent.tokens())}</td>
        <td data-num=true>{share(spent.cache_share())}</td>
        <td data-num=true>{grouped(spent.calls)}</td>
        <td data-num=true>{count(tasks)}</td>
        <td data-num=true>{count(outcome.ended)}</td>
        <td data-num=true>{count(outcome.merged)}</td>
        <td data-num=true>{merge}</td>
        <td data-num=true>{count(outcome.reworked)}</td>
    }
    .into_any()
}

/// How much of an amount has no known price, below it.
pub(super) fn unknown(spent: &Spent) -> Option<AnyView> {
    (spent.unknown_calls > 0).then(|| {
        let calls = if spent.unknown_calls == 1 {
            "1 call".to_owned()
        } else {
            format!("{} calls", grouped(spent.unknown_calls))
        };
        let amount = crate::components::money::amount_text(spent.unknown);
        let words = if spent.unknown_calls == spent.calls {
            "price unknown".to_owned()
        } else {
            format!("{amount} for {calls} of unknown price")
        };
        view! { <span class="sub">{words}</span> }.into_any()
    })
}

fn total(found: &Found) -> AnyView {
    let all = &found.spending.total;
    // Tasks of groups overlap, so that their sum would be none of all.
    let none = view! { <span class="muted">"–"</span> };
    let outcome = &found.outcome;
    let merge = each(all.counted, outcome.merged).map_or_else(|| "–".into_any(), sum);
    view! {
        <tr>
            <th scope="row">"All"</th><td></td>
            <td data-num=true>{sum(all.counted)}{unknown(all)}</td>
            <td data-num=true>{share(part(all.counted, all.counted))}</td>
            <td data-num=true>{tokens(all.tokens())}</td>
            <td data-num=true>{share(all.cache_share())}</td>
            <td data-num=true>{grouped(all.calls)}</td>
            <td data-num=true>{none}</td>
            <td data-num=true>{grouped(outcome.ended)}</td>
            <td data-num=true>{grouped(outcome.merged)}</td>
            <td data-num=true>{merge}</td>
            <td data-num=true>{grouped(outcome.reworked)}</td>
        </tr>
    }
    .into_any()
}
