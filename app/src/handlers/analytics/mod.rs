//! Analytics: where money went and what came of it, as a page and as tables.

mod export;
mod query;
mod tasks;

use axum::{
    extract::{Query, State},
    response::IntoResponse,
};
pub(crate) use export::{csv, tasks_csv};
use orchestrator::{
    Can,
    analytics::{By, Filter, Outcome, Range, Span, Spending, Spent, what_if},
    grants::ReadBudgets,
};
pub(crate) use query::AnalyticsQuery;
pub(crate) use tasks::tasks;

use super::{Answer, again, form_errors, html, shell};
use crate::{
    components::select::Choice,
    failure::Failure,
    forms::Errors,
    layout::shell::Section,
    pages::analytics::{self as view, Choices},
    request::Inside,
    state::App,
};

pub(crate) async fn analytics(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(query): Query<AnalyticsQuery>,
) -> Answer {
    let mut errors = Errors::new();
    let by = query.by(&mut errors);
    let span = span(&app, &member, query.range(&mut errors), &mut errors).await?;
    let shell = shell::inside(&app, &member, Section::Analytics, "Analytics").await?;
    let mut data = view::Analytics { asked: query.asked(), by, choices: Choices::default(), found: None, errors };
    let Some(span) = span.filter(|_| data.errors.is_empty()) else { return again(view::page(&shell, &data)) };
    data.choices = choices(&app, &member, &span).await?;
    data.found = Some(found(&app, &member, &query, span, by).await?);
    if let Some(view::WhatIf { chosen: None, .. }) = data.found.as_ref().and_then(|found| found.what_if.as_ref())
        && !query.instead.is_empty()
    {
        data.errors.add("instead", "The price of this model is not known. Choose one of the list.");
        return again(view::page(&shell, &data));
    }
    html(view::page(&shell, &data))
}

/// The days that are asked for; None with what is wrong noted.
async fn span(app: &App, can: &Can<ReadBudgets>, range: Range, errors: &mut Errors) -> Result<Option<Span>, Failure> {
    match app.muster.analytics_span(can, range).await {
        Ok(span) => Ok(Some(span)),
        Err(error) => {
            for wrong in form_errors(error)?.iter() {
                errors.add(wrong.field.clone(), wrong.message.clone());
            }
            Ok(None)
        }
    }
}

/// What spent something in those days, for the filter's lists.
async fn choices(app: &App, can: &Can<ReadBudgets>, span: &Span) -> Result<Choices, Failure> {
    let list = async |by: By, first: &str| {
        let found = app.muster.spending(can, span, &Filter::default(), by).await?;
        let rows = found.rows.into_iter().map(|row| {
            let name = view::name(by, &row);
            Choice::new(row.key, name)
        });
        Ok::<_, Failure>(std::iter::once(Choice::new("", first)).chain(rows).collect())
    };
    Ok(Choices {
        projects: list(By::Project, "All projects").await?,
        squads: list(By::Squad, "All squads").await?,
        agents: list(By::Agent, "All agents").await?,
        models: list(By::Model, "All models").await?,
    })
}

async fn found(
    app: &App,
    can: &Can<ReadBudgets>,
    query: &AnalyticsQuery,
    span: Span,
    by: By,
) -> Result<view::Found, Failure> {
    let (muster, filter) = (&app.muster, query.filter()?);
    let spending = muster.spending(can, &span, &filter, by).await?;
    let days = if by == By::Day { spending.clone() } else { muster.spending(can, &span, &filter, By::Day).await? };
    let before = match span.before() {
        Ok(before) => muster.spending(can, &before, &filter, By::Day).await?.total,
        Err(_) => Spent::default(),
    };
    let whole = muster.run_outcomes(can, &span, &filter, None).await?;
    Ok(view::Found {
        outcome: whole.first().map_or_else(Outcome::default, |row| row.outcome),
        outcomes: muster.run_outcomes(can, &span, &filter, Some(by)).await?,
        causes: muster.failure_causes(can, &span, &filter).await?,
        waste: muster.waste(can, &span, &filter).await?,
        what_if: instead(app, can, &query.instead, &spending).await?,
        rate: muster.unknown_rate(can).await?,
        span,
        spending,
        days,
        before,
    })
}

/// What the same tokens cost elsewhere. The list is read always, so that one can be chosen.
async fn instead(
    app: &App,
    can: &Can<ReadBudgets>,
    key: &str,
    spending: &Spending,
) -> Result<Option<view::WhatIf>, Failure> {
    if spending.total.calls == 0 {
        return Ok(None);
    }
    let models = app.muster.priced_models(can).await?;
    let chosen = models.iter().find(|model| model.key == key).cloned();
    let chosen = chosen.map(|model| (what_if(spending, &model.rates), model));
    Ok(Some(view::WhatIf { models, chosen }))
}

/// A table for other programs.
fn attachment(name: &str, body: String) -> Answer {
    use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
    let kind = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((kind, body).into_response())
}
