//! Signs of life for calls under way, and the end of those that give none.

use std::{collections::HashMap, time::Duration};

use futures::{StreamExt, future::join_all, stream};
use tokio::time::timeout;
use types::{ReservationId, TeamId};
use uuid::Uuid;

use super::till::{Ending, LEASE};
use crate::{Orchestrator, Result};

/// Between two signs of life, and between two looks at what gives none: a lost call is settled within a lease and two of these.
const BEAT: Duration = Duration::from_secs(8);
/// How long one team's books are waited for. Whatever is wrong with them, those of other teams are kept.
const PATIENCE: Duration = Duration::from_secs(15);
/// Teams whose books are kept at the same time.
const TEAMS: usize = 8;
/// Lost calls of one team that are settled in one look.
const LOST: i64 = 500;

impl Orchestrator {
    /// Keeps the reservations of this process alive and settles those whose process died, until the future is dropped.
    /// Each node runs it once.
    pub async fn keep_books(&self) {
        let signs = async {
            let mut beat = beats();
            loop {
                beat.tick().await;
                self.memory().forget_old();
                self.beat_all().await;
            }
        };
        // Apart from the beats, which must not wait for it: a reservation whose beats fail to come counts as lost.
        let looks = async {
            let mut beat = beats();
            loop {
                beat.tick().await;
                match self.settle_lost().await {
                    Ok(0) => {}
                    Ok(lost) => tracing::warn!(lost, "settled calls whose process died, at their worst case"),
                    Err(error) => tracing::error!(%error, "could not settle lost calls"),
                }
            }
        };
        tokio::join!(signs, looks);
    }

    async fn beat_all(&self) {
        let teams = stream::iter(self.desk().under_way());
        let kept = teams.for_each_concurrent(TEAMS, |(team, calls)| async move {
            match timeout(PATIENCE, self.beat(team, calls)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, %team, "could not keep reservations alive"),
                Err(_) => tracing::error!(%team, "could not keep reservations alive in time"),
            }
        });
        kept.await;
    }

    async fn beat(&self, team: TeamId, calls: Vec<ReservationId>) -> Result<()> {
        let ids: Vec<Uuid> = calls.into_iter().map(ReservationId::uuid).collect();
        let mut tx = self.db().of_team(team).await?;
        // Without the team's lock, so no row is waited for: whoever holds one ends it, or gives it another counter.
        sqlx::query!(
            "UPDATE reservations SET expires_at = $3 WHERE team_id = $1 AND id IN
                 (SELECT id FROM reservations WHERE team_id = $1 AND id = ANY($2) AND state = 'HELD'
                  ORDER BY id FOR UPDATE SKIP LOCKED)",
            team as TeamId,
            &ids,
            self.clock().now() + LEASE,
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Settles calls that gave no sign of life, at their worst case. Returns how many. Safe to run anywhere, any time. A team
    /// whose books cannot be written is passed over, and looked at again the next time.
    ///
    /// # Errors
    /// When the database does not say which calls are lost.
    pub async fn settle_lost(&self) -> Result<u32> {
        let mut tx = self.db().system().await?;
        let rows = sqlx::query!(
            r#"SELECT team_id AS "team: TeamId", id AS "id: ReservationId"
               FROM (SELECT team_id, id, row_number() OVER (PARTITION BY team_id ORDER BY expires_at) AS place
                     FROM reservations WHERE state = 'HELD' AND expires_at < $1) AS lost
               WHERE place <= $2"#,
            self.clock().now(),
            LOST,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let mut teams: HashMap<TeamId, Vec<ReservationId>> = HashMap::new();
        for row in rows {
            teams.entry(row.team).or_default().push(row.id);
        }
        let settled = stream::iter(teams).map(|(team, calls)| self.settle_lost_of(team, calls));
        Ok(settled.buffer_unordered(TEAMS).fold(0, |sum, lost| async move { sum + lost }).await)
    }

    async fn settle_lost_of(&self, team: TeamId, calls: Vec<ReservationId>) -> u32 {
        let endings = calls.into_iter().map(|id| self.end_by_id(team, id, Ending::Lost));
        let Ok(ended) = timeout(PATIENCE, join_all(endings)).await else {
            tracing::error!(%team, "lost calls could not be settled in time");
            return 0;
        };
        let mut lost = 0;
        for ended in ended {
            match ended {
                Ok(open) => lost += u32::from(open),
                Err(error) => tracing::error!(%error, %team, "a lost call could not be settled"),
            }
        }
        lost
    }
}

fn beats() -> tokio::time::Interval {
    let mut beat = tokio::time::interval(BEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    beat
}
