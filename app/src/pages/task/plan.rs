use leptos::prelude::*;

use crate::{
    components::icon::{Icon, icon},
    document::fragment,
};

/// One thing that the squad means to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    pub title: String,
    pub state: PlanState,
    /// Who, or how long: “coder-1 · 9:41”.
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanState {
    Open,
    Now,
    /// Stands still until a person answers.
    Waits,
    Done,
    Failed,
}

impl PlanState {
    const fn shown(self) -> (&'static str, &'static str, Icon) {
        match self {
            Self::Open => ("open", "to do", Icon::Circle),
            Self::Now => ("now", "in work", Icon::Progress),
            Self::Waits => ("waits", "waits for a person", Icon::Hand),
            Self::Done => ("done", "done", Icon::CircleCheck),
            Self::Failed => ("failed", "failed", Icon::CircleX),
        }
    }
}

/// The plan beside the stream, for the event stream; its target is “plan”.
#[must_use]
pub fn plan_fragment(steps: &[PlanStep]) -> String {
    fragment(false, section(steps))
}

pub(super) fn section(steps: &[PlanStep]) -> AnyView {
    if steps.is_empty() {
        return view! { <section class="side__section" id="plan" hidden=true></section> }.into_any();
    }
    view! {
        <section class="side__section" id="plan" aria-labelledby="plan-title">
            <div class="section__head"><h2 id="plan-title">"Plan"</h2>{progress(steps)}</div>
            {list(steps)}
        </section>
    }
    .into_any()
}

pub(super) fn progress(steps: &[PlanStep]) -> AnyView {
    let done = steps.iter().filter(|step| step.state == PlanState::Done).count();
    let label = format!("{done} of {} steps done", steps.len());
    view! {
        <progress class="meter" max=steps.len() value=done aria-label=label></progress>
        <span class="section__count">{format!("{done} of {}", steps.len())}</span>
    }
    .into_any()
}

pub(super) fn list(steps: &[PlanStep]) -> AnyView {
    let lines = steps.iter().map(|step| {
        let (state, word, sign) = step.state.shown();
        let note = (!step.note.is_empty()).then(|| view! { <small>{step.note.clone()}</small> });
        view! {
            <li data-state=state>
                {icon(sign)}
                <span>{step.title.clone()}<span class="visually-hidden">{format!(" ({word})")}</span></span>
                {note}
            </li>
        }
    });
    view! { <ol class="plan">{lines.collect_view()}</ol> }.into_any()
}
