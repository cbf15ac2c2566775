use time::OffsetDateTime;
use types::{ProjectId, TaskId, TeamId, UserId};

use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    grants::{ReadTasks, WriteTasks},
};

#[derive(Clone, Debug)]
pub struct Task {
    pub id: TaskId,
    /// Counts up within the team.
    pub number: i32,
    pub title: String,
    pub project: String,
    /// `TODO`, `IN_PROGRESS`, …
    pub state: String,
    pub created_at: OffsetDateTime,
}

impl Orchestrator {
    /// The team's tasks, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tasks(&self, scope: &Can<ReadTasks>) -> Result<Vec<Task>> {
        let mut tx = self.db().team(scope).await?;
        let tasks = sqlx::query_as!(
            Task,
            r#"SELECT t.id AS "id: TaskId", t.number, t.title, p.name AS project, t.state, t.created_at
               FROM tasks t JOIN projects p ON p.team_id = t.team_id AND p.id = t.project_id
               WHERE t.team_id = $1 ORDER BY t.number DESC LIMIT 100"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(tasks)
    }

    /// Puts a task on the board of a project.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an empty or too long title, [`Error::NotFound`] for a project that is not the team's.
    pub async fn create_task(&self, scope: &Can<WriteTasks>, project: ProjectId, title: &str) -> Result<TaskId> {
        let title = title.trim();
        match title.chars().count() {
            0 => return Err(Error::field("title", "Say what should be true at the end.")),
            501.. => return Err(Error::field("title", "Use at most 500 characters.")),
            _ => {}
        }
        let id = TaskId::new();
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        // Locking the team's row orders the numbers; a sequence per team would be a table of its own.
        sqlx::query!("SELECT id FROM teams WHERE id = $1 FOR UPDATE", scope.team() as TeamId)
            .fetch_one(&mut *tx)
            .await?;
        let inserted = sqlx::query!(
            "INSERT INTO tasks (team_id, id, number, project_id, title, state, created_by, created_at)
             SELECT p.team_id, $3, coalesce((SELECT max(number) FROM tasks WHERE team_id = $1), 0) + 1, p.id, $4, 'TODO', $5, $6
             FROM projects p WHERE p.team_id = $1 AND p.id = $2",
            scope.team() as TeamId,
            project as ProjectId,
            id as TaskId,
            title,
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        if inserted.rows_affected() == 0 {
            return Err(Error::NotFound);
        }
        let what = Happening {
            action: "task.created",
            target_kind: "task",
            target_id: id.to_string(),
            details: serde_json::json!({ "title": title }),
        };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(id)
    }
}
