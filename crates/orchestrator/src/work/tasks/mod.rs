mod assignee;
mod board;
mod create;
mod delete;
mod detail;
mod edit;
mod input;
mod moves;

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{AgentId, Permission, ProjectId, SquadId, TaskId, TaskState, TeamId, UserId};

pub use assignee::Assignee;
pub use board::{AssigneeFilter, Board, Card, Column, Sort, TaskFilter};
pub use create::{NewTask, TaskRef};
pub use delete::UNDO_MINUTES;
pub use detail::TaskDetail;
pub use edit::TaskEdit;
pub use moves::{Place, may_move};

use super::history::{self, TaskChange, announce};
use crate::{Can, Error, Orchestrator, Result, Scope, grants::ReadTasks};

/// A line of a list of tasks.
#[derive(Clone, Debug)]
pub struct Task {
    pub id: TaskId,
    /// Counts up within the team.
    pub number: i32,
    pub title: String,
    pub project_id: ProjectId,
    /// The project's name.
    pub project: String,
    pub state: TaskState,
    /// 0, the least, to 10, the most urgent.
    pub priority: i16,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

fn state(text: &str) -> Result<TaskState> {
    TaskState::parse(text).ok_or_else(|| Error::internal("a task in no known state"))
}

/// A task as a verb finds it, its row locked.
struct Existing {
    id: TaskId,
    number: i32,
    project: ProjectId,
    title: String,
    description: String,
    acceptance: String,
    state: TaskState,
    priority: i16,
    labels: Vec<String>,
    assignee: Option<Assignee>,
    revision: i32,
}

impl Existing {
    /// What the history tells of a change, without from, to and details.
    fn change(&self, kind: &'static str) -> TaskChange<'_> {
        TaskChange {
            task: self.id,
            project: self.project,
            number: self.number,
            title: &self.title,
            kind,
            from: None,
            to: None,
            details: serde_json::json!({}),
        }
    }
}

/// Finds a task that the person may change, and locks its row.
///
/// Who may write tasks changes those they wrote or are assigned to; others' need `write:any-task`.
async fn changeable(tx: &mut PgConnection, scope: &Scope, task: TaskId, deleted: bool) -> Result<Existing> {
    let row = sqlx::query!(
        r#"SELECT number, project_id AS "project: ProjectId", title, description, acceptance, state, priority, labels,
                  assignee_user AS "assignee_user: UserId", assignee_agent AS "assignee_agent: AgentId",
                  assignee_squad AS "assignee_squad: SquadId",
                  created_by AS "created_by: UserId", revision
           FROM tasks WHERE team_id = $1 AND id = $2 AND (deleted_at IS NOT NULL) = $3 FOR NO KEY UPDATE"#,
        scope.team() as TeamId,
        task as TaskId,
        deleted,
    )
    .fetch_optional(tx)
    .await?
    .ok_or(Error::NotFound)?;
    if !scope.permissions().contains(Permission::WriteAnyTask) {
        let user = scope.user()?;
        if row.created_by != user && row.assignee_user != Some(user) {
            return Err(Error::Denied(Permission::WriteAnyTask));
        }
    }
    Ok(Existing {
        id: task,
        number: row.number,
        project: row.project,
        title: row.title,
        description: row.description,
        acceptance: row.acceptance,
        state: state(&row.state)?,
        priority: row.priority,
        labels: row.labels,
        assignee: Assignee::from_columns(row.assignee_user, row.assignee_agent, row.assignee_squad),
        revision: row.revision,
    })
}

impl Orchestrator {
    /// The team's tasks, newest first. At most 100.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tasks(&self, scope: &Can<ReadTasks>) -> Result<Vec<Task>> {
        let mut tx = self.db().team(scope).await?;
        let tasks = newest(&mut tx, scope).await?;
        tx.commit().await?;
        Ok(tasks)
    }
}

/// The newest tasks of the team. At most 100.
pub(super) async fn newest(connection: &mut PgConnection, scope: &Can<ReadTasks>) -> Result<Vec<Task>> {
    let rows = sqlx::query!(
        r#"SELECT t.id AS "id: TaskId", t.number, t.title, p.id AS "project_id: ProjectId", p.name AS project, t.state,
                  t.priority, t.created_at, t.updated_at
           FROM tasks t JOIN projects p ON p.team_id = t.team_id AND p.id = t.project_id
           WHERE t.team_id = $1 AND t.deleted_at IS NULL ORDER BY t.number DESC LIMIT 100"#,
        scope.team() as TeamId
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Task {
                id: row.id,
                number: row.number,
                title: row.title,
                project_id: row.project_id,
                project: row.project,
                state: state(&row.state)?,
                priority: row.priority,
                created_at: row.created_at,
                updated_at: row.updated_at,
            })
        })
        .collect()
}
