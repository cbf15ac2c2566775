//! Where runs are carried out: the durable engine, and the dispatcher that hands it what may begin.

use std::{sync::Arc, time::Duration};

use dbos::{Config, DBOS, Enqueue, QueueConflict, QueueOptions, StartOptions, WorkflowRef};
use serde::{Deserialize, Serialize};
use types::{ProjectId, RunId, SquadId, TeamId};

use super::{
    shop::Shop,
    start::QUEUED,
    workflow::{self, Stumble},
};
use crate::{
    Error, Result,
    budgets::{self, Spender},
    db::ENGINE_SCHEMA,
};

/// Runs are taken up again by a program whose workflow takes the same steps in the same order. Raise it when that changes;
/// runs of the older one then wait for a node that still has it.
const WORKFLOW_VERSION: &str = "runs-1";
const QUEUE: &str = "runs";
/// Between looks at the rows when nobody calls: a notification may be lost with its connection.
const LOOK: Duration = Duration::from_secs(2);

/// How many runs may be carried out at once.
#[derive(Clone, Copy, Debug)]
pub struct EngineLimits {
    /// By this process.
    pub runs_per_node: i32,
    /// Of one team, on all nodes.
    pub runs_per_team: i32,
    /// Of one project.
    pub runs_per_project: i64,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self { runs_per_node: 8, runs_per_team: 4, runs_per_project: 3 }
    }
}

/// Who the engine is and where it keeps its checkpoints.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// The database, as the engine's own login.
    pub database_url: String,
    /// The name of this node; the same after a restart, so that it takes up what it left.
    pub node: String,
    pub limits: EngineLimits,
}

/// A part of a run between two decisions of people. What the engine keeps as the workflow's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Segment {
    pub(super) team: TeamId,
    pub(super) run: RunId,
    pub(super) number: i32,
}

impl Segment {
    /// The workflow's id: handing a segment over twice begins it once.
    fn workflow(&self) -> String {
        format!("{}:{}", self.run, self.number)
    }
}

/// The durable engine as runs use it, before it is launched.
pub(super) fn connection(database_url: &str, node: &str) -> DBOS {
    DBOS::new(Config {
        schema: ENGINE_SCHEMA.into(),
        executor_id: Some(node.to_owned()),
        app_version: Some(WORKFLOW_VERSION.into()),
        migrate: false,
        ..Config::new("muster", database_url)
    })
}

/// Carries runs out until it is stopped.
pub struct Engine {
    dbos: DBOS,
    workflow: WorkflowRef<Segment, (), Stumble>,
    shop: Arc<Shop>,
    limits: EngineLimits,
}

impl Engine {
    /// Connects, and takes up the runs that this node left when it ended.
    ///
    /// # Errors
    /// When the database refuses the engine's login or lacks its tables.
    pub async fn launch(shop: Shop, settings: &EngineSettings) -> Result<Self> {
        let dbos = connection(&settings.database_url, &settings.node);
        let shop = Arc::new(shop);
        let hands = Arc::clone(&shop);
        let body = move |segment: Segment| workflow::carry_out(Arc::clone(&hands), segment);
        let workflow = dbos.register_workflow("run", body).map_err(Error::internal)?;
        dbos.launch().await.map_err(Error::internal)?;
        let limits = settings.limits;
        let options = QueueOptions {
            worker_concurrency: Some(limits.runs_per_node),
            partition_concurrency: Some(limits.runs_per_team),
            polling_interval: Duration::from_millis(100),
            ..QueueOptions::default()
        };
        dbos.register_queue(QUEUE, options, QueueConflict::AlwaysUpdate).await.map_err(Error::internal)?;
        Ok(Self { dbos, workflow, shop, limits })
    }

    /// Hands queued runs over as they come, and ends those that were stopped, until the future is dropped.
    ///
    /// # Errors
    /// When the database cannot be reached to begin with; later failures are logged and tried again.
    pub async fn dispatch(&self) -> Result<()> {
        let mut listener = self.shop.muster.db().listener().await?;
        listener.listen(QUEUED).await?;
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(%error, "could not hand runs over");
            }
            if let Ok(Err(error)) = tokio::time::timeout(LOOK, listener.recv()).await {
                tracing::warn!(%error, "lost the notifications of runs, reconnecting");
            }
        }
    }

    async fn look(&self) -> Result<()> {
        self.shop.end_stopped(&self.dbos).await?;
        self.shop.still_the_paused().await?;
        self.shop.let_due_go_on().await?;
        for (team, run) in self.queued().await? {
            self.hand_over(team, run).await?;
        }
        Ok(())
    }

    async fn queued(&self) -> Result<Vec<(TeamId, RunId)>> {
        let mut tx = self.shop.muster.db().system().await?;
        let rows = sqlx::query!(
            r#"SELECT team_id AS "team: TeamId", id AS "run: RunId" FROM runs
               WHERE state = 'QUEUED' AND NOT handed_over ORDER BY created_at LIMIT 1000"#
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows.into_iter().map(|row| (row.team, row.run)).collect())
    }

    /// Gives one run to the engine, unless its project, its squad or a budget has enough of them. The project's row is locked, so that two
    /// nodes do not both see the last free place.
    async fn hand_over(&self, team: TeamId, run: RunId) -> Result<()> {
        let mut tx = self.shop.muster.db().of_team(team).await?;
        let Some(row) = sqlx::query!(
            r#"SELECT r.segment, r.project_id AS "project: ProjectId", r.squad_id AS "squad: SquadId", s.max_concurrent_runs
               FROM runs r JOIN projects p ON p.team_id = r.team_id AND p.id = r.project_id
                    JOIN squads s ON s.team_id = r.team_id AND s.id = r.squad_id
               WHERE r.team_id = $1 AND r.id = $2 AND r.state = 'QUEUED' AND NOT r.handed_over FOR UPDATE OF p, s"#,
            team as TeamId,
            run as RunId,
        )
        .fetch_optional(&mut *tx)
        .await?
        else {
            return Ok(());
        };
        let busy = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE project_id = $2) AS "project!", count(*) FILTER (WHERE squad_id = $3) AS "squad!"
               FROM runs WHERE team_id = $1 AND handed_over AND state IN ('QUEUED', 'RUNNING')"#,
            team as TeamId,
            row.project as ProjectId,
            row.squad as SquadId,
        )
        .fetch_one(&mut *tx)
        .await?;
        if busy.project >= self.limits.runs_per_project || busy.squad >= i64::from(row.max_concurrent_runs) {
            return Ok(());
        }
        let spender = Spender { project: Some(row.project), squad: Some(row.squad), ..Spender::default() };
        if !budgets::has_place(&mut tx, &self.shop.muster, team, &spender).await? {
            return Ok(());
        }
        self.begin(Segment { team, run, number: row.segment }).await?;
        sqlx::query!(
            "UPDATE runs SET handed_over = true WHERE team_id = $1 AND id = $2 AND segment = $3",
            team as TeamId,
            run as RunId,
            row.segment
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn begin(&self, segment: Segment) -> Result<()> {
        let (id, partition) = (segment.workflow(), segment.team.to_string());
        let queue = Enqueue { partition_key: Some(&partition), ..Enqueue::new(QUEUE) };
        let options = StartOptions { workflow_id: Some(&id), queue: Some(queue), ..StartOptions::default() };
        self.workflow.start_with(segment, options).await.map_err(Error::internal)?;
        Ok(())
    }

    /// Stops carrying out. Runs that are under way stay where they are and are taken up by the next launch.
    pub async fn shut_down(&self) {
        self.dbos.shutdown().await;
    }
}
