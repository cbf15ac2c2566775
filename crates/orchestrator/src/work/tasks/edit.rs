use types::{AgentId, SquadId, TaskId, TeamId, UserId};

use super::{Assignee, Existing, announce, assignee, changeable, input};
use crate::{Can, Error, Orchestrator, Result, grants::WriteTasks};

/// What a task should say from now on.
#[derive(Clone, Debug)]
pub struct TaskEdit {
    pub title: String,
    pub description: String,
    pub acceptance: String,
    pub priority: i16,
    pub labels: Vec<String>,
    pub assignee: Option<Assignee>,
    /// The revision the person read: an edit of a newer one is refused.
    pub revision: i32,
}

impl TaskEdit {
    fn checked(&self) -> Result<Self> {
        let mut checked = input::Checked::default();
        let edit = Self {
            title: checked.title(&self.title),
            description: checked.text("description", &self.description, 20_000),
            acceptance: checked.text("acceptance", &self.acceptance, 10_000),
            priority: checked.priority(self.priority),
            labels: checked.labels(&self.labels),
            ..*self
        };
        checked.finish()?;
        Ok(edit)
    }

    fn unchanged(task: &Existing) -> Self {
        Self {
            title: task.title.clone(),
            description: task.description.clone(),
            acceptance: task.acceptance.clone(),
            priority: task.priority,
            labels: task.labels.clone(),
            assignee: task.assignee,
            revision: task.revision,
        }
    }

    /// The names of the fields that differ.
    fn differences(&self, task: &Existing) -> Vec<&'static str> {
        let fields = [
            ("title", self.title != task.title),
            ("description", self.description != task.description),
            ("acceptance", self.acceptance != task.acceptance),
            ("priority", self.priority != task.priority),
            ("labels", self.labels != task.labels),
            ("assignee", self.assignee != task.assignee),
        ];
        fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

impl Orchestrator {
    /// Changes what a task says. An edit that changes nothing leaves no trace.
    ///
    /// # Errors
    /// [`Error::Invalid`] for fields that cannot be accepted, and without a field when somebody else changed the task
    /// since it was read; [`Error::NotFound`], [`Error::Denied`] for a task of somebody else.
    pub async fn edit_task(&self, scope: &Can<WriteTasks>, task: TaskId, edit: &TaskEdit) -> Result<()> {
        let edit = edit.checked()?;
        self.rewrite(scope, task, "edited", |existing| {
            if existing.revision == edit.revision {
                Ok(edit)
            } else {
                Err(Error::field(
                    "",
                    "Somebody changed this task while you did. Yours is kept below; compare and save again.",
                ))
            }
        })
        .await
    }

    /// Sets how urgent a task is: 0, the least, to 10.
    ///
    /// # Errors
    /// As for [`edit_task`](Self::edit_task).
    pub async fn set_task_priority(&self, scope: &Can<WriteTasks>, task: TaskId, priority: i16) -> Result<()> {
        self.rewrite(scope, task, "prioritised", |task| TaskEdit { priority, ..TaskEdit::unchanged(task) }.checked())
            .await
    }

    /// Sets all labels of a task.
    ///
    /// # Errors
    /// As for [`edit_task`](Self::edit_task).
    pub async fn set_task_labels(&self, scope: &Can<WriteTasks>, task: TaskId, labels: &[String]) -> Result<()> {
        let labels = labels.to_vec();
        self.rewrite(scope, task, "labelled", |task| TaskEdit { labels, ..TaskEdit::unchanged(task) }.checked()).await
    }

    /// Gives a task to a person, an agent or a squad of the team, or to nobody.
    ///
    /// # Errors
    /// As for [`edit_task`](Self::edit_task).
    pub async fn assign_task(&self, scope: &Can<WriteTasks>, task: TaskId, assignee: Option<Assignee>) -> Result<()> {
        self.rewrite(scope, task, "assigned", |task| Ok(TaskEdit { assignee, ..TaskEdit::unchanged(task) })).await
    }

    async fn rewrite(
        &self,
        scope: &Can<WriteTasks>,
        task: TaskId,
        kind: &'static str,
        edit: impl FnOnce(&Existing) -> Result<TaskEdit> + Send,
    ) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let task = changeable(&mut tx, scope, task, false).await?;
        let edit = edit(&task)?;
        let fields = edit.differences(&task);
        if fields.is_empty() {
            return Ok(());
        }
        let mut names = [None, None];
        for (name, who) in names.iter_mut().zip([task.assignee, edit.assignee]) {
            if let Some(who) = who.filter(|_| fields.contains(&"assignee")) {
                *name = Some(assignee::name_of(&mut tx, scope, who).await?);
            }
        }
        sqlx::query!(
            "UPDATE tasks SET title = $3, description = $4, acceptance = $5, priority = $6, labels = $7, assignee_user = $8,
                    assignee_squad = $9, assignee_agent = $11, revision = revision + 1, updated_at = $10
             WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            task.id as TaskId,
            edit.title,
            edit.description,
            edit.acceptance,
            edit.priority,
            &edit.labels,
            edit.assignee.and_then(Assignee::person) as Option<UserId>,
            edit.assignee.and_then(Assignee::squad) as Option<SquadId>,
            now,
            edit.assignee.and_then(Assignee::agent) as Option<AgentId>,
        )
        .execute(&mut *tx)
        .await?;
        let [before, after] = names;
        let (from, to) = match kind {
            "prioritised" => (Some(task.priority.to_string()), Some(edit.priority.to_string())),
            "labelled" => (Some(task.labels.join(", ")), Some(edit.labels.join(", "))),
            _ => (before, after),
        };
        let details = serde_json::json!({ "fields": fields });
        let change = super::TaskChange { title: &edit.title, from, to, details, ..task.change(kind) };
        announce(&mut tx, scope, now, change).await?;
        tx.commit().await?;
        Ok(())
    }
}
