//! One task: what it is, what its squad is doing, what came of it.
//!
//! The head stands on every tab. Each tab has its own data and its own function: [`overview::page`], [`changes::page`],
//! [`artifacts::page`], [`history::page`].

pub mod artifacts;
pub mod changes;
pub mod entry;
mod estimate;
mod head;
pub mod history;
pub mod overview;
pub mod plan;
mod side;
pub mod steps;
pub(crate) mod stop;
pub mod stream;

pub use head::{actions_fragment, facts_fragment, held_fragment, revert_fragment, state_fragment};
use leptos::prelude::*;
use orchestrator::analytics::Estimate;
pub use side::cost_fragment;
use time::OffsetDateTime;
use types::MicroUsd;

use crate::{
    components::{
        select::Choice,
        status::State,
        tabs::{Tab as Link, tabs},
    },
    forms::Errors,
    layout::shell::{self, Frame, Shell},
};

/// A thing by its name, with the page that shows it. `path` is below the team: “/squads/…”.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub path: String,
}

/// What the head of a task shows.
#[derive(Clone, Debug)]
pub struct Task {
    /// The short id that people say: “QUA-1”.
    pub id: String,
    /// Its page below the team, “/tasks/QUA-1”. Tabs and forms stand below it.
    pub path: String,
    pub title: String,
    pub state: State,
    pub squad: Option<Named>,
    pub project: Named,
    pub branch: Option<String>,
    /// 0 to 10.
    pub priority: u8,
    pub labels: Vec<String>,
    /// The newest run.
    pub run: Option<Run>,
    pub cost: MicroUsd,
    /// The one thing to do next, if the person may do it.
    pub action: Option<Action>,
    /// The merge that this person may take back. Posts to “/revert”.
    pub revert: Option<Revert>,
    /// Whether a run can be stopped, and by this person.
    pub can_stop: bool,
    /// Whether the person may edit the task: leads to its form.
    pub can_edit: bool,
    pub files_changed: Option<usize>,
    pub artifacts: usize,
    /// What was wrong with a form of the head, after it failed.
    pub errors: Errors,
    /// The reason as it was typed, when stopping failed.
    pub stop_reason: String,
    /// What the run waits for when that is no person.
    pub held_up: Option<HeldUp>,
    /// Where a run can be started: what it is likely to cost.
    pub estimate: Option<Likely>,
}

/// What a run is likely to cost.
#[derive(Clone, Debug)]
pub struct Likely {
    /// The squad that would work, where the page names it.
    pub squad: Option<String>,
    /// None: nothing is finished that it could be compared with.
    pub found: Option<Estimate>,
}

/// A run that waits for room in a budget, the end of a pause, a provider, or an agent's settings.
#[derive(Clone, Debug)]
pub struct HeldUp {
    /// What happened.
    pub sentence: String,
    /// What is done about it.
    pub way_out: String,
    /// What the person can do about it: a word and a path below the team.
    pub action: Option<(&'static str, String)>,
}

/// One attempt of a squad.
#[derive(Clone, Debug)]
pub struct Run {
    pub number: u32,
    pub started_at: OffsetDateTime,
    /// None while it goes on.
    pub ended_at: Option<OffsetDateTime>,
    pub started_by: String,
}

/// A merge by its commit and the branch it went to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revert {
    pub commit: String,
    pub into: String,
}

/// What a state asks for. Each is a form that posts to the task's path and its word, save those that lead somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Posts to “/start”. With choices, the person says which squad; the field is `squad`.
    Start { squads: Vec<Choice> },
    /// Leads to the entry that waits.
    Answer { seq: i64 },
    /// Leads to “/review”.
    Review,
    /// Posts to “/retry”. With `from`, the default branch's name, the person says where the new attempt starts: there, or from
    /// what the last one left; the field is `from`.
    Retry { from: Option<String> },
    /// Posts to “/reopen”.
    Reopen,
}

/// The tabs of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    Overview,
    Changes,
    Artifacts,
    Review,
    History,
}

/// Where the page's changes come from.
#[derive(Clone, Debug)]
pub struct Live {
    /// Path of the event stream below the team, “/tasks/QUA-1/live”.
    pub path: String,
    /// The newest event that the page already shows.
    pub after: i64,
}

/// A page of a task: its head, its tabs, and the body of one of them.
pub(super) fn framed(shell: &Shell, task: &Task, tab: Tab, live: Option<&Live>, body: AnyView) -> String {
    let failed = !task.errors.is_empty();
    let url = live.map(|live| shell.link(&live.path));
    let after = live.map(|live| live.after);
    let now = time_now(shell);
    let main = view! {
        <div class="taskpage" data-live=url data-after=after data-now=now>
            {head::head(shell, task)}
            {links(shell, task, tab)}
            {body}
        </div>
        {head::stop_dialog(shell, task)}
        {head::revert_dialog(shell, task)}
    };
    // A tab of the browser shows the beginning of a title, and search engines cut it: the team's name follows.
    let short: String = task.title.chars().take(28).collect();
    let title = format!("{} {}", task.id, short.trim_end());
    let frame = Frame { wide: true, compact: matches!(tab, Tab::Changes | Tab::Review), live: live.is_some() };
    shell::framed(shell, &title, failed, frame, main.into_any())
}

fn time_now(shell: &Shell) -> Option<String> {
    shell.now.format(&time::format_description::well_known::Rfc3339).ok()
}

fn links(shell: &Shell, task: &Task, tab: Tab) -> AnyView {
    let link = |word, below: &str, is: Tab, count: Option<usize>| Link {
        word,
        href: shell.link(&format!("{}{below}", task.path)),
        count,
        current: tab == is,
    };
    let reviewable = task.run.is_some();
    let all = [
        Some(link("Overview", "", Tab::Overview, None)),
        reviewable.then(|| link("Changes", "/changes", Tab::Changes, task.files_changed)),
        Some(link("Artifacts", "/artifacts", Tab::Artifacts, Some(task.artifacts).filter(|count| *count > 0))),
        reviewable.then(|| link("Review", "/review", Tab::Review, None)),
        Some(link("History", "/history", Tab::History, None)),
    ];
    tabs("Task", all.into_iter().flatten().collect())
}

#[cfg(test)]
pub(crate) mod tests;
