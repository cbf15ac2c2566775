//! What people see of runs.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{AgentRole, ApprovalId, ArtifactId, MicroUsd, RunId, StepId, TaskId, TeamId};

use super::{
    hold_up::HeldUp,
    machine::{Gate, Stage},
};
use crate::{Can, Error, Orchestrator, Result, Scope, grants::ReadTasks};

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Queued,
    Running,
    /// For a person.
    Waiting,
    Completed,
    Failed,
    Cancelled,
}

impl RunState {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "QUEUED" => Self::Queued,
            "RUNNING" => Self::Running,
            "WAITING" => Self::Waiting,
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            "CANCELLED" => Self::Cancelled,
            _ => return None,
        })
    }

    #[must_use]
    pub const fn alive(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Waiting)
    }
}

/// A run with everything its page shows but the journal and the change.
#[derive(Clone, Debug)]
pub struct RunView {
    pub id: RunId,
    pub attempt: i32,
    pub state: RunState,
    pub stage: Stage,
    pub squad: String,
    pub started_by: String,
    pub branch: Option<String>,
    pub base: Option<String>,
    pub head: Option<String>,
    pub merge: Option<Merge>,
    /// Where it goes, or went: the default branch.
    pub into: String,
    /// Files that stood in the way of the last merge.
    pub conflicts: Vec<String>,
    /// Whether an attempt at the task has left something to go on from.
    pub resumable: bool,
    /// Why it failed, and what can be done.
    pub failure: Option<(String, String)>,
    pub stop_reason: Option<String>,
    pub cost: MicroUsd,
    /// Whether a call's price was not known, so that the cost is more than what is shown.
    pub cost_incomplete: bool,
    pub tokens: i64,
    /// The providers whose models answered so far.
    pub providers: Vec<String>,
    pub created_at: OffsetDateTime,
    pub started_at: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
    /// The journal's last number.
    pub last_event: i64,
    pub outline: Vec<agents::PlanItem>,
    pub waits_for: Option<Waiting>,
    /// What it waits for when that is no person.
    pub held_up: Option<HeldUp>,
    pub steps: Vec<StepView>,
    pub checks: Vec<Check>,
    pub remarks: Vec<Remark>,
    pub artifacts: Vec<Artifact>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    pub commit: String,
    /// Who approved it; `None` where the squad needs nobody for it.
    pub approved_by: Option<String>,
    /// The commit that took it back, and who did.
    pub reverted: Option<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct Waiting {
    pub approval: ApprovalId,
    pub gate: Gate,
    pub question: Option<String>,
    pub options: Vec<String>,
    pub since: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct StepView {
    pub id: StepId,
    /// `prepare`, `plan`, `implement`, `fix`, `verify` …
    pub kind: String,
    pub role: Option<AgentRole>,
    pub agent: Option<String>,
    /// `RUNNING`, `DONE` or `FAILED`.
    pub state: String,
    pub summary: String,
    pub cost: MicroUsd,
    pub tokens: i64,
    pub started_at: OffsetDateTime,
    pub ended_at: Option<OffsetDateTime>,
}

/// A command of the project, as it came out last.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: String,
    pub command: String,
    pub passed: bool,
    pub outcome: String,
    pub duration_ms: i64,
}

#[derive(Clone, Debug)]
pub struct Remark {
    pub author: String,
    pub path: String,
    pub line: Option<i32>,
    pub text: String,
    pub at: OffsetDateTime,
}

#[derive(Clone, Debug)]
pub struct Artifact {
    pub id: ArtifactId,
    pub name: String,
    /// `log`, `report`, `patch` or `file`.
    pub kind: String,
    pub size: i64,
    pub at: OffsetDateTime,
}

/// A run in a list.
#[derive(Clone, Debug)]
pub struct RunLine {
    pub id: RunId,
    pub task: TaskId,
    pub task_number: i32,
    pub title: String,
    pub project: String,
    pub squad: String,
    pub attempt: i32,
    pub state: RunState,
    pub stage: Stage,
    pub gate: Option<Gate>,
    /// What it waits for.
    pub approval: Option<ApprovalId>,
    /// Of a failed run.
    pub sentence: Option<String>,
    /// Why it waits when that is for no person.
    pub held_up: Option<String>,
    /// What it does now: the last step's kind and agent.
    pub doing: Option<String>,
    pub agent: Option<String>,
    /// Lines of the change, as it was delivered last.
    pub additions: i64,
    pub deletions: i64,
    /// Whether its merge was taken back.
    pub reverted: bool,
    pub cost: MicroUsd,
    pub tokens: i64,
    pub created_at: OffsetDateTime,
    pub started_at: Option<OffsetDateTime>,
    pub ended_at: Option<OffsetDateTime>,
    pub last_event: i64,
}

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
        outline: serde_json::from_value(row.outline).map_err(Error::internal)?,
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
