use axum::{
    Form,
    extract::{Path, Query, State},
};
use orchestrator::{
    budgets::Limit,
    grants::{ManageBudgets, ReadBudgets},
};
use serde::Deserialize;
use types::{BudgetRequestId, MicroUsd};

use super::{Answer, Shown, again, below, done, draw, form_errors, form_errors_at, html, id};
use crate::{
    failure::Failure,
    forms::Errors,
    pages::budgets::ask::{self as view, Ask},
    request::Inside,
    state::App,
};

#[derive(Default, Deserialize)]
pub(crate) struct AskForm {
    #[serde(default)]
    budget: String,
    #[serde(default)]
    amount: String,
    #[serde(default)]
    reason: String,
}

async fn page(app: &App, member: &Inside<ReadBudgets>, form: AskForm, errors: Errors) -> Result<String, Failure> {
    let mut budgets = app.muster.budgets(member).await?;
    budgets.retain(|view| matches!(view.node.limit, Limit::Amount(_)));
    let shell = below(app, member, "Ask for more").await?;
    let budget = form.budget.parse().ok();
    Ok(view::page(&shell, &Ask { budgets, budget, amount: form.amount, reason: form.reason, errors }))
}

pub(crate) async fn ask_page(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(shown): Query<Shown>,
) -> Answer {
    let form = AskForm { budget: shown.budget.unwrap_or_default(), ..AskForm::default() };
    html(page(&app, &member, form, Errors::new()).await?)
}

pub(crate) async fn ask(member: Inside<ReadBudgets>, State(app): State<App>, Form(form): Form<AskForm>) -> Answer {
    let mut errors = Errors::new();
    let amount = MicroUsd::parse_dollars(&form.amount);
    match (amount, id(&form.budget)) {
        (Some(amount), Ok(budget)) => match app.muster.ask_for_budget(&member, budget, amount, &form.reason).await {
            Ok(_) => return done(&app, &member.link("/budgets"), "budget_asked"),
            Err(error) => errors = form_errors(error)?,
        },
        (None, _) => errors.add("amount", "Use an amount in dollars such as 25 or 0.50."),
        (_, Err(_)) => errors.add("budget", "Choose a budget."),
    }
    again(page(&app, &member, form, errors).await?)
}

#[derive(Deserialize)]
pub(crate) struct RequestPath {
    request: String,
}

pub(crate) async fn grant(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Path(path): Path<RequestPath>,
) -> Answer {
    decide(&app, &member, &path, true).await
}

pub(crate) async fn decline(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Path(path): Path<RequestPath>,
) -> Answer {
    decide(&app, &member, &path, false).await
}

async fn decide(app: &App, member: &Inside<ManageBudgets>, path: &RequestPath, granted: bool) -> Answer {
    match app.muster.decide_budget_request(member, id::<BudgetRequestId>(&path.request)?, granted).await {
        Ok(()) => {
            let word = if granted { "budget_granted" } else { "budget_declined" };
            done(app, &member.link("/budgets"), word)
        }
        Err(error) => again(draw(app, member, None, None, form_errors_at("", error)?).await?),
    }
}
