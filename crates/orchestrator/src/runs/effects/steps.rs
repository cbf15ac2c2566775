//! The rows of steps that people see.

use types::{AgentId, AgentRole, RunId, StepId, TeamId};

use crate::runs::{
    job::Job,
    journal::{self, Line},
    shop::Shop,
    workflow::{Stumble, Stumbled},
};

/// Who does a step.
pub(super) struct Doer<'a> {
    pub(super) role: AgentRole,
    pub(super) agent: AgentId,
    pub(super) name: &'a str,
}

impl Shop {
    /// Begins a step, or finds it begun.
    pub(super) async fn begin_step(
        &self,
        job: &Job,
        kind: &str,
        doer: Option<Doer<'_>>,
        lines: Vec<Line>,
    ) -> Stumbled<StepId> {
        let (scope, now) = (job.scope(), self.muster.clock().now());
        let mut tx = self.begin(job).await?;
        let alive = sqlx::query!(
            "SELECT id FROM runs WHERE team_id = $1 AND id = $2 AND segment = $3 AND state = 'RUNNING'",
            job.team() as TeamId,
            job.run() as RunId,
            job.segment.number,
        )
        .fetch_optional(&mut *tx)
        .await?;
        if alive.is_none() {
            return Err(Stumble::Gone);
        }
        let step = sqlx::query_scalar!(
            r#"INSERT INTO run_steps (team_id, run_id, id, key, ordinal, kind, role, agent_id, agent_name, state, started_at)
               SELECT $1, $2, $3, $4, 1 + count(*)::integer, $5, $6, $7, $8, 'RUNNING', $9
               FROM run_steps WHERE team_id = $1 AND run_id = $2
               ON CONFLICT (team_id, run_id, key) DO UPDATE SET key = excluded.key RETURNING id AS "id: StepId""#,
            job.team() as TeamId,
            job.run() as RunId,
            StepId::new() as StepId,
            job.key(kind),
            kind,
            doer.as_ref().map(|doer| doer.role.as_str()),
            doer.as_ref().map(|doer| doer.agent) as Option<AgentId>,
            doer.as_ref().map(|doer| doer.name),
            now,
        )
        .fetch_one(&mut *tx)
        .await?;
        let lines = lines.into_iter().map(|line| Line { step: Some(step), ..line }).collect();
        journal::tell(&mut tx, &scope, job.run(), now, lines).await?;
        journal::announce(&mut tx, job.team(), job.run()).await?;
        tx.commit().await?;
        Ok(step)
    }

    /// Ends a step with what came of it, and tells the lines.
    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    pub(super) async fn end_step(
        &self,
        job: &Job,
        step: StepId,
        done: bool,
        summary: &str,
        snapshot: Option<&str>,
        lines: Vec<Line>,
    ) -> Stumbled<()> {
        let (scope, now) = (job.scope(), self.muster.clock().now());
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "UPDATE run_steps SET state = $3, summary = $4, snapshot_oid = coalesce($5, snapshot_oid), ended_at = $6
             WHERE team_id = $1 AND id = $2 AND state = 'RUNNING'",
            job.team() as TeamId,
            step as StepId,
            if done { "DONE" } else { "FAILED" },
            summary,
            snapshot,
            now,
        )
        .execute(&mut *tx)
        .await?;
        journal::tell(&mut tx, &scope, job.run(), now, lines).await?;
        journal::announce(&mut tx, job.team(), job.run()).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes lines into the run's journal.
    pub(super) async fn tell(&self, job: &Job, lines: Vec<Line>) -> Stumbled<()> {
        let (scope, now) = (job.scope(), self.muster.clock().now());
        let mut tx = self.begin(job).await?;
        journal::tell(&mut tx, &scope, job.run(), now, lines).await?;
        tx.commit().await?;
        Ok(())
    }
}
