use leptos::prelude::*;

use super::{
    Action, Revert, Task, estimate,
    stop::{self, Stop},
};
use crate::{
    components::{
        banner::{Banner, Tone, banner},
        button::Button,
        clock,
        copy::copy,
        dialog::{Confirm, confirm},
        error_summary::error_summary,
        icon::{Icon, icon},
        label::label,
        money::fine,
        priority::priority,
        select::{Choice, row_select},
    },
    document::fragment,
    layout::shell::Shell,
};

pub(super) fn head(shell: &Shell, task: &Task) -> AnyView {
    view! {
        <header class="taskhead">
            <div class="taskhead__line">
                {copy("Copy id", &task.id, None)}
                <h1>{task.title.clone()}</h1>
                {state(task)}
            </div>
            {actions(shell, task)}
            {facts(shell, task)}
            {held(shell, task)}
            {error_summary(&task.errors)}
        </header>
    }
    .into_any()
}

/// The state alone, for the event stream; its target is “task-state”.
#[must_use]
pub fn state_fragment(task: &Task) -> String {
    fragment(false, state(task))
}

/// What can be done now, for the event stream; its target is “task-actions”.
#[must_use]
pub fn actions_fragment(shell: &Shell, task: &Task) -> String {
    fragment(false, actions(shell, task))
}

/// Squad, branch, clock, cost, for the event stream; its target is “task-facts”.
#[must_use]
pub fn facts_fragment(shell: &Shell, task: &Task) -> String {
    fragment(false, facts(shell, task))
}

/// Why the run waits, for the event stream; its target is “task-held”.
#[must_use]
pub fn held_fragment(shell: &Shell, task: &Task) -> String {
    fragment(false, held(shell, task))
}

/// Stands there empty too, so that the stream has something to replace.
fn held(shell: &Shell, task: &Task) -> AnyView {
    let why = task.held_up.as_ref().map(|held| {
        let action = held.action.as_ref().map(|(word, path)| ((*word).to_owned(), shell.link(path)));
        let text = format!("{} {}", held.sentence, held.way_out);
        banner(&Banner { tone: Tone::Warning, lead: "Paused:".to_owned(), text, action })
    });
    view! { <div id="task-held">{why}</div> }.into_any()
}

fn state(task: &Task) -> AnyView {
    view! { <span id="task-state">{task.state.large()}</span> }.into_any()
}

fn actions(shell: &Shell, task: &Task) -> AnyView {
    let stop = task.can_stop.then(|| Button::new("Stop").danger().small().icon(Icon::OctagonX).opens("stop"));
    let revert = task.revert.as_ref().map(|_| Button::new("Revert…").small().icon(Icon::Undo2).opens("revert"));
    let edit =
        task.can_edit.then(|| Button::new("Edit").plain().small().link(shell.link(&format!("{}/edit", task.path))));
    view! { <div class="taskhead__actions" id="task-actions">{primary(shell, task)}{stop}{revert}{edit}</div> }
        .into_any()
}

fn primary(shell: &Shell, task: &Task) -> Option<AnyView> {
    let below = |word: &str| shell.link(&format!("{}/{word}", task.path));
    Some(match task.action.as_ref()? {
        Action::Start { squads } => start(below("start"), squads),
        Action::Answer { seq } => {
            let here = shell.link(&task.path);
            Button::new("Answer request").primary().small().icon(Icon::Hand).link(format!("{here}#e-{seq}"))
        }
        Action::Review => Button::new("Review changes").primary().small().icon(Icon::Eye).link(below("review")),
        Action::Retry { from } => retry(below("retry"), from.as_deref()),
        Action::Reopen => posts(below("reopen"), Button::new("Reopen").small().icon(Icon::Undo2).busy("Reopening…")),
    })
}

fn posts(action: String, button: Button) -> AnyView {
    view! { <form method="post" action=action>{button.submit()}</form> }.into_any()
}

fn retry(action: String, from: Option<&str>) -> AnyView {
    let button = Button::new("Retry").primary().small().icon(Icon::Undo2).busy("Starting…");
    let Some(branch) = from else { return posts(action, button) };
    let choices =
        [Choice::new("branch", format!("Anew from {branch}")), Choice::new("snapshot", "From the last snapshot")];
    let choice = row_select("from".to_owned(), "from", "Where the new run starts".to_owned(), &choices, "");
    view! { <form class="taskhead__start" method="post" action=action>{choice}{button.submit()}</form> }.into_any()
}

fn start(action: String, squads: &[Choice]) -> AnyView {
    let button = Button::new("Start").primary().small().icon(Icon::Play).busy("Starting…");
    if squads.is_empty() {
        return posts(action, button);
    }
    let choice = row_select("squad".to_owned(), "squad", "Squad".to_owned(), squads, "");
    view! { <form class="taskhead__start" method="post" action=action>{choice}{button.submit()}</form> }.into_any()
}

fn facts(shell: &Shell, task: &Task) -> AnyView {
    let squad = task.squad.as_ref().map(|squad| {
        view! { <span>{icon(Icon::Users)}<a class="quiet-link" href=shell.link(&squad.path)>{squad.name.clone()}</a></span> }
    });
    let project = view! { <span>{icon(Icon::FolderGit2)}<a class="quiet-link" href=shell.link(&task.project.path)>{task.project.name.clone()}</a></span> };
    let branch = task
        .branch
        .as_ref()
        .map(|branch| view! { <span>{copy("Copy branch name", branch, Some(Icon::GitBranch))}</span> });
    let labels = task.labels.iter().map(|word| view! { <span data-wide=true>{label(word)}</span> }).collect_view();
    view! {
        <div class="taskhead__meta" id="task-facts">
            {squad}{project}{branch}
            <span data-wide=true>{priority(task.priority)}</span>
            {labels}
            {run(shell, task)}
            {task.estimate.as_ref().map(estimate::line)}
        </div>
    }
    .into_any()
}

fn run(shell: &Shell, task: &Task) -> Option<AnyView> {
    let run = task.run.as_ref()?;
    let clock = match run.ended_at {
        Some(ended) => clock::span(ended - run.started_at),
        None => clock::since(run.started_at, shell.now),
    };
    let so_far = run.ended_at.is_none().then_some(" so far");
    let by = format!("started by {}", run.started_by);
    Some(
        view! {
            <span>{format!("Run {}, ", run.number)}{clock}</span>
            <span>{fine(task.cost)}{so_far}</span>
            <span data-wide=true>{by}</span>
        }
        .into_any(),
    )
}

/// Asks before a merge is taken back, for the event stream; its target is “task-revert”. It comes with its button, when the
/// change is merged while somebody looks on.
#[must_use]
pub fn revert_fragment(shell: &Shell, task: &Task) -> String {
    fragment(false, revert_dialog(shell, task))
}

/// Stands there empty too, so that the stream has something to replace.
pub(super) fn revert_dialog(shell: &Shell, task: &Task) -> AnyView {
    let ask = task.revert.as_ref().map(|Revert { commit, into }| {
        confirm(Confirm {
            id: "revert",
            question: format!("Take {} back?", task.id),
            consequence: format!(
                "A new commit on {into} undoes {commit}, and the task is open again. Nothing is lost: the branch stays."
            ),
            action: shell.link(&format!("{}/revert", task.path)),
            verb: "Revert the merge",
            keep: "Keep it merged".to_owned(),
        })
    });
    view! { <div id="task-revert">{ask}</div> }.into_any()
}

/// Stands outside what the event stream replaces, so that it does not close while somebody types.
pub(super) fn stop_dialog(shell: &Shell, task: &Task) -> Option<AnyView> {
    let ask = Stop {
        dialog: "stop".to_owned(),
        field: "reason".to_owned(),
        task: &task.id,
        action: shell.link(&format!("{}/stop", task.path)),
        error: task.errors.of("reason"),
        typed: &task.stop_reason,
    };
    task.can_stop.then(|| stop::dialog(ask))
}
