use leptos::prelude::*;
use orchestrator::budgets::{BudgetView, Limit, Period};
use types::MicroUsd;

use super::{kind, per_cent, period_word, query, thousandths};
use crate::{
    components::{
        bar::budget_bar,
        icon::{Icon, icon},
        money::sum,
        time::day,
    },
    layout::shell::Shell,
};

const HEADS: [&str; 6] = ["Used", "Spent", "Held", "Left", "Limit", "Period"];

/// The tree of limits, parents before their parts.
pub(super) fn tree(shell: &Shell, views: &[BudgetView], manages: bool) -> AnyView {
    let heads = HEADS.iter().map(|head| {
        let number = *head != "Period";
        view! { <th scope="col" data-num=number>{*head}</th> }
    });
    let edit = manages.then(|| view! { <th scope="col"><span class="visually-hidden">"Edit"</span></th> });
    let rows = views.iter().map(|view| row(shell, view, manages)).collect_view();
    view! {
        <section aria-labelledby="tree">
            <div class="section__head"><h2 id="tree">"Where it goes"</h2>{legend()}</div>
            <div class="table__scroll" tabindex="0" role="group" aria-labelledby="tree">
                <table class="table budget">
                    <thead><tr><th scope="col">"Budget"</th><th scope="col"><span class="visually-hidden">"Use"</span></th>{heads.collect_view()}{edit}</tr></thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <p class="section__note">
                "A call is refused when its worst case does not fit into what is left at any level above it. So an agent may stop a little early, and no budget is overspent."
            </p>
        </section>
    }
    .into_any()
}

fn legend() -> AnyView {
    let part = |class: &'static str, word: &'static str| {
        view! { <span><svg class="bar" aria-hidden="true"><rect class=class y="1" width="16" height="6" rx="2"></rect></svg>{word}</span> }
    };
    view! {
        <p class="legend">
            {part("bar__spent", "spent")}{part("bar__reserved", "held")}{part("bar__track", "left")}
            <span><svg class="bar" aria-hidden="true"><line class="bar__mark" x1="4" x2="4" y1="0" y2="8"></line></svg>"warns"</span>
        </p>
    }
    .into_any()
}

fn row(shell: &Shell, view: &BudgetView, manages: bool) -> AnyView {
    let node = &view.node;
    let level = (view.depth + 1).min(4).to_string();
    let show = shell.link(&format!("/budgets?budget={}", node.id));
    let edit = manages.then(|| {
        let part = query(node.subject);
        let href = shell.link(&if part.is_empty() { "/budgets/edit".to_owned() } else { format!("/budgets/edit?{part}") });
        view! {
            <td data-num=true>
                <a class="button" data-kind="plain" data-icon=true data-size="xs" href=href aria-label=format!("Edit the budget of {}", node.name)>{icon(Icon::Pencil)}</a>
            </td>
        }
    });
    let none = || view! { <span class="muted">"–"</span> }.into_any();
    view! {
        <tr data-level=level>
            <th scope="row"><span class="budget__name"><a href=show>{node.name.clone()}</a><span class="muted small">{kind(node.subject)}</span></span></th>
            {used(view)}
            <td data-num=true>{sum(view.spent)}</td>
            <td data-num=true>{sum(view.reserved)}</td>
            <td data-num=true>{view.left().map_or_else(none, sum)}</td>
            <td data-num=true>{view.limit.map_or_else(none, sum)}{extra(view)}</td>
            <td class="muted small nowrap">{period(view)}</td>
            {edit}
        </tr>
    }
    .into_any()
}

/// The bar and its number: of the money or of the tokens, whichever is nearer to its limit.
fn used(view: &BudgetView) -> AnyView {
    let node = &view.node;
    let of = |spent: i64, held: i64, most: i64| {
        let part = |count| thousandths(MicroUsd::from_micros(count), MicroUsd::from_micros(most));
        (part(spent), part(held))
    };
    let money = view.limit.map(|limit| of(view.spent.micros(), view.reserved.micros(), limit.micros()));
    let tokens = node.tokens.map(|most| of(view.tokens_spent, view.tokens_reserved, most));
    let Some((spent, held)) = money.max(tokens) else {
        return view! { <td></td><td data-num=true><span class="muted small">"Counts only"</span></td> }.into_any();
    };
    let what = if money >= tokens { "" } else { " of its tokens" };
    let state = if view.warned >= 100 {
        Some("over")
    } else if node.warn_at.first().is_some_and(|step| spent >= i64::from(*step) * 10) {
        Some("warn")
    } else {
        None
    };
    let words = match state {
        Some("over") => view! { {icon(Icon::OctagonMinus)}{format!("{}, calls wait", per_cent(spent))} }.into_any(),
        Some(_) => view! { {icon(Icon::TriangleAlert)}{per_cent(spent)} }.into_any(),
        None => per_cent(spent).into_any(),
    };
    let label = format!("{}: {}{what} spent", node.name, per_cent(spent));
    view! {
        <td>{budget_bar(label, spent, held, &node.warn_at, state)}</td>
        <td data-num=true><span class="budget__pct" data-state=state>{words}</span></td>
    }
    .into_any()
}

/// What else is limited, below the amount.
fn extra(view: &BudgetView) -> AnyView {
    let node = &view.node;
    let mut notes = Vec::new();
    if let Limit::Share(share) = node.limit {
        let whole =
            if share % 100 == 0 { (share / 100).to_string() } else { format!("{}.{:02}", share / 100, share % 100) };
        notes.push(format!("{whole} % of the one above"));
    }
    notes.extend(node.tokens.map(|tokens| format!("{} tokens", super::figures::grouped(tokens))));
    notes.extend(node.per_task.map(|most| format!("{most} per task")));
    notes.extend(node.per_run.map(|most| format!("{most} per run")));
    notes.extend(node.concurrent_runs.map(|runs| format!("{runs} at once")));
    notes.into_iter().map(|note| view! { <span class="sub">{note}</span> }).collect_view().into_any()
}

fn period(view: &BudgetView) -> String {
    let period = if matches!(view.node.limit, Limit::Share(_)) {
        "As above".to_owned()
    } else {
        match view.node.calendar.period {
            Period::Total => return "Never begins anew".to_owned(),
            period => period_word(period).to_owned(),
        }
    };
    match view.window.end {
        Some(end) => format!("{period}, anew {}", day(end.date())),
        None => period,
    }
}
