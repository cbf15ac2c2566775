//! What a till writes: the calls it holds back in one statement, those it ends in another.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{AgentId, ProjectId, ReservationId, RunId, SquadId, StepId, TaskId, TeamId};
use uuid::Uuid;

use super::{
    book::Counter,
    rows::{EntryRow, ReservationRow, UsageRow},
    till::LEASE,
    tree::Leg,
};
use crate::Result;

fn column<R, T>(rows: &[R], of: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// An array of Postgres as its text. Ids and names of buckets hold nothing that would need a quote.
fn array_text<T: ToString>(items: &[T]) -> String {
    format!("{{{}}}", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

/// Moves of the team's money: counters, and entries of the ledger.
pub(crate) struct Moves<'a> {
    pub(crate) team: TeamId,
    pub(crate) now: OffsetDateTime,
    /// Names the transaction.
    pub(crate) name: Uuid,
    pub(crate) counters: &'a [(Leg, Counter)],
    pub(crate) entries: &'a [EntryRow],
}

impl Moves<'_> {
    /// Writes them with the calls that are held back.
    pub(crate) async fn holding(&self, connection: &mut PgConnection, made: &[ReservationRow]) -> Result<()> {
        sqlx::query_file!(
            "src/budgets/write_holds.sql",
            self.team as TeamId,
            self.now,
            &column(self.counters, |(leg, _)| leg.budget.uuid()),
            &column(self.counters, |(leg, _)| leg.bucket.clone()),
            &column(self.counters, |(_, counter)| counter.spent),
            &column(self.counters, |(_, counter)| counter.reserved),
            &column(self.counters, |(_, counter)| counter.tokens_spent),
            &column(self.counters, |(_, counter)| counter.tokens_reserved),
            &column(self.counters, |(_, counter)| counter.warned),
            &column(self.entries, |entry| entry.id.uuid()),
            &column(self.entries, |entry| entry.reservation_id.uuid()),
            &column(self.entries, |entry| entry.debit.to_owned()),
            &column(self.entries, |entry| entry.credit.to_owned()),
            &column(self.entries, |entry| entry.micro_usd),
            self.now + LEASE,
            &column(made, |row| row.id.uuid()),
            &column(made, |row| row.key.clone()),
            &column(made, |row| row.project_id.map(ProjectId::uuid)) as &[Option<Uuid>],
            &column(made, |row| row.squad_id.map(SquadId::uuid)) as &[Option<Uuid>],
            &column(made, |row| row.agent_id.map(AgentId::uuid)) as &[Option<Uuid>],
            &column(made, |row| row.task_id.map(TaskId::uuid)) as &[Option<Uuid>],
            &column(made, |row| row.run_id.map(RunId::uuid)) as &[Option<Uuid>],
            &column(made, |row| row.provider.clone()),
            &column(made, |row| row.model.clone()),
            &column(made, |row| row.micro_usd),
            &column(made, |row| row.tokens),
            &column(made, |row| row.priced),
            &column(made, |row| array_text(&row.budgets)),
            &column(made, |row| array_text(&row.buckets)),
            self.name,
            &column(self.counters, |(_, counter)| counter.tokens_warned),
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Writes them with the calls that ended, and what those used.
    pub(crate) async fn ending(
        &self,
        connection: &mut PgConnection,
        ended: &[(ReservationId, &'static str)],
        usage: &[UsageRow],
    ) -> Result<()> {
        sqlx::query_file!(
            "src/budgets/write_endings.sql",
            self.team as TeamId,
            self.now,
            &column(self.counters, |(leg, _)| leg.budget.uuid()),
            &column(self.counters, |(leg, _)| leg.bucket.clone()),
            &column(self.counters, |(_, counter)| counter.spent),
            &column(self.counters, |(_, counter)| counter.reserved),
            &column(self.counters, |(_, counter)| counter.tokens_spent),
            &column(self.counters, |(_, counter)| counter.tokens_reserved),
            &column(self.counters, |(_, counter)| counter.warned),
            &column(self.entries, |entry| entry.id.uuid()),
            &column(self.entries, |entry| entry.reservation_id.uuid()),
            &column(self.entries, |entry| entry.debit.to_owned()),
            &column(self.entries, |entry| entry.credit.to_owned()),
            &column(self.entries, |entry| entry.micro_usd),
            &column(ended, |(id, _)| id.uuid()),
            &column(ended, |&(_, state)| state.to_owned()),
            &column(usage, |row| row.id.uuid()),
            &column(usage, |row| row.run_id.map(RunId::uuid)) as &[Option<Uuid>],
            &column(usage, |row| row.task_id.map(TaskId::uuid)) as &[Option<Uuid>],
            &column(usage, |row| row.project_id.map(ProjectId::uuid)) as &[Option<Uuid>],
            &column(usage, |row| row.squad_id.map(SquadId::uuid)) as &[Option<Uuid>],
            &column(usage, |row| row.step_id.map(StepId::uuid)) as &[Option<Uuid>],
            &column(usage, |row| row.agent_id.map(AgentId::uuid)) as &[Option<Uuid>],
            &column(usage, |row| row.key.clone()),
            &column(usage, |row| row.provider.clone()),
            &column(usage, |row| row.model.clone()),
            &column(usage, |row| row.uncached),
            &column(usage, |row| row.cache_read),
            &column(usage, |row| row.cache_write),
            &column(usage, |row| row.output),
            &column(usage, |row| row.reasoning),
            &column(usage, |row| row.cost_micro_usd) as &[Option<i64>],
            &column(usage, |row| row.price_source.clone()),
            &column(usage, |row| row.duration_ms),
            &column(usage, |row| row.reservation_id.uuid()),
            &column(usage, |row| row.counted_micro_usd),
            &column(usage, |row| row.estimated),
            self.name,
            &column(self.counters, |(_, counter)| counter.tokens_warned),
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
