use types::{MicroUsd, TeamId};

use super::{Filter, Span};
use crate::{Can, Error, Orchestrator, Result, grants::ReadBudgets};

/// Why a call left no change that stayed. A call counts once, at the first that fits in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waste {
    /// The call began after its run had ended.
    Idle,
    /// Its run failed.
    Failed,
    /// A person stopped its run.
    Stopped,
    /// Its run's merge was taken back.
    Reverted,
    /// Its process ended before the answer: it counts at its worst case.
    Lost,
    /// No whole answer came and the call was made again, or given up.
    Repeated,
    /// It was a try to mend failing checks, and the checks that followed failed again.
    Loop,
}

impl Waste {
    pub const ALL: &[Self] =
        &[Self::Failed, Self::Stopped, Self::Reverted, Self::Repeated, Self::Loop, Self::Lost, Self::Idle];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Reverted => "reverted",
            Self::Lost => "lost",
            Self::Repeated => "repeated",
            Self::Loop => "loop",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WasteRow {
    pub kind: Waste,
    pub calls: i64,
    pub runs: i64,
    pub counted: MicroUsd,
}

impl Orchestrator {
    /// What was spent in some days without a change that stayed: every kind, those without calls too.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn waste(&self, scope: &Can<ReadBudgets>, span: &Span, filter: &Filter) -> Result<Vec<WasteRow>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query_file!(
            "src/analytics/waste.sql",
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
        if rows.iter().any(|row| Waste::parse(&row.kind).is_none()) {
            return Err(Error::internal("waste of no known kind"));
        }
        let one = |kind: Waste| {
            let row = rows.iter().find(|row| row.kind == kind.as_str());
            WasteRow {
                kind,
                calls: row.map_or(0, |row| row.calls),
                runs: row.map_or(0, |row| row.runs),
                counted: MicroUsd::from_micros(row.map_or(0, |row| row.counted)),
            }
        };
        Ok(Waste::ALL.iter().map(|kind| one(*kind)).collect())
    }
}
