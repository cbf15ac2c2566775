//! What every page says about money: whether something is paused, and whether a limit is near.

use sqlx::PgConnection;
use types::{BudgetId, TeamId};

use super::{
    load,
    tree::{Leg, Pause, Spender, Tree},
};
use crate::{Can, Orchestrator, Result, grants::ReadBudgets};

/// How the team's money stands, in short.
#[derive(Clone, Debug, Default)]
pub struct BudgetSignal {
    /// The highest step of any limit in its current period, in per cent; 0: no limit is near.
    pub step: i16,
    pub pauses: Vec<Pause>,
}

impl Orchestrator {
    /// Reads without waiting for calls that are being booked.
    pub(crate) async fn signal(&self, connection: &mut PgConnection, scope: &Can<ReadBudgets>) -> Result<BudgetSignal> {
        let rows = sqlx::query!(
            r#"SELECT h.version, c.budget_id AS "budget?: BudgetId", c.bucket AS "bucket?",
                      greatest(c.warned, c.tokens_warned) AS "warned?"
               FROM budget_heads h
                    LEFT JOIN budget_counters c ON c.team_id = h.team_id AND greatest(c.warned, c.tokens_warned) > 0
               WHERE h.team_id = $1"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *connection)
        .await?;
        // Before the team's first call or limit there is nothing to tell.
        let Some(version) = rows.first().map(|row| row.version) else { return Ok(BudgetSignal::default()) };
        let tree = load::at(connection, self.desk(), scope.team(), version).await?;
        let now = self.clock().now();
        let current = |leg: &Leg| tree.node(leg.budget).is_some_and(|node| tree.bound(node, now).leg == *leg);
        let steps = rows.into_iter().filter_map(|row| {
            let leg = Leg { budget: row.budget?, bucket: row.bucket? };
            row.warned.filter(|_| current(&leg))
        });
        Ok(BudgetSignal { step: steps.max().unwrap_or(0), pauses: tree.pauses().to_vec() })
    }
}

/// Whether the limits on runs at once have a place for one more of `spender`. An agent's limit covers the runs of its squad.
///
/// Takes the team's lock where there is such a limit, so that two nodes do not both see the last free place.
pub(crate) async fn has_place(
    connection: &mut PgConnection,
    muster: &Orchestrator,
    team: TeamId,
    spender: &Spender,
) -> Result<bool> {
    let tree = load::look(&mut *connection, muster.desk(), team).await?;
    if places(&tree, spender).is_empty() {
        return Ok(true);
    }
    let tree = load::lock(&mut *connection, muster.desk(), team, muster.clock().now()).await?;
    for (project, squad, most) in places(&tree, spender) {
        let busy = sqlx::query_scalar!(
            r#"SELECT count(*) AS "busy!" FROM runs WHERE team_id = $1 AND handed_over AND state IN ('QUEUED', 'RUNNING')
                 AND ($2::uuid IS NULL OR project_id = $2) AND ($3::uuid IS NULL OR squad_id = $3)"#,
            team as TeamId,
            project as Option<types::ProjectId>,
            squad as Option<types::SquadId>,
        )
        .fetch_one(&mut *connection)
        .await?;
        if busy >= i64::from(most) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn places(tree: &Tree, spender: &Spender) -> Vec<(Option<types::ProjectId>, Option<types::SquadId>, i32)> {
    let covers = |subject: super::tree::Subject| super::tree::Subject { agent: None, ..subject }.covers(spender);
    let nodes = tree.nodes().iter().filter(|node| covers(node.subject));
    nodes.filter_map(|node| Some((node.subject.project, node.subject.squad, node.concurrent_runs?))).collect()
}
