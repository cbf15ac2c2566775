//! The rows at a segment's beginning, between its effects, and at its end.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ApprovalId, ProjectId, RunId, TaskId, TaskState, TeamId, UserId};

use super::{
    engine::Segment,
    job::{Job, JobCommands, JobLimits, JobProject, JobTask, Person},
    journal::{self, Line, RunEvent},
    machine::{End, Failure, Gate, Stage},
    nodes::Node,
    shop::Shop,
    start::{Plan, wake},
    workflow::{Stumble, Stumbled},
};
use crate::{Error, Result, Scope};

impl Failure {
    /// What a person can do about it.
    pub(crate) const fn remedy(self) -> &'static str {
        match self {
            Self::Preparation => {
                "Check the project's repository address, credential and set-up command, and the sandbox with `muster doctor`. Then run the task again."
            }
            Self::Access => {
                "Open the project's settings, give a user name and a token that may read and write this repository, then try again."
            }
            Self::Checks => {
                "Read the output of the failing command. If the command is wrong, change it in the project's settings; if the task is too large, split it."
            }
            Self::Review => {
                "Read the reviewer's last remarks, make the task clearer, or take the work over from its branch."
            }
            Self::Agent => {
                "Look at the last entries of the stream. Raise the limit that was met, or give the task more detail."
            }
            Self::Model => "Check the model's key and limits under Settings, Models. Then run the task again.",
            Self::NoChange => {
                "If the work is done already, complete the task by hand. Otherwise say more clearly what should be different."
            }
            Self::Internal => "Run the task again. If it happens twice, tell us the run's id.",
        }
    }
}

impl Shop {
    pub(super) async fn open(&self, node: &Node, segment: Segment) -> Stumbled<Job> {
        let mut tx = self.muster.db().of_team(segment.team).await?;
        let now = self.muster.clock().now();
        let row = sqlx::query!(
            r#"UPDATE runs SET state = 'RUNNING', started_at = coalesce(started_at, $4)
               WHERE team_id = $1 AND id = $2 AND segment = $3 AND state IN ('QUEUED', 'RUNNING') AND node = $5 AND node_epoch = $6
               RETURNING task_id AS "task: TaskId", project_id AS "project: ProjectId", plan, position, started_by AS "person: UserId""#,
            segment.team as TeamId,
            segment.run as RunId,
            segment.number,
            now,
            node.name,
            node.epoch,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Stumble::Gone)?;
        let read = |value| serde_json::from_value::<Plan>(value).map_err(Error::internal);
        let position = serde_json::from_value(row.position).map_err(Error::internal)?;
        let job = Job {
            segment,
            task: task(&mut tx, segment.team, row.task).await?,
            project: project(&mut tx, segment.team, row.project).await?,
            plan: read(row.plan)?,
            position,
            person: person(&mut tx, row.person).await?,
            passed: 0,
            trouble: None,
            node: node.clone(),
            lane: 0,
        };
        journal::announce(&mut tx, segment.team, segment.run).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Keeps where the run is now.
    pub(super) async fn pass(&self, job: &Job) -> Stumbled<()> {
        let (scope, now) = (job.scope(), self.muster.clock().now());
        let mut tx = self.begin(job).await?;
        let stage = job.position.doing.stage();
        let before = sqlx::query_scalar!(
            r#"UPDATE runs r SET position = $4, stage = coalesce($5, r.stage) FROM runs was
               WHERE r.team_id = $1 AND r.id = $2 AND r.segment = $3 AND r.state = 'RUNNING' AND was.team_id = r.team_id AND was.id = r.id
               RETURNING was.stage"#,
            job.team() as TeamId,
            job.run() as RunId,
            job.segment.number,
            serde_json::to_value(&job.position).map_err(Error::internal)?,
            stage.map(Stage::as_str),
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Stumble::Gone)?;
        if let Some(stage) = stage.filter(|stage| stage.as_str() != before) {
            let line = Line::of_run(job.key("stage"), RunEvent::Stage { stage });
            journal::tell(&mut tx, &scope, job.run(), now, vec![line]).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Asks a person, and gives the sandbox back until they answer.
    pub(super) async fn wait(&self, job: &Job, gate: Gate) -> Stumbled<()> {
        self.release_sandboxes(job.run()).await?;
        let (scope, now) = (job.scope(), self.muster.clock().now());
        let mut tx = self.begin(job).await?;
        let approval = ApprovalId::new();
        let Some(question) = self.asked(&mut tx, job, gate).await? else { return Err(Stumble::Gone) };
        sqlx::query!(
            "INSERT INTO approvals (team_id, id, run_id, gate, question, state, asked_at) VALUES ($1, $2, $3, $4, $5, 'OPEN', $6)",
            job.team() as TeamId,
            approval as ApprovalId,
            job.run() as RunId,
            gate.as_str(),
            question,
            now,
        )
        .execute(&mut *tx)
        .await?;
        let state = if gate == Gate::Question { TaskState::Blocked } else { TaskState::InReview };
        journal::move_task(&mut tx, &scope, job.task.id, state, now).await?;
        let text = question["question"].as_str().map(str::to_owned);
        let options = serde_json::from_value(question["options"].clone()).unwrap_or_default();
        let agent = question["agent"].as_str().map(str::to_owned);
        let told = RunEvent::Waiting { approval, gate, question: text, options };
        let line = Line { agent, ..Line::of_run(job.key("waiting"), told) };
        journal::tell(&mut tx, &scope, job.run(), now, vec![line]).await?;
        wake(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Marks the run as waiting and returns what the agent asked; None when the run is not this segment's any more.
    async fn asked(&self, tx: &mut PgConnection, job: &Job, gate: Gate) -> Result<Option<serde_json::Value>> {
        let asking = sqlx::query_scalar!(
            "UPDATE runs SET state = 'WAITING', position = $4 WHERE team_id = $1 AND id = $2 AND segment = $3 AND state = 'RUNNING'
             RETURNING asking",
            job.team() as TeamId,
            job.run() as RunId,
            job.segment.number,
            serde_json::to_value(&job.position).map_err(Error::internal)?,
        )
        .fetch_optional(tx)
        .await?;
        Ok(asking.map(|asking| match asking {
            Some(asking) if gate == Gate::Question => asking,
            _ => serde_json::json!({}),
        }))
    }

    pub(super) async fn end(&self, job: &Job, end: End) -> Stumbled<()> {
        match end {
            End::Merged => self.complete(job).await,
            End::Failed(failure) => {
                let sentence = job.trouble.clone().unwrap_or_else(|| default_sentence(failure).to_owned());
                self.fail(&job.node, job.segment, failure, &sentence).await
            }
        }
    }

    async fn complete(&self, job: &Job) -> Stumbled<()> {
        let (scope, now) = (job.scope(), self.muster.clock().now());
        let mut tx = self.begin(job).await?;
        let done = sqlx::query!(
            "UPDATE runs SET state = 'COMPLETED', ended_at = $4 WHERE team_id = $1 AND id = $2 AND segment = $3 AND state = 'RUNNING'",
            job.team() as TeamId,
            job.run() as RunId,
            job.segment.number,
            now,
        )
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Err(Stumble::Gone);
        }
        journal::move_task(&mut tx, &scope, job.task.id, TaskState::Completed, now).await?;
        audited(&mut tx, &scope, job.run(), "run.completed", serde_json::json!({}), now).await?;
        journal::announce(&mut tx, job.team(), job.run()).await?;
        wake(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends the run with a reason and its remedy.
    pub(super) async fn fail(&self, node: &Node, segment: Segment, failure: Failure, sentence: &str) -> Stumbled<()> {
        let scope =
            Scope::new(segment.team, crate::Actor::System, types::PermissionSet::all(), crate::Origin::internal());
        let now = self.muster.clock().now();
        let mut tx = self.muster.db().team(&scope).await?;
        let why = serde_json::json!({ "failure": failure, "sentence": sentence });
        let task = sqlx::query_scalar!(
            r#"UPDATE runs SET state = 'FAILED', failure = $4, ended_at = $5
               WHERE team_id = $1 AND id = $2 AND segment = $3 AND state IN ('QUEUED', 'RUNNING') AND node = $6 AND node_epoch = $7
               RETURNING task_id AS "task: TaskId""#,
            segment.team as TeamId,
            segment.run as RunId,
            segment.number,
            why,
            now,
            node.name,
            node.epoch,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Stumble::Gone)?;
        close_steps(&mut tx, &scope, segment.run, now).await?;
        journal::move_task(&mut tx, &scope, task, TaskState::Failed, now).await?;
        let told = RunEvent::Failed { sentence: sentence.to_owned(), remedy: failure.remedy().to_owned() };
        journal::tell(&mut tx, &scope, segment.run, now, vec![Line::of_run("failed", told)]).await?;
        audited(&mut tx, &scope, segment.run, "run.failed", why, now).await?;
        wake(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }
}

const fn default_sentence(failure: Failure) -> &'static str {
    match failure {
        Failure::Preparation => "The code or the sandbox could not be prepared.",
        Failure::Access => "The git server does not let Muster in.",
        Failure::Checks => "The checks still failed after the last fix that the squad may try.",
        Failure::Review => "The reviewer still asked for changes after the last rework that the squad may try.",
        Failure::Agent => "An agent was stopped before it finished.",
        Failure::Model => "The model did not answer.",
        Failure::NoChange => "The squad changed nothing.",
        Failure::Internal => "Something went wrong on our side.",
    }
}

/// Ends what was going on when the run ended.
pub(super) async fn close_steps(tx: &mut PgConnection, scope: &Scope, run: RunId, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "UPDATE run_steps SET state = 'FAILED', ended_at = $3 WHERE team_id = $1 AND run_id = $2 AND state = 'RUNNING'",
        scope.team() as TeamId,
        run as RunId,
        now
    )
    .execute(tx)
    .await?;
    Ok(())
}

async fn audited(
    tx: &mut PgConnection,
    scope: &Scope,
    run: RunId,
    action: &str,
    details: serde_json::Value,
    now: OffsetDateTime,
) -> Result<()> {
    let what = crate::audit::Happening { action, target_kind: "run", target_id: run.to_string(), details };
    crate::audit::append(tx, scope, now, what).await
}

async fn task(tx: &mut PgConnection, team: TeamId, task: TaskId) -> Result<JobTask> {
    let row = sqlx::query!(
        "SELECT number, title, description, acceptance FROM tasks WHERE team_id = $1 AND id = $2",
        team as TeamId,
        task as TaskId
    )
    .fetch_one(tx)
    .await?;
    Ok(JobTask {
        id: task,
        number: row.number,
        title: row.title,
        description: row.description,
        acceptance: row.acceptance,
    })
}

async fn project(tx: &mut PgConnection, team: TeamId, project: ProjectId) -> Result<JobProject> {
    let row = sqlx::query!(
        "SELECT name, source, repository_url, default_branch, setup_command, build_command, test_command, egress_allow,
                models_inside, cpu_millis, memory_mb, pids, disk_mb, wall_minutes FROM projects WHERE team_id = $1 AND id = $2",
        team as TeamId,
        project as ProjectId
    )
    .fetch_one(tx)
    .await?;
    Ok(JobProject {
        id: project,
        name: row.name,
        source: row.source,
        url: row.repository_url,
        default_branch: row.default_branch,
        commands: JobCommands { setup: row.setup_command, build: row.build_command, test: row.test_command },
        egress: row.egress_allow,
        models_inside: row.models_inside,
        limits: JobLimits {
            cpu_millis: row.cpu_millis,
            memory_mb: row.memory_mb,
            pids: row.pids,
            disk_mb: row.disk_mb,
            wall_minutes: row.wall_minutes,
        },
    })
}

async fn person(tx: &mut PgConnection, user: UserId) -> Result<Person> {
    let row = sqlx::query!("SELECT name, email FROM users WHERE id = $1", user as UserId).fetch_one(tx).await?;
    Ok(Person { id: user, name: row.name, email: row.email })
}
