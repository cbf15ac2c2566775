//! What an agent may use up in a run, and how long a run may take: looked at before a model is called and before a sandbox is
//! used. Where an agent is past a limit of its own, the run stands still until somebody raises it; a run past its time ends. A
//! call that is under way is not cut off.

use sqlx::PgConnection;
use time::{Duration, OffsetDateTime};
use types::{AgentId, MicroUsd, RunId, StepId, TeamId};

use super::model::Call;
use crate::{
    Error, Result,
    runs::{
        hold_up::{HeldAgent, HeldUp},
        job::Job,
        machine::Failure,
        shop::Shop,
        workflow::{Stumble, Stumbled},
    },
    squads::{AgentLimits, PlannedAgent},
};

/// A sandbox is not made for less.
const SHORTEST: Duration = Duration::SECOND;

/// What an agent has used.
#[derive(Clone, Copy, Debug)]
struct Usage {
    /// In the run, read afresh and written. What a provider reads again from its cache is most of a long conversation and costs
    /// little: it counts as money alone.
    tokens: i64,
    /// In the run, as budgets count it: a price nobody knows is not free.
    spent: MicroUsd,
    /// Of its turn, without the time in which the run waited.
    took: Duration,
}

impl Shop {
    /// Lets no call be made that is past a limit of the agent or of the run. What costs nothing is no matter of money.
    pub(super) async fn check_limits(&self, call: &Call<'_>, free: bool) -> Stumbled<()> {
        let (job, now) = (call.job, self.muster.clock().now());
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let (used, limits, version) = used(&mut tx, (job.team(), job.run(), call.agent.id, call.step), now).await?;
        let took = took(&mut tx, job, now).await?;
        tx.commit().await?;
        match past((&call.agent.name, limits), used, free) {
            Some(sentence) => {
                let agent = HeldAgent { squad: job.plan.squad.squad, id: call.agent.id, version };
                Err(Stumble::HeldUp(Box::new(HeldUp::by_limit(sentence, agent))))
            }
            None => left(job, took).map(drop),
        }
    }

    /// Why the run stands still where an agent has made all the model calls that a turn may have.
    pub(super) async fn out_of_calls(&self, job: &Job, agent: &PlannedAgent, made: u32) -> Stumbled<Stumble> {
        let (allowed, version) = self.calls_allowed(job, agent.id).await?;
        let sentence = format!("{} has made {made} model calls in this turn, and its limit is {made}.", agent.name);
        let mut why = HeldUp::by_limit(sentence, HeldAgent { squad: job.plan.squad.squad, id: agent.id, version });
        if allowed > made {
            // It was raised since the turn began: nobody has to do anything.
            why.until = Some(self.muster.clock().now());
        }
        Ok(Stumble::HeldUp(Box::new(why)))
    }

    /// How many model calls a turn of the agent may have now, with the version of its settings.
    pub(super) async fn calls_allowed(&self, job: &Job, agent: AgentId) -> Stumbled<(u32, i32)> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let row = sqlx::query!(
            "SELECT max_model_calls, version FROM agents WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            agent as AgentId
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok((row.max_model_calls.try_into().map_err(Error::internal)?, row.version))
    }

    /// How much longer the run may take; ends it where that is nothing.
    pub(in crate::runs) async fn time_left(&self, job: &Job) -> Stumbled<std::time::Duration> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let took = took(&mut tx, job, self.muster.clock().now()).await?;
        tx.commit().await?;
        left(job, took)
    }
}

/// Which limit an agent is past, in words.
fn past((name, limits): (&str, AgentLimits), used: Usage, free: bool) -> Option<String> {
    let met = if used.spent >= limits.max_cost && !free {
        format!("{name} has spent {} in this run, and its limit is {}", used.spent, limits.max_cost)
    } else if used.tokens >= limits.max_tokens {
        format!("{name} has used {} tokens in this run, and its limit is {}", used.tokens, limits.max_tokens)
    } else if used.took >= Duration::minutes(limits.wall_minutes.into()) {
        let minutes = used.took.whole_minutes();
        format!("{name} has worked on this turn for {minutes} min, and its limit is {}", limits.wall_minutes)
    } else {
        return None;
    };
    Some(format!("{met}."))
}

fn left(job: &Job, took: Duration) -> Stumbled<std::time::Duration> {
    let minutes = job.project.limits.wall_minutes;
    let left = Duration::minutes(minutes.into()) - took;
    if left < SHORTEST {
        let sentence = format!(
            "The run has taken the {minutes} min that the project {} allows. You can raise them in the project's settings.",
            job.project.name
        );
        return Err(Stumble::last(Failure::Agent, sentence));
    }
    Ok(left.unsigned_abs())
}

/// What the agent has used, and its limits as they are now, with the version of its settings.
async fn used(
    tx: &mut PgConnection,
    (team, run, agent, step): (TeamId, RunId, AgentId, StepId),
    now: OffsetDateTime,
) -> Result<(Usage, AgentLimits, i32)> {
    let row = sqlx::query!(
        r#"SELECT a.version, a.max_model_calls, a.max_tokens, a.max_micro_usd AS "max_cost: MicroUsd", a.wall_minutes,
                  coalesce(sum(u.uncached + u.cache_write + u.output + u.reasoning), 0)::bigint AS "tokens!",
                  coalesce(sum(u.counted_micro_usd), 0)::bigint AS "spent!: MicroUsd"
           FROM agents a LEFT JOIN usage u ON u.team_id = a.team_id AND u.run_id = $2 AND u.agent_id = a.id
           WHERE a.team_id = $1 AND a.id = $3 GROUP BY a.team_id, a.id"#,
        team as TeamId,
        run as RunId,
        agent as AgentId,
    )
    .fetch_one(&mut *tx)
    .await?;
    // A turn that was asked, held up or answered in its middle has several rows; only its last one hands something over.
    let micros = sqlx::query_scalar!(
        r#"SELECT coalesce(extract(epoch FROM sum(coalesce(part.ended_at, $3) - part.started_at)) * 1000000, 0)::bigint AS "micros!"
           FROM run_steps s JOIN run_steps part ON part.team_id = s.team_id AND part.run_id = s.run_id AND part.agent_id = s.agent_id
                                               AND part.kind = s.kind
           WHERE s.team_id = $1 AND s.id = $2
             AND NOT EXISTS (SELECT FROM run_events e WHERE e.team_id = $1 AND e.run_id = part.run_id
                             AND e.key = split_part(part.key, ' ', 1) || ' result')"#,
        team as TeamId,
        step as StepId,
        now,
    )
    .fetch_one(tx)
    .await?;
    let limits = AgentLimits {
        max_model_calls: row.max_model_calls,
        max_tokens: row.max_tokens,
        max_cost: row.max_cost,
        wall_minutes: row.wall_minutes,
    };
    Ok((Usage { tokens: row.tokens, spent: row.spent, took: Duration::microseconds(micros) }, limits, row.version))
}

/// How long the run was worked on. A segment counts from its first step: between two steps too, and once where several coders
/// have steps at the same time. While the run waits, no segment is under way.
async fn took(tx: &mut PgConnection, job: &Job, now: OffsetDateTime) -> Result<Duration> {
    let micros = sqlx::query_scalar!(
        r#"SELECT coalesce(extract(epoch FROM sum(ended - begun)) * 1000000, 0)::bigint AS "micros!"
           FROM (SELECT min(started_at) AS begun, max(coalesce(ended_at, $3)) AS ended FROM run_steps
                 WHERE team_id = $1 AND run_id = $2 GROUP BY split_part(key, '.', 1)) segments"#,
        job.team() as TeamId,
        job.run() as RunId,
        now,
    )
    .fetch_one(tx)
    .await?;
    Ok(Duration::microseconds(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(cents: i32) -> (&'static str, AgentLimits) {
        let max_cost = MicroUsd::from_cents(cents);
        ("coder-1", AgentLimits { max_model_calls: 80, max_tokens: 20_000, max_cost, wall_minutes: 45 })
    }

    fn used(tokens: i64, micros: i64, minutes: i64) -> Usage {
        Usage { tokens, spent: MicroUsd::from_micros(micros), took: Duration::minutes(minutes) }
    }

    #[test]
    fn an_agent_below_its_limits_goes_on() {
        assert_eq!(past(agent(1), used(19_999, 9_999, 44), false), None);
    }

    #[test]
    fn the_limit_that_is_met_is_named() {
        for (met, sentence) in [
            (used(0, 10_000, 0), "coder-1 has spent $0.01 in this run, and its limit is $0.01."),
            (used(20_400, 0, 0), "coder-1 has used 20400 tokens in this run, and its limit is 20000."),
            (used(0, 0, 46), "coder-1 has worked on this turn for 46 min, and its limit is 45."),
        ] {
            assert_eq!(past(agent(1), met, false), Some(sentence.to_owned()));
        }
    }

    #[test]
    fn without_money_only_what_is_free_is_called() {
        assert_eq!(past(agent(0), used(0, 0, 0), true), None);
        assert!(past(agent(0), used(0, 0, 0), false).is_some());
        assert_eq!(past(agent(1), used(0, 10_000, 0), true), None);
    }
}
