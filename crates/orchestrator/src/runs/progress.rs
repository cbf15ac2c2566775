//! How far the steps of a plan are, read from the turns that the run has taken.

use agents::{PlanItem, PlanItemState};
use sqlx::PgConnection;
use types::{AgentId, AgentRole, RunId, TeamId};

use super::{
    job::lane_of,
    machine::{Position, Purpose},
    parts,
    start::Plan,
};
use crate::{Error, Result, Scope};

/// A turn of the run, as far as it tells of the plan.
struct Turn {
    kind: String,
    agent: Option<AgentId>,
    lane: u16,
    /// Whether it came to its end: not one that asked, was held up or failed.
    handed_over: bool,
}

/// Who the steps are for, and what is behind them.
struct Crew {
    /// In hand-off order.
    coders: Vec<AgentId>,
    roles: Vec<AgentRole>,
    /// Whether the run goes on from an earlier attempt: its design is done.
    resumed: bool,
    /// Steps that are to be done once more.
    again: Vec<usize>,
}

/// The plan of a run, each step with its state.
pub(super) async fn outline(
    tx: &mut PgConnection,
    scope: &Scope,
    run: RunId,
    outline: serde_json::Value,
) -> Result<Vec<PlanItem>> {
    let items: Vec<PlanItem> = serde_json::from_value(outline).map_err(Error::internal)?;
    if items.is_empty() {
        return Ok(items);
    }
    let crew = crew(tx, scope, run).await?;
    let turns = turns(tx, scope, run).await?;
    Ok(progress(items, &crew, &turns))
}

async fn crew(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<Crew> {
    let row = sqlx::query!(
        "SELECT plan, position FROM runs WHERE team_id = $1 AND id = $2",
        scope.team() as TeamId,
        run as RunId
    )
    .fetch_one(tx)
    .await?;
    let plan: Plan = serde_json::from_value(row.plan).map_err(Error::internal)?;
    let position: Position = serde_json::from_value(row.position).map_err(Error::internal)?;
    let coders = plan.squad.agents.iter().filter(|agent| agent.role == AgentRole::Coder);
    Ok(Crew {
        coders: coders.map(|agent| agent.id).collect(),
        roles: plan.policy.roles,
        resumed: position.resumed,
        again: position.clashes.into_iter().flat_map(|clash| clash.steps).collect(),
    })
}

/// The turns in their order. What one hands over is told under the same point of the run, see [`super::job::Job::key`].
async fn turns(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<Vec<Turn>> {
    let rows = sqlx::query!(
        r#"SELECT key, kind, agent_id AS "agent: AgentId",
                  EXISTS (SELECT FROM run_events e WHERE e.team_id = $1 AND e.run_id = $2
                          AND e.key = split_part(s.key, ' ', 1) || ' result') AS "handed_over!"
           FROM run_steps s WHERE team_id = $1 AND run_id = $2 AND agent_id IS NOT NULL ORDER BY ordinal, started_at"#,
        scope.team() as TeamId,
        run as RunId
    )
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Turn { lane: lane_of(&row.key), kind: row.kind, agent: row.agent, handed_over: row.handed_over })
        .collect())
}

/// A step is in work from the beginning of the turn that it falls to, and done when that is handed over. The first three roles
/// have one turn each; several coders have their shares. A review that leads to a rework was not the last.
fn progress(mut items: Vec<PlanItem>, crew: &Crew, turns: &[Turn]) -> Vec<PlanItem> {
    let planned = turns.iter().rposition(|turn| turn.kind == Purpose::Plan.as_str() && turn.handed_over);
    let turns = turns.get(planned.map_or(0, |at| at + 1)..).unwrap_or_default();
    let at_once = turns.iter().any(|turn| turn.kind == Purpose::Implement.as_str() && turn.lane > 0);
    let shares = if at_once { parts::deal(&items, crew.coders.len()) } else { Vec::new() };
    for item in &mut items {
        let designed = crew.resumed && item.role == Some(AgentRole::Architect);
        item.state = if designed { PlanItemState::Done } else { PlanItemState::Pending };
    }
    for turn in turns {
        let Some((role, state)) = turn.leads_to() else { continue };
        let share = crew.share(turn, &shares);
        for (at, item) in items.iter_mut().enumerate() {
            if share.map_or_else(|| crew.doer(item) == role, |steps| steps.contains(&at)) {
                item.state = state;
            }
        }
    }
    for at in &crew.again {
        if let Some(item) = items.get_mut(*at).filter(|item| item.state == PlanItemState::Done) {
            item.state = PlanItemState::Pending;
        }
    }
    items
}

impl Turn {
    /// Whose steps it moves, and to what.
    fn leads_to(&self) -> Option<(AgentRole, PlanItemState)> {
        let state = if self.handed_over { PlanItemState::Done } else { PlanItemState::Active };
        match self.kind.as_str() {
            "design" => Some((AgentRole::Architect, state)),
            "implement" => Some((AgentRole::Coder, state)),
            "test" => Some((AgentRole::Tester, state)),
            "review" => Some((AgentRole::Reviewer, state)),
            "rework" => Some((AgentRole::Reviewer, PlanItemState::Pending)),
            _ => None,
        }
    }
}

impl Crew {
    /// The steps that the turn's coder has among several who write at the same time.
    fn share<'a>(&self, turn: &Turn, shares: &'a [Vec<usize>]) -> Option<&'a Vec<usize>> {
        if turn.kind != Purpose::Implement.as_str() {
            return None;
        }
        shares.get(self.coders.iter().position(|coder| Some(*coder) == turn.agent)?)
    }

    /// A step for a role that has no turn after the plan is the coder's, who is told all of them.
    fn doer(&self, item: &PlanItem) -> AgentRole {
        let has_turn = |role: &AgentRole| *role != AgentRole::Lead && self.roles.contains(role);
        item.role.filter(has_turn).unwrap_or(AgentRole::Coder)
    }
}

#[cfg(test)]
mod tests {
    use AgentRole::{Architect, Coder, Lead, Reviewer, Tester};

    use super::*;

    fn crew() -> Crew {
        let coders = vec![AgentId::new(), AgentId::new()];
        let roles = vec![Lead, Architect, Coder, Coder, Tester, Reviewer];
        Crew { coders, roles, resumed: false, again: Vec::new() }
    }

    /// `coder:fees` is a step for a coder, of a part.
    fn plan(words: &str) -> Vec<PlanItem> {
        let item = |word: &str| {
            let (role, part) = word.split_once(':').map_or((word, None), |(role, part)| (role, Some(part.to_owned())));
            let role = AgentRole::parse(role);
            PlanItem { title: word.to_owned(), detail: String::new(), role, part, state: PlanItemState::Pending }
        };
        words.split(' ').map(item).collect()
    }

    /// `implement` is handed over, `implement…` is not; `implement/1` is that of the second coder.
    fn states(crew: &Crew, planned: &str, turns: &str) -> String {
        let turn = |word: &str| {
            let (word, handed_over) = word.strip_suffix('…').map_or((word, true), |word| (word, false));
            let (kind, lane) = word.split_once('/').unwrap_or((word, "0"));
            let lane: u16 = lane.parse().unwrap();
            let agent = crew.coders.get(usize::from(lane)).copied();
            Turn { kind: kind.to_owned(), agent, lane, handed_over }
        };
        let turns: Vec<Turn> = turns.split(' ').filter(|word| !word.is_empty()).map(turn).collect();
        let letter = |item: PlanItem| match item.state {
            PlanItemState::Pending => '-',
            PlanItemState::Active => 'o',
            PlanItemState::Done => 'x',
        };
        progress(plan(planned), crew, &turns).into_iter().map(letter).collect()
    }

    #[test]
    fn a_step_is_done_when_the_turn_it_falls_to_is_handed_over() {
        let all = "architect coder coder tester reviewer";
        for (turns, expected) in [
            ("", "-----"),
            ("plan", "-----"),
            ("plan design…", "o----"),
            ("plan design", "x----"),
            ("plan design implement…", "xoo--"),
            // Asked a person, and went on in another segment.
            ("plan design implement… implement", "xxx--"),
            ("plan design implement fix test…", "xxxo-"),
            ("plan design implement test review…", "xxxxo"),
            ("plan design implement test review", "xxxxx"),
            ("plan design implement test review rework…", "xxxx-"),
            ("plan design implement test review rework review", "xxxxx"),
            // A new plan begins anew; while it is being made, the old one stands.
            ("plan design plan…", "x----"),
            ("plan design plan", "-----"),
            ("plan design plan design", "x----"),
        ] {
            assert_eq!(states(&crew(), all, turns), expected, "{turns}");
        }
    }

    #[test]
    fn of_coders_at_once_each_does_the_steps_of_a_share() {
        let planned = "coder:fees coder:weights coder:fees tester";
        let mut crew = crew();
        for (turns, expected) in [
            ("plan design implement… implement/1…", "ooo-"),
            ("plan design implement… implement/1", "oxo-"),
            ("plan design implement implement/1…", "xox-"),
            ("plan design implement… implement/1 implement", "xxx-"),
        ] {
            assert_eq!(states(&crew, planned, turns), expected, "{turns}");
        }
        // The second's share did not go together with the first's, and is done once more by the same coder alone.
        crew.again = vec![1];
        assert_eq!(states(&crew, planned, "plan design implement implement/1"), "x-x-");
        assert_eq!(states(&crew, planned, "plan design implement implement/1 implement/1…"), "xox-");
        crew.again.clear();
        assert_eq!(states(&crew, planned, "plan design implement implement/1 implement/1 test"), "xxxx");
    }

    #[test]
    fn a_lone_coder_does_what_the_squad_has_nobody_for() {
        let mut crew = crew();
        crew.roles = vec![Lead, Coder];
        assert_eq!(states(&crew, "lead architect coder tester", "plan implement"), "xxxx");
        assert_eq!(states(&crew, "coder:a coder:b", "plan implement…"), "oo", "without a second one at work");
    }

    #[test]
    fn what_goes_on_from_an_earlier_attempt_is_designed() {
        let crew = Crew { resumed: true, ..crew() };
        assert_eq!(states(&crew, "architect coder tester", "implement…"), "xo-");
        assert_eq!(states(&crew, "architect coder tester", "implement test"), "xxx");
    }
}
