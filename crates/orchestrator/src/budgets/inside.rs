//! What holds for calls with the key of a run, beside the limits of the tree: the run is alive, and its agent's own limits for
//! one run have room. The run's own calls are looked at by its workflow, which waits where they are refused.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use types::{AgentId, ReservationId, RunId, TeamId};
use uuid::Uuid;

use super::{book::Measure, line::HoldWish, rows::UsageRow, till::Till};
use crate::{Error, Result};

/// Why a call with a run's key was not let through: what the run's agent may use up in one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRefusal {
    /// The agent's name.
    pub agent: String,
    pub measure: Measure,
    pub limit: i64,
    pub spent: i64,
    /// Held back for calls that are under way.
    pub reserved: i64,
    /// What the call could take at most.
    pub wanted: i64,
}

impl AgentRefusal {
    /// Whether the call would fit if the calls that are under way cost nothing.
    #[must_use]
    pub const fn may_pass(&self) -> bool {
        self.reserved > 0 && self.spent.saturating_add(self.wanted) <= self.limit
    }

    /// What happened, for people: the agent and its limit.
    #[must_use]
    pub fn sentence(&self) -> String {
        let amount = |value| self.measure.amount(value);
        let held = if self.reserved > 0 {
            format!(" and {} held for calls under way", amount(self.reserved))
        } else {
            String::new()
        };
        format!(
            "The limit of {} for one run is {}; {} used{held}, and this call could take {}.",
            self.agent,
            amount(self.limit),
            amount(self.spent),
            amount(self.wanted),
        )
    }

    /// What a person can do about it.
    #[must_use]
    pub const fn way_out(&self) -> &'static str {
        "Raise the limit on the agent's page in its squad, or ask for less output."
    }
}

/// What an agent has used and holds in a run, in one measure.
#[derive(Clone, Copy, Debug)]
struct Use {
    measure: Measure,
    limit: i64,
    spent: i64,
    reserved: i64,
}

impl Use {
    const fn has_room(&self, wanted: i64) -> bool {
        // What costs nothing needs no room.
        wanted == 0 || self.spent.saturating_add(self.reserved).saturating_add(wanted) <= self.limit
    }
}

struct Agent {
    name: String,
    money: Use,
    tokens: Use,
}

/// The runs whose keys were shown.
#[derive(Default)]
pub(super) struct Inside {
    alive: HashSet<RunId>,
    agents: HashMap<(RunId, AgentId), Agent>,
}

/// The run whose key was shown.
fn run(wish: &HoldWish) -> Option<RunId> {
    wish.call.spender.run.filter(|_| wish.terms.is_some_and(|terms| terms.expires_at.is_some()))
}

fn agent(wish: &HoldWish) -> Option<(RunId, AgentId)> {
    Some((run(wish)?, wish.call.spender.agent?))
}

impl Inside {
    /// What the calls need, which is mostly nothing. `ending`: calls that end in the same transaction, before these are held.
    /// The caller holds the team's lock.
    pub(super) async fn read(
        connection: &mut PgConnection,
        team: TeamId,
        holds: &[HoldWish],
        ending: &[ReservationId],
    ) -> Result<Self> {
        let runs: HashSet<Uuid> = holds.iter().filter_map(run).map(RunId::uuid).collect();
        if runs.is_empty() {
            return Ok(Self::default());
        }
        let runs: Vec<Uuid> = runs.into_iter().collect();
        let alive = sqlx::query_scalar!(
            r#"SELECT id AS "id: RunId" FROM runs
               WHERE team_id = $1 AND id = ANY($2) AND state IN ('QUEUED', 'RUNNING', 'WAITING')"#,
            team as TeamId,
            &runs,
        )
        .fetch_all(&mut *connection)
        .await?;
        let mut inside = Self { alive: alive.into_iter().collect(), agents: HashMap::new() };
        let agents: HashSet<(RunId, AgentId)> = holds.iter().filter_map(agent).collect();
        for (run, agent) in agents {
            inside
                .agents
                .extend(used(connection, team, (run, agent), ending).await?.map(|found| ((run, agent), found)));
        }
        Ok(inside)
    }

    /// Whether the run still is, whose key was shown.
    pub(super) fn is_alive(&self, wish: &HoldWish) -> bool {
        run(wish).is_none_or(|run| self.alive.contains(&run))
    }

    /// Counts what was used by calls that have ended in the same transaction.
    pub(super) fn count(&mut self, usage: &[UsageRow]) {
        for row in usage {
            let agent = row.run_id.zip(row.agent_id).and_then(|key| self.agents.get_mut(&key));
            let Some(agent) = agent else { continue };
            agent.money.spent = agent.money.spent.saturating_add(row.counted_micro_usd);
            agent.tokens.spent = agent.tokens.spent.saturating_add(row.tokens().saturating_sub(row.cache_read));
        }
    }

    /// Holds a call back, where its agent's own limits have room too.
    ///
    /// # Errors
    /// As [`Till::hold`], and [`Error::AgentLimit`], which names the agent and the limit.
    pub(super) fn hold(&mut self, till: &mut Till, wish: &HoldWish) -> Result<ReservationId> {
        let Some(agent) = agent(wish).and_then(|key| self.agents.get_mut(&key)) else { return till.hold(&wish.call) };
        let wanted = [till.worst(&wish.call), wish.call.tokens];
        for (stands, wanted) in [agent.money, agent.tokens].into_iter().zip(wanted) {
            if !stands.has_room(wanted) {
                let Use { measure, limit, spent, reserved } = stands;
                let agent = agent.name.clone();
                return Err(Error::AgentLimit(Box::new(AgentRefusal {
                    agent,
                    measure,
                    limit,
                    spent,
                    reserved,
                    wanted,
                })));
            }
        }
        let id = till.hold(&wish.call)?;
        for (stands, wanted) in [&mut agent.money, &mut agent.tokens].into_iter().zip(wanted) {
            stands.reserved = stands.reserved.saturating_add(wanted);
        }
        Ok(id)
    }
}

/// As the workflow counts: what is read again from a provider's cache counts as money alone.
async fn used(
    connection: &mut PgConnection,
    team: TeamId,
    (run, agent): (RunId, AgentId),
    ending: &[ReservationId],
) -> Result<Option<Agent>> {
    let ending: Vec<Uuid> = ending.iter().map(|id| id.uuid()).collect();
    let row = sqlx::query!(
        r#"SELECT a.name, a.max_tokens, a.max_micro_usd, u.tokens AS "used!", u.micros AS "spent!", h.tokens AS "reserved_tokens!",
                  h.micros AS "reserved!"
           FROM agents a
           CROSS JOIN (SELECT coalesce(sum(uncached + cache_write + output + reasoning), 0)::bigint AS tokens,
                              coalesce(sum(counted_micro_usd), 0)::bigint AS micros
                       FROM usage WHERE team_id = $1 AND run_id = $2 AND agent_id = $3) AS u
           CROSS JOIN (SELECT coalesce(sum(tokens), 0)::bigint AS tokens, coalesce(sum(micro_usd), 0)::bigint AS micros
                       FROM reservations WHERE team_id = $1 AND run_id = $2 AND agent_id = $3 AND state = 'HELD'
                                               AND id <> ALL ($4)) AS h
           WHERE a.team_id = $1 AND a.id = $3"#,
        team as TeamId,
        run as RunId,
        agent as AgentId,
        &ending,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Agent {
        name: row.name,
        money: Use { measure: Measure::Money, limit: row.max_micro_usd, spent: row.spent, reserved: row.reserved },
        tokens: Use { measure: Measure::Tokens, limit: row.max_tokens, spent: row.used, reserved: row.reserved_tokens },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_agent_and_its_limit() {
        let refusal = AgentRefusal {
            agent: "coder".into(),
            measure: Measure::Money,
            limit: 10_000,
            spent: 6_000,
            reserved: 0,
            wanted: 4_001,
        };
        let sentence =
            "The limit of coder for one run is 0.01 USD; 0.0060 USD used, and this call could take 0.004001 USD.";
        assert_eq!(refusal.sentence(), sentence);
        assert!(!refusal.may_pass());
        let passing = AgentRefusal { reserved: 3_000, wanted: 4_000, ..refusal };
        assert!(passing.may_pass() && passing.sentence().contains(" and 0.0030 USD held for calls under way"));
    }
}
