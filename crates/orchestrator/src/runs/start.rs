use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use types::{AgentRole, ProjectId, RunId, SquadId, TaskId, TaskState, TeamId, UserId};

use super::{
    journal::{self, Line, RunEvent},
    machine::{self, Policy},
};
use crate::{
    Can, Error, Orchestrator, Result, Scope,
    audit::{self, Happening},
    error::OnConstraint,
    grants::ExecuteRuns,
    squads::SquadPlan,
};

/// The channel on which runs that may begin are told of.
pub(crate) const QUEUED: &str = "muster_queue";

/// The squad as it was when the run began, in the engine's words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) squad: SquadPlan,
    pub(crate) policy: Policy,
}

impl Plan {
    fn of(squad: SquadPlan) -> Self {
        // An agent whose role no stage names takes no part.
        let takes_part = |role: &AgentRole| squad.stages.iter().any(|stage| stage.roles.contains(role));
        let policy = Policy {
            roles: squad.agents.iter().map(|agent| agent.role).filter(takes_part).collect(),
            approve_plan: squad.gates.plan,
            approve_merge: squad.gates.merge,
            max_fixes: squad.bounds.max_iterations.try_into().unwrap_or(0),
            max_reworks: squad.bounds.max_reworks.try_into().unwrap_or(0),
        };
        Self { squad, policy }
    }
}

/// Where a run begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartFrom {
    /// The project's default branch, as it is now.
    #[default]
    Branch,
    /// What the last attempt left, on the commit it started from. Its plan is kept; the squad goes on writing.
    Snapshot,
}

/// The attempt that a run goes on from.
struct Before {
    run: RunId,
    attempt: i32,
    outline: serde_json::Value,
}

impl Orchestrator {
    /// Lets a squad work on a task: the one that is named, the one the task is assigned to, the one that worked on it last, or
    /// the team's oldest.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign task or squad, [`Error::Refused`] when a run is alive already, the task has ended,
    /// or there is no squad with a coder.
    pub async fn start_run(&self, scope: &Can<ExecuteRuns>, task: TaskId, squad: Option<SquadId>) -> Result<RunId> {
        self.start_run_from(scope, task, squad, StartFrom::Branch).await
    }

    /// As [`start_run`](Self::start_run), from the default branch or from where the last attempt came to.
    ///
    /// # Errors
    /// As for [`start_run`](Self::start_run); [`Error::Refused`] when no attempt has left anything to go on from.
    pub async fn start_run_from(
        &self,
        scope: &Can<ExecuteRuns>,
        task: TaskId,
        squad: Option<SquadId>,
        from: StartFrom,
    ) -> Result<RunId> {
        let squad = match squad {
            Some(squad) => squad,
            None => self.squad_for(scope, task).await?,
        };
        let plan = Plan::of(self.squad_plan(&scope.can()?, squad).await?);
        if !plan.policy.roles.contains(&AgentRole::Coder) {
            return Err(Error::Refused(format!("{} has no coder. Add one, or choose another squad.", plan.squad.name)));
        }
        let mut tx = self.db().team(scope).await?;
        let row = sqlx::query!(
            r#"SELECT project_id AS "project: ProjectId", state FROM tasks
               WHERE team_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE"#,
            scope.team() as TeamId,
            task as TaskId,
        )
        .fetch_one(&mut *tx)
        .await?;
        if matches!(TaskState::parse(&row.state), Some(TaskState::Completed)) {
            return Err(Error::Refused("This task is completed. Reopen it to run it again.".into()));
        }
        let before = match from {
            StartFrom::Branch => None,
            StartFrom::Snapshot => Some(before(&mut tx, scope, task).await?),
        };
        let run = self.insert_run(&mut tx, scope, (task, row.project), &plan, before).await?;
        tx.commit().await?;
        Ok(run)
    }

    /// The squad that would work on a task if nobody names one.
    pub(crate) async fn squad_for(&self, scope: &Scope, task: TaskId) -> Result<SquadId> {
        let mut tx = self.db().team(scope).await?;
        let squad = sqlx::query_scalar!(
            r#"SELECT coalesce(
                   t.assignee_squad,
                   (SELECT r.squad_id FROM runs r JOIN squads s ON s.team_id = r.team_id AND s.id = r.squad_id
                    WHERE r.team_id = $1 AND r.task_id = $2 AND s.archived_at IS NULL ORDER BY r.attempt DESC LIMIT 1),
                   (SELECT id FROM squads WHERE team_id = $1 AND archived_at IS NULL ORDER BY created_at, id LIMIT 1))
                   AS "squad: SquadId"
               FROM tasks t WHERE t.team_id = $1 AND t.id = $2 AND t.deleted_at IS NULL"#,
            scope.team() as TeamId,
            task as TaskId,
        )
        .fetch_one(&mut *tx)
        .await?;
        squad.ok_or_else(|| Error::Refused("The team has no squad yet. Muster one first.".into()))
    }

    async fn insert_run(
        &self,
        connection: &mut PgConnection,
        scope: &Scope,
        (task, project): (TaskId, ProjectId),
        plan: &Plan,
        before: Option<Before>,
    ) -> Result<RunId> {
        let (run, now) = (RunId::new(), self.clock().now());
        let position = if before.is_some() { machine::go_on() } else { machine::begin() };
        let outline = before.as_ref().map_or_else(|| serde_json::json!([]), |before| before.outline.clone());
        let attempt = sqlx::query_scalar!(
            r#"INSERT INTO runs (team_id, id, task_id, project_id, squad_id, attempt, state, stage, plan, position, started_by, created_at,
                                 resumes, outline)
               SELECT $1, $2, $3, $4, $5, 1 + coalesce((SELECT max(attempt) FROM runs WHERE team_id = $1 AND task_id = $3), 0),
                      'QUEUED', 'prepare', $6, $7, $8, $9, $10, $11
               RETURNING attempt"#,
            scope.team() as TeamId,
            run as RunId,
            task as TaskId,
            project as ProjectId,
            plan.squad.squad as SquadId,
            serde_json::to_value(plan).map_err(Error::internal)?,
            serde_json::to_value(position).map_err(Error::internal)?,
            scope.user()? as UserId,
            now,
            before.as_ref().map(|before| before.run) as Option<RunId>,
            outline,
        )
        .fetch_one(&mut *connection)
        .await
        .on_constraint("runs_one_alive", || Error::Refused("A run of this task is going on already.".into()))?;
        journal::move_task(connection, scope, task, TaskState::InProgress, now).await?;
        let by = name_of(connection, scope).await?;
        let started = RunEvent::Started { by, squad: plan.squad.name.clone(), attempt };
        let mut lines = vec![Line::of_run("started", started)];
        if let Some(before) = &before {
            let text = format!("Goes on from the last snapshot of run {}.", before.attempt);
            lines.push(Line::of_run("resumes", RunEvent::Note { text }));
        }
        journal::tell(connection, scope, run, now, lines).await?;
        let what = Happening {
            action: "run.started",
            target_kind: "run",
            target_id: run.to_string(),
            details: serde_json::json!({ "task": task, "squad": plan.squad.name, "attempt": attempt,
                "resumes": before.map(|before| before.run) }),
        };
        audit::append(connection, scope, now, what).await?;
        wake(connection).await?;
        Ok(run)
    }

    /// Ends a run at once, whatever it does. What was written stays in its snapshots.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a reason, [`Error::Refused`] when the run has ended.
    pub async fn stop_run(&self, scope: &Can<ExecuteRuns>, run: RunId, reason: &str) -> Result<()> {
        let reason = reason.trim();
        match reason.chars().count() {
            0 => return Err(Error::field("reason", "Say why, for whoever reads it later.")),
            501.. => return Err(Error::field("reason", "Use at most 500 characters.")),
            _ => {}
        }
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let stopped = sqlx::query_scalar!(
            r#"UPDATE runs SET state = 'CANCELLED', stop_reason = $3, ended_at = $4, handed_over = true
               WHERE team_id = $1 AND id = $2 AND state IN ('QUEUED', 'RUNNING', 'WAITING')
               RETURNING task_id AS "task: TaskId""#,
            scope.team() as TeamId,
            run as RunId,
            reason,
            now,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(task) = stopped else {
            exists(&mut tx, scope, run).await?;
            return Err(Error::Refused("This run has ended already.".into()));
        };
        withdraw(&mut tx, scope, run, now).await?;
        super::open::close_steps(&mut tx, scope, run, now).await?;
        journal::move_task(&mut tx, scope, task, TaskState::Cancelled, now).await?;
        let by = name_of(&mut tx, scope).await?;
        let event = RunEvent::Stopped { by, reason: reason.to_owned() };
        journal::tell(&mut tx, scope, run, now, vec![Line::of_run("stopped", event)]).await?;
        let what = Happening {
            action: "run.stopped",
            target_kind: "run",
            target_id: run.to_string(),
            details: serde_json::json!({ "reason": reason }),
        };
        audit::append(&mut tx, scope, now, what).await?;
        wake(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// The newest attempt that left more than it began with.
async fn before(connection: &mut PgConnection, scope: &Scope, task: TaskId) -> Result<Before> {
    let before = sqlx::query_as!(
        Before,
        r#"SELECT id AS "run: RunId", attempt, outline FROM runs
           WHERE team_id = $1 AND task_id = $2 AND head_oid <> base_oid ORDER BY attempt DESC LIMIT 1"#,
        scope.team() as TeamId,
        task as TaskId,
    )
    .fetch_optional(connection)
    .await?;
    before.ok_or_else(|| {
        Error::Refused("No attempt has left anything to go on from. Start from the default branch.".into())
    })
}

/// Whether a run of the task is going on. Whoever asks has locked the task, so that none begins meanwhile.
pub(crate) async fn alive(connection: &mut PgConnection, scope: &Scope, task: TaskId) -> Result<bool> {
    let alive = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM runs WHERE team_id = $1 AND task_id = $2 AND state IN ('QUEUED', 'RUNNING', 'WAITING')) AS "alive!""#,
        scope.team() as TeamId,
        task as TaskId,
    )
    .fetch_one(connection)
    .await?;
    Ok(alive)
}

/// Tells the engines, once the transaction commits, that a run may begin, go on, or must end.
pub(crate) async fn wake(connection: &mut PgConnection) -> Result<()> {
    sqlx::query_scalar!("SELECT pg_notify($1, '')::text", QUEUED).fetch_one(connection).await?;
    Ok(())
}

pub(super) async fn exists(connection: &mut PgConnection, scope: &Scope, run: RunId) -> Result<()> {
    sqlx::query!("SELECT id FROM runs WHERE team_id = $1 AND id = $2", scope.team() as TeamId, run as RunId)
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Closes the question a run waits on, because the run no longer waits.
async fn withdraw(connection: &mut PgConnection, scope: &Scope, run: RunId, now: time::OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "UPDATE approvals SET state = 'WITHDRAWN', decided_at = $3 WHERE team_id = $1 AND run_id = $2 AND state = 'OPEN'",
        scope.team() as TeamId,
        run as RunId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The acting person's name, or Muster's own.
pub(super) async fn name_of(connection: &mut PgConnection, scope: &Scope) -> Result<String> {
    let Ok(user) = scope.user() else { return Ok("Muster".into()) };
    Ok(sqlx::query_scalar!("SELECT name FROM users WHERE id = $1", user as UserId).fetch_one(connection).await?)
}
