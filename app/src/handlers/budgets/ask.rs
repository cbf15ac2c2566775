use axum::{
    Form,
    extract::{Path, Query, State},
};
use orchestrator::{
    Error,
    budgets::{BudgetDecision, BudgetView, Limit},
    grants::{ManageBudgets, ReadBudgets},
};
use serde::Deserialize;
use types::{BudgetId, BudgetRequestId, MicroUsd};

use super::{Answer, Shown, again, below, done, draw, form_errors, form_errors_at, html, id, reader};
use crate::{
    failure::Failure,
    forms::Errors,
    pages::budgets::{
        ask::{self as view, Ask, Instead},
        decline::{self as decline_view, Declining},
    },
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
    let views = app.muster.budgets(member).await?;
    let asked = form.budget.parse().ok();
    let instead = asked.and_then(|asked| instead(&views, asked));
    let budget = instead.as_ref().map_or(asked, |instead| instead.budget);
    let budgets = views.into_iter().filter(|view| matches!(view.node.limit, Limit::Amount(_))).collect();
    let managers = app.muster.budget_managers(member).await?;
    let shell = below(app, member, "Ask for more").await?;
    Ok(view::page(
        &shell,
        &Ask { budgets, budget, instead, managers, amount: form.amount, reason: form.reason, errors },
    ))
}

/// What can be asked for in place of a budget whose limit is no amount: the next amount above it, where it is a share of that.
fn instead(views: &[BudgetView], asked: BudgetId) -> Option<Instead> {
    let find = |id: BudgetId| views.iter().find(|view| view.node.id == id);
    let asked = find(asked).filter(|view| !matches!(view.node.limit, Limit::Amount(_)))?;
    let above = |view: &&BudgetView| matches!(view.node.limit, Limit::Share(_)).then_some(view.node.parent)?;
    let whole = std::iter::successors(Some(asked), |view| find(above(view)?))
        .find(|view| matches!(view.node.limit, Limit::Amount(_)));
    let (name, whole) = (asked.node.name.clone(), whole.map(|view| (view.node.id, view.node.name.clone())));
    Some(Instead { name, budget: whole.as_ref().map(|(id, _)| *id), whole: whole.map(|(_, name)| name) })
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
    match app.muster.decide_budget_request(&member, id(&path.request)?, &BudgetDecision::Granted).await {
        Ok(()) => done(&app, &member.link("/budgets"), "budget_granted"),
        Err(error) => again(draw(&app, &member, None, None, form_errors_at("", error)?).await?),
    }
}

#[derive(Default, Deserialize)]
pub(crate) struct DeclineForm {
    #[serde(default)]
    answer: String,
}

async fn declining(
    app: &App,
    member: &Inside<ManageBudgets>,
    request: BudgetRequestId,
    answer: String,
    errors: Errors,
) -> Result<String, Failure> {
    let requests = app.muster.budget_requests(&reader(member)?).await?;
    let request = requests.into_iter().find(|one| one.id == request).ok_or(Error::NotFound)?;
    let shell = below(app, member, "Decline").await?;
    Ok(decline_view::page(&shell, &Declining { request, answer, errors }))
}

pub(crate) async fn decline_page(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Path(path): Path<RequestPath>,
) -> Answer {
    html(declining(&app, &member, id(&path.request)?, String::new(), Errors::new()).await?)
}

pub(crate) async fn decline(
    member: Inside<ManageBudgets>,
    State(app): State<App>,
    Path(path): Path<RequestPath>,
    Form(form): Form<DeclineForm>,
) -> Answer {
    let request = id(&path.request)?;
    let decision = BudgetDecision::Declined(form.answer.clone());
    match app.muster.decide_budget_request(&member, request, &decision).await {
        Ok(()) => done(&app, &member.link("/budgets"), "budget_declined"),
        Err(error) => {
            let errors = form_errors_at("", error)?;
            again(declining(&app, &member, request, form.answer, errors).await?)
        }
    }
}
