use types::TeamId;

use crate::{Can, Orchestrator, Result, grants::ReadTasks};

/// One thing a search found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// `project`, `squad`, `task` or `member`.
    pub kind: String,
    pub label: String,
    /// What stands beside it: a number, an address.
    pub note: String,
    /// What its address is made of: a task's number, the id of anything else.
    pub target: String,
}

impl Orchestrator {
    /// Finds projects, squads, tasks and members by a part of their names. At most 20 of each.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn search(&self, scope: &Can<ReadTasks>, text: &str) -> Result<Vec<Hit>> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let text: String = text.chars().take(200).collect();
        let mut tx = self.db().team(scope).await?;
        let hits = sqlx::query_as!(
            Hit,
            r#"(SELECT 'task' AS "kind!", title AS "label!", '#' || number AS "note!", number::text AS "target!" FROM tasks
                WHERE team_id = $1 AND deleted_at IS NULL AND (position(lower($2) IN lower(title)) > 0 OR '#' || number = $2 OR number::text = $2)
                ORDER BY number DESC LIMIT 20)
               UNION ALL
               (SELECT 'project', name, coalesce(repository_url, source), id::text FROM projects
                WHERE team_id = $1 AND position(lower($2) IN lower(name)) > 0 ORDER BY lower(name) LIMIT 20)
               UNION ALL
               (SELECT 'squad', name, template, id::text FROM squads
                WHERE team_id = $1 AND archived_at IS NULL AND position(lower($2) IN lower(name)) > 0 ORDER BY lower(name) LIMIT 20)
               UNION ALL
               (SELECT 'member', u.name, u.email, u.id::text FROM memberships m JOIN users u ON u.id = m.user_id
                WHERE m.team_id = $1 AND position(lower($2) IN lower(u.name || ' ' || u.email)) > 0 ORDER BY lower(u.name) LIMIT 20)"#,
            scope.team() as TeamId,
            text,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(hits)
    }
}
