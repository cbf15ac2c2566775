//! One model call: priced, written into the ledger, told.

use std::time::Duration;

use agents::Event;
use gateway::{CallError, Provider, prices};
use tokio::time::Instant;
use types::{
    AgentId, MicroUsd, ProjectId, RunId, SquadId, StepId, TaskId, TeamId, UsageId,
    chat::{Answer, ChatRequest, TokenUsage},
};

use crate::runs::{
    job::Job,
    journal::{self, Body, Line},
    machine::Failure,
    shop::Shop,
    start::Plan,
    workflow::{Stumble, Stumbled},
};
use crate::squads::PlannedAgent;

/// How often a call is tried before the run gives up; the waits between grow to about two minutes in all.
const ATTEMPTS: u32 = 7;

/// Where an agent's model calls go.
pub(super) struct Route {
    pub(super) provider: Provider,
    /// As the ledger names it.
    pub(super) name: String,
    pub(super) model: String,
    /// Whether it only replays a recording, which costs nothing.
    pub(super) demo: bool,
}

impl Shop {
    /// Calls the model and writes down what it cost, once per key.
    pub(super) async fn call_model(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        step: StepId,
        key: &str,
        request: &ChatRequest,
    ) -> Stumbled<Result<Answer, TooLong>> {
        let route = self.route(job, agent).await?;
        // The turn may have begun with another default of the team.
        let renamed =
            (request.model != route.model).then(|| ChatRequest { model: route.model.clone(), ..request.clone() });
        let request = renamed.as_ref().unwrap_or(request);
        let began = Instant::now();
        let answer = match self.persist(&route, request).await {
            Ok(answer) => answer,
            Err(CallError::ContextTooLong { .. }) => return Ok(Err(TooLong)),
            Err(error) => return Err(Stumble::last(Failure::Model, sentence(&route, &error))),
        };
        let took = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.book(job, agent, step, key, &route, request, &answer, took).await?;
        Ok(Ok(answer))
    }

    /// Tries until the provider answers, waiting as long as it asks for.
    async fn persist(&self, route: &Route, request: &ChatRequest) -> Result<Answer, CallError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.muster.gateway().stream(&route.provider, request, |_| {}).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !error.may_retry() || attempt >= ATTEMPTS {
                return Err(error);
            }
            let wait = error.retry_after().unwrap_or(Duration::from_secs(1 << attempt.min(6)));
            tracing::info!(%error, attempt, wait_ms = wait.as_millis(), "a model call is tried again");
            tokio::time::sleep(wait.min(Duration::from_secs(120))).await;
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what one row of the ledger names")]
    async fn book(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        step: StepId,
        key: &str,
        route: &Route,
        request: &ChatRequest,
        answer: &Answer,
        took: i64,
    ) -> Stumbled<()> {
        let now = self.muster.clock().now();
        // A provider that reports nothing is counted at the estimate, and its price then is not known.
        let usage = answer.usage.unwrap_or_else(|| TokenUsage {
            uncached: gateway::estimate::input_tokens(request),
            ..TokenUsage::default()
        });
        let (cost, source) = if route.demo {
            (Some(MicroUsd::ZERO), "demo model".to_owned())
        } else {
            match prices::cost(route.provider.base_url(), &answer.model, &usage, now) {
                prices::Priced::Known { amount, source, .. } if answer.usage.is_some() => (Some(amount), source),
                _ => (None, "unknown".to_owned()),
            }
        };
        let scope = job.scope();
        let mut tx = self.muster.db().team(&scope).await?;
        let count = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        let booked = sqlx::query!(
            "INSERT INTO usage (team_id, id, run_id, task_id, project_id, squad_id, step_id, agent_id, key, provider, model,
                                uncached, cache_read, cache_write, output, reasoning, cost_micro_usd, price_source, duration_ms, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
             ON CONFLICT (team_id, run_id, key) DO NOTHING",
            job.team() as TeamId,
            UsageId::new() as UsageId,
            job.run() as RunId,
            job.task.id as TaskId,
            job.project.id as ProjectId,
            squad(&job.plan) as SquadId,
            step as StepId,
            agent.id as AgentId,
            key,
            route.name,
            answer.model,
            count(usage.uncached),
            count(usage.cache_read),
            count(usage.cache_write),
            count(usage.output),
            count(usage.reasoning),
            cost.map(MicroUsd::micros),
            source,
            took,
            now,
        )
        .execute(&mut *tx)
        .await?;
        if booked.rows_affected() > 0 {
            let (micros, tokens) = (cost.map_or(0, MicroUsd::micros), count(usage.total()));
            self.add_up(&mut tx, job, step, micros, tokens).await?;
        }
        let told = Event::of_answer(answer)
            .into_iter()
            .chain([Event::Usage {
                model: if route.demo { route.name.clone() } else { answer.model.clone() },
                tokens: usage,
                cost,
            }])
            .enumerate()
            .map(|(at, event)| Line {
                key: format!("{key} {at}"),
                step: Some(step),
                agent: Some(agent.name.clone()),
                body: Body::Agent(event),
            });
        journal::tell(&mut tx, &scope, job.run(), now, told.collect()).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn add_up(
        &self,
        tx: &mut sqlx::PgConnection,
        job: &Job,
        step: StepId,
        micros: i64,
        tokens: i64,
    ) -> Stumbled<()> {
        sqlx::query!(
            "UPDATE runs SET cost_micro_usd = cost_micro_usd + $3, tokens = tokens + $4 WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            job.run() as RunId,
            micros,
            tokens
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE run_steps SET cost_micro_usd = cost_micro_usd + $3, tokens = tokens + $4 WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            step as StepId,
            micros,
            tokens
        )
        .execute(&mut *tx)
        .await?;
        Ok(())
    }
}

/// The conversation no longer fits; it has to be made shorter.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct TooLong;

fn squad(plan: &Plan) -> SquadId {
    plan.squad.squad
}

fn sentence(route: &Route, error: &CallError) -> String {
    format!("{} did not answer: {error}.", route.name)
}
