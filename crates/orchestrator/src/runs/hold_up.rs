//! A run that cannot go on just now, through no fault of its own: a budget, a pause, a provider's limit. It gives its sandbox
//! back, keeps its place, and goes on by itself when what held it up is over.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use types::{AgentId, BudgetId, PauseId, RunId, SquadId, TeamId};

use super::{
    engine::apart,
    job::{self, Job},
    journal::{self, Line, RunEvent},
    shop::Shop,
    start::wake,
    workflow::{Stumble, Stumbled},
};
use crate::{
    Error, Result, Scope,
    budgets::{self, Refusal, Spender},
    squads::PlannedAgent,
};

/// How long a run waits for a model until it asks again unbidden: nobody tells when a provider learns of a model, and what is put
/// right in the moment before the run stands still wakes it not.
const ASKED_AGAIN: Duration = Duration::minutes(10);

/// Why a run waits without a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldUp {
    pub sentence: String,
    /// What a person can do about it.
    pub way_out: String,
    pub budget: Option<BudgetId>,
    pub pause: Option<PauseId>,
    /// The model that an agent asks for and that is gone, as its settings name it.
    #[serde(default)]
    pub model: Option<String>,
    /// Whose own limit was met.
    #[serde(default)]
    pub agent: Option<HeldAgent>,
    /// When it is tried again by itself; None: when somebody changes what holds it up.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}

/// An agent that cannot go on with its settings as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAgent {
    pub squad: SquadId,
    pub id: AgentId,
    /// Of the settings.
    pub version: i32,
}

impl HeldUp {
    pub(super) fn by_budget(refusal: &Refusal) -> Self {
        Self {
            sentence: refusal.sentence(),
            way_out: refusal.way_out(),
            budget: Some(refusal.budget),
            pause: None,
            model: None,
            agent: None,
            until: refusal.resets_at,
        }
    }

    fn by_pause(pause: Option<PauseId>, reason: &str) -> Self {
        let shown = Error::Paused(reason.to_owned()).for_user();
        let way_out = shown.way_out.unwrap_or_default();
        Self { sentence: shown.message, way_out, budget: None, pause, model: None, agent: None, until: None }
    }

    pub(super) fn by_provider(sentence: String, until: OffsetDateTime) -> Self {
        let way_out = format!("It is tried again at {} UTC by itself.", budgets::minute(until));
        Self { sentence, way_out, budget: None, pause: None, model: None, agent: None, until: Some(until) }
    }

    pub(super) fn by_limit(sentence: String, agent: HeldAgent) -> Self {
        let way_out =
            "Raise the limit on the agent's page in its squad; the run then goes on where it stands.".to_owned();
        Self { sentence, way_out, budget: None, pause: None, model: None, agent: Some(agent), until: None }
    }

    /// `model` is what the agent asks for, `sentence` what came of it.
    pub(super) fn by_model(agent: &PlannedAgent, model: String, sentence: String, now: OffsetDateTime) -> Self {
        let way_out = format!(
            "Give {} another model in its squad, or set {model} up again under Models and keys; the run goes on by itself.",
            agent.name
        );
        Self {
            sentence,
            way_out,
            budget: None,
            pause: None,
            model: Some(model),
            agent: None,
            until: Some(now + ASKED_AGAIN),
        }
    }
}

impl Job {
    /// Who spends when this agent calls a model.
    pub(super) fn spender(&self, agent: Option<AgentId>) -> Spender {
        Spender {
            project: Some(self.project.id),
            squad: Some(self.plan.squad.squad),
            agent,
            task: Some(self.task.id),
            run: Some(self.run()),
        }
    }
}

impl Shop {
    /// Lets nothing begin while somebody has stopped this work.
    pub(super) async fn check_pause(&self, job: &Job, agent: Option<&PlannedAgent>) -> Stumbled<()> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let spender = job.spender(agent.map(|agent| agent.id));
        let found = budgets::pause_of(&mut tx, job.team(), &spender).await?;
        tx.commit().await?;
        match found {
            Some((pause, reason)) => Err(Stumble::HeldUp(Box::new(HeldUp::by_pause(Some(pause), &reason)))),
            None => Ok(()),
        }
    }

    /// Stands still: the run waits, and this segment is over.
    pub(super) async fn hold_up(&self, job: &Job, why: &HeldUp) -> Stumbled<()> {
        self.release_sandboxes(job.run()).await?;
        let (scope, now) = (job.scope(), self.muster.clock().now());
        let mut tx = self.begin(job).await?;
        let mut why = why.clone();
        if changed_since(&mut tx, job.team(), why.agent).await? {
            why.until = Some(now);
        }
        let held = sqlx::query!(
            "UPDATE runs SET state = 'WAITING', held_up = $4, position = $5
             WHERE team_id = $1 AND id = $2 AND segment = $3 AND state = 'RUNNING'",
            job.team() as TeamId,
            job.run() as RunId,
            job.segment.number,
            serde_json::to_value(&why).map_err(Error::internal)?,
            serde_json::to_value(&job.position).map_err(Error::internal)?,
        )
        .execute(&mut *tx)
        .await?;
        if held.rows_affected() == 0 {
            return Err(Stumble::Gone);
        }
        sqlx::query!(
            "UPDATE run_steps SET state = 'DONE', summary = $3, ended_at = $4 WHERE team_id = $1 AND run_id = $2 AND state = 'RUNNING'",
            job.team() as TeamId,
            job.run() as RunId,
            why.sentence,
            now,
        )
        .execute(&mut *tx)
        .await?;
        if let Some(pause) = why.pause {
            prove(&mut tx, job.team(), pause, job.run(), now).await?;
        }
        let told = RunEvent::HeldUp { sentence: why.sentence.clone(), way_out: why.way_out.clone() };
        journal::tell(&mut tx, &scope, job.run(), now, vec![Line::of_run(job.key("held up"), told)]).await?;
        // The dispatcher looks whether what held it up is over already: then nobody would wake it.
        wake(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends the processes of runs on this node that somebody has paused; their workflows then stand still by themselves.
    pub(super) async fn still_the_paused(&self) -> Result<()> {
        let mut tx = self.muster.db().system().await?;
        let rows = sqlx::query!(
            r#"SELECT team_id AS "team: TeamId", id AS "run: RunId" FROM runs WHERE state = 'RUNNING' AND node = $1 LIMIT 1000"#,
            self.node
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        for row in rows {
            apart(row.run, self.still(row.team, row.run).await);
        }
        Ok(())
    }

    /// Ends all processes of a run that is paused, or those of an agent in it that is.
    async fn still(&self, team: TeamId, run: RunId) -> Result<()> {
        let mut tx = self.muster.db().of_team(team).await?;
        let paused = sqlx::query!(
            r#"SELECT coalesce(bool_or(p.agent_id IS NULL), false) AS "whole!",
                      coalesce(array_agg(s.key) FILTER (WHERE s.key IS NOT NULL), '{}') AS "keys!"
               FROM pauses p JOIN runs r ON r.team_id = p.team_id AND r.id = $2
                    LEFT JOIN run_steps s ON s.team_id = r.team_id AND s.run_id = r.id AND s.state = 'RUNNING' AND s.agent_id = p.agent_id
               WHERE p.team_id = $1 AND p.resumed_at IS NULL
                 AND (p.project_id IS NULL OR p.project_id = r.project_id) AND (p.squad_id IS NULL OR p.squad_id = r.squad_id)"#,
            team as TeamId,
            run as RunId
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        if paused.whole {
            return self.end_sandboxes(run, 0).await;
        }
        for lane in paused.keys.iter().map(|key| job::lane_of(key)) {
            self.sandboxes.destroy(&self.sandbox_name(run, lane)).await.map_err(Error::internal)?;
        }
        Ok(())
    }

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

    async fn let_one_go_on(&self, team: TeamId, run: RunId) -> Result<()> {
        let mut tx = self.muster.db().of_team(team).await?;
        go_on(&mut tx, team, &Which::One(run), self.muster.clock().now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn prove(tx: &mut PgConnection, team: TeamId, pause: PauseId, run: RunId, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "INSERT INTO pause_proofs (team_id, pause_id, run_id, stopped_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        team as TeamId,
        pause as PauseId,
        run as RunId,
        now,
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Whether somebody has saved the agent's settings since it was held up. Whoever does so from now on finds the run waiting: the row
/// stays locked until it does.
async fn changed_since(tx: &mut PgConnection, team: TeamId, agent: Option<HeldAgent>) -> Result<bool> {
    let Some(agent) = agent else { return Ok(false) };
    let version = sqlx::query_scalar!(
        "SELECT version FROM agents WHERE team_id = $1 AND id = $2 FOR SHARE",
        team as TeamId,
        agent.id as AgentId
    )
    .fetch_one(tx)
    .await?;
    Ok(version != agent.version)
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
