//! What happened in a run, told once and in order.

use agents::Event;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{AgentRole, ApprovalId, ProjectId, RunId, StepId, TaskId, TaskState, TeamId};

use super::machine::{Gate, Stage};
use crate::{
    Can, Error, Orchestrator, Result, Scope,
    grants::ReadTasks,
    work::history::{self, TaskChange},
};

/// The channel on which a run that has something new is named, as `team/run`; and a team of whose tasks one has changed.
pub(crate) const CHANNEL: &str = "muster_runs";

/// What stands in the journal: what an agent tells, or what the run itself does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Body {
    Run(RunEvent),
    Agent(Event),
}

/// What the run itself does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "run", rename_all = "snake_case")]
pub enum RunEvent {
    Started {
        by: String,
        squad: String,
        attempt: i32,
    },
    Stage {
        stage: Stage,
    },
    /// An agent's turn begins.
    Turn {
        role: AgentRole,
        purpose: String,
    },
    Check {
        name: String,
        command: String,
        passed: bool,
        outcome: String,
        duration_ms: i64,
        output: String,
    },
    /// The run waits for a person.
    Waiting {
        approval: ApprovalId,
        gate: Gate,
        question: Option<String>,
        options: Vec<String>,
    },
    Decided {
        gate: Gate,
        by: String,
        approved: bool,
        comment: String,
    },
    Remark {
        author: String,
        path: String,
        line: Option<u32>,
        text: String,
    },
    Delivered {
        branch: String,
        oid: String,
        files: u32,
        additions: u32,
        deletions: u32,
    },
    Merged {
        into: String,
        oid: String,
    },
    Conflicted {
        paths: Vec<String>,
    },
    Reverted {
        oid: String,
        by: String,
    },
    Stopped {
        by: String,
        reason: String,
    },
    Failed {
        sentence: String,
        remedy: String,
    },
    /// It waits, not for a person: a budget, a pause, a provider's limit.
    HeldUp {
        sentence: String,
        way_out: String,
    },
    /// What held it up is over.
    WentOn,
    Note {
        text: String,
    },
}

/// One entry of the journal.
#[derive(Clone, Debug)]
pub struct Entry {
    pub seq: i64,
    pub step: Option<StepId>,
    /// The agent's name, where an agent tells it.
    pub agent: Option<String>,
    pub body: Body,
    pub at: OffsetDateTime,
}

/// Something to be written down.
pub(crate) struct Line {
    /// Its stable name in the run.
    pub(crate) key: String,
    pub(crate) step: Option<StepId>,
    pub(crate) agent: Option<String>,
    pub(crate) body: Body,
}

impl Line {
    pub(crate) fn of_run(key: impl Into<String>, event: RunEvent) -> Self {
        Self { key: key.into(), step: None, agent: None, body: Body::Run(event) }
    }
}

/// Writes lines at the end of the run's journal; those that stand there already are left alone. The run's row is locked,
/// so that the numbers have no gap and become visible in order.
pub(crate) async fn tell(
    connection: &mut PgConnection,
    scope: &Scope,
    run: RunId,
    at: OffsetDateTime,
    lines: Vec<Line>,
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let team = scope.team();
    let mut seq = sqlx::query_scalar!(
        "SELECT event_seq FROM runs WHERE team_id = $1 AND id = $2 FOR UPDATE",
        team as TeamId,
        run as RunId
    )
    .fetch_one(&mut *connection)
    .await?;
    let began = seq;
    for line in lines {
        let body = serde_json::to_value(&line.body).map_err(Error::internal)?;
        let written = sqlx::query!(
            "INSERT INTO run_events (team_id, run_id, seq, key, step_id, agent, body, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (team_id, run_id, key) DO NOTHING",
            team as TeamId,
            run as RunId,
            seq + 1,
            line.key,
            line.step as Option<StepId>,
            line.agent,
            body,
            at,
        )
        .execute(&mut *connection)
        .await?;
        seq += i64::try_from(written.rows_affected()).unwrap_or(0);
    }
    if seq == began {
        return Ok(());
    }
    sqlx::query!("UPDATE runs SET event_seq = $3 WHERE team_id = $1 AND id = $2", team as TeamId, run as RunId, seq)
        .execute(&mut *connection)
        .await?;
    announce(connection, team, run).await
}

/// Wakes whoever watches the run, once the transaction commits.
pub(crate) async fn announce(connection: &mut PgConnection, team: TeamId, run: RunId) -> Result<()> {
    sqlx::query_scalar!("SELECT pg_notify($1, $2)::text", CHANNEL, format!("{team}/{run}"))
        .fetch_one(connection)
        .await?;
    Ok(())
}

/// Moves the run's task, and writes it into the task's history.
pub(crate) async fn move_task(
    connection: &mut PgConnection,
    scope: &Scope,
    task: TaskId,
    to: TaskState,
    at: OffsetDateTime,
) -> Result<()> {
    let moved = sqlx::query!(
        r#"UPDATE tasks t SET state = $3, updated_at = $4 FROM tasks was
           WHERE t.team_id = $1 AND t.id = $2 AND was.team_id = t.team_id AND was.id = t.id AND t.state <> $3
           RETURNING was.state AS before, t.project_id AS "project: ProjectId", t.number, t.title"#,
        scope.team() as TeamId,
        task as TaskId,
        to.as_str(),
        at,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(moved) = moved else { return Ok(()) };
    let change = TaskChange {
        task,
        project: moved.project,
        number: moved.number,
        title: &moved.title,
        kind: "moved",
        from: Some(moved.before),
        to: Some(to.as_str().to_owned()),
        details: serde_json::json!({}),
    };
    history::announce(connection, scope, at, change).await
}

impl Orchestrator {
    /// The entries of a run's journal after `after`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn journal(&self, scope: &Can<ReadTasks>, run: RunId, after: i64, limit: i64) -> Result<Vec<Entry>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT seq, step_id AS "step: StepId", agent, body, at FROM run_events
               WHERE team_id = $1 AND run_id = $2 AND seq > $3 ORDER BY seq LIMIT $4"#,
            scope.team() as TeamId,
            run as RunId,
            after,
            limit,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        rows.into_iter()
            .map(|row| {
                let body = serde_json::from_value(row.body).map_err(Error::internal)?;
                Ok(Entry { seq: row.seq, step: row.step, agent: row.agent, body, at: row.at })
            })
            .collect()
    }
}
