//! Budgets: the page, limits, requests, the ledger and the emergency stop.

mod ask;
mod content;
mod edit;
mod export;
mod ledger;
mod pauses;

pub(crate) use ask::{ask, ask_page, decline, decline_page, grant};
pub(crate) use content::content;
pub(crate) use edit::{edit, edit_page, remove, set_rate};
pub(crate) use export::{csv, json_lines};
pub(crate) use ledger::ledger;
pub(crate) use pauses::{pause, pauses, resume};

use axum::extract::{Query, State};
use orchestrator::{
    Error, Grant,
    budgets::{LedgerFilter, Subject},
    grants::{ManageBudgets, ReadBudgets},
};
use serde::Deserialize;
use types::BudgetId;

use super::{Answer, again, done, form_errors, form_errors_at, html, shell};
use crate::{
    components::breadcrumb::Crumb,
    failure::Failure,
    forms::Errors,
    layout::shell::{Section, Shell},
    pages::budgets as view,
    request::Inside,
    state::App,
};

/// Entries of the ledger on the page of budgets.
const LATEST: i64 = 8;

#[derive(Deserialize)]
pub(crate) struct Shown {
    budget: Option<String>,
}

pub(crate) async fn budgets(member: Inside<ReadBudgets>, State(app): State<App>, Query(shown): Query<Shown>) -> Answer {
    let budget = shown.budget.as_deref().map(id::<BudgetId>).transpose()?;
    html(draw(&app, &member, budget, None, Errors::new()).await?)
}

/// The page, with the rate for unknown prices as it was typed and what is wrong with it.
async fn draw<G: Grant>(
    app: &App,
    member: &Inside<G>,
    budget: Option<BudgetId>,
    typed_rate: Option<String>,
    errors: Errors,
) -> Result<String, Failure> {
    let can = reader(member)?;
    let parts = match member.also::<ManageBudgets>() {
        Some(manage) => app.muster.budget_parts(&manage).await?,
        None => Vec::new(),
    };
    let data = view::Budgets {
        views: app.muster.budgets(&can).await?,
        burn: app.muster.burn(&can, budget).await?,
        alerts: app.muster.budget_alerts(&can).await?,
        requests: app.muster.budget_requests(&can).await?,
        managers: app.muster.budget_managers(&can).await?,
        pauses: app.muster.pauses(&can).await?,
        ledger: app.muster.ledger(&can, &LedgerFilter::default(), LATEST).await?,
        parts,
        unknown_rate: app.muster.unknown_rate(&can).await?,
        typed_rate,
        errors,
    };
    let shell = shell::inside(app, member, Section::Budgets, "Budgets").await?;
    Ok(view::page(&shell, &data))
}

/// The right to read, for pages that a form with another right draws again.
fn reader<G: Grant>(member: &Inside<G>) -> Result<orchestrator::Can<ReadBudgets>, Failure> {
    member.scope().can().map_err(Failure::from)
}

/// The shell of a page below that of budgets.
async fn below<G: Grant>(app: &App, member: &Inside<G>, page: &str) -> Result<Shell, Failure> {
    let mut shell = shell::inside(app, member, Section::Budgets, page).await?;
    shell.crumbs.insert(0, Crumb::new("Budgets", member.link("/budgets")));
    Ok(shell)
}

fn id<I: std::str::FromStr>(text: &str) -> Result<I, Error> {
    text.parse().map_err(|_| Error::NotFound)
}

/// A part of the team as a form sends it: `project:…`, `squad:…`, `agent:…`; nothing is the whole team.
fn part(text: &str) -> Result<Subject, Error> {
    Ok(match text.split_once(':') {
        None if text.is_empty() => Subject::TEAM,
        Some(("project", text)) => Subject { project: Some(id(text)?), ..Subject::TEAM },
        Some(("squad", text)) => Subject { squad: Some(id(text)?), ..Subject::TEAM },
        Some(("agent", text)) => Subject { agent: Some(id(text)?), ..Subject::TEAM },
        _ => return Err(Error::NotFound),
    })
}
