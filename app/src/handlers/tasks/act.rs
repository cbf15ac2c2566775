use axum::{
    Form,
    extract::{Path, State},
};
use orchestrator::{
    Error,
    grants::{ExecuteRuns, ReadTasks, WriteTasks},
    runs::{Decision, Gate, RunView, StartFrom},
    work::Place,
};
use serde::Deserialize;
use types::{ApprovalId, SquadId, TaskState};

use super::{
    gather::HeadForm,
    pages::{Number, draw_overview, review_again},
};
use crate::{
    failure::Failure,
    handlers::{Answer, again, done, form_errors_at},
    pages::task::overview::Filter,
    request::{Inside, safe_path},
    state::App,
};

#[derive(Deserialize)]
pub(crate) struct StartForm {
    #[serde(default)]
    squad: String,
    /// `snapshot`: go on from what the last attempt left.
    #[serde(default)]
    from: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn start_run(
    member: Inside<ExecuteRuns>,
    State(app): State<App>,
    Path((_, number)): Number,
    Form(form): Form<StartForm>,
) -> Answer {
    begin(&app, &member, number, &form).await
}

pub(crate) async fn retry_run(
    member: Inside<ExecuteRuns>,
    State(app): State<App>,
    Path((_, number)): Number,
    Form(form): Form<StartForm>,
) -> Answer {
    begin(&app, &member, number, &form).await
}

async fn begin(app: &App, member: &Inside<ExecuteRuns>, number: i32, form: &StartForm) -> Answer {
    let task = app.muster.task_by_number(&member.scope().can::<ReadTasks>()?, number).await?;
    let squad = form.squad.parse::<SquadId>().ok();
    let from = if form.from == "snapshot" { StartFrom::Snapshot } else { StartFrom::Branch };
    match app.muster.start_run_from(member, task.id, squad, from).await {
        Ok(_) => done(app, &back(member, number, &form.next), "run_started"),
        Err(error) => {
            let errors = form_errors_at("", error)?;
            let form = HeadForm { errors, ..HeadForm::default() };
            again(draw_overview(app, member, number, Filter::All, form).await?)
        }
    }
}

/// Takes the merge of the task's newest run back.
pub(crate) async fn revert(member: Inside<ExecuteRuns>, State(app): State<App>, Path((_, number)): Number) -> Answer {
    let run = newest(&app, &member, number).await?;
    match app.muster.revert(&member, run.id).await {
        Ok(_) => done(&app, &member.link(&format!("/tasks/{number}")), "run_reverted"),
        Err(error) => {
            let head = HeadForm { errors: form_errors_at("", error)?, ..HeadForm::default() };
            again(draw_overview(&app, &member, number, Filter::All, head).await?)
        }
    }
}

/// Puts a task that has ended back to the top of To do.
pub(crate) async fn reopen(member: Inside<WriteTasks>, State(app): State<App>, Path((_, number)): Number) -> Answer {
    let task = app.muster.task_by_number(&member.scope().can::<ReadTasks>()?, number).await?;
    app.muster.move_task(&member, task.id, TaskState::Todo, Place::Top).await?;
    done(&app, &member.link(&format!("/tasks/{number}")), "task_reopened")
}

/// The page that the form stood on, if it said so, or the task's own.
fn back(member: &Inside<ExecuteRuns>, number: i32, next: &str) -> String {
    safe_path(next).map_or_else(|| format!("/{}/tasks/{number}", member.team.slug), str::to_owned)
}

#[derive(Deserialize)]
pub(crate) struct StopForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn stop_run(
    member: Inside<ExecuteRuns>,
    State(app): State<App>,
    Path((_, number)): Number,
    Form(form): Form<StopForm>,
) -> Answer {
    let run = newest(&app, &member, number).await?;
    match app.muster.stop_run(&member, run.id, &form.reason).await {
        Ok(()) => done(&app, &back(&member, number, &form.next), "run_stopped"),
        Err(error) => {
            let head = HeadForm { errors: form_errors_at("reason", error)?, stop_reason: form.reason };
            again(draw_overview(&app, &member, number, Filter::All, head).await?)
        }
    }
}

async fn newest(app: &App, member: &Inside<ExecuteRuns>, number: i32) -> Result<RunView, Failure> {
    let can = member.scope().can::<ReadTasks>()?;
    let task = app.muster.task_by_number(&can, number).await?;
    Ok(app.muster.run_of_task(&can, task.id).await?.ok_or(Error::NotFound)?)
}

#[derive(Deserialize)]
pub(crate) struct DecisionForm {
    #[serde(default)]
    decision: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn decide_review(
    member: Inside<ExecuteRuns>,
    State(app): State<App>,
    Path((_, number)): Number,
    Form(form): Form<DecisionForm>,
) -> Answer {
    let run = newest(&app, &member, number).await?;
    let waits = run.waits_for.filter(|waits| waits.gate == Gate::Merge);
    let decided = match waits {
        Some(waits) if form.decision == "approve" => {
            app.muster.decide(&member, waits.approval, &Decision::Approve).await
        }
        Some(waits) => app.muster.decide(&member, waits.approval, &Decision::SendBack(form.comment.clone())).await,
        None => Err(Error::Refused("This run does not wait for a review any more.".into())),
    };
    let word = if form.decision == "approve" { "run_approved" } else { "run_sent_back" };
    match decided {
        Ok(_) => done(&app, &format!("/{}/tasks/{number}", member.team.slug), word),
        Err(error) => {
            let head = HeadForm { errors: form_errors_at("comment", error)?, ..HeadForm::default() };
            review_again(&app, &member, number, head, form.comment).await
        }
    }
}

pub(crate) async fn decide_plan(
    member: Inside<ExecuteRuns>,
    State(app): State<App>,
    Path((_, number, approval)): Path<(String, i32, ApprovalId)>,
    Form(form): Form<DecisionForm>,
) -> Answer {
    let decision = if form.decision == "allow" { Decision::Approve } else { Decision::SendBack(form.reason.clone()) };
    app.muster.decide(&member, approval, &decision).await?;
    done(&app, &back(&member, number, &form.next), "run_decided")
}

pub(crate) async fn answer_question(
    member: Inside<ExecuteRuns>,
    State(app): State<App>,
    Path((_, number, approval)): Path<(String, i32, ApprovalId)>,
    Form(form): Form<DecisionForm>,
) -> Answer {
    app.muster.decide(&member, approval, &Decision::Answer(form.answer)).await?;
    done(&app, &back(&member, number, &form.next), "run_decided")
}
