use leptos::prelude::*;
use time::{Duration, OffsetDateTime};
use types::MicroUsd;

use crate::{
    components::{
        bar::progress,
        button::Button,
        clock,
        diff::delta,
        money::{fine, fine_text},
        status::State,
        time::relative,
        who::Who,
    },
    layout::shell::Shell,
    pages::task::stop::{self, Stop},
};

/// A run that goes on.
#[derive(Clone, Debug)]
pub struct Running {
    pub task: String,
    /// The task's page below the team.
    pub path: String,
    pub title: String,
    pub squad: String,
    pub state: State,
    pub who: Option<Who>,
    /// What it does: “Fix 2 of 3”.
    pub step: String,
    pub started_at: OffsetDateTime,
    pub cost: MicroUsd,
    /// What it may cost at most.
    pub cap: Option<MicroUsd>,
    pub can_stop: bool,
}

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Finished {
    pub task: String,
    pub path: String,
    pub title: String,
    /// With its words: `Done`, “Merged”.
    pub state: State,
    pub result: String,
    pub additions: usize,
    pub deletions: usize,
    pub took: Duration,
    pub cost: MicroUsd,
    pub at: OffsetDateTime,
}

pub(super) fn running(shell: &Shell, runs: &[Running]) -> AnyView {
    if runs.is_empty() {
        return view! { <p class="lede">"Nothing runs. A task runs when a squad starts on it."</p> }.into_any();
    }
    let rows = runs.iter().map(|run| running_row(shell, run)).collect_view();
    let dialogs = runs.iter().filter(|run| run.can_stop).map(|run| stop::dialog(stop_of(shell, run))).collect_view();
    view! {
            <table class="table runs">
                <caption class="visually-hidden">"Runs that go on"</caption>
                <thead><tr>
                    <th scope="col">"Task"</th><th scope="col">"State"</th><th scope="col">"Agent · step"</th>
                    <th scope="col" data-num=true>"Elapsed"</th><th scope="col" data-num=true>"Cost so far"</th>
                    <th scope="col"><span class="visually-hidden">"Stop"</span></th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        {dialogs}
    }
    .into_any()
}

fn stop_of<'a>(shell: &Shell, run: &'a Running) -> Stop<'a> {
    Stop {
        dialog: format!("stop-{}", run.task),
        field: format!("reason-{}", run.task),
        task: &run.task,
        action: shell.link(&format!("{}/stop", run.path)),
        error: None,
        typed: "",
    }
}

fn running_row(shell: &Shell, run: &Running) -> AnyView {
    let who = run.who.as_ref().map(|who| view! { {who.avatar()}<span class="nowrap">{who.name().to_owned()}</span> });
    let dot = run.who.is_some().then_some("· ");
    let stop = run
        .can_stop
        .then(|| Button::new("Stop").small().danger().about(&run.task).opens(&format!("stop-{}", run.task)));
    view! {
        <tr>
            <th scope="row">
                <span class="runs__task">
                    <a href=shell.link(&run.path)>{run.title.clone()}</a>
                    <small><span class="id">{run.task.clone()}</span>" · "{run.squad.clone()}</small>
                </span>
            </th>
            <td>{run.state.view()}</td>
            <td><span class="runs__step">{who}<span class="muted">{dot}{run.step.clone()}</span></span></td>
            <td data-num=true>{clock::since(run.started_at, shell.now)}</td>
            <td data-num=true data-cost=true>{cost(run)}</td>
            <td data-num=true class="runs__stop">{stop}</td>
        </tr>
    }
    .into_any()
}

fn cost(run: &Running) -> AnyView {
    let Some(cap) = run.cap.filter(|cap| *cap > MicroUsd::ZERO) else { return fine(run.cost) };
    let mille = run.cost.micros().max(0).saturating_mul(1_000) / cap.micros();
    let mille = u32::try_from(mille).unwrap_or(1_000).min(1_000);
    let label = format!("{}: {} of {cap} spent", run.task, fine_text(run.cost));
    view! {
        <span class="runs__cost">
            <span class="money"><span>{fine_text(run.cost)}</span><small>{format!("of {cap}")}</small></span>
            {progress(&label, mille, 1_000)}
        </span>
    }
    .into_any()
}

pub(super) fn finished(shell: &Shell, runs: &[Finished]) -> AnyView {
    if runs.is_empty() {
        return view! { <p class="lede">"Nothing has finished yet."</p> }.into_any();
    }
    let rows = runs.iter().map(|run| {
        view! {
            <tr>
                <th scope="row"><span class="runs__task"><a href=shell.link(&run.path)>{run.title.clone()}</a><small class="id">{run.task.clone()}</small></span></th>
                <td>{run.state.worded(run.result.clone())}</td>
                <td>{delta(run.additions, run.deletions)}</td>
                <td data-num=true>{clock::span(run.took)}</td>
                <td data-num=true>{fine(run.cost)}</td>
                <td data-num=true class="muted small">{relative(run.at, shell.now)}</td>
            </tr>
        }
    });
    view! {
            <table class="table runs">
                <caption class="visually-hidden">"Runs that are over"</caption>
                <thead><tr>
                    <th scope="col">"Task"</th><th scope="col">"Result"</th><th scope="col">"Change"</th>
                    <th scope="col" data-num=true>"Took"</th><th scope="col" data-num=true>"Cost"</th><th scope="col" data-num=true>"When"</th>
                </tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
    }
    .into_any()
}
