use leptos::prelude::*;
use types::MicroUsd;

use super::{Live, Tab, Task, entry::Entry, framed, plan::PlanStep, side, steps::Step, stream};
use crate::{
    components::{
        icon::{Icon, icon},
        markdown,
    },
    layout::shell::Shell,
};

/// What the first tab of a task shows.
#[derive(Clone, Debug, Default)]
pub struct Overview {
    /// HTML that was already made safe; empty without a description.
    pub description_html: String,
    pub acceptance: Vec<Criterion>,
    pub plan: Vec<PlanStep>,
    /// Those of the newest run, in the order of their start.
    pub steps: Vec<Step>,
    /// The newest entries, the oldest of them first.
    pub entries: Vec<Entry>,
    /// The query that shows older entries, “?before=812”.
    pub earlier: Option<String>,
    pub filter: Filter,
    pub live: Option<Live>,
    /// What the run may cost at most.
    pub cap: Option<MicroUsd>,
    /// Facts at the end of the panel: base commit, sandbox, limits.
    pub details: Vec<(String, String)>,
}

/// One thing that should be true at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    pub text: String,
    /// Whether a check or a reviewer has found it true.
    pub met: bool,
}

/// Which entries of the stream are shown. The query is “?show=tools”.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    #[default]
    All,
    Messages,
    Tools,
    Edits,
    Asks,
}

impl Filter {
    pub(super) const ALL: &[Self] = &[Self::All, Self::Messages, Self::Tools, Self::Edits, Self::Asks];

    /// The filter that a query names; all for anything else.
    #[must_use]
    pub fn parse(word: &str) -> Self {
        Self::ALL.iter().copied().find(|filter| filter.word() == Some(word)).unwrap_or_default()
    }

    pub(super) const fn word(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Messages => Some("messages"),
            Self::Tools => Some("tools"),
            Self::Edits => Some("edits"),
            Self::Asks => Some("asks"),
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Messages => "Messages",
            Self::Tools => "Tools",
            Self::Edits => "Edits",
            Self::Asks => "Asks",
        }
    }
}

#[must_use]
pub fn page(shell: &Shell, task: &Task, data: &Overview) -> String {
    let body = view! {
        {side::strip(shell, task)}
        <div class="task">
            <div class="task__main">{description(task, data)}{stream::stream(shell, task, data)}</div>
            {side::side(shell, task, data)}
        </div>
    };
    framed(shell, task, Tab::Overview, data.live.as_ref(), body.into_any())
}

/// Open until a run says more than it.
fn description(task: &Task, data: &Overview) -> Option<AnyView> {
    if data.description_html.is_empty() {
        return None;
    }
    let html = data.description_html.clone();
    Some(
        view! {
            <details class="about" open=task.run.is_none()>
                <summary>{icon(Icon::ChevronRight)}"Description"</summary>
                <div class="prose" inner_html=html></div>
            </details>
        }
        .into_any(),
    )
}

/// What should be true at the end, each with whether it is.
pub(crate) fn criteria(list: &[Criterion]) -> AnyView {
    let lines = list.iter().map(|one| {
        let (sign, word) = if one.met { (Icon::CircleCheck, " (met)") } else { (Icon::Circle, " (open)") };
        view! {
            <li data-open=!one.met>{icon(sign)}<span><span inner_html=markdown::line(&one.text)></span><span class="visually-hidden">{word}</span></span></li>
        }
    });
    view! { <ul class="criteria">{lines.collect_view()}</ul> }.into_any()
}
