//! Where runs are carried out: the durable engine, and the dispatcher that hands it what may begin.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dbos::{
    Config, DBOS, Enqueue, QueueConflict, QueueOptions, StartOptions, WorkflowRef,
    sysdb::{SystemDatabase, postgres::PostgresSystemDatabase},
};
use serde::{Deserialize, Serialize};
use sqlx::{
    AssertSqlSafe, PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{
    sync::{RwLock, watch},
    time::{Instant, MissedTickBehavior},
};
use types::{ProjectId, RunId, SquadId, TeamId};

use super::{
    nodes::{Node, Patience},
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
const WORKFLOW_VERSION: &str = "runs-2";
/// The fence in the database (`db/fence.sql`) knows runs by this name.
const APPLICATION: &str = "muster";
const QUEUE: &str = "runs";
/// Between looks at the rows when nobody calls: a notification may be lost with its connection.
const LOOK: Duration = Duration::from_secs(2);

/// How long the engine may take to let its runs go.
const LET_GO: Duration = Duration::from_secs(10);

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
    pub patience: Patience,
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
    pub(super) fn workflow(&self) -> String {
        format!("{}:{}", self.run, self.number)
    }
}

/// The durable engine as runs use it, before it is launched. Its connections say which start of which node they are of: the
/// database refuses what another one records.
pub(super) fn connection(database_url: &str, executor: &str, idle: Duration) -> DBOS {
    let separator = if database_url.contains('?') { '&' } else { '?' };
    let idle = idle.as_millis();
    let limit = format!("options[idle_in_transaction_session_timeout]={idle}");
    let url = format!("{database_url}{separator}application_name=muster-{executor}&{limit}");
    DBOS::new(Config {
        schema: ENGINE_SCHEMA.into(),
        executor_id: Some(executor.to_owned()),
        app_version: Some(WORKFLOW_VERSION.into()),
        migrate: false,
        ..Config::new(APPLICATION, url)
    })
}

/// One start of this node: from joining the others until it leaves, or is given up.
struct Start {
    node: Node,
    dbos: DBOS,
    workflow: WorkflowRef<Segment, (), Stumble>,
}

/// Carries runs out until it is stopped.
pub struct Engine {
    shop: Arc<Shop>,
    settings: EngineSettings,
    /// Looks for runs of nodes that are gone.
    records: Records,
    start: RwLock<Start>,
    alive: AtomicUsize,
}

impl Engine {
    /// Joins the nodes, and takes up the runs that this one left when it ended.
    ///
    /// # Errors
    /// When the database refuses the engine's login or lacks its tables.
    pub async fn launch(shop: Shop, settings: &EngineSettings) -> Result<Self> {
        let (shop, settings) = (Arc::new(shop), settings.clone());
        let records = Records::open(&settings.database_url)?;
        let start = Start::begin(&shop, &settings).await?;
        let engine = Self { shop, settings, records, start: RwLock::new(start), alive: AtomicUsize::new(1) };
        engine.take_over().await?;
        Ok(engine)
    }

    /// Hands queued runs over as they come, ends those that were stopped, and goes on with those of nodes that are gone, until
    /// the future is dropped.
    ///
    /// # Errors
    /// When the database cannot be reached to begin with; later failures are logged and tried again.
    pub async fn dispatch(&self) -> Result<()> {
        let mut listener = self.shop.muster.db().listener().await?;
        listener.listen(QUEUED).await?;
        let calls = watch::Sender::new(());
        tokio::join!(
            Box::pin(hear(&mut listener, &calls)),
            Box::pin(self.hand_out(calls.subscribe())),
            Box::pin(self.still(calls.subscribe())),
            Box::pin(self.stay_alive())
        )
        .0
    }

    async fn hand_out(&self, mut calls: watch::Receiver<()>) {
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(%error, "could not hand runs over");
            }
            next_look(&mut calls).await;
        }
    }

    /// Ends what is paused. Beside everything else: a pause waits neither for sandboxes that are being removed nor for runs that
    /// are handed over.
    async fn still(&self, mut calls: watch::Receiver<()>) {
        loop {
            if let Err(error) = self.shop.still_the_paused().await {
                tracing::error!(%error, "could not end what is paused");
            }
            next_look(&mut calls).await;
        }
    }

    /// How many nodes live, as this one last saw it.
    #[must_use]
    pub fn living_nodes(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }

    /// Gives signs of life, and goes on with the runs of those that give none. When it is this node that others gave up, or
    /// that could not reach the database for as long, it lets go of everything and begins anew.
    async fn stay_alive(&self) {
        let patience = self.settings.patience;
        let mut beat = tokio::time::interval(patience.heartbeat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            beat.tick().await;
            let node = self.start.read().await.node.clone();
            // A beat that hangs is none.
            let beaten = tokio::time::timeout(patience.silence, self.shop.muster.db().beat(&node)).await;
            match beaten {
                Ok(Ok(true)) => heard = Instant::now(),
                Ok(Ok(false)) => {
                    tracing::warn!(node = node.name, "this node was silent and given up; it begins anew");
                    heard = self.begin_anew().await;
                }
                _ if heard.elapsed() >= patience.silence => {
                    tracing::warn!(node = node.name, "the database was out of reach; this node lets its runs go");
                    heard = self.begin_anew().await;
                }
                Ok(Err(error)) => tracing::warn!(%error, "could not give a sign of life"),
                Err(_) => {}
            }
            if let Err(error) = self.take_over().await {
                tracing::warn!(%error, "could not look after other nodes");
            }
        }
    }

    /// Ends what this start does, and makes another as soon as the database answers.
    async fn begin_anew(&self) -> Instant {
        let mut start = self.start.write().await;
        if tokio::time::timeout(LET_GO, start.dbos.shutdown()).await.is_err() {
            tracing::error!("the engine did not end in time");
        }
        loop {
            match Start::begin(&self.shop, &self.settings).await {
                Ok(begun) => {
                    *start = begun;
                    return Instant::now();
                }
                Err(error) => tracing::warn!(%error, "could not begin anew; trying again"),
            }
            tokio::time::sleep(self.settings.patience.heartbeat).await;
        }
    }

    /// Gives up nodes that are silent, puts the work of all that are gone back into the queue, and removes what this node
    /// keeps of runs that others have by now.
    async fn take_over(&self) -> Result<()> {
        let db = self.shop.muster.db();
        for name in db.give_up(self.settings.patience.silence).await? {
            tracing::warn!(node = name, "a node fell silent; others go on with its runs");
        }
        // First who has work, then who lives: a node that joins in between is seen.
        let busy = self.records.busy().await?;
        let alive = db.executors().await?;
        self.alive.store(alive.len(), Ordering::Relaxed);
        let gone: Vec<&str> = busy.iter().filter(|one| !alive.contains(one)).map(String::as_str).collect();
        self.records.put_back(&gone).await?;
        self.shop.forget_the_others().await
    }

    async fn look(&self) -> Result<()> {
        self.shop.end_stopped(&self.start.read().await.dbos).await?;
        self.shop.let_due_go_on().await?;
        for (team, run) in self.queued().await? {
            apart(run, self.hand_over(team, run).await);
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
        if busy.project >= self.settings.limits.runs_per_project || busy.squad >= i64::from(row.max_concurrent_runs) {
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
        self.start.read().await.workflow.start_with(segment, options).await.map_err(Error::internal)?;
        Ok(())
    }

    /// Stops carrying out. Runs that are under way are taken up by other nodes, or by the next launch of this one.
    pub async fn shut_down(&self) {
        let start = self.start.read().await;
        start.dbos.shutdown().await;
        if let Err(error) = self.shop.muster.db().leave(&start.node).await {
            tracing::warn!(%error, "could not say that this node ends; others notice by its silence");
        }
    }
}

/// Passes calls on. Many that come at once are one look.
async fn hear(listener: &mut PgListener, calls: &watch::Sender<()>) -> Result<()> {
    loop {
        if let Err(error) = listener.recv().await {
            tracing::warn!(%error, "lost the notifications of runs, reconnecting");
            tokio::time::sleep(LOOK).await;
        }
        calls.send_replace(());
    }
}

/// Waits for a call. Where none comes, it is looked all the same.
async fn next_look(calls: &mut watch::Receiver<()>) {
    drop(tokio::time::timeout(LOOK, calls.changed()).await);
}

/// What cannot be done for one run is tried again with the next look, and keeps nobody else waiting.
pub(super) fn apart(run: RunId, done: Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, %run, "could not look after a run; trying again");
    }
}

impl Start {
    async fn begin(shop: &Arc<Shop>, settings: &EngineSettings) -> Result<Self> {
        let node = shop.muster.db().join(&settings.node).await?;
        let dbos = connection(&settings.database_url, &node.executor(), settings.patience.silence);
        let (hands, me) = (Arc::clone(shop), node.clone());
        let body = move |segment: Segment| workflow::carry_out(Arc::clone(&hands), me.clone(), segment);
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
        Ok(Self { node, dbos, workflow })
    }
}

/// The engine's own records, beside the engine.
struct Records {
    pool: PgPool,
    rows: PostgresSystemDatabase,
}

impl Records {
    fn open(database_url: &str) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy(database_url)?;
        let settings = dbos::sysdb::postgres::Settings {
            schema: ENGINE_SCHEMA,
            application_name: Some(APPLICATION),
            ..Default::default()
        };
        Ok(Self { rows: PostgresSystemDatabase::from_pool(pool.clone(), &settings), pool })
    }

    /// Who has workflows under way.
    async fn busy(&self) -> Result<Vec<String>> {
        let busy = format!(
            "SELECT DISTINCT executor_id FROM {ENGINE_SCHEMA}.workflow_status
             WHERE status = 'PENDING' AND executor_id IS NOT NULL AND application_name = $1"
        );
        Ok(sqlx::query_scalar(AssertSqlSafe(busy)).bind(APPLICATION).fetch_all(&self.pool).await?)
    }

    /// Puts their workflows back into the queue.
    async fn put_back(&self, executors: &[&str]) -> Result<()> {
        if executors.is_empty() {
            return Ok(());
        }
        let moved = self.rows.reenqueue_for_recovery(executors, WORKFLOW_VERSION, QUEUE).await;
        let moved = moved.map_err(Error::internal)?;
        if !moved.is_empty() {
            tracing::info!(runs = moved.len(), "runs of nodes that are gone go on");
        }
        Ok(())
    }
}
