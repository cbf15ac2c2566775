//! Where an agent's calls go: one place after another, by the policy that programs' calls follow too.

use std::{sync::Arc, time::Duration};

use gateway::{CallError, Provider};
use types::{
    AgentId, ModelProviderId, StepId, TeamId,
    chat::{Answer, ChatRequest},
};

use super::model::{Call, TooLong};
use crate::{
    Error,
    models::{CallableModel, DEMO_MODEL, ModelRoute, goes_elsewhere, wait_after},
    runs::{
        hold_up::HeldUp,
        job::Job,
        machine::Failure,
        shop::Shop,
        workflow::{Stumble, Stumbled},
    },
    squads::PlannedAgent,
};

/// How often all places are tried before the run gives up; the waits between grow to about two minutes in all.
const ROUNDS: u32 = 7;
/// How often a call is worked out anew because the team's providers were changed meanwhile.
const CHANGES: u32 = 5;
/// How long a run waits with its sandbox for a provider; for longer it stands still.
const PATIENCE: Duration = Duration::from_secs(90);

/// One place where an agent's model calls go.
#[derive(Clone)]
pub(super) struct Route {
    pub(super) id: ModelProviderId,
    pub(super) provider: Provider,
    /// As the ledger names it.
    pub(super) name: String,
    pub(super) model: String,
    /// What it costs; None where it only replays a recording, which costs nothing.
    pub(super) paid: Option<Arc<CallableModel>>,
}

/// All of them, in order; never none.
pub(super) struct Ways {
    first: Route,
    others: Vec<Route>,
    catalogue: i64,
    keeps_content: bool,
}

impl Ways {
    pub(super) fn model(&self) -> &str {
        &self.first.model
    }

    fn all(&self) -> impl Iterator<Item = &Route> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// What came of one place.
enum Tried {
    Answered(Box<Answer>),
    TooLong,
    /// A provider does not know the model.
    Unknown(String),
    /// The team's providers have changed since they were looked at.
    Outdated,
    Missed(Missed),
}

/// Why a place did not answer.
struct Missed {
    sentence: String,
    /// When it may; `None`: not before somebody changes something.
    again: Option<Again>,
}

#[derive(Clone, Copy)]
enum Again {
    After(Duration),
    /// It named no time.
    Soon,
}

impl Shop {
    /// Where an agent's calls go: to its own provider, to what its model's name leads to, or the team's default.
    pub(super) async fn ways(&self, job: &Job, agent: &PlannedAgent) -> Stumbled<Ways> {
        if let Some(ways) = self.ways_to(job, agent, (agent.provider, agent.model.as_deref())).await? {
            return Ok(ways);
        }
        match self.ways_now(job, agent).await? {
            Some(ways) => Ok(ways),
            None => {
                let gone =
                    |model: &str| format!("The agent {} uses {model}, which the team no longer has.", agent.name);
                Err(self.without_model(job, agent, gone).await?)
            }
        }
    }

    /// Where they go by the settings that the agent has now: a run keeps the model that it began with, unless that is gone.
    /// `None`: they name the same one, or none that the team has.
    async fn ways_now(&self, job: &Job, agent: &PlannedAgent) -> Stumbled<Option<Ways>> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let now = sqlx::query!(
            r#"SELECT provider_id AS "provider: ModelProviderId", model FROM agents WHERE team_id = $1 AND id = $2 AND removed_at IS NULL"#,
            job.team() as TeamId,
            agent.id as AgentId
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        match now {
            Some(now) if (now.provider, &now.model) != (agent.provider, &agent.model) => {
                self.ways_to(job, agent, (now.provider, now.model.as_deref())).await
            }
            _ => Ok(None),
        }
    }

    /// Why the run stands still where an agent's model is gone or refused; `told` makes the sentence of what the agent asks for.
    pub(super) async fn without_model(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        told: impl FnOnce(&str) -> String,
    ) -> Stumbled<Stumble> {
        let mut model =
            agent.model.as_ref().map_or_else(|| "the model".to_owned(), |model| format!("the model {model}"));
        if let Some(provider) = agent.provider {
            let mut tx = self.muster.db().team(&job.scope()).await?;
            // Also of one that was removed: its row stays.
            let name = sqlx::query_scalar!(
                "SELECT name FROM model_providers WHERE team_id = $1 AND id = $2",
                job.team() as TeamId,
                provider as ModelProviderId
            )
            .fetch_one(&mut *tx)
            .await?;
            tx.commit().await?;
            model = format!("{model} of {name}");
        }
        let sentence = told(&model);
        Ok(Stumble::HeldUp(Box::new(HeldUp::by_model(agent, model, sentence, self.muster.clock().now()))))
    }

    /// `None`: the name leads nowhere.
    async fn ways_to(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        (provider, model): (Option<ModelProviderId>, Option<&str>),
    ) -> Stumbled<Option<Ways>> {
        let (scope, spender) = (job.scope(), job.spender(Some(agent.id)));
        let routes = match self.muster.routes_of_agent(&scope, &spender, provider, model).await {
            Ok(routes) => routes,
            Err(Error::NotFound) => return Ok(None),
            Err(Error::NotAllowed(refusal)) => {
                return Err(Stumble::last(Failure::Model, format!("{} {}", refusal.sentence(), refusal.way_out())));
            }
            Err(error) => return Err(error.into()),
        };
        let mut all = routes.all.iter().map(|route| self.route(route));
        let first = all.next().ok_or_else(|| Error::internal("a name of a model that leads nowhere"))?;
        let others = all.collect();
        Ok(Some(Ways { first, others, catalogue: routes.catalogue, keeps_content: routes.keeps_content }))
    }

    fn route(&self, route: &ModelRoute) -> Route {
        match route {
            ModelRoute::Server(model) => Route {
                id: model.id,
                provider: model.provider.clone(),
                name: model.name.clone(),
                model: model.model.clone(),
                paid: Some(Arc::clone(model)),
            },
            ModelRoute::Demo { provider: id } => Route {
                id: *id,
                provider: self.demo.clone(),
                name: crate::DEMO_PROVIDER.to_owned(),
                model: DEMO_MODEL.to_owned(),
                paid: None,
            },
        }
    }

    /// Calls the model and books what it cost, once per key: the worst case is held back first.
    pub(super) async fn call_model(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        step: StepId,
        key: &str,
        request: &ChatRequest,
    ) -> Stumbled<Result<Answer, TooLong>> {
        if let Some(answer) = self.paid_answer(job, key).await? {
            return Ok(Ok(answer));
        }
        let (mut round, mut changes, mut replaced) = (0, 0, false);
        let mut ways = self.ways(job, agent).await?;
        loop {
            match self.try_all((job, agent), (step, key), &ways, request).await? {
                Tried::Answered(answer) => return Ok(Ok(*answer)),
                Tried::TooLong => return Ok(Err(TooLong)),
                Tried::Unknown(sentence) => {
                    // The agent may have been given another since the run began.
                    let other = if replaced { None } else { self.ways_now(job, agent).await? };
                    let Some(other) = other else {
                        return Err(self.without_model(job, agent, |_| sentence).await?);
                    };
                    (ways, replaced) = (other, true);
                }
                Tried::Outdated if changes < CHANGES => {
                    (changes, replaced) = (changes + 1, false);
                    ways = self.ways(job, agent).await?;
                }
                Tried::Outdated => return Err(Stumble::Passing("The team's model providers change just now.".into())),
                Tried::Missed(missed) => {
                    round += 1;
                    self.wait_for_another(missed, round).await?;
                }
            }
        }
    }

    /// Asks one place after another, once each.
    async fn try_all(
        &self,
        (job, agent): (&Job, &PlannedAgent),
        (step, key): (StepId, &str),
        ways: &Ways,
        request: &ChatRequest,
    ) -> Stumbled<Tried> {
        let mut missed: Option<Missed> = None;
        for route in ways.all() {
            // The turn may have begun with another default of the team, or with the first of several models.
            let renamed =
                (request.model != route.model).then(|| ChatRequest { model: route.model.clone(), ..request.clone() });
            let request = renamed.as_ref().unwrap_or(request);
            let (catalogue, keeps_content) = (ways.catalogue, ways.keeps_content);
            let instead_of = missed.as_ref().map(|missed| missed.sentence.as_str());
            let call = Call { job, agent, step, key, route, request, catalogue, keeps_content, instead_of };
            match self.try_one(&call).await? {
                Tried::Missed(now) => {
                    missed = Some(match missed {
                        Some(before) => before.and(&now),
                        None => now,
                    });
                }
                done => return Ok(done),
            }
        }
        Ok(Tried::Missed(missed.ok_or_else(|| Error::internal("a call with nowhere to go"))?))
    }

    async fn try_one(&self, call: &Call<'_>) -> Stumbled<Tried> {
        let (breaker, route) = (self.muster.breaker(), call.route);
        if let Some(left) = breaker.rest(route.id) {
            let sentence = format!("{} did not answer several times in a row.", route.name);
            return Ok(Tried::Missed(Missed { sentence, again: Some(Again::After(left)) }));
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match self.attempt(call).await? {
                None => return Ok(Tried::Outdated),
                Some(Ok(answer)) => {
                    breaker.works(route.id);
                    return Ok(Tried::Answered(Box::new(answer)));
                }
                Some(Err(error)) if error.is_too_long() => return Ok(Tried::TooLong),
                Some(Err(error)) => error,
            };
            let sentence = format!("{} did not answer: {error}.", route.name);
            if matches!(error, CallError::ModelNotFound { .. }) {
                let sentence =
                    format!("{} does not know the model {} of {}.", route.name, route.model, call.agent.name);
                return Ok(Tried::Unknown(sentence));
            }
            if !goes_elsewhere(&error) {
                return Err(Stumble::last(Failure::Model, sentence));
            }
            let Some(wait) = wait_after(&error, tries) else {
                breaker.fails(route.id, &error);
                let again = error.may_retry().then(|| error.retry_after().map_or(Again::Soon, Again::After));
                return Ok(Tried::Missed(Missed { sentence, again }));
            };
            tracing::info!(%error, tries, wait_ms = wait.as_millis(), "a model call is tried again");
            // As long as the provider asks for, or longer with each try: at once, it would most likely fail the same way.
            tokio::time::sleep(wait).await;
        }
    }

    /// After none answered: waits until one may, or leaves the run standing where that takes long.
    async fn wait_for_another(&self, missed: Missed, round: u32) -> Stumbled<()> {
        let grown = Duration::from_secs(1 << round.min(6));
        let wait = match missed.again {
            None => return Err(Stumble::last(Failure::Model, missed.sentence)),
            Some(Again::After(wait)) => wait,
            Some(Again::Soon) => grown,
        };
        if wait > PATIENCE {
            let until = self.muster.clock().now() + wait;
            return Err(Stumble::HeldUp(Box::new(HeldUp::by_provider(missed.sentence, until))));
        }
        if round >= ROUNDS {
            return Err(Stumble::last(Failure::Model, missed.sentence));
        }
        tracing::info!(reason = missed.sentence, round, wait_ms = wait.as_millis(), "a model call is tried again");
        // Until the first may be asked again, or longer with each round: nothing else tells that a provider works again.
        tokio::time::sleep(wait).await;
        Ok(())
    }
}

impl Missed {
    /// Both did not answer; the one that may answer first says when.
    fn and(self, other: &Self) -> Self {
        let again = match (self.again, other.again) {
            (Some(Again::After(one)), Some(Again::After(two))) => Some(Again::After(one.min(two))),
            (Some(Again::Soon), _) | (_, Some(Again::Soon)) => Some(Again::Soon),
            (one, two) => one.or(two),
        };
        Self { sentence: format!("{} {}", self.sentence, other.sentence), again }
    }
}
