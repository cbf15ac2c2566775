use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ProjectId, TaskId, TeamId, UserId};
use uuid::Uuid;

use crate::{
    Actor, Result, Scope,
    audit::{self, Happening},
    runs,
};

/// Something that happened to a task.
pub(crate) struct TaskChange<'a> {
    pub(crate) task: TaskId,
    pub(crate) project: ProjectId,
    pub(crate) number: i32,
    pub(crate) title: &'a str,
    /// A verb in the past: `created`, `edited`, `moved`. The audit entry's action is `task.` and this.
    pub(crate) kind: &'static str,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) details: serde_json::Value,
}

/// Tells everybody who wants to know that a task changed: its history, the audit log, who watches the team. Every verb that changes a
/// task calls it once, in its transaction; whoever else must hear of changes is added here.
pub(crate) async fn announce(
    tx: &mut PgConnection,
    scope: &Scope,
    at: OffsetDateTime,
    change: TaskChange<'_>,
) -> Result<()> {
    let actor = match scope.actor() {
        Actor::User(user) => Some(user),
        Actor::System => None,
    };
    sqlx::query!(
        "INSERT INTO task_events (team_id, id, task_id, at, actor_id, kind, from_value, to_value, details)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        scope.team() as TeamId,
        Uuid::now_v7(),
        change.task as TaskId,
        at,
        actor as Option<UserId>,
        change.kind,
        change.from,
        change.to,
        change.details,
    )
    .execute(&mut *tx)
    .await?;
    let what = Happening {
        action: &format!("task.{}", change.kind),
        target_kind: "task",
        target_id: change.task.to_string(),
        details: serde_json::json!({
            "number": change.number, "title": change.title, "project": change.project,
            "from": change.from, "to": change.to, "changed": change.details,
        }),
    };
    audit::append(tx, scope, at, what).await?;
    sqlx::query_scalar!("SELECT pg_notify($1, $2)::text", runs::CHANNEL, scope.team().to_string())
        .fetch_one(tx)
        .await?;
    Ok(())
}

/// One line of a task's history.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    pub at: OffsetDateTime,
    /// `None`: Muster itself.
    pub actor: Option<String>,
    /// `created`, `edited`, `moved`, `prioritised`, `labelled`, `assigned`, `deleted`, `restored`.
    pub kind: String,
    pub from: Option<String>,
    pub to: Option<String>,
    /// JSON; for an edit the names of the changed fields under `fields`.
    pub details: serde_json::Value,
}

/// The newest entries of a task's history, newest first. At most `limit`.
pub(crate) async fn of_task(
    tx: &mut PgConnection,
    scope: &Scope,
    task: TaskId,
    limit: i64,
) -> Result<Vec<HistoryEntry>> {
    Ok(sqlx::query_as!(
        HistoryEntry,
        r#"SELECT e.at, u.name AS "actor?", e.kind, e.from_value AS "from", e.to_value AS "to", e.details
           FROM task_events e LEFT JOIN users u ON u.id = e.actor_id
           WHERE e.team_id = $1 AND e.task_id = $2 ORDER BY e.at DESC, e.id DESC LIMIT $3"#,
        scope.team() as TeamId,
        task as TaskId,
        limit,
    )
    .fetch_all(tx)
    .await?)
}
