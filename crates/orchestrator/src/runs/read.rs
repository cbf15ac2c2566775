//! Reads what people see of runs.

use sqlx::PgConnection;
use types::{AgentRole, ApprovalId, ArtifactId, MicroUsd, RunId, StepId, TaskId, TeamId};

use super::{
    machine::{Gate, Stage},
    view::{Artifact, Check, Merge, Remark, RunLine, RunState, RunView, StepView, Waiting},
};
use crate::{Can, Error, Orchestrator, Result, Scope, grants::ReadTasks};

impl Orchestrator {
    /// The newest run of a task; `None` before the first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn run_of_task(&self, scope: &Can<ReadTasks>, task: TaskId) -> Result<Option<RunView>> {
        let mut tx = self.db().team(scope).await?;
        let newest = sqlx::query_scalar!(
            r#"SELECT id AS "id: RunId" FROM runs WHERE team_id = $1 AND task_id = $2 ORDER BY attempt DESC LIMIT 1"#,
            scope.team() as TeamId,
            task as TaskId,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(run) = newest else { return Ok(None) };
        let view = view(&mut tx, scope, run).await?;
        tx.commit().await?;
        Ok(Some(view))
    }

    /// One run.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign run.
    pub async fn run(&self, scope: &Can<ReadTasks>, run: RunId) -> Result<RunView> {
        let mut tx = self.db().team(scope).await?;
        let view = view(&mut tx, scope, run).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// The team's runs, newest first: of a task, or of all.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn runs(&self, scope: &Can<ReadTasks>, task: Option<TaskId>, limit: i64) -> Result<Vec<RunLine>> {
        let mut tx = self.db().team(scope).await?;
        let runs = list(&mut tx, scope, task, limit).await?;
        tx.commit().await?;
        Ok(runs)
    }
}

/// How many of the newest runs wait for a person: to decide, or because they failed and nobody tried again. Bounded, as every
/// page asks.
pub(crate) async fn count_waiting(connection: &mut PgConnection, scope: &Can<ReadTasks>, among: i64) -> Result<u32> {
    // Ids are ordered by time, so that the primary key gives the newest.
    let waiting = sqlx::query_scalar!(
        r#"SELECT count(*) AS "waiting!"
           FROM (SELECT state, row_number() OVER (PARTITION BY task_id ORDER BY id DESC) AS place
                 FROM (SELECT r.id, r.task_id, r.state
                       FROM runs r JOIN tasks t ON t.team_id = r.team_id AND t.id = r.task_id
                       WHERE r.team_id = $1 AND t.deleted_at IS NULL
                       ORDER BY r.id DESC LIMIT $2) newest) of_task
           WHERE state = 'WAITING' OR (state = 'FAILED' AND place = 1)"#,
        scope.team() as TeamId,
        among,
    )
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(waiting).unwrap_or(u32::MAX))
}

pub(crate) async fn list(
    connection: &mut PgConnection,
    scope: &Can<ReadTasks>,
    task: Option<TaskId>,
    limit: i64,
) -> Result<Vec<RunLine>> {
    let rows = sqlx::query_file!("src/runs/runs.sql", scope.team() as TeamId, task as Option<TaskId>, limit)
        .fetch_all(connection)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(RunLine {
                id: row.id,
                task: row.task,
                task_number: row.number,
                title: row.title,
                project: row.project,
                squad: row.squad,
                attempt: row.attempt,
                state: state(&row.state)?,
                stage: stage(&row.stage)?,
                gate: row.gate.as_deref().and_then(Gate::parse),
                approval: row.approval,
                sentence: row.sentence,
                held_up: row.held_up,
                doing: row.doing,
                agent: row.agent,
                additions: row.additions,
                deletions: row.deletions,
                reverted: row.reverted,
                cost: MicroUsd::from_micros(row.cost),
                tokens: row.tokens,
                created_at: row.created_at,
                started_at: row.started_at,
                ended_at: row.ended_at,
                last_event: row.event_seq,
            })
        })
        .collect()
}

fn state(text: &str) -> Result<RunState> {
    RunState::parse(text).ok_or_else(|| Error::internal("a run in no known state"))
}

fn stage(text: &str) -> Result<Stage> {
    Stage::parse(text).ok_or_else(|| Error::internal("a run in no known stage"))
}

async fn view(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<RunView> {
    let row = sqlx::query_file!("src/runs/view.sql", scope.team() as TeamId, run as RunId).fetch_one(&mut *tx).await?;
    let failure = row.failure.map(|why| {
        let remedy = serde_json::from_value::<super::machine::Failure>(why["failure"].clone());
        (
            why["sentence"].as_str().unwrap_or_default().to_owned(),
            remedy.map(|failure| failure.remedy().to_owned()).unwrap_or_default(),
        )
    });
    Ok(RunView {
        id: run,
        attempt: row.attempt,
        state: state(&row.state)?,
        stage: stage(&row.stage)?,
        squad: row.squad,
        started_by: row.person,
        branch: row.branch,
        base: row.base_oid,
        head: row.head_oid,
        merge: row.merge_oid.map(|commit| Merge {
            commit,
            approved_by: row.approved_by,
            reverted: row.revert_oid.zip(row.reverted_by),
        }),
        into: row.into,
        conflicts: serde_json::from_value(row.conflicts).map_err(Error::internal)?,
        resumable: row.resumable,
        failure,
        stop_reason: row.stop_reason,
        cost: MicroUsd::from_micros(row.cost_micro_usd),
        cost_incomplete: row.incomplete,
        tokens: row.tokens,
        providers: row.providers,
        created_at: row.created_at,
        started_at: row.started_at,
        ended_at: row.ended_at,
        last_event: row.event_seq,
        outline: super::progress::outline(tx, scope, run, row.outline).await?,
        waits_for: waiting(tx, scope, run).await?,
        held_up: row.held_up.map(serde_json::from_value).transpose().map_err(Error::internal)?,
        steps: steps(tx, scope, run).await?,
        checks: checks(tx, scope, run).await?,
        remarks: remarks(tx, scope, run).await?,
        artifacts: artifacts(tx, scope, run).await?,
    })
}

async fn waiting(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<Option<Waiting>> {
    let row = sqlx::query!(
        r#"SELECT id AS "id: ApprovalId", gate, question, asked_at FROM approvals
           WHERE team_id = $1 AND run_id = $2 AND state = 'OPEN'"#,
        scope.team() as TeamId,
        run as RunId,
    )
    .fetch_optional(tx)
    .await?;
    row.map(|row| {
        Ok(Waiting {
            approval: row.id,
            gate: Gate::parse(&row.gate).ok_or_else(|| Error::internal("an approval of no known gate"))?,
            question: row.question["question"].as_str().map(str::to_owned),
            options: serde_json::from_value(row.question["options"].clone()).unwrap_or_default(),
            since: row.asked_at,
        })
    })
    .transpose()
}

async fn steps(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<Vec<StepView>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: StepId", kind, role, agent_name, state, summary, cost_micro_usd, tokens, started_at, ended_at
           FROM run_steps WHERE team_id = $1 AND run_id = $2 ORDER BY ordinal, started_at"#,
        scope.team() as TeamId,
        run as RunId,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| StepView {
            id: row.id,
            kind: row.kind,
            role: row.role.as_deref().and_then(AgentRole::parse),
            agent: row.agent_name,
            state: row.state,
            summary: row.summary,
            cost: MicroUsd::from_micros(row.cost_micro_usd),
            tokens: row.tokens,
            started_at: row.started_at,
            ended_at: row.ended_at,
        })
        .collect())
}

/// The checks of the last verification, whose key is the segment and what the run had passed in it.
async fn checks(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<Vec<Check>> {
    Ok(sqlx::query_as!(
        Check,
        "SELECT name, command, passed, outcome, duration_ms FROM run_checks WHERE team_id = $1 AND run_id = $2
         AND key = (SELECT key FROM run_checks WHERE team_id = $1 AND run_id = $2
                    ORDER BY string_to_array(key, '.')::int[] DESC LIMIT 1) ORDER BY at",
        scope.team() as TeamId,
        run as RunId,
    )
    .fetch_all(tx)
    .await?)
}

async fn remarks(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<Vec<Remark>> {
    Ok(sqlx::query_as!(
        Remark,
        "SELECT author, path, line, body AS text, at FROM review_comments WHERE team_id = $1 AND run_id = $2 ORDER BY at, key",
        scope.team() as TeamId,
        run as RunId,
    )
    .fetch_all(tx)
    .await?)
}

async fn artifacts(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<Vec<Artifact>> {
    Ok(sqlx::query_as!(
        Artifact,
        r#"SELECT id AS "id: ArtifactId", name, kind, size, at FROM artifacts WHERE team_id = $1 AND run_id = $2 ORDER BY at, id"#,
        scope.team() as TeamId,
        run as RunId,
    )
    .fetch_all(tx)
    .await?)
}
