use types::{MicroUsd, TeamId, chat::TokenUsage};

use super::{By, Filter, Span};
use crate::{Can, Error, Orchestrator, Result, grants::ReadBudgets};

/// What some calls came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub calls: i64,
    /// What budgets count: known prices, and the team's rate for the others.
    pub counted: MicroUsd,
    /// Calls whose price nobody knows, and how much of `counted` they are.
    pub unknown_calls: i64,
    pub unknown: MicroUsd,
    pub usage: TokenUsage,
}

impl Spent {
    /// Input and output together.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        let usage = &self.usage;
        usage
            .uncached
            .saturating_add(usage.cache_read)
            .saturating_add(usage.cache_write)
            .saturating_add(usage.output)
            .saturating_add(usage.reasoning)
    }

    /// Thousandths of the input that were read from a cache; None without input.
    #[must_use]
    pub fn cache_share(&self) -> Option<i64> {
        let usage = &self.usage;
        let input = u128::from(usage.uncached) + u128::from(usage.cache_read) + u128::from(usage.cache_write);
        let share = (u128::from(usage.cache_read) * 1000).checked_div(input)?;
        i64::try_from(share).ok()
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let sum = |a: MicroUsd, b: MicroUsd| MicroUsd::from_micros(a.micros().saturating_add(b.micros()));
        let (a, b) = (&self.usage, &other.usage);
        Self {
            calls: self.calls + other.calls,
            counted: sum(self.counted, other.counted),
            unknown_calls: self.unknown_calls + other.unknown_calls,
            unknown: sum(self.unknown, other.unknown),
            usage: TokenUsage {
                uncached: a.uncached.saturating_add(b.uncached),
                cache_read: a.cache_read.saturating_add(b.cache_read),
                cache_write: a.cache_write.saturating_add(b.cache_write),
                output: a.output.saturating_add(b.output),
                reasoning: a.reasoning.saturating_add(b.reasoning),
            },
        }
    }
}

/// One group of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendingRow {
    /// An id, [`super::NOTHING`], `provider/model`, or a date (2026-11-21): what a filter takes.
    pub key: String,
    /// None for the calls that belong to nothing, and for days.
    pub name: Option<String>,
    /// The squad of an agent, the provider of a model.
    pub within: Option<String>,
    pub spent: Spent,
    /// How many tasks the calls worked on.
    pub tasks: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spending {
    /// The dearest first; days in their order, those without calls too.
    pub rows: Vec<SpendingRow>,
    pub total: Spent,
}

impl Orchestrator {
    /// What calls cost in some days, by one of their properties.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn spending(&self, scope: &Can<ReadBudgets>, span: &Span, filter: &Filter, by: By) -> Result<Spending> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query_file!(
            "src/analytics/spending.sql",
            scope.team() as TeamId,
            by.as_str(),
            &span.starts(),
            span.end(),
            filter.project(),
            filter.squad(),
            filter.agent(),
            filter.model,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let mut rows: Vec<SpendingRow> = rows
            .into_iter()
            .map(|row| SpendingRow {
                key: row.key,
                name: row.name,
                within: row.within,
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
                tasks: row.tasks,
            })
            .collect();
        if by == By::Day {
            rows = dated(span, rows)?;
        }
        let total = rows.iter().fold(Spent::default(), |sum, row| sum.plus(&row.spent));
        Ok(Spending { rows, total })
    }
}

/// Every day of the span in its order, named by its date instead of its number.
fn dated(span: &Span, rows: Vec<SpendingRow>) -> Result<Vec<SpendingRow>> {
    let mut days: Vec<SpendingRow> = span
        .days()
        .iter()
        .map(|(date, _)| SpendingRow {
            key: date.to_string(),
            name: None,
            within: None,
            spent: Spent::default(),
            tasks: 0,
        })
        .collect();
    for row in rows {
        let number: usize = row.key.parse().map_err(Error::internal)?;
        let day = number.checked_sub(1).and_then(|at| days.get_mut(at));
        let day = day.ok_or_else(|| Error::internal("a call outside of the days that were asked for"))?;
        (day.spent, day.tasks) = (row.spent, row.tasks);
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_the_cache_is_of_all_input() {
        let spent = |uncached, cache_read, cache_write, output| Spent {
            usage: TokenUsage { uncached, cache_read, cache_write, output, ..TokenUsage::default() },
            ..Spent::default()
        };
        assert_eq!(spent(100, 300, 0, 9_999).cache_share(), Some(750));
        assert_eq!(spent(100, 300, 200, 0).cache_share(), Some(500));
        assert_eq!(spent(0, 0, 0, 50).cache_share(), None);
        assert_eq!(spent(1, u64::MAX, 0, 0).cache_share(), Some(999));
    }
}
