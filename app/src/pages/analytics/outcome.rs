use leptos::prelude::*;
use orchestrator::analytics::{Cause, Waste, WasteRow};
use types::MicroUsd;

use super::{Analytics, Found, part, share};
use crate::{
    components::{
        money::{amount_text, sum},
        section::section,
    },
    layout::shell::Shell,
    pages::budgets::grouped,
};

/// Why runs ended without a merge, each cause leading to its runs.
pub(super) fn causes(shell: &Shell, data: &Analytics, found: &Found) -> AnyView {
    let body = if found.causes.is_empty() {
        let words = match found.outcome.ended {
            0 => "No run ended in these days.",
            _ => "No run failed or was stopped in these days.",
        };
        view! { <p class="section__note">{words}</p> }.into_any()
    } else {
        let lines = found.causes.iter().map(|row| {
            let href = shell.link(&format!("/analytics/tasks{}", data.asked.query(&[("cause", row.cause.as_str()), ("by", "")])));
            let runs = if row.runs == 1 { "1 run".to_owned() } else { format!("{} runs", grouped(row.runs)) };
            view! {
                <li><a href=href>{cause(row.cause)}</a><small>{format!("{runs} · {} in all", amount_text(row.counted))}</small></li>
            }
        });
        view! { <ol class="causes">{lines.collect_view()}</ol> }.into_any()
    };
    section("causes", "Why runs ended without a merge", None, None, body)
}

pub(super) const fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Preparation => "Code or sandbox not ready",
        Cause::Access => "Repository refused access",
        Cause::Checks => "Checks still failed",
        Cause::Review => "Review still asked for changes",
        Cause::Agent => "An agent reached a limit",
        Cause::Model => "The model did not answer",
        Cause::NoChange => "Nothing was changed",
        Cause::Internal => "Muster stumbled",
        Cause::Stopped => "Stopped by a person",
    }
}

/// What was spent without a change that stayed, kind by kind.
pub(super) fn waste(shell: &Shell, data: &Analytics, found: &Found) -> AnyView {
    let total = found.spending.total.counted;
    let rows = found.waste.iter().map(|row| line(shell, data, row, total)).collect_view();
    let all = MicroUsd::from_micros(found.waste.iter().map(|row| row.counted.micros()).sum());
    let heads = ["Calls", "Runs", "Spent", "Of all"].map(|head| view! { <th scope="col" data-num=true>{head}</th> });
    let body = view! {
        <div class="table__scroll" tabindex="0" role="group" aria-labelledby="waste">
            <table class="table">
                <thead><tr><th scope="col">"Kind"</th><th scope="col">"What counts"</th>{heads.collect_view()}</tr></thead>
                <tbody>{rows}</tbody>
                <tfoot><tr><th scope="row">"All"</th><td></td><td></td><td></td><td data-num=true>{sum(all)}</td><td data-num=true>{share(part(all, total))}</td></tr></tfoot>
            </table>
        </div>
    };
    section("waste", "Waste", None, None, body.into_any())
}

fn line(shell: &Shell, data: &Analytics, row: &WasteRow, total: MicroUsd) -> AnyView {
    let (word, counts) = kind(row.kind);
    let name = if row.calls == 0 {
        word.into_any()
    } else {
        let asked = data.asked.query(&[("waste", row.kind.as_str()), ("by", "")]);
        view! { <a href=shell.link(&format!("/analytics/tasks{asked}"))>{word}</a> }.into_any()
    };
    let count = |number: i64| if number == 0 { "–".to_owned() } else { grouped(number) };
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td class="muted small">{counts}</td>
            <td data-num=true>{count(row.calls)}</td>
            <td data-num=true>{count(row.runs)}</td>
            <td data-num=true>{sum(row.counted)}</td>
            <td data-num=true>{share(part(row.counted, total))}</td>
        </tr>
    }
    .into_any()
}

/// Its name, and what it counts.
pub(super) const fn kind(kind: Waste) -> (&'static str, &'static str) {
    match kind {
        Waste::Idle => ("Idle", "calls that began after their run had ended"),
        Waste::Failed => ("Failed runs", "all calls of runs that failed"),
        Waste::Stopped => ("Stopped runs", "all calls of runs that a person stopped"),
        Waste::Reverted => ("Merges taken back", "all calls of runs whose merge was taken back"),
        Waste::Lost => ("Lost calls", "calls whose process ended before the answer, at their worst case"),
        Waste::Repeated => ("Calls made again", "calls that cost something and brought no whole answer"),
        Waste::Loop => ("Loops", "tries to mend failing checks after which the checks failed again"),
    }
}
