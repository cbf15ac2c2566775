//! Lets runs go on that are held up: when what held them up changes, and when their time has come.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{RunId, TeamId};

use super::{
    engine::apart,
    hold_up::HeldUp,
    journal::{self, Line, RunEvent},
    shop::Shop,
    start::wake,
};
use crate::{Error, Result, Scope, budgets};

impl Shop {
    /// Lets runs go on whose time has come.
    pub(super) async fn let_due_go_on(&self) -> Result<()> {
        let mut tx = self.muster.db().system().await?;
        let due = sqlx::query!(
            r#"SELECT team_id AS "team: TeamId", id AS "run: RunId" FROM runs
               WHERE state = 'WAITING' AND held_up IS NOT NULL AND (held_up->>'until')::timestamptz <= $1 LIMIT 1000"#,
            self.muster.clock().now()
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        for row in due {
            apart(row.run, self.let_one_go_on(row.team, row.run).await);
        }
        Ok(())
    }

    /// Where the books are as they were, it would only be refused again, and people would read so every time.
    async fn let_one_go_on(&self, team: TeamId, run: RunId) -> Result<()> {
        let now = self.muster.clock().now();
        let mut tx = self.muster.db().of_team(team).await?;
        let books = budgets::lock_books(&mut tx, self.muster.desk(), team, now).await?;
        let held = sqlx::query_scalar!(
            r#"SELECT held_up AS "why!" FROM runs
               WHERE team_id = $1 AND id = $2 AND state = 'WAITING' AND held_up IS NOT NULL FOR UPDATE"#,
            team as TeamId,
            run as RunId
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(held) = held else { return Ok(()) };
        let why: HeldUp = serde_json::from_value(held).map_err(Error::internal)?;
        if why.still_stands(&books, now) {
            sqlx::query!(
                "UPDATE runs SET held_up = $3 WHERE team_id = $1 AND id = $2",
                team as TeamId,
                run as RunId,
                serde_json::to_value(why.looked_at(now)).map_err(Error::internal)?,
            )
            .execute(&mut *tx)
            .await?;
        } else {
            go_on(&mut tx, team, &Which::One(run), now).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// Lets all runs of the team that are held up try again: a limit or a pause has changed. Those that still do not fit stand
/// still again at the same place.
pub(crate) async fn let_go_on(connection: &mut PgConnection, team: TeamId, now: OffsetDateTime) -> Result<()> {
    go_on(connection, team, &Which::All, now).await
}

/// Lets those try again whose agent asked for a model that was gone or refused, or met a limit: models or agents have changed.
pub(crate) async fn let_go_on_with_models(
    connection: &mut PgConnection,
    team: TeamId,
    now: OffsetDateTime,
) -> Result<()> {
    go_on(connection, team, &Which::ByModelOrAgent, now).await
}

/// Which of a team's runs that are held up.
enum Which {
    All,
    One(RunId),
    ByModelOrAgent,
}

async fn go_on(connection: &mut PgConnection, team: TeamId, which: &Which, now: OffsetDateTime) -> Result<()> {
    let one = if let Which::One(run) = which { Some(*run) } else { None };
    let rows = sqlx::query!(
        r#"UPDATE runs SET state = 'QUEUED', handed_over = false, segment = segment + 1, held_up = NULL
           WHERE team_id = $1 AND state = 'WAITING' AND held_up IS NOT NULL AND ($2::uuid IS NULL OR id = $2)
             AND (NOT $3 OR held_up->>'model' IS NOT NULL OR held_up->>'agent' IS NOT NULL)
           RETURNING id AS "id: RunId", segment"#,
        team as TeamId,
        one as Option<RunId>,
        matches!(which, Which::ByModelOrAgent),
    )
    .fetch_all(&mut *connection)
    .await?;
    if rows.is_empty() {
        return Ok(());
    }
    let scope = Scope::new(team, crate::Actor::System, types::PermissionSet::all(), crate::Origin::internal());
    for row in rows {
        let line = Line::of_run(format!("went on {}", row.segment), RunEvent::WentOn);
        journal::tell(connection, &scope, row.id, now, vec![line]).await?;
    }
    wake(connection).await
}
