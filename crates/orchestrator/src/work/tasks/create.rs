use types::{AgentId, ProjectId, SquadId, TaskId, TaskState, TeamId, UserId};
use uuid::Uuid;

use super::{Assignee, TaskChange, announce, assignee, input};
use crate::{Can, Error, Orchestrator, Result, grants::WriteTasks};

/// A task that somebody asks for.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// At most 500 characters.
    pub title: String,
    /// Markdown, at most 20,000 characters.
    pub description: String,
    /// What must hold for the task to be done; at most 10,000 characters.
    pub acceptance: String,
    /// 0, the least, to 10, the most urgent.
    pub priority: i16,
    pub labels: Vec<String>,
    pub assignee: Option<Assignee>,
    /// The column it starts in. Not one that ends a task.
    pub state: TaskState,
    /// Made with the form: the same one sent twice makes one task.
    pub key: Option<Uuid>,
}

impl NewTask {
    /// A task of which only the title is known.
    #[must_use]
    pub fn titled(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            description: String::new(),
            acceptance: String::new(),
            priority: 5,
            labels: Vec::new(),
            assignee: None,
            state: TaskState::Todo,
            key: None,
        }
    }

    /// A task from one line: words at its end that start with `#` are labels, with `!` the priority.
    #[must_use]
    pub fn quick(line: &str) -> Self {
        let (title, labels, priority) = input::quick(line);
        let task = Self::titled(&title);
        Self { labels, priority: priority.unwrap_or(task.priority), ..task }
    }

    #[must_use]
    pub fn keyed(self, key: Option<Uuid>) -> Self {
        Self { key, ..self }
    }

    fn checked(&self) -> Result<Self> {
        let mut checked = input::Checked::default();
        let task = Self {
            title: checked.title(&self.title),
            description: checked.text("description", &self.description, 20_000),
            acceptance: checked.text("acceptance", &self.acceptance, 10_000),
            priority: checked.priority(self.priority),
            labels: checked.labels(&self.labels),
            ..*self
        };
        checked.finish()?;
        if task.state.ended() {
            return Err(Error::field("state", "A new task cannot have ended already."));
        }
        Ok(task)
    }
}

/// A task by what links need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskRef {
    pub id: TaskId,
    pub number: i32,
    pub project: ProjectId,
}

impl Orchestrator {
    /// Puts a task at the top of a column of a project's board. A key that was used before leads to the task it made.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fields that cannot be accepted, [`Error::NotFound`] for a project that is not the team's,
    /// [`Error::Refused`] for an archived one.
    pub async fn create_task(&self, scope: &Can<WriteTasks>, project: ProjectId, task: &NewTask) -> Result<TaskRef> {
        let task = task.checked()?;
        let id = TaskId::new();
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        // Counting on the team's row orders the writers, so that a form sent twice finds what it made.
        let number = sqlx::query_scalar!(
            "UPDATE teams SET last_task_number = last_task_number + 1 WHERE id = $1 RETURNING last_task_number",
            scope.team() as TeamId
        )
        .fetch_one(&mut *tx)
        .await?;
        let made = sqlx::query_as!(
            TaskRef,
            r#"SELECT id AS "id: TaskId", number, project_id AS "project: ProjectId" FROM tasks
               WHERE team_id = $1 AND creation_key = $2"#,
            scope.team() as TeamId,
            task.key
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(made) = made {
            return Ok(made);
        }
        let archived = sqlx::query_scalar!(
            r#"SELECT archived_at IS NOT NULL AS "archived!" FROM projects WHERE team_id = $1 AND id = $2"#,
            scope.team() as TeamId,
            project as ProjectId
        );
        if archived.fetch_optional(&mut *tx).await?.ok_or(Error::NotFound)? {
            return Err(Error::Refused("The project is archived. Restore it to add tasks.".into()));
        }
        let assignee = match task.assignee {
            Some(who) => Some(assignee::name_of(&mut tx, scope, who).await?),
            None => None,
        };
        sqlx::query!(
            "INSERT INTO tasks (team_id, id, number, project_id, title, description, acceptance, priority, labels,
                                assignee_user, assignee_squad, state, position, created_by, created_at, updated_at, creation_key,
                                assignee_agent)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                     coalesce((SELECT min(position) FROM tasks WHERE team_id = $1 AND project_id = $4 AND state = $12), 0) - 1024,
                     $13, $14, $14, $15, $16)",
            scope.team() as TeamId,
            id as TaskId,
            number,
            project as ProjectId,
            task.title,
            task.description,
            task.acceptance,
            task.priority,
            &task.labels,
            task.assignee.and_then(Assignee::person) as Option<UserId>,
            task.assignee.and_then(Assignee::squad) as Option<SquadId>,
            task.state.as_str(),
            scope.user()? as UserId,
            now,
            task.key,
            task.assignee.and_then(Assignee::agent) as Option<AgentId>,
        )
        .execute(&mut *tx)
        .await?;
        let change = TaskChange {
            task: id,
            project,
            number,
            title: &task.title,
            kind: "created",
            from: None,
            to: Some(task.state.as_str().to_owned()),
            details: serde_json::json!({ "priority": task.priority, "labels": task.labels, "assignee": assignee }),
        };
        announce(&mut tx, scope, now, change).await?;
        tx.commit().await?;
        Ok(TaskRef { id, number, project })
    }
}
