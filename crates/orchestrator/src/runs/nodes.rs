//! Which nodes live, and whose runs are whose. A node gives signs of life by the database's clock; one that falls silent is
//! given up, for good: when it comes back it begins anew, and what it still does under its old number is refused.

use std::time::Duration;

use sqlx::{PgConnection, postgres::types::PgInterval};
use time::OffsetDateTime;
use types::{RunId, TeamId};

use super::{
    engine::Segment,
    job::Job,
    journal::{self, Line, RunEvent},
    shop::Shop,
    workflow::{Stumble, Stumbled},
};
use crate::{Db, Error, Result, Scope};

/// How soon a node that is gone is noticed.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Between two signs of life.
    pub heartbeat: Duration,
    /// A node that was silent for so long is given up, and others go on with its runs.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(5), silence: Duration::from_secs(30) }
    }
}

/// One start of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) epoch: i64,
}

impl Node {
    /// Who it is to the engine: each start is another, so that none takes up what an earlier one wrote.
    pub(super) fn executor(&self) -> String {
        format!("{}.{}", self.name, self.epoch)
    }
}

/// A node, for whoever looks after them.
#[derive(Clone, Debug)]
pub struct NodeView {
    pub name: String,
    pub started_at: OffsetDateTime,
    /// Since its last sign of life.
    pub silent_seconds: i64,
    /// Not given up, and not ended in order.
    pub alive: bool,
}

impl Db {
    /// All nodes that ever gave a sign of life within a day, the living first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn nodes(&self) -> Result<Vec<NodeView>> {
        let mut tx = self.system().await?;
        let rows = sqlx::query_as!(
            NodeView,
            r#"SELECT name, started_at, extract(epoch FROM clock_timestamp() - heartbeat_at)::bigint AS "silent_seconds!",
                      lost_at IS NULL AS "alive!"
               FROM nodes WHERE heartbeat_at > clock_timestamp() - interval '1 day' ORDER BY lost_at IS NULL DESC, name"#
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// Begins a node's life. Whatever an earlier start of it left behind is refused from here on.
    pub(super) async fn join(&self, name: &str) -> Result<Node> {
        let mut tx = self.system().await?;
        let epoch = sqlx::query_scalar!(
            "INSERT INTO nodes (name, epoch) VALUES ($1, 1)
             ON CONFLICT (name) DO UPDATE SET epoch = nodes.epoch + 1, started_at = clock_timestamp(),
                 heartbeat_at = clock_timestamp(), lost_at = NULL RETURNING epoch",
            name
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Node { name: name.to_owned(), epoch })
    }

    /// A sign of life. False: the node was given up meanwhile.
    pub(super) async fn beat(&self, node: &Node) -> Result<bool> {
        let mut tx = self.system().await?;
        let beaten = sqlx::query!(
            "UPDATE nodes SET heartbeat_at = clock_timestamp() WHERE name = $1 AND epoch = $2 AND lost_at IS NULL",
            node.name,
            node.epoch
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(beaten.rows_affected() > 0)
    }

    /// Gives up the nodes that fell silent. Returns their names.
    pub(super) async fn give_up(&self, silence: Duration) -> Result<Vec<String>> {
        let silence = PgInterval::try_from(silence).map_err(|_| Error::internal("a silence in whole microseconds"))?;
        let mut tx = self.system().await?;
        let lost = sqlx::query_scalar!(
            "UPDATE nodes SET lost_at = clock_timestamp() WHERE lost_at IS NULL AND heartbeat_at < clock_timestamp() - $1::interval
             RETURNING name",
            silence
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(lost)
    }

    /// Ends a node's life in order, so that others go on with its runs at once.
    pub(super) async fn leave(&self, node: &Node) -> Result<()> {
        let mut tx = self.system().await?;
        sqlx::query!(
            "UPDATE nodes SET lost_at = clock_timestamp() WHERE name = $1 AND epoch = $2 AND lost_at IS NULL",
            node.name,
            node.epoch
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Who may carry runs out now, as the engine knows them.
    pub(super) async fn executors(&self) -> Result<Vec<String>> {
        let mut tx = self.system().await?;
        let rows = sqlx::query!("SELECT name, epoch FROM nodes WHERE lost_at IS NULL").fetch_all(&mut *tx).await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(|row| Node { name: row.name, epoch: row.epoch }.executor()).collect())
    }

    /// Of these runs, those that belong to another node.
    pub(super) async fn elsewhere(&self, node: &str, runs: &[RunId]) -> Result<Vec<RunId>> {
        let ids: Vec<uuid::Uuid> = runs.iter().map(|run| run.uuid()).collect();
        let mut tx = self.system().await?;
        let found =
            sqlx::query_scalar!(r#"SELECT id AS "id: RunId" FROM runs WHERE id = ANY($1) AND node <> $2"#, &ids, node)
                .fetch_all(&mut *tx)
                .await?;
        tx.commit().await?;
        Ok(found)
    }
}

/// Lets a transaction go on only while the run is this node's, and locks the run's row, so that nobody takes it in between.
pub(super) async fn holds(tx: &mut PgConnection, job: &Job) -> Stumbled<()> {
    let held = sqlx::query!(
        "SELECT id FROM runs WHERE team_id = $1 AND id = $2 AND node = $3 AND node_epoch = $4 FOR UPDATE",
        job.team() as TeamId,
        job.run() as RunId,
        job.node.name,
        job.node.epoch,
    )
    .fetch_optional(tx)
    .await?;
    if held.is_some() { Ok(()) } else { Err(Stumble::Gone) }
}

impl Shop {
    /// Takes a run for this node, whenever its workflow is entered: at its beginning, and after a crash of whoever had it.
    pub(super) async fn take(&self, node: &Node, segment: Segment) -> Stumbled<()> {
        let before = self.holder(segment).await?;
        let taken_over = before.filter(|before| *before != node.name);
        if taken_over.is_some() {
            // What this node has of the run is older than what the other one did.
            self.forget(segment.run).await?;
        }
        let mut tx = self.muster.db().of_team(segment.team).await?;
        let alive = sqlx::query_scalar!(r#"SELECT node_is_alive($1, $2) AS "alive!""#, node.name, node.epoch);
        if !alive.fetch_one(&mut *tx).await? {
            drop(tx);
            // The engine gave it to a node that others have given up. It ends with this node's engine; any result of it, also
            // an error, would count as the run's.
            std::future::pending::<()>().await;
            return Err(Stumble::Gone);
        }
        let state = sqlx::query_scalar!(
            "UPDATE runs SET node = $4, node_epoch = $5 WHERE team_id = $1 AND id = $2 AND segment = $3 RETURNING state",
            segment.team as TeamId,
            segment.run as RunId,
            segment.number,
            node.name,
            node.epoch,
        )
        .fetch_optional(&mut *tx)
        .await?;
        if taken_over.is_some() && state.as_deref() == Some("RUNNING") {
            let scope =
                Scope::new(segment.team, crate::Actor::System, types::PermissionSet::all(), crate::Origin::internal());
            let text =
                "The machine that worked on this stopped answering. Another one goes on from the last step.".to_owned();
            let line = Line::of_run(format!("taken over by {}", node.executor()), RunEvent::Note { text });
            journal::tell(&mut tx, &scope, segment.run, self.muster.clock().now(), vec![line]).await?;
        }
        tx.commit().await?;
        match state.as_deref() {
            Some("QUEUED" | "RUNNING") => Ok(()),
            _ => Err(Stumble::Gone),
        }
    }

    async fn holder(&self, segment: Segment) -> Stumbled<Option<String>> {
        let mut tx = self.muster.db().of_team(segment.team).await?;
        let holder = sqlx::query_scalar!(
            "SELECT node FROM runs WHERE team_id = $1 AND id = $2 AND segment = $3",
            segment.team as TeamId,
            segment.run as RunId,
            segment.number
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        holder.ok_or(Stumble::Gone)
    }

    /// Removes what this node keeps of runs that are another's by now.
    pub(super) async fn forget_the_others(&self) -> Result<()> {
        let mut here: Vec<RunId> = self.folders().await?.into_iter().map(|found| found.run).collect();
        here.sort_unstable();
        here.dedup();
        for run in self.muster.db().elsewhere(&self.node, &here).await? {
            tracing::info!(%run, "another node has this run; what was here is removed");
            if let Err(error) = self.forget(run).await {
                tracing::warn!(%error, %run, "could not remove what another node has by now");
            }
        }
        Ok(())
    }
}
