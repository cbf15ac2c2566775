//! The rows of the books, written many at a time.

use std::collections::HashMap;

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{
    AgentId, BudgetAlertId, BudgetId, LedgerEntryId, ProjectId, ReservationId, RunId, SquadId, StepId, TaskId, TeamId,
    UsageId,
};
use uuid::Uuid;

use super::{
    book::Measure,
    calls::{NewCall, Used},
    tree::{DEAREST, Leg},
};
use crate::Result;

#[derive(Clone, Debug)]
pub(crate) struct ReservationRow {
    pub(crate) id: ReservationId,
    pub(crate) key: String,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) squad_id: Option<SquadId>,
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) task_id: Option<TaskId>,
    pub(crate) run_id: Option<RunId>,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) micro_usd: i64,
    pub(crate) tokens: i64,
    pub(crate) priced: bool,
    pub(crate) budgets: Vec<BudgetId>,
    pub(crate) buckets: Vec<String>,
    pub(crate) held_at: OffsetDateTime,
}

impl ReservationRow {
    pub(crate) fn new(id: ReservationId, call: &NewCall, micros: i64, legs: &[Leg], held_at: OffsetDateTime) -> Self {
        Self {
            id,
            key: call.key.clone(),
            project_id: call.spender.project,
            squad_id: call.spender.squad,
            agent_id: call.spender.agent,
            task_id: call.spender.task,
            run_id: call.spender.run,
            provider: call.provider.clone(),
            model: call.model.clone(),
            micro_usd: micros,
            tokens: call.tokens,
            priced: call.worst.is_some(),
            budgets: legs.iter().map(|leg| leg.budget).collect(),
            buckets: legs.iter().map(|leg| leg.bucket.clone()).collect(),
            held_at,
        }
    }

    pub(crate) fn legs(&self) -> impl Iterator<Item = Leg> {
        self.budgets.iter().zip(&self.buckets).map(|(&budget, bucket)| Leg { budget, bucket: bucket.clone() })
    }

    /// The ledger's row of the call that was held here.
    pub(crate) fn used(&self, used: &Used, counted: i64) -> UsageRow {
        let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        let usage = used.usage.bounded();
        UsageRow {
            id: UsageId::new(),
            run_id: self.run_id,
            task_id: self.task_id,
            project_id: self.project_id,
            squad_id: self.squad_id,
            step_id: used.step,
            agent_id: self.agent_id,
            key: if used.failed { format!("{} failed {}", self.key, self.id) } else { self.key.clone() },
            provider: self.provider.clone(),
            model: used.model.clone(),
            uncached: count(usage.uncached),
            cache_read: count(usage.cache_read),
            cache_write: count(usage.cache_write),
            output: count(usage.output),
            reasoning: count(usage.reasoning),
            cost_micro_usd: used.cost.map(|cost| cost.min(DEAREST).micros()),
            price_source: used.source.clone(),
            duration_ms: i64::try_from(used.duration.as_millis()).unwrap_or(i64::MAX),
            reservation_id: self.id,
            counted_micro_usd: counted,
            estimated: used.estimated,
        }
    }

    /// The ledger's row of a call nobody knows the end of: its worst case.
    pub(crate) fn lost(&self, at: OffsetDateTime) -> UsageRow {
        UsageRow {
            key: format!("{} lost {}", self.key, self.id),
            step_id: None,
            model: self.model.clone(),
            uncached: self.tokens,
            cache_read: 0,
            cache_write: 0,
            output: 0,
            reasoning: 0,
            cost_micro_usd: self.priced.then_some(self.micro_usd),
            price_source: "assumed: no answer came back".to_owned(),
            duration_ms: i64::try_from((at - self.held_at).whole_milliseconds()).unwrap_or(i64::MAX),
            counted_micro_usd: self.micro_usd,
            estimated: true,
            id: UsageId::new(),
            run_id: self.run_id,
            task_id: self.task_id,
            project_id: self.project_id,
            squad_id: self.squad_id,
            agent_id: self.agent_id,
            provider: self.provider.clone(),
            reservation_id: self.id,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct UsageRow {
    pub(crate) id: UsageId,
    pub(crate) run_id: Option<RunId>,
    pub(crate) task_id: Option<TaskId>,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) squad_id: Option<SquadId>,
    pub(crate) step_id: Option<StepId>,
    pub(crate) agent_id: Option<AgentId>,
    pub(crate) key: String,
    pub(crate) provider: String,
    pub(crate) model: String,
    pub(crate) uncached: i64,
    pub(crate) cache_read: i64,
    pub(crate) cache_write: i64,
    pub(crate) output: i64,
    pub(crate) reasoning: i64,
    pub(crate) cost_micro_usd: Option<i64>,
    pub(crate) price_source: String,
    pub(crate) duration_ms: i64,
    pub(crate) reservation_id: ReservationId,
    pub(crate) counted_micro_usd: i64,
    pub(crate) estimated: bool,
}

impl UsageRow {
    pub(crate) const fn tokens(&self) -> i64 {
        let read = self.uncached.saturating_add(self.cache_read).saturating_add(self.cache_write);
        read.saturating_add(self.output).saturating_add(self.reasoning)
    }
}

#[derive(Debug)]
pub(crate) struct EntryRow {
    pub(crate) id: LedgerEntryId,
    pub(crate) reservation_id: ReservationId,
    pub(crate) debit: &'static str,
    pub(crate) credit: &'static str,
    pub(crate) micro_usd: i64,
}

/// A limit that came near, or was reached.
#[derive(Clone, Debug)]
pub(crate) struct AlertRow {
    pub(crate) team: TeamId,
    pub(crate) id: BudgetAlertId,
    pub(crate) leg: Leg,
    pub(crate) stood: Stood,
    pub(crate) at: OffsetDateTime,
}

/// How a limit stood when people were told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stood {
    pub(crate) measure: Measure,
    /// Per cent; [`REACHED`](super::till::REACHED) is a refused call.
    pub(crate) step: i16,
    /// In the measure's unit, as `most` is.
    pub(crate) spent: i64,
    pub(crate) most: i64,
}

impl AlertRow {
    pub(crate) fn new(team: TeamId, leg: &Leg, stood: Stood, at: OffsetDateTime) -> Self {
        Self { team, id: BudgetAlertId::new(), leg: leg.clone(), stood, at }
    }
}

/// The reservations that are still open, of those that are named.
pub(crate) async fn held(
    connection: &mut PgConnection,
    team: TeamId,
    ids: &[ReservationId],
) -> Result<HashMap<ReservationId, ReservationRow>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
    let rows = sqlx::query_as!(
        ReservationRow,
        r#"SELECT id AS "id: ReservationId", key, project_id AS "project_id: ProjectId",
                  squad_id AS "squad_id: SquadId", agent_id AS "agent_id: AgentId", task_id AS "task_id: TaskId",
                  run_id AS "run_id: RunId", provider, model, micro_usd, tokens, priced, budgets AS "budgets: Vec<BudgetId>", buckets, held_at
           FROM reservations WHERE team_id = $1 AND id = ANY($2) AND state = 'HELD'"#,
        team as TeamId,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}
