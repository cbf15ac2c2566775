//! Signs of life for calls under way, and the end of those that give none.

use std::time::Duration;

use types::{ReservationId, TeamId};
use uuid::Uuid;

use super::till::{Ending, LEASE};
use crate::{Orchestrator, Result};

/// Between two signs of life, and between two looks at what gives none: a lost call is settled within a lease and two of these.
const BEAT: Duration = Duration::from_secs(8);

impl Orchestrator {
    /// Keeps the reservations of this process alive and settles those whose process died, until the future is dropped.
    /// Each node runs it once.
    pub async fn keep_books(&self) {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            self.memory().forget_old();
            if let Err(error) = self.beat().await {
                tracing::error!(%error, "could not keep reservations alive");
            }
            match self.settle_lost().await {
                Ok(0) => {}
                Ok(lost) => tracing::warn!(lost, "settled calls whose process died, at their worst case"),
                Err(error) => tracing::error!(%error, "could not settle lost calls"),
            }
        }
    }

    async fn beat(&self) -> Result<()> {
        for (team, ids) in self.desk().under_way() {
            let ids: Vec<Uuid> = ids.into_iter().map(ReservationId::uuid).collect();
            let mut tx = self.db().of_team(team).await?;
            sqlx::query!(
                "UPDATE reservations SET expires_at = $3 WHERE team_id = $1 AND id = ANY($2) AND state = 'HELD'",
                team as TeamId,
                &ids,
                self.clock().now() + LEASE,
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Settles calls that gave no sign of life, at their worst case. Returns how many. Safe to run anywhere, any time.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn settle_lost(&self) -> Result<u32> {
        let mut tx = self.db().system().await?;
        let rows = sqlx::query!(
            r#"SELECT team_id AS "team: TeamId", id AS "id: ReservationId" FROM reservations
               WHERE state = 'HELD' AND expires_at < $1 ORDER BY expires_at LIMIT 1000"#,
            self.clock().now(),
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut lost = 0;
        for row in rows {
            lost += u32::from(self.end_by_id(row.team, row.id, Ending::Lost).await?);
        }
        Ok(lost)
    }
}
