use time::OffsetDateTime;
use types::{MicroUsd, TeamId};

use super::{By, Filter, Span};
use crate::{Can, Error, Orchestrator, Result, grants::ReadBudgets};

/// How some runs ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub ended: i64,
    /// Merged, and not taken back since.
    pub merged: i64,
    /// Merged and taken back.
    pub reverted: i64,
    pub failed: i64,
    /// By a person.
    pub stopped: i64,
    /// Runs, however they ended, whose work a reviewer or a person sent back at least once.
    pub reworked: i64,
}

impl Outcome {
    /// Thousandths of the runs that ended with a change that stayed; None where none ended.
    #[must_use]
    pub const fn success(&self) -> Option<i64> {
        (self.merged * 1000).checked_div(self.ended)
    }

    /// Thousandths of the runs whose work was sent back; None where none ended.
    #[must_use]
    pub const fn rework(&self) -> Option<i64> {
        (self.reworked * 1000).checked_div(self.ended)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeRow {
    /// As a [`super::SpendingRow`] of the same grouping has it.
    pub key: String,
    pub outcome: Outcome,
}

/// Why a run ended without a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Preparation,
    Access,
    Checks,
    Review,
    Agent,
    Model,
    NoChange,
    Internal,
    /// A person stopped it.
    Stopped,
}

impl Cause {
    pub const ALL: &[Self] = &[
        Self::Preparation,
        Self::Access,
        Self::Checks,
        Self::Review,
        Self::Agent,
        Self::Model,
        Self::NoChange,
        Self::Internal,
        Self::Stopped,
    ];

    /// As a run's row has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparation => "preparation",
            Self::Access => "access",
            Self::Checks => "checks",
            Self::Review => "review",
            Self::Agent => "agent",
            Self::Model => "model",
            Self::NoChange => "no_change",
            Self::Internal => "internal",
            Self::Stopped => "stopped",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|cause| cause.as_str() == text)
    }
}

/// How often a cause ended runs, and what those cost from their beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureCause {
    pub cause: Cause,
    pub runs: i64,
    pub counted: MicroUsd,
}

/// A run that ended without a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedRun {
    pub number: i32,
    pub title: String,
    /// Whether its task was deleted since.
    pub deleted: bool,
    pub attempt: i32,
    /// What was said of it.
    pub sentence: String,
    pub ended_at: OffsetDateTime,
    /// From its beginning.
    pub counted: MicroUsd,
}

impl Orchestrator {
    /// How the runs ended that ended in some days: all together, or by a property.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn run_outcomes(
        &self,
        scope: &Can<ReadBudgets>,
        span: &Span,
        filter: &Filter,
        by: Option<By>,
    ) -> Result<Vec<OutcomeRow>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query_file!(
            "src/analytics/outcomes.sql",
            scope.team() as TeamId,
            by.map_or("all", By::as_str),
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
        rows.into_iter()
            .map(|row| {
                let key = if by == Some(By::Day) { dated(span, &row.key)? } else { row.key };
                let outcome = Outcome {
                    ended: row.ended,
                    merged: row.merged,
                    reverted: row.reverted,
                    failed: row.failed,
                    stopped: row.stopped,
                    reworked: row.reworked,
                };
                Ok(OutcomeRow { key, outcome })
            })
            .collect()
    }

    /// Why runs ended without a merge in some days, the most frequent cause first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn failure_causes(
        &self,
        scope: &Can<ReadBudgets>,
        span: &Span,
        filter: &Filter,
    ) -> Result<Vec<FailureCause>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query_file!(
            "src/analytics/causes.sql",
            scope.team() as TeamId,
            span.start(),
            span.end(),
            filter.project(),
            filter.squad(),
            filter.agent(),
            filter.model,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                let cause = Cause::parse(&row.cause).ok_or_else(|| Error::internal("a failure of no known cause"))?;
                Ok(FailureCause { cause, runs: row.runs, counted: MicroUsd::from_micros(row.counted) })
            })
            .collect()
    }

    /// At most `most` runs that ended for a cause, the latest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn runs_ended_by(
        &self,
        scope: &Can<ReadBudgets>,
        span: &Span,
        filter: &Filter,
        cause: Cause,
        most: i64,
    ) -> Result<Vec<EndedRun>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query_file!(
            "src/analytics/ended.sql",
            scope.team() as TeamId,
            span.start(),
            span.end(),
            filter.project(),
            filter.squad(),
            filter.agent(),
            filter.model,
            cause.as_str(),
            most,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let runs = rows.into_iter().map(|row| EndedRun {
            number: row.number,
            title: row.title,
            deleted: row.deleted,
            attempt: row.attempt,
            sentence: row.sentence,
            ended_at: row.ended_at,
            counted: MicroUsd::from_micros(row.counted),
        });
        Ok(runs.collect())
    }
}

fn dated(span: &Span, number: &str) -> Result<String> {
    let number: usize = number.parse().map_err(Error::internal)?;
    let day = number.checked_sub(1).and_then(|at| span.days().get(at));
    day.map(|day| day.0.to_string()).ok_or_else(|| Error::internal("a run outside of the days that were asked for"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_what_ended() {
        let outcome = Outcome { ended: 8, merged: 6, reworked: 3, ..Outcome::default() };
        assert_eq!((outcome.success(), outcome.rework()), (Some(750), Some(375)));
        assert_eq!(Outcome::default().success(), None);
    }

    #[test]
    fn every_failure_of_a_run_is_a_known_cause() {
        for cause in Cause::ALL.iter().filter(|cause| **cause != Cause::Stopped) {
            let failure: Result<crate::runs::Failure, _> = serde_json::from_value(cause.as_str().into());
            let failure = failure.unwrap();
            assert_eq!(serde_json::to_value(failure).unwrap(), cause.as_str());
        }
    }
}
