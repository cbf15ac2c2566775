//! What people see of budgets.

use std::sync::Arc;

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{BudgetAlertId, BudgetId, MicroUsd, Permission, TeamId};

use super::{
    book::Measure,
    load,
    period::Window,
    tree::{BoundKind, Node, Tree},
};
use crate::{Can, Error, Orchestrator, Result, grants::ReadBudgets, teams::holders_of};

/// A limit with what stands in it now.
#[derive(Clone, Debug)]
pub struct BudgetView {
    pub node: Node,
    /// How far down the tree: the team is 0.
    pub depth: usize,
    /// In money, shares worked out.
    pub limit: Option<MicroUsd>,
    pub window: Window,
    pub spent: MicroUsd,
    /// Held back for calls that are under way.
    pub reserved: MicroUsd,
    pub tokens_spent: i64,
    pub tokens_reserved: i64,
    /// The highest step that people were told of in this period, in money or tokens, in per cent; 100: a call was refused.
    pub warned: i16,
}

impl BudgetView {
    /// What is left; never below nothing.
    #[must_use]
    pub fn left(&self) -> Option<MicroUsd> {
        let left = self.limit?.micros() - self.spent.micros() - self.reserved.micros();
        Some(MicroUsd::from_micros(left.max(0)))
    }
}

/// A limit came near, or was reached.
#[derive(Clone, Debug)]
pub struct AlertView {
    pub id: BudgetAlertId,
    pub budget: BudgetId,
    pub name: String,
    /// Per cent; 100 is a refused call.
    pub step: i16,
    pub measure: Measure,
    /// Whether the limit is for a period, or for any one task or run.
    pub kind: BoundKind,
    /// Number and title of the task that it is about, where it is for one task or run.
    pub task: Option<(i32, String)>,
    /// In the measure's unit, as the limit is.
    pub spent: i64,
    pub limit: i64,
    pub at: OffsetDateTime,
    /// Who got a mail, by name; nobody where this is not known.
    pub told: Vec<String>,
}

impl Orchestrator {
    /// The tree, parents before their parts, with what is spent and held in each current period.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn budgets(&self, scope: &Can<ReadBudgets>) -> Result<Vec<BudgetView>> {
        let (mut tx, now) = (self.db().team(scope).await?, self.clock().now());
        // Under the lock: counters that were never asked for begin here, and all are of one moment.
        let tree = load::lock(&mut tx, self.desk(), scope.team(), now).await?;
        let mut views = Vec::new();
        let mut stack: Vec<(&Node, usize)> =
            tree.nodes().iter().filter(|node| node.parent.is_none()).map(|node| (node, 0)).collect();
        while let Some((node, depth)) = stack.pop() {
            views.push(view(&mut tx, scope.team(), &tree, node, depth, now).await?);
            let parts = tree.nodes().iter().rev().filter(|part| part.parent == Some(node.id));
            stack.extend(parts.map(|part| (part, depth + 1)));
        }
        tx.commit().await?;
        Ok(views)
    }

    /// The latest warnings.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn budget_alerts(&self, scope: &Can<ReadBudgets>) -> Result<Vec<AlertView>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT l.id AS "id: BudgetAlertId", l.budget_id AS "budget: BudgetId", l.bucket, l.step, l.measure, l.spent, l.most, l.at,
                      coalesce(a.name, s.name, p.name, t.name) AS "name!", k.number AS "number?", k.title AS "title?",
                      ARRAY(SELECT u.name FROM users u WHERE u.id = ANY (l.told) ORDER BY u.name) AS "told!"
               FROM budget_alerts l JOIN budgets b ON b.team_id = l.team_id AND b.id = l.budget_id JOIN teams t ON t.id = b.team_id
                    LEFT JOIN projects p ON p.team_id = b.team_id AND p.id = b.project_id
                    LEFT JOIN squads s ON s.team_id = b.team_id AND s.id = b.squad_id
                    LEFT JOIN agents a ON a.team_id = b.team_id AND a.id = b.agent_id
                    LEFT JOIN runs r ON r.team_id = l.team_id AND r.id = CASE WHEN l.bucket LIKE 'run:%' THEN substr(l.bucket, 5)::uuid END
                    LEFT JOIN tasks k ON k.team_id = l.team_id
                              AND k.id = CASE WHEN l.bucket LIKE 'task:%' THEN substr(l.bucket, 6)::uuid ELSE r.task_id END
               WHERE l.team_id = $1 ORDER BY l.at DESC, l.id DESC LIMIT 50"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let views = rows.into_iter().map(|row| {
            Ok(AlertView {
                id: row.id,
                budget: row.budget,
                name: row.name,
                step: row.step,
                measure: Measure::parse(&row.measure).ok_or_else(|| Error::internal("an alert of no known measure"))?,
                kind: BoundKind::of_bucket(&row.bucket),
                task: row.number.zip(row.title),
                spent: row.spent,
                limit: row.most,
                at: row.at,
                told: row.told,
            })
        });
        views.collect()
    }

    /// Those who may change budgets, by name: who is told of limits that come near and decides requests.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn budget_managers(&self, scope: &Can<ReadBudgets>) -> Result<Vec<String>> {
        let mut tx = self.db().team(scope).await?;
        let people = holders_of(&mut tx, scope.team(), Permission::ManageBudgets).await?;
        tx.commit().await?;
        Ok(people.into_iter().map(|person| person.name).collect())
    }
}

async fn view(
    tx: &mut PgConnection,
    team: TeamId,
    tree: &Arc<Tree>,
    node: &Node,
    depth: usize,
    now: OffsetDateTime,
) -> Result<BudgetView> {
    let bound = tree.bound(node, now);
    let counter = super::till::counter(tx, team, tree, &bound, now).await?;
    Ok(BudgetView {
        node: node.clone(),
        depth,
        limit: tree.limit(node),
        window: bound.window,
        spent: MicroUsd::from_micros(counter.spent),
        reserved: MicroUsd::from_micros(counter.reserved),
        tokens_spent: counter.tokens_spent,
        tokens_reserved: counter.tokens_reserved,
        warned: counter.warned.max(counter.tokens_warned),
    })
}
