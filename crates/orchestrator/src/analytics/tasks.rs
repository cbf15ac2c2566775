use time::OffsetDateTime;
use types::{MicroUsd, TaskState, TeamId, chat::TokenUsage};

use super::{Filter, Span, Spent, Waste};
use crate::{Can, Error, Orchestrator, Result, grants::ReadBudgets};

/// What one task cost in some days, or the calls that belong to none.
#[derive(Clone, Debug)]
pub struct TaskSpendingRow {
    /// None for calls that belong to no task, and for a task that is gone for good.
    pub task: Option<SpendingTask>,
    /// Whether the calls belong to a task at all.
    pub of_task: bool,
    pub runs: i64,
    pub spent: Spent,
    pub last_at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct SpendingTask {
    pub number: i32,
    pub title: String,
    pub project: String,
    pub state: TaskState,
    pub deleted: bool,
}

#[derive(Clone, Debug)]
pub struct TaskSpending {
    /// The dearest first.
    pub rows: Vec<TaskSpendingRow>,
    /// How many there are, those that are not shown too.
    pub all: i64,
}

impl Orchestrator {
    /// What tasks cost in some days, at most `most` of them: all calls that fit the filter, or those of one kind of waste.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn spending_of_tasks(
        &self,
        scope: &Can<ReadBudgets>,
        span: &Span,
        filter: &Filter,
        waste: Option<Waste>,
        most: i64,
    ) -> Result<TaskSpending> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query_file!(
            "src/analytics/tasks.sql",
            scope.team() as TeamId,
            span.start(),
            span.end(),
            filter.project(),
            filter.squad(),
            filter.agent(),
            filter.model,
            waste.map(Waste::as_str),
            most,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let all = rows.first().map_or(0, |row| row.groups);
        let rows = rows.into_iter().map(|row| {
            let named = row.number.zip(row.title).zip(row.project).zip(row.state);
            let task = named.map(|(((number, title), project), state)| {
                let state = TaskState::parse(&state).ok_or_else(|| Error::internal("a task in no known state"))?;
                Ok::<_, Error>(SpendingTask { number, title, project, state, deleted: row.gone })
            });
            Ok(TaskSpendingRow {
                task: task.transpose()?,
                of_task: row.of_task,
                runs: row.runs,
                spent: Spent {
                    calls: row.calls,
                    counted: MicroUsd::from_micros(row.counted),
                    unknown_calls: row.unknown_calls,
                    unknown: MicroUsd::from_micros(row.unknown),
                    usage: TokenUsage {
                        uncached: count(row.uncached),
                        cache_read: count(row.cache_read),
                        cache_write: count(row.cache_write),
                        output: count(row.output),
                        reasoning: count(row.reasoning),
                    },
                },
                last_at: row.last_at,
            })
        });
        Ok(TaskSpending { rows: rows.collect::<Result<_>>()?, all })
    }
}
