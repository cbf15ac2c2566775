//! A run that cannot go on just now, through no fault of its own: a budget, a pause, a provider's limit. It gives its sandbox
//! back, keeps its place, and goes on by itself when what held it up is over.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use types::{AgentId, BudgetId, PauseId, RunId, SquadId, TeamId};

use super::{
    job::Job,
    journal::{self, Line, RunEvent},
    nodes,
    shop::Shop,
    start::wake,
    workflow::{Stumble, Stumbled},
};
use crate::{
    Error, Result,
    budgets::{self, Refusal, Spender, Tree},
    squads::PlannedAgent,
};

/// How long a run waits until somebody looks unbidden whether what holds it up is over: nobody tells when a provider learns of a
/// model, and nothing that was missed is missed for longer.
const ASKED_AGAIN: Duration = Duration::minutes(10);
/// How long it waits where calls of others that are under way may leave room.
const ROOM_AGAIN: Duration = Duration::seconds(30);

/// Why a run waits without a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldUp {
    pub sentence: String,
    /// What a person can do about it.
    pub way_out: String,
    pub budget: Option<BudgetId>,
    pub pause: Option<PauseId>,
    /// The limits of the budget that refused.
    #[serde(default)]
    limits: Option<HeldLimits>,
    /// The model that an agent asks for and that is gone, as its settings name it.
    #[serde(default)]
    pub model: Option<String>,
    /// Whose own limit was met.
    #[serde(default)]
    pub agent: Option<HeldAgent>,
    /// When it is looked at again by itself; None: when somebody changes what holds it up.
    #[serde(with = "time::serde::rfc3339::option")]
    pub until: Option<OffsetDateTime>,
}

/// Limits without room for a call. They refuse it for as long as nobody changes them and no period ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct HeldLimits {
    /// Of the team's tree.
    version: i64,
    #[serde(with = "time::serde::rfc3339::option")]
    resets_at: Option<OffsetDateTime>,
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
    fn new(sentence: String, way_out: String) -> Self {
        Self { sentence, way_out, budget: None, pause: None, limits: None, model: None, agent: None, until: None }
    }

    pub(super) fn by_budget(refusal: &Refusal, now: OffsetDateTime) -> Self {
        let held = Self { budget: Some(refusal.budget), ..Self::new(refusal.sentence(), refusal.way_out()) };
        if refusal.may_pass() {
            // No limit has to change for this one.
            return Self { until: Some(now + ROOM_AGAIN), ..held };
        }
        let limits = HeldLimits { version: refusal.version, resets_at: refusal.resets_at };
        Self { limits: Some(limits), ..held }.looked_at(now)
    }

    fn by_pause(pause: PauseId, reason: &str, now: OffsetDateTime) -> Self {
        let shown = Error::Paused(reason.to_owned()).for_user();
        let way_out = shown.way_out.unwrap_or_default();
        Self { pause: Some(pause), ..Self::new(shown.message, way_out) }.looked_at(now)
    }

    pub(super) fn by_provider(sentence: String, until: OffsetDateTime) -> Self {
        let way_out = format!("It is tried again at {} UTC by itself.", budgets::minute(until));
        Self { until: Some(until), ..Self::new(sentence, way_out) }
    }

    pub(super) fn by_limit(sentence: String, agent: HeldAgent) -> Self {
        let way_out =
            "Raise the limit on the agent's page in its squad; the run then goes on where it stands.".to_owned();
        Self { agent: Some(agent), ..Self::new(sentence, way_out) }
    }

    /// `model` is what the agent asks for, `sentence` what came of it.
    pub(super) fn by_model(agent: &PlannedAgent, model: String, sentence: String, now: OffsetDateTime) -> Self {
        let way_out = format!(
            "Give {} another model in its squad, or set {model} up again under Models and keys; the run goes on by itself.",
            agent.name
        );
        Self { model: Some(model), until: Some(now + ASKED_AGAIN), ..Self::new(sentence, way_out) }
    }

    /// Whether the team's books say how long it stands still.
    const fn is_of_the_books(&self) -> bool {
        self.limits.is_some() || self.pause.is_some()
    }

    /// Whether the books are as they were when they held it up.
    pub(super) fn still_stands(&self, books: &Tree, now: OffsetDateTime) -> bool {
        let refuses = |limits: HeldLimits| {
            limits.version == books.version && limits.resets_at.is_none_or(|resets_at| now < resets_at)
        };
        let paused = |pause: PauseId| books.pauses().iter().any(|alive| alive.id == pause);
        self.limits.map_or_else(|| self.pause.is_some_and(paused), refuses)
    }

    /// Found as it was, and to be looked at again.
    pub(super) fn looked_at(self, now: OffsetDateTime) -> Self {
        let again = now + ASKED_AGAIN;
        let resets_at = self.limits.and_then(|limits| limits.resets_at);
        Self { until: Some(resets_at.map_or(again, |resets_at| resets_at.min(again))), ..self }
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
            Some((pause, reason)) => {
                let now = self.muster.clock().now();
                Err(Stumble::HeldUp(Box::new(HeldUp::by_pause(pause, &reason, now))))
            }
            None => Ok(()),
        }
    }

    /// Stands still: the run waits, and this segment is over.
    pub(super) async fn hold_up(&self, job: &Job, why: &HeldUp) -> Stumbled<()> {
        self.release_sandboxes(job.run()).await?;
        let (scope, now) = (job.scope(), self.muster.clock().now());
        let mut tx = self.muster.db().team(&scope).await?;
        let mut why = why.clone();
        let mut over = false;
        if why.is_of_the_books() {
            // Whoever raises a limit or ends a pause holds this lock, and lets go on what waits: either that was before, and is seen
            // here, or it comes after this run stands still. Everybody locks the books before a run.
            let books = budgets::lock_books(&mut tx, self.muster.desk(), job.team(), now).await?;
            over = !why.still_stands(&books, now);
        }
        nodes::holds(&mut tx, job).await?;
        if over || changed_since(&mut tx, job.team(), why.agent).await? {
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
        // Where what held it up is over already, it is due now: the dispatcher lets it go on.
        wake(&mut tx).await?;
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
