use leptos::prelude::*;
use types::{MicroUsd, Permission};

use super::{Task, overview::Overview, plan, steps};
use crate::{
    components::{
        bar::progress,
        clock,
        icon::{Icon, icon},
        money::{fine, fine_text},
    },
    document::fragment,
    layout::shell::Shell,
};

/// The panel beside the stream; a bottom sheet under 1100 px, opened by the strip.
pub(super) fn side(shell: &Shell, task: &Task, data: &Overview) -> AnyView {
    view! {
        // It scrolls, and may hold nothing that takes the focus: then the arrow keys need the panel itself.
        <section class="side" id="side" popover="auto" aria-label="Run" tabindex="0">
            <div class="side__head">
                <h2>"Run"</h2>
                <button class="button" data-kind="plain" data-icon=true type="button" popovertarget="side" popovertargetaction="hide" aria-label="Close">{icon(Icon::Cross)}</button>
            </div>
            {cost(task, data.cap)}
            {plan::section(&data.plan)}
            {steps::section(&data.steps, shell.now)}
            {acceptance(data)}
            {details(data)}
            {calls(shell, task)}
        </section>
    }
    .into_any()
}

/// What opens the panel where it does not fit beside the stream.
pub(super) fn strip(shell: &Shell, task: &Task) -> AnyView {
    let clock = task.run.as_ref().map(|run| match run.ended_at {
        Some(ended) => clock::span(ended - run.started_at),
        None => clock::since(run.started_at, shell.now),
    });
    view! {
        <button class="strip" type="button" popovertarget="side">
            <span>{fine(task.cost)}{clock}</span>
            <span>"Cost, plan, steps"{icon(Icon::ChevronRight)}</span>
        </button>
    }
    .into_any()
}

/// What the run cost so far, for the event stream; its target is “cost”.
#[must_use]
pub fn cost_fragment(task: &Task, cap: Option<MicroUsd>) -> String {
    fragment(false, cost(task, cap))
}

fn cost(task: &Task, cap: Option<MicroUsd>) -> AnyView {
    let cap = cap.filter(|cap| *cap > MicroUsd::ZERO);
    let of = cap.map(|cap| view! { <span class="figure__of">{format!("of {}", fine_text(cap))}</span> });
    let bar = cap.map(|cap| {
        // Per mille of the cap is exact enough for a bar and always fits.
        let mille = task.cost.micros().max(0).saturating_mul(1_000) / cap.micros();
        let mille = u32::try_from(mille).unwrap_or(1_000).min(1_000);
        progress(&format!("{} of {} spent", fine_text(task.cost), fine_text(cap)), mille, 1_000)
    });
    view! {
        <section class="side__section" id="cost" aria-labelledby="cost-title">
            <div class="section__head"><h2 id="cost-title">"Cost"</h2></div>
            <p class="figure"><span class="figure__value">{fine_text(task.cost)}</span>{of}</p>
            {bar}
        </section>
    }
    .into_any()
}

/// Where each of the task's calls stands, with its words where the team keeps them.
fn calls(shell: &Shell, task: &Task) -> Option<AnyView> {
    let number = task.path.rsplit('/').next().filter(|_| shell.may(Permission::ReadBudgets));
    number.map(|number| {
        let href = shell.link(&format!("/budgets/ledger?task={number}&kind=settled"));
        view! { <p class="side__section"><a class="link" href=href>"Model calls in the ledger"</a></p> }.into_any()
    })
}

fn acceptance(data: &Overview) -> Option<AnyView> {
    let list = super::overview::criteria(&data.acceptance);
    (!data.acceptance.is_empty()).then(|| {
        view! {
            <section class="side__section" aria-labelledby="acceptance-title">
                <div class="section__head"><h2 id="acceptance-title">"Acceptance"</h2></div>
                {list}
            </section>
        }
        .into_any()
    })
}

fn details(data: &Overview) -> Option<AnyView> {
    let facts = data.details.iter().map(|(name, value)| view! { <dt>{name.clone()}</dt><dd>{value.clone()}</dd> });
    let facts = facts.collect_view();
    (!data.details.is_empty()).then(|| {
        view! {
            <section class="side__section" aria-labelledby="details-title">
                <div class="section__head"><h2 id="details-title">"Details"</h2></div>
                <dl class="facts">{facts}</dl>
            </section>
        }
        .into_any()
    })
}
