//! One model call: held back, made, booked, told.

use std::time::Duration;

use agents::Event;
use gateway::{CallError, estimate};
use time::OffsetDateTime;
use tokio::time::Instant;
use types::{
    MicroUsd, RunId, StepId, TeamId,
    chat::{Answer, ChatRequest, Delta, TokenUsage},
};

use super::ways::Route;
use crate::{
    Error,
    budgets::{Held, NewCall, Used},
    models::Words,
    runs::{
        hold_up::HeldUp,
        job::Job,
        journal::{self, Body, Line, RunEvent},
        nodes,
        shop::Shop,
        typing::Typist,
        workflow::{Stumble, Stumbled},
    },
    squads::PlannedAgent,
};

/// How long a call waits for others under way to give back what they do not use.
const ROOM: Duration = Duration::from_secs(45);

impl Shop {
    /// The answer of a call that was booked right before a crash.
    pub(super) async fn paid_answer(&self, job: &Job, key: &str) -> Stumbled<Option<Answer>> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let answer = sqlx::query_scalar!(
            "SELECT answer FROM run_answers WHERE team_id = $1 AND run_id = $2 AND key = $3 AND lane = $4",
            job.team() as TeamId,
            job.run() as RunId,
            key,
            lane(job)
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(answer.map(serde_json::from_value).transpose().map_err(Error::internal)?)
    }

    /// One try: held back before, settled after, whatever came of it. `None`: the team's providers have changed since the
    /// call was worked out, and nothing was done.
    pub(super) async fn attempt(&self, call: &Call<'_>) -> Stumbled<Option<Result<Answer, CallError>>> {
        let free = call.worst(self.muster.clock().now()).worst == Some(MicroUsd::ZERO);
        self.check_limits(call, free).await?;
        let Some(held) = self.hold_for(call).await? else { return Ok(None) };
        let began = Instant::now();
        let typist = Typist::begin(&self.muster, call.job.run(), &call.agent.name);
        let write = move |delta| {
            if let Delta::Text { text } = delta {
                typist.write(text);
            }
        };
        match self.muster.gateway().stream(&call.route.provider, call.request, write).await {
            Ok(answer) => {
                self.book(call, &held, &answer, began.elapsed()).await?;
                if call.keeps_content {
                    self.keep_words(call, &held, &answer).await;
                }
                Ok(Some(Ok(answer)))
            }
            Err(error) => {
                if error.may_have_cost() {
                    let usage = error.partial_usage();
                    let used = call.used(usage, &call.route.model, self.muster.clock().now(), began.elapsed());
                    // What was reported in the middle of an answer is not its end.
                    self.muster.settle(held, Used { failed: true, estimated: true, ..used }).await?;
                } else {
                    self.muster.release(held).await?;
                }
                Ok(Some(Err(error)))
            }
        }
    }

    /// Keeps what was asked and answered. The call is paid for and told: it does not fail for this.
    async fn keep_words(&self, call: &Call<'_>, held: &Held, answer: &Answer) {
        let texts = serde_json::to_string(call.request)
            .and_then(|request| serde_json::to_string(&answer.message).map(|answer| (request, answer)));
        let kept = match texts {
            Ok((request, answer)) => {
                let words = Words { request: &request, answer: &answer };
                self.muster.keep_words(call.job.team(), held.id(), &call.route.provider, words).await
            }
            Err(error) => Err(Error::internal(error)),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "the words of a call could not be kept");
        }
    }

    /// Holds the worst case back. Where only calls under way stand in the way, it waits for them a little.
    async fn hold_for(&self, call: &Call<'_>) -> Stumbled<Option<Held>> {
        let job = call.job;
        let began = Instant::now();
        loop {
            match self.muster.hold_as_of(job.team(), call.catalogue, call.worst(self.muster.clock().now())).await {
                Ok(held) => return Ok(held),
                Err(Error::Budget(refusal)) if refusal.may_pass() && began.elapsed() < ROOM => {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                Err(Error::Budget(refusal)) => {
                    let why = HeldUp::by_budget(&refusal, self.muster.clock().now());
                    return Err(Stumble::HeldUp(Box::new(why)));
                }
                Err(Error::Paused(reason)) => {
                    self.check_pause(job, Some(call.agent)).await?;
                    return Err(Stumble::Passing(reason));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Settles the call and tells of it in one transaction: a crash leaves both or neither.
    async fn book(&self, call: &Call<'_>, held: &Held, answer: &Answer, took: Duration) -> Stumbled<()> {
        let (job, now) = (call.job, self.muster.clock().now());
        let scope = job.scope();
        let used = call.used(answer.usage, &answer.model, now, took);
        let instead = call.instead_of.map(|why| {
            let text = format!("asked {} for {} instead: {why}", call.route.name, call.route.model);
            Line {
                key: format!("{} instead", call.key),
                step: Some(call.step),
                ..Line::of_run(String::new(), RunEvent::Note { text })
            }
        });
        let told = Event::of_answer(answer)
            .into_iter()
            .chain([Event::Usage {
                model: if call.route.paid.is_none() { call.route.name.clone() } else { answer.model.clone() },
                tokens: used.usage,
                cost: used.cost,
            }])
            .enumerate()
            .map(|(at, event)| Line {
                key: format!("{} {at}", call.key),
                step: Some(call.step),
                agent: Some(call.agent.name.clone()),
                body: Body::Agent(event),
            });
        let mut tx = self.muster.db().team(&scope).await?;
        self.muster.settle_in(&mut tx, held, used).await?;
        sqlx::query!(
            "INSERT INTO run_answers (team_id, run_id, key, answer, lane) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (team_id, run_id, lane) DO UPDATE SET key = excluded.key, answer = excluded.answer",
            job.team() as TeamId,
            job.run() as RunId,
            call.key,
            serde_json::to_value(answer).map_err(Error::internal)?,
            lane(job),
        )
        .execute(&mut *tx)
        .await?;
        // After the settlement, which locks the team's books: everybody locks them before a run.
        nodes::holds(&mut tx, job).await?;
        journal::tell(&mut tx, &scope, job.run(), now, instead.into_iter().chain(told).collect()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A call of an agent, with all that its books need.
pub(super) struct Call<'a> {
    pub(super) job: &'a Job,
    pub(super) agent: &'a PlannedAgent,
    pub(super) step: StepId,
    /// Its stable name in the run.
    pub(super) key: &'a str,
    pub(super) route: &'a Route,
    pub(super) request: &'a ChatRequest,
    /// The version of the team's catalogue that the route is of.
    pub(super) catalogue: i64,
    pub(super) keeps_content: bool,
    /// Why others that come before it did not answer.
    pub(super) instead_of: Option<&'a str>,
}

impl Call<'_> {
    fn worst(&self, now: OffsetDateTime) -> NewCall {
        let (input, output) = (estimate::input_tokens(self.request), u64::from(self.request.max_output_tokens));
        let paid = self.route.paid.as_ref();
        let worst = paid.map_or(Some(MicroUsd::ZERO), |model| model.worst_case(input, output, now).amount());
        NewCall {
            spender: self.job.spender(Some(self.agent.id)),
            key: self.key.to_owned(),
            provider: self.route.name.clone(),
            model: self.route.model.clone(),
            worst,
            tokens: i64::try_from(input + output).unwrap_or(i64::MAX),
        }
    }

    /// What the call came to. A provider that reports nothing is counted at the most it can have taken.
    fn used(&self, usage: Option<TokenUsage>, model: &str, now: OffsetDateTime, duration: Duration) -> Used {
        let estimated = usage.is_none();
        let usage = usage.unwrap_or_else(|| estimate::at_most(self.request));
        let (cost, source) = match &self.route.paid {
            None => (Some(MicroUsd::ZERO), "demo model".to_owned()),
            Some(paid) => paid.cost(&usage, now).booked(),
        };
        Used { usage, estimated, cost, source, model: model.to_owned(), failed: false, duration, step: Some(self.step) }
    }
}

/// The conversation no longer fits; it has to be made shorter.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct TooLong;

/// As the rows have it.
fn lane(job: &Job) -> i16 {
    i16::try_from(job.lane).unwrap_or(i16::MAX)
}
