#![allow(clippy::disallowed_methods, reason = "rows as the engine leaves them")]

use types::{RunId, SquadId, StepId, TaskId, TeamId};

use super::World;

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Merged, and not failed.
    pub merged: bool,
    /// Its work was sent back once.
    pub reworked: bool,
}

impl World {
    /// A run of a task as the engine leaves it in the rows, ended now.
    ///
    /// # Panics
    /// When the rows cannot be written.
    pub async fn ended_run(&self, team: TeamId, (task, squad): (TaskId, SquadId), ended: Ended) -> RunId {
        let (run, now, mut admin) = (RunId::new(), self.clock.now(), self.superuser().await);
        let (state, oid) = if ended.merged { ("COMPLETED", Some("abc")) } else { ("FAILED", None) };
        sqlx::query(
            "INSERT INTO runs (team_id, id, task_id, project_id, squad_id, attempt, state, stage, plan, position, merge_oid,
                               started_by, created_at, started_at, ended_at)
             SELECT $1, $2, $3, t.project_id, $4, 1 + (SELECT count(*) FROM runs r WHERE r.team_id = $1 AND r.task_id = $3), $5,
                    'merge', '{}', '{}', $6, t.created_by, $7, $7, $7
             FROM tasks t WHERE t.team_id = $1 AND t.id = $3",
        )
        .bind(team.uuid())
        .bind(run.uuid())
        .bind(task.uuid())
        .bind(squad.uuid())
        .bind(state)
        .bind(oid)
        .bind(now)
        .execute(&mut admin)
        .await
        .expect("a run");
        if ended.reworked {
            sqlx::query(
                "INSERT INTO run_steps (team_id, run_id, id, key, ordinal, kind, state, started_at)
                 VALUES ($1, $2, $3, 'again', 1, 'rework', 'DONE', $4)",
            )
            .bind(team.uuid())
            .bind(run.uuid())
            .bind(StepId::new().uuid())
            .bind(now)
            .execute(&mut admin)
            .await
            .expect("a step");
        }
        run
    }
}
