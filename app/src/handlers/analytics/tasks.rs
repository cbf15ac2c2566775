use axum::extract::{Query, State};
use orchestrator::{
    Can, Error,
    analytics::{By, Cause, Filter, Span, Waste},
    grants::ReadBudgets,
};

use super::{AnalyticsQuery, Answer, again, html, span};
use crate::{
    components::breadcrumb::Crumb,
    failure::Failure,
    forms::Errors,
    handlers::shell,
    layout::shell::Section,
    pages::analytics::{
        self as view,
        tasks::{Listed, Tasks},
    },
    request::Inside,
    state::App,
};

/// Tasks on a page: the dearest.
pub(super) const MOST: i64 = 200;

/// The tasks behind a row of analytics.
pub(crate) async fn tasks(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(query): Query<AnalyticsQuery>,
) -> Answer {
    let mut errors = Errors::new();
    let span = span(&app, &member, query.range(&mut errors), &mut errors).await?;
    let mut shell = shell::inside(&app, &member, Section::Analytics, "Tasks").await?;
    let asked = query.asked();
    let back = asked.without(&["cause", "waste"]);
    shell.crumbs.insert(0, Crumb::new("Analytics", member.link(&format!("/analytics{}", back.query(&[])))));
    let Some(span) = span.filter(|_| errors.is_empty()) else {
        let data = Tasks { asked, span: None, narrowed: Vec::new(), listed: Listed::nothing(), errors };
        return again(view::tasks::page(&shell, &data));
    };
    let listed = listed(&app, &member, &query, &span).await?;
    let narrowed = narrowed(&app, &member, &span, &query.filter()?).await?;
    html(view::tasks::page(&shell, &Tasks { asked, span: Some(span), narrowed, listed, errors }))
}

/// What the address asks for: tasks by their cost, or the runs that ended for a cause.
pub(super) async fn listed(
    app: &App,
    can: &Can<ReadBudgets>,
    query: &AnalyticsQuery,
    span: &Span,
) -> Result<Listed, Failure> {
    let filter = query.filter()?;
    if !query.cause.is_empty() {
        let cause = Cause::parse(&query.cause).ok_or(Error::NotFound)?;
        let runs = app.muster.runs_ended_by(can, span, &filter, cause, MOST).await?;
        return Ok(Listed::Runs { cause, runs });
    }
    let waste = match query.waste.as_str() {
        "" => None,
        kind => Some(Waste::parse(kind).ok_or(Error::NotFound)?),
    };
    let tasks = app.muster.spending_of_tasks(can, span, &filter, waste, MOST).await?;
    Ok(Listed::Tasks { waste, tasks })
}

/// What the filter keeps, in the words of people.
async fn narrowed(
    app: &App,
    can: &Can<ReadBudgets>,
    span: &Span,
    filter: &Filter,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let set = [
        ("Project", By::Project, filter.project.is_some()),
        ("Squad", By::Squad, filter.squad.is_some()),
        ("Agent", By::Agent, filter.agent.is_some()),
        ("Model", By::Model, filter.model.is_some()),
    ];
    let mut words = Vec::new();
    for (field, by, _) in set.into_iter().filter(|(_, _, set)| *set) {
        let rows = app.muster.spending(can, span, filter, by).await?.rows;
        words.push((
            field,
            rows.first().map_or_else(|| "without calls in these days".to_owned(), |row| view::name(by, row)),
        ));
    }
    Ok(words)
}
