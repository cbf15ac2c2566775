//! Counters that a change of limits brings back into use.

use sqlx::PgConnection;
use types::{BudgetId, TeamId};
use uuid::Uuid;

use super::tree::{Node, Tree};
use crate::Result;

/// The nodes whose counters were not kept up while they were out of use: those of another calendar, and caps that begin.
pub(super) fn begin_anew(before: &Tree, after: &Tree) -> Vec<BudgetId> {
    let stale = |old: &Node, new: &Node| {
        before.calendar(old) != after.calendar(new)
            || (old.per_task.is_none() && new.per_task.is_some())
            || (old.per_run.is_none() && new.per_run.is_some())
    };
    let nodes = after.nodes().iter();
    nodes.filter(|new| before.node(new.id).is_some_and(|old| stale(old, new))).map(|node| node.id).collect()
}

/// Forgets what these nodes have counted: the next call begins each of their counters with what is in the books. The caller holds
/// the team's lock and raises the tree's version, so no process goes on with what it remembers.
pub(super) async fn forget_counters(connection: &mut PgConnection, team: TeamId, nodes: &[BudgetId]) -> Result<()> {
    if nodes.is_empty() {
        return Ok(());
    }
    let nodes: Vec<Uuid> = nodes.iter().map(|id| id.uuid()).collect();
    // What is held now takes its place in them when they begin.
    sqlx::query!(
        "UPDATE reservations r SET (budgets, buckets) =
             (SELECT coalesce(array_agg(l.budget ORDER BY l.place), '{}'), coalesce(array_agg(l.bucket ORDER BY l.place), '{}')
              FROM unnest(r.budgets, r.buckets) WITH ORDINALITY AS l (budget, bucket, place) WHERE l.budget <> ALL ($2))
         WHERE r.team_id = $1 AND r.state = 'HELD' AND r.budgets && $2",
        team as TeamId,
        &nodes,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("DELETE FROM budget_counters WHERE team_id = $1 AND budget_id = ANY ($2)", team as TeamId, &nodes)
        .execute(connection)
        .await?;
    Ok(())
}
