use time::OffsetDateTime;
use types::{AgentId, Permission, ProjectId, SquadId, TaskId, TaskState, TeamId, UserId};

use super::{Assignee, TaskRef, history, state};
use crate::{Actor, Can, Error, Orchestrator, Result, grants::ReadTasks, work::HistoryEntry};

/// A task with all it says.
#[derive(Clone, Debug)]
pub struct TaskDetail {
    pub id: TaskId,
    pub number: i32,
    pub project_id: ProjectId,
    /// The project's name.
    pub project: String,
    pub title: String,
    /// Markdown.
    pub description: String,
    pub acceptance: String,
    pub state: TaskState,
    pub priority: i16,
    pub labels: Vec<String>,
    pub assignee: Option<(Assignee, String)>,
    /// Changes with each edit; an edit names the one it read.
    pub revision: i32,
    pub created_by: String,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    /// Whether the person may change it.
    pub changeable: bool,
    /// The newest first, at most 100.
    pub history: Vec<HistoryEntry>,
}

impl Orchestrator {
    /// Which task a number names, deleted or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a number the team has not given.
    pub async fn task_by_number(&self, scope: &Can<ReadTasks>, number: i32) -> Result<TaskRef> {
        let mut tx = self.db().team(scope).await?;
        let found = sqlx::query_as!(
            TaskRef,
            r#"SELECT id AS "id: TaskId", number, project_id AS "project: ProjectId" FROM tasks WHERE team_id = $1 AND number = $2"#,
            scope.team() as TeamId,
            number
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        found.ok_or(Error::NotFound)
    }

    /// The task with this number.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a number the team has not given, or whose task is deleted.
    pub async fn task(&self, scope: &Can<ReadTasks>, number: i32) -> Result<TaskDetail> {
        let mut tx = self.db().team(scope).await?;
        let row = sqlx::query!(
            r#"SELECT t.id AS "id: TaskId", t.number, t.project_id AS "project_id: ProjectId", p.name AS project, t.title,
                      t.description, t.acceptance, t.state, t.priority, t.labels, t.revision, t.created_at, t.updated_at,
                      t.assignee_user AS "assignee_user: UserId", t.assignee_agent AS "assignee_agent: AgentId",
                      t.assignee_squad AS "assignee_squad: SquadId",
                      coalesce(a.name, g.name, s.name) AS assignee_name,
                      t.created_by AS "created_by: UserId", c.name AS creator
               FROM tasks t JOIN projects p ON p.team_id = t.team_id AND p.id = t.project_id JOIN users c ON c.id = t.created_by
               LEFT JOIN users a ON a.id = t.assignee_user
               LEFT JOIN agents g ON g.team_id = t.team_id AND g.id = t.assignee_agent
               LEFT JOIN squads s ON s.team_id = t.team_id AND s.id = t.assignee_squad
               WHERE t.team_id = $1 AND t.number = $2 AND t.deleted_at IS NULL"#,
            scope.team() as TeamId,
            number
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        let history = history::of_task(&mut tx, scope, row.id, 100).await?;
        tx.commit().await?;
        let own =
            matches!(scope.actor(), Actor::User(user) if user == row.created_by || row.assignee_user == Some(user));
        let needed = if own { Permission::WriteTasks } else { Permission::WriteAnyTask };
        Ok(TaskDetail {
            id: row.id,
            number: row.number,
            project_id: row.project_id,
            project: row.project,
            title: row.title,
            description: row.description,
            acceptance: row.acceptance,
            state: state(&row.state)?,
            priority: row.priority,
            labels: row.labels,
            assignee: Assignee::from_columns(row.assignee_user, row.assignee_agent, row.assignee_squad)
                .zip(row.assignee_name),
            revision: row.revision,
            created_by: row.creator,
            created_at: row.created_at,
            updated_at: row.updated_at,
            changeable: scope.permissions().contains(needed),
            history,
        })
    }
}
