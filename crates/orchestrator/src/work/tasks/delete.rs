use time::Duration;
use types::{ProjectId, TaskId, TeamId, UserId};

use super::{TaskRef, announce, changeable};
use crate::{Can, Error, Orchestrator, Result, grants::WriteTasks, runs};

/// For so many minutes a deletion can be taken back.
pub const UNDO_MINUTES: i64 = 10;

impl Orchestrator {
    /// Deletes a task: it leaves every list at once, and can be brought back for [`UNDO_MINUTES`].
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] for a task of somebody else, [`Error::Refused`] while a run is going on.
    pub async fn delete_task(&self, scope: &Can<WriteTasks>, task: TaskId) -> Result<()> {
        let now = self.clock().now();
        let user = scope.user()?;
        let mut tx = self.db().team(scope).await?;
        let task = changeable(&mut tx, scope, task, false).await?;
        if runs::alive(&mut tx, scope, task.id).await? {
            return Err(Error::Refused("A squad is working on this task. Stop its run first, then delete it.".into()));
        }
        sqlx::query!(
            "UPDATE tasks SET deleted_at = $3, deleted_by = $4, updated_at = $3 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            task.id as TaskId,
            now,
            user as UserId,
        )
        .execute(&mut *tx)
        .await?;
        announce(&mut tx, scope, now, task.change("deleted")).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Brings a deleted task back to where it stood. One that is there already is left as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Denied`] for a task of somebody else, [`Error::Refused`] when the time is over.
    pub async fn undelete_task(&self, scope: &Can<WriteTasks>, task: TaskId) -> Result<TaskRef> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let row = sqlx::query!(
            r#"SELECT number, project_id AS "project: ProjectId", deleted_at FROM tasks WHERE team_id = $1 AND id = $2"#,
            scope.team() as TeamId,
            task as TaskId
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(Error::NotFound)?;
        let back = TaskRef { id: task, number: row.number, project: row.project };
        let Some(deleted_at) = row.deleted_at else { return Ok(back) };
        let task = changeable(&mut tx, scope, task, true).await?;
        if now - deleted_at > Duration::minutes(UNDO_MINUTES) {
            return Err(Error::Refused(format!("The task was deleted more than {UNDO_MINUTES} minutes ago.")));
        }
        sqlx::query!(
            "UPDATE tasks SET deleted_at = NULL, deleted_by = NULL, updated_at = $3 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            task.id as TaskId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        announce(&mut tx, scope, now, task.change("restored")).await?;
        tx.commit().await?;
        Ok(back)
    }
}
