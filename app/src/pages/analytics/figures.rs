use leptos::prelude::*;
use types::MicroUsd;

use super::{Found, each, part, share, tokens};
use crate::{
    components::{
        icon::{Icon, icon},
        money::amount_text,
    },
    pages::budgets::grouped,
};

/// The few numbers that the rest of the page explains.
pub(super) fn figures(found: &Found) -> AnyView {
    let (total, outcome) = (&found.spending.total, &found.outcome);
    let merge = each(total.counted, outcome.merged);
    let wasted = MicroUsd::from_micros(found.waste.iter().map(|row| row.counted.micros()).sum());
    let list = [
        ("Spent", amount_text(total.counted), compared(found)),
        (
            "For each merged change",
            merge.map_or_else(|| "–".to_owned(), amount_text),
            format!("{} merged", grouped(outcome.merged)),
        ),
        ("Success", share(outcome.success()), format!("{} of {} runs merged", outcome.merged, outcome.ended)),
        ("Rework", share(outcome.rework()), format!("{} of {} runs sent back", outcome.reworked, outcome.ended)),
        ("Read from caches", share(total.cache_share()), format!("of {} tokens read", tokens(total.usage.input()))),
        ("Waste", share(part(wasted, total.counted)), format!("{} without a change that stayed", amount_text(wasted))),
    ];
    let list = list.map(|(head, value, note)| view! { <div><dt>{head}</dt><dd>{value}</dd><dd>{note}</dd></div> });
    view! { <dl class="figures" data-columns="6">{list.collect_view()}</dl> }.into_any()
}

/// How it compares with as many days before.
fn compared(found: &Found) -> String {
    let days = found.span.days().len();
    let days = if days == 1 { "the day before".to_owned() } else { format!("the {days} days before") };
    let (now, before) = (found.spending.total.counted, found.before.counted);
    if found.before.calls == 0 {
        return format!("nothing in {days}");
    }
    let change = i128::from(now.micros()) - i128::from(before.micros());
    match (change * 100).checked_div(i128::from(before.micros())) {
        Some(0) => format!("as in {days}"),
        Some(more) if more > 0 => format!("{more} % more than in {days}"),
        Some(less) => format!("{} % less than in {days}", -less),
        None => format!("{} in {days}", amount_text(before)),
    }
}

/// How each number is counted.
pub(super) fn definitions(found: &Found) -> AnyView {
    let rate = format!(
        "A call counts in the moment in which it ended, with the price of that moment. Where no price is known, a million tokens \
         count as {}, here as in budgets; the tables say how much that is.",
        amount_text(found.rate)
    );
    let facts = [
        ("Spent", rate),
        (
            "For each merged change",
            "All that was spent in these days, divided by the runs that ended in them with a merge which was not taken back."
                .to_owned(),
        ),
        ("Success", "Runs that ended with such a merge, of all runs that ended in these days.".to_owned()),
        (
            "Rework",
            "Runs, of those that ended, whose work a reviewer or a person sent back at least once. Mending a failed check is no \
             rework."
                .to_owned(),
        ),
        ("Read from caches", "Input tokens that the provider read from its cache, of all input tokens.".to_owned()),
        (
            "Waste",
            "Calls that left no change which stayed. Each counts once, at the first line of the table that fits; a failed run counts \
             whole, even if a later attempt went on from it."
                .to_owned(),
        ),
        (
            "Agents and models",
            "A run counts once for each agent and model that took part, so those columns do not add up to the total. Money and \
             tokens do."
                .to_owned(),
        ),
    ];
    let facts = facts.map(|(head, text)| view! { <dt>{head}</dt><dd>{text}</dd> });
    view! {
        <details class="reveal">
            <summary>{icon(Icon::ChevronRight)}"How this is counted"</summary>
            <dl class="facts analytics__facts">{facts.collect_view()}</dl>
        </details>
    }
    .into_any()
}
