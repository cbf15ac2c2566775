use time::Duration;

use crate::{Orchestrator, Result, work::UNDO_MINUTES};

impl Orchestrator {
    /// Removes what has lapsed: sessions, codes, counters of failed sign-ins, kept words of model calls, deleted tasks. A deleted task that squads worked
    /// on stays out of sight: what it cost belongs to the books. Safe to run anywhere, any time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn tidy(&self) -> Result<u64> {
        let now = self.clock().now();
        let mut tx = self.db().system().await?;
        let idle_since = now - self.settings().session_idle;
        let sessions =
            sqlx::query!("DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2", now, idle_since)
                .execute(&mut *tx)
                .await?;
        let codes = sqlx::query!("DELETE FROM verifications WHERE expires_at <= $1", now - Duration::days(1))
            .execute(&mut *tx)
            .await?;
        let failures = sqlx::query!("DELETE FROM sign_in_failures WHERE last_failed_at <= $1", now - Duration::days(1))
            .execute(&mut *tx)
            .await?;
        let tasks = sqlx::query!(
            "DELETE FROM tasks t WHERE t.deleted_at <= $1
             AND NOT EXISTS (SELECT FROM runs r WHERE r.team_id = t.team_id AND r.task_id = t.id)",
            now - Duration::minutes(UNDO_MINUTES)
        )
        .execute(&mut *tx)
        .await?;
        let words = sqlx::query!("DELETE FROM call_contents WHERE expires_at <= $1", now).execute(&mut *tx).await?;
        tx.commit().await?;
        let tasks = tasks.rows_affected() + words.rows_affected();
        Ok(tasks + sessions.rows_affected() + codes.rows_affected() + failures.rows_affected())
    }
}
