use axum::{
    Form,
    extract::{Path, Query, State},
};
use orchestrator::{Error, budgets::Subject, grants::ManageBudgets};
use serde::Deserialize;
use types::{BudgetId, FieldError, MicroUsd};

use super::{Answer, again, below, done, draw, form_errors, form_errors_at, html, id, part, reader};
use crate::{
    failure::Failure,
    forms::Errors,
    pages::budgets::{
        edit::{self as view, Edit, Input},
        query,
    },
    request::Inside,
    state::App,
};

/// The part of the team that a limit is about, by the limit's id, by the ids of its parts, or as the form for a new limit chooses it.
#[derive(Deserialize)]
pub(crate) struct About {
    project: Option<String>,
    squad: Option<String>,
    agent: Option<String>,
    budget: Option<String>,
    #[serde(default)]
    part: String,
    #[serde(default)]
    within: String,
}

impl About {
    async fn subject(&self, app: &App, member: &Inside<ManageBudgets>) -> Result<Subject, Failure> {
        if let Some(budget) = &self.budget {
            return Ok(app.muster.burn(&reader(member)?, Some(id::<BudgetId>(budget)?)).await?.node.subject);
        }
        let (chosen, within) = (part(&self.part)?, part(&self.within)?);
        Ok(Subject {
            project: self.project.as_deref().map(id).transpose()?.or(chosen.project).or(within.project),
            squad: self.squad.as_deref().map(id).transpose()?.or(chosen.squad),
            agent: self.agent.as_deref().map(id).transpose()?.or(chosen.agent),
        })
    }
}

async fn page(
    app: &App,
    member: &Inside<ManageBudgets>,
    subject: Subject,
    typed: Option<Input>,
    errors: Errors,
) -> Result<String, Failure> {
    let draft = app.muster.budget_draft(member, subject).await?;
    let input = typed.unwrap_or_else(|| Input::of(&draft.settings));
    let shell = below(app, member, &draft.name).await?;
    Ok(view::page(&shell, &Edit { draft, input, errors }))
}

pub(crate) async fn edit_page(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Query(about): Query<About>,
) -> Answer {
    html(page(&app, &member, about.subject(&app, &member).await?, None, Errors::new()).await?)
}

pub(crate) async fn edit(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Query(about): Query<About>,
    Form(input): Form<Input>,
) -> Answer {
    let subject = about.subject(&app, &member).await?;
    let draft = app.muster.budget_draft(&member, subject).await?;
    let mut errors = Errors::new();
    let settings = input.read(&draft.settings, &mut errors);
    if errors.is_empty() {
        match app.muster.set_budget(&member, draft.subject, &settings).await {
            Ok(_) => return done(&app, &member.link("/budgets"), "budget_set"),
            Err(error) => errors = form_errors(error)?,
        }
    }
    // The team's form has no field for a share: what is wrong with the shares under it stands at the amount.
    let errors = if query(subject).is_empty() { errors.renamed("share", "amount") } else { errors };
    again(page(&app, &member, subject, Some(input.over(&draft.settings)), errors).await?)
}

#[derive(Deserialize)]
pub(crate) struct BudgetPath {
    budget: String,
}

pub(crate) async fn remove(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Path(path): Path<BudgetPath>,
) -> Answer {
    match app.muster.remove_budget(&member, id::<BudgetId>(&path.budget)?).await {
        Ok(()) => done(&app, &member.link("/budgets"), "budget_removed"),
        Err(error) => again(draw(&app, &member, None, None, form_errors_at("", error)?).await?),
    }
}

#[derive(Deserialize)]
pub(crate) struct RateForm {
    #[serde(default)]
    unknown_rate: String,
}

pub(crate) async fn set_rate(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Form(form): Form<RateForm>,
) -> Answer {
    let rate = MicroUsd::parse_dollars(&form.unknown_rate).ok_or_else(|| {
        let message = "Use an amount in dollars such as 10 or 2.50.".to_owned();
        Error::Invalid(vec![FieldError { field: "unknown_rate".to_owned(), message }])
    });
    let set = match rate {
        Ok(rate) => app.muster.set_unknown_rate(&member, rate).await,
        Err(error) => Err(error),
    };
    match set {
        Ok(()) => done(&app, &member.link("/budgets"), "rate_set"),
        Err(error) => again(draw(&app, &member, None, Some(form.unknown_rate), form_errors(error)?).await?),
    }
}
