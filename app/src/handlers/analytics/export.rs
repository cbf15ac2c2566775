use axum::extract::{Query, State};
use orchestrator::{
    Error,
    analytics::{Outcome, OutcomeRow, SpendingRow, Spent},
    grants::ReadBudgets,
};
use types::MicroUsd;

use super::{AnalyticsQuery, Answer, attachment, span, tasks::listed};
use crate::{
    forms::Errors,
    handlers::csv::cell,
    pages::analytics::{self as view, tasks::Listed},
    request::Inside,
    state::App,
};

const SPENT: &str = "counted_usd,known_usd,unknown_price_usd,calls,calls_of_unknown_price,input_uncached,input_cache_read,\
                     input_cache_write,output,reasoning";

/// The table of the page: the same days, filter and grouping.
pub(crate) async fn csv(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(query): Query<AnalyticsQuery>,
) -> Answer {
    let mut errors = Errors::new();
    let (by, range) = (query.by(&mut errors), query.range(&mut errors));
    let span = span(&app, &member, range, &mut errors).await?;
    let Some(span) = span.filter(|_| errors.is_empty()) else { return Err(invalid(&errors).into()) };
    let filter = query.filter()?;
    let spending = app.muster.spending(&member, &span, &filter, by).await?;
    let outcomes = app.muster.run_outcomes(&member, &span, &filter, Some(by)).await?;
    let mut text = format!("{},key,within,{SPENT},tasks,runs_ended,runs_merged,runs_reworked\r\n", by.as_str());
    for row in &spending.rows {
        text.push_str(&line(&view::name(by, row), row, &outcomes));
    }
    attachment(&format!("spending-by-{}-{}-{}.csv", by.as_str(), span.from(), span.to()), text)
}

/// The list of tasks behind a row.
pub(crate) async fn tasks_csv(
    member: Inside<ReadBudgets>,
    State(app): State<App>,
    Query(query): Query<AnalyticsQuery>,
) -> Answer {
    let mut errors = Errors::new();
    let range = query.range(&mut errors);
    let span = span(&app, &member, range, &mut errors).await?;
    let Some(span) = span.filter(|_| errors.is_empty()) else { return Err(invalid(&errors).into()) };
    let text = match listed(&app, &member, &query, &span).await? {
        Listed::Tasks { tasks, .. } => {
            let rows = tasks.rows.iter().map(|row| {
                let task = row.task.as_ref();
                let number = task.map(|task| task.number.to_string()).unwrap_or_default();
                let (title, project) = task.map(|task| (cell(&task.title), cell(&task.project))).unwrap_or_default();
                format!("{number},{title},{project},{},{}\r\n", row.runs, spent(&row.spent))
            });
            format!("task,title,project,runs,{SPENT}\r\n{}", rows.collect::<String>())
        }
        Listed::Runs { runs, .. } => {
            let rows = runs.iter().map(|run| {
                let (title, sentence) = (cell(&run.title), cell(&run.sentence));
                format!("{},{title},{},{sentence},{}\r\n", run.number, run.attempt, run.counted.dollars(6))
            });
            format!("task,title,attempt,why,counted_usd\r\n{}", rows.collect::<String>())
        }
    };
    attachment(&format!("tasks-{}-{}.csv", span.from(), span.to()), text)
}

fn invalid(errors: &Errors) -> Error {
    Error::Invalid(errors.iter().cloned().collect())
}

fn line(name: &str, row: &SpendingRow, outcomes: &[OutcomeRow]) -> String {
    let found = outcomes.iter().find(|outcome| outcome.key == row.key);
    let Outcome { ended, merged, reworked, .. } = found.map_or_else(Outcome::default, |found| found.outcome);
    let within = cell(row.within.as_deref().unwrap_or_default());
    let (name, key) = (cell(name), cell(&row.key));
    format!("{name},{key},{within},{},{},{ended},{merged},{reworked}\r\n", spent(&row.spent), row.tasks)
}

fn spent(spent: &Spent) -> String {
    let usage = &spent.usage;
    let known = MicroUsd::from_micros(spent.counted.micros() - spent.unknown.micros());
    let amounts = [spent.counted, known, spent.unknown].map(|amount| amount.dollars(6)).join(",");
    let counts = [usage.uncached, usage.cache_read, usage.cache_write, usage.output, usage.reasoning];
    let counts = counts.map(|count| count.to_string()).join(",");
    format!("{amounts},{},{},{counts}", spent.calls, spent.unknown_calls)
}
