use axum::{
    Form,
    extract::{Path, State},
};
use orchestrator::{
    Grant,
    grants::{ManageBudgets, ReadBudgets},
};
use serde::Deserialize;
use types::PauseId;

use super::{Answer, again, below, done, form_errors_at, html, id, part, reader};
use crate::{
    failure::Failure,
    forms::Errors,
    pages::budgets::pauses::{self as view, Pauses},
    request::Inside,
    state::App,
};

#[derive(Default, Deserialize)]
pub(crate) struct PauseForm {
    #[serde(default)]
    part: String,
    #[serde(default)]
    reason: String,
}

async fn page<G: Grant>(app: &App, member: &Inside<G>, form: PauseForm, errors: Errors) -> Result<String, Failure> {
    let parts = match member.also::<ManageBudgets>() {
        Some(manage) => app.muster.budget_parts(&manage).await?,
        None => Vec::new(),
    };
    let pauses = app.muster.pauses(&reader(member)?).await?;
    let shell = below(app, member, "Emergency pause").await?;
    Ok(view::page(&shell, &Pauses { pauses, parts, part: form.part, reason: form.reason, errors }))
}

pub(crate) async fn pauses(member: Inside<ReadBudgets>, State(app): State<App>) -> Answer {
    html(page(&app, &member, PauseForm::default(), Errors::new()).await?)
}

pub(crate) async fn pause(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Form(form): Form<PauseForm>,
) -> Answer {
    match app.muster.pause(&member, part(&form.part)?, &form.reason).await {
        Ok(_) => done(&app, &member.link("/budgets/pauses"), "paused"),
        Err(error) => {
            let errors = form_errors_at("part", error)?;
            again(page(&app, &member, form, errors).await?)
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct PausePath {
    pause: String,
}

pub(crate) async fn resume(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Path(path): Path<PausePath>,
) -> Answer {
    match app.muster.resume(&member, id::<PauseId>(&path.pause)?).await {
        Ok(()) => done(&app, &member.link("/budgets/pauses"), "resumed"),
        Err(error) => again(page(&app, &member, PauseForm::default(), form_errors_at("", error)?).await?),
    }
}
