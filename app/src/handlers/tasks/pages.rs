use std::time::Duration;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect},
};
use islands::Command;
use orchestrator::{
    grants::{ReadFiles, ReadTasks},
    runs::{Artifact, Gate, RunState, RunView, StepView},
};
use serde::Deserialize;
use types::{ArtifactId, Permission};

use super::{
    fold::{agent, prose},
    gather::{HeadForm, Seen, may, short},
};
use crate::{
    components::diff::Mode,
    failure::Failure,
    handlers::{Answer, again, html, shell},
    layout::shell::{Section, Shell},
    pages::{
        review::{self as review_page, Decision, Merge, Remark, Review},
        task::{
            Task,
            artifacts::{self as artifacts_page, Artifacts},
            changes::{self as changes_page, Changes},
            overview::{self as overview_page, Filter},
        },
    },
    request::Inside,
    state::App,
};

/// How long a link to a file of a run works.
const LINK: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
pub(crate) struct Show {
    #[serde(default)]
    show: String,
    #[serde(default)]
    view: String,
}

/// A task's number in the path, after the team.
pub(crate) type Number = Path<(String, i32)>;

pub(crate) async fn overview(
    member: Inside<ReadTasks>,
    State(app): State<App>,
    Path((_, number)): Number,
    Query(query): Query<Show>,
) -> Answer {
    html(draw_overview(&app, &member, number, Filter::parse(&query.show), HeadForm::default()).await?)
}

pub(super) async fn draw_overview<G: orchestrator::Grant>(
    app: &App,
    member: &Inside<G>,
    number: i32,
    filter: Filter,
    form: HeadForm,
) -> Result<String, Failure> {
    let seen = Seen::load(app, member, number).await?;
    let mut shell = shell::inside(app, member, Section::Other, &seen.task.title).await?;
    let head = seen.head(app, member, form).await?;
    shell.commands = commands(&shell, &head);
    let data = seen.overview(app, member, filter).await?;
    Ok(overview_page::page(&shell, &head, &data))
}

/// What the palette offers on the page of a task.
fn commands(shell: &Shell, task: &Task) -> Vec<Command> {
    let link = |words: &str, below: &str| Command::link(&task.id, words, shell.link(&format!("{}{below}", task.path)));
    let run = task.run.is_some();
    let all = [
        run.then(|| link("Review changes", "/review").alias(&["approve", "merge", "diff"])),
        Some(link("Artifacts", "/artifacts").alias(&["logs", "patch", "reports"])),
        Some(link("History", "/history")),
        task.can_edit.then(|| link("Edit the task", "/edit")),
        Some(Command::link(&task.id, &format!("Board of {}", task.project.name), shell.link(&task.project.path))),
    ];
    all.into_iter().flatten().collect()
}

pub(crate) async fn changes(
    member: Inside<ReadFiles>,
    State(app): State<App>,
    Path((_, number)): Number,
    Query(query): Query<Show>,
) -> Answer {
    let seen = Seen::load(&app, &member, number).await?;
    let shell = shell::inside(&app, &member, Section::Other, &seen.task.title).await?;
    let mut head = seen.head(&app, &member, HeadForm::default()).await?;
    let data = Changes { files: seen.files(&app, &member).await?, mode: mode(&query), patch: None };
    head.files_changed = Some(data.files.len());
    html(changes_page::page(&shell, &head, &data))
}

fn mode(query: &Show) -> Mode {
    if query.view == "split" { Mode::Split } else { Mode::Unified }
}

pub(crate) async fn artifacts(member: Inside<ReadFiles>, State(app): State<App>, Path((_, number)): Number) -> Answer {
    let seen = Seen::load(&app, &member, number).await?;
    let shell = shell::inside(&app, &member, Section::Other, &seen.task.title).await?;
    let head = seen.head(&app, &member, HeadForm::default()).await?;
    let files = seen.run.iter().flat_map(|run| &run.artifacts);
    let row = |file: &Artifact| artifacts_page::Artifact {
        name: file.name.clone(),
        kind: kind(&file.kind).to_owned(),
        bytes: u64::try_from(file.size).unwrap_or(0),
        at: file.at,
        href: shell.link(&format!("/artifacts/{}", file.id)),
    };
    let data = Artifacts { checks: seen.checks(), files: files.map(row).collect() };
    html(artifacts_page::page(&shell, &head, &data))
}

fn kind(word: &str) -> &'static str {
    match word {
        "log" => "Log",
        "report" => "Test report",
        "patch" => "Patch",
        _ => "File",
    }
}

/// Leads to the object store, with a link that works for a minute and only downloads.
pub(crate) async fn download(
    member: Inside<ReadFiles>,
    State(app): State<App>,
    Path((_, file)): Path<(String, ArtifactId)>,
) -> Answer {
    let kept = app.muster.kept_file(&member, file).await?;
    // A report's name is its path in the workspace; it is saved under the last part of it.
    let name = kept.name.rsplit('/').next().unwrap_or_default();
    let url = app.store.presign_get(&kept.object, name, LINK).await.map_err(|error| {
        tracing::error!(%error, "a link to a file could not be made");
        Failure::from(orchestrator::Error::Busy)
    })?;
    Ok(Redirect::to(&url).into_response())
}

pub(crate) async fn review(
    member: Inside<ReadFiles>,
    State(app): State<App>,
    Path((_, number)): Number,
    Query(query): Query<Show>,
) -> Answer {
    html(draw_review(&app, &member, number, mode(&query), HeadForm::default(), String::new()).await?)
}

/// The review again, with what was wrong with the verdict.
pub(super) async fn review_again<G: orchestrator::Grant>(
    app: &App,
    member: &Inside<G>,
    number: i32,
    form: HeadForm,
    comment: String,
) -> Answer {
    again(draw_review(app, member, number, Mode::default(), form, comment).await?)
}

async fn draw_review<G: orchestrator::Grant>(
    app: &App,
    member: &Inside<G>,
    number: i32,
    mode: Mode,
    form: HeadForm,
    comment: String,
) -> Result<String, Failure> {
    let seen = Seen::load(app, member, number).await?;
    let shell = shell::inside(app, member, Section::Other, &seen.task.title).await?;
    let mut head = seen.head(app, member, form).await?;
    let files = seen.files(app, member).await?;
    head.files_changed = Some(files.len());
    let run = seen.run.as_ref();
    let data = Review {
        summary_html: run.map(|run| prose(&said(&run.steps))).unwrap_or_default(),
        changes: Changes { files, mode, patch: None },
        checks: seen.checks(),
        acceptance: seen.criteria(),
        remarks: run.iter().flat_map(|run| &run.remarks).map(remark).collect(),
        into: run.map_or_else(String::new, |run| run.into.clone()),
        decision: run.map_or(Decision::None, |run| decision(run, may(member.scope(), Permission::ExecuteRuns))),
        comment,
    };
    Ok(review_page::page(&shell, &head, &data))
}

/// What the reviewer said last; before any review, the last word of each coder.
fn said(steps: &[StepView]) -> String {
    let Some(last) = steps.iter().rev().find(|step| step.kind == "review" || step.kind == "implement") else {
        return String::new();
    };
    if last.kind == "review" {
        return last.summary.clone();
    }
    let written: Vec<&StepView> = steps.iter().filter(|step| step.kind == "implement").collect();
    let later = |at: usize| written.iter().skip(at + 1);
    let words = written.iter().enumerate().filter(|(at, step)| later(*at).all(|other| other.agent != step.agent));
    words.map(|(_, step)| step.summary.as_str()).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn remark(remark: &orchestrator::runs::Remark) -> Remark {
    let line = remark.line.and_then(|line| usize::try_from(line).ok());
    Remark {
        who: agent(&remark.author, Some(types::AgentRole::Reviewer)),
        at: remark.at,
        place: (!remark.path.is_empty()).then(|| (remark.path.clone(), line)),
        html: prose(&remark.text),
        verdict: None,
        cost: None,
    }
}

fn decision(run: &RunView, yours: bool) -> Decision {
    let waits = run.waits_for.as_ref().map(|waits| waits.gate);
    match (run.state, waits, &run.merge) {
        (_, _, Some(merge)) => Decision::Merged(Merge {
            by: merge.approved_by.clone(),
            at: run.ended_at.unwrap_or(run.created_at),
            commit: short(&merge.commit),
            into: run.into.clone(),
            reverted: merge.reverted.as_ref().map(|(commit, by)| (short(commit), by.clone())),
        }),
        (RunState::Waiting, Some(Gate::Merge), None) if !run.conflicts.is_empty() => {
            Decision::Conflict { files: run.conflicts.clone(), yours }
        }
        (RunState::Waiting, Some(Gate::Merge), None) => Decision::Open { yours },
        _ => Decision::None,
    }
}
