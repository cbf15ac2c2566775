//! The books compared with themselves.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{BudgetId, TeamId};
use uuid::Uuid;

use super::{
    load,
    period::Window,
    tree::{Node, Tree, bucket},
};
use crate::{Orchestrator, Result};

/// Where the books do not agree with themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The account, or the node by its name, which of its counters, and of what: `tokens spent in Parcels, from:1763510400`.
    pub what: String,
    /// What the rows below come to: reservations and usage.
    pub counted: i64,
    pub booked: i64,
}

impl Difference {
    fn new(what: String, counted: i64, booked: i64) -> Self {
        Self { what, counted, booked }
    }
}

impl Orchestrator {
    /// Compares the books with themselves: reservations with the ledger, the ledger with usage, and each counter of each node of
    /// the tree, in money and in tokens: what it holds back with the reservations that stand in it, what it has spent with the
    /// usage of its period, task or run. Empty when they agree, at any moment.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn reconcile(&self, team: TeamId) -> Result<Vec<Difference>> {
        let mut tx = self.db().of_team(team).await?;
        let tree = load::lock(&mut tx, self.desk(), team, self.clock().now()).await?;
        let mut differences = accounts(&mut tx, team).await?;
        differences.extend(held(&mut tx, team, &tree).await?);
        differences.extend(spent(&mut tx, team, &tree).await?);
        tx.commit().await?;
        differences.retain(|difference| difference.counted != difference.booked);
        Ok(differences)
    }
}

async fn accounts(tx: &mut PgConnection, team: TeamId) -> Result<Vec<Difference>> {
    let row = sqlx::query!(
        r#"SELECT coalesce(sum(CASE WHEN credit = 'held' THEN micro_usd WHEN debit = 'held' THEN -micro_usd ELSE 0 END), 0)::bigint AS "held!",
                  coalesce(sum(CASE WHEN credit = 'spent' THEN micro_usd WHEN debit = 'spent' THEN -micro_usd ELSE 0 END), 0)::bigint AS "spent!",
                  (SELECT coalesce(sum(micro_usd), 0)::bigint FROM reservations WHERE team_id = $1 AND state = 'HELD') AS "reserved!",
                  (SELECT coalesce(sum(counted_micro_usd), 0)::bigint FROM usage WHERE team_id = $1 AND reservation_id IS NOT NULL) AS "used!"
           FROM ledger_entries WHERE team_id = $1"#,
        team as TeamId
    )
    .fetch_one(tx)
    .await?;
    Ok(vec![
        Difference::new("held in the ledger".into(), row.reserved, row.held),
        Difference::new("spent in the ledger".into(), row.used, row.spent),
    ])
}

/// What each counter holds back, against the calls under way that name it.
async fn held(tx: &mut PgConnection, team: TeamId, tree: &Tree) -> Result<Vec<Difference>> {
    let rows = sqlx::query!(
        r#"WITH legs AS (
               SELECT l.budget, l.bucket, sum(r.micro_usd)::bigint AS micros, sum(r.tokens)::bigint AS tokens
               FROM reservations r, unnest(r.budgets, r.buckets) AS l (budget, bucket)
               WHERE r.team_id = $1 AND r.state = 'HELD' GROUP BY l.budget, l.bucket
           )
           SELECT c.budget_id AS "budget: BudgetId", c.bucket, c.reserved, c.tokens_reserved,
                  coalesce(l.micros, 0) AS "micros!", coalesce(l.tokens, 0) AS "tokens!"
           FROM budget_counters c LEFT JOIN legs l ON l.budget = c.budget_id AND l.bucket = c.bucket WHERE c.team_id = $1"#,
        team as TeamId
    )
    .fetch_all(tx)
    .await?;
    let differences = rows.into_iter().flat_map(|row| {
        let place = place(tree, row.budget, &row.bucket);
        [
            Difference::new(format!("money held in {place}"), row.micros, row.reserved),
            Difference::new(format!("tokens held in {place}"), row.tokens, row.tokens_reserved),
        ]
    });
    Ok(differences.collect())
}

/// What each counter has spent, against usage. A call counts in the period in which it was held back. One that was held back
/// before the period and ended in it counts where the counter began after that end, and not where it began before: either is right.
async fn spent(tx: &mut PgConnection, team: TeamId, tree: &Tree) -> Result<Vec<Difference>> {
    let used = counters_in_use(tx, team, tree).await?;
    let column = |of: &dyn Fn(&Used<'_>) -> Option<Uuid>| used.iter().map(of).collect::<Vec<_>>();
    let rows = sqlx::query!(
        r#"SELECT c.at AS "at!",
                  coalesce(sum(u.counted_micro_usd) FILTER (WHERE h.at >= c.since), 0)::bigint AS "micros!",
                  coalesce(sum(t.tokens) FILTER (WHERE h.at >= c.since), 0)::bigint AS "tokens!",
                  coalesce(sum(u.counted_micro_usd) FILTER (WHERE h.at < c.since), 0)::bigint AS "either_micros!",
                  coalesce(sum(t.tokens) FILTER (WHERE h.at < c.since), 0)::bigint AS "either_tokens!"
           FROM unnest($2::bigint[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::uuid[])
                    AS c (at, since, until, project_id, squad_id, agent_id, task_id, run_id)
                JOIN usage u ON u.team_id = $1 AND u.at >= c.since
                    AND (c.project_id IS NULL OR u.project_id = c.project_id) AND (c.squad_id IS NULL OR u.squad_id = c.squad_id)
                    AND (c.agent_id IS NULL OR u.agent_id = c.agent_id) AND (c.task_id IS NULL OR u.task_id = c.task_id)
                    AND (c.run_id IS NULL OR u.run_id = c.run_id)
                LEFT JOIN reservations r ON r.team_id = $1 AND r.id = u.reservation_id
                CROSS JOIN LATERAL (SELECT coalesce(r.held_at, u.at) AS at) AS h
                CROSS JOIN LATERAL (SELECT u.uncached + u.cache_read + u.cache_write + u.output + u.reasoning AS tokens) AS t
           WHERE c.until IS NULL OR h.at < c.until AND (h.at >= c.since OR u.at < c.until)
           GROUP BY c.at"#,
        team as TeamId,
        &(0_i64..).zip(&used).map(|(at, _)| at).collect::<Vec<_>>(),
        &used.iter().map(|used| used.window.start).collect::<Vec<_>>(),
        &used.iter().map(|used| used.window.end).collect::<Vec<_>>() as &[Option<OffsetDateTime>],
        &column(&|used| used.node.subject.project.map(types::ProjectId::uuid)) as &[Option<Uuid>],
        &column(&|used| used.node.subject.squad.map(types::SquadId::uuid)) as &[Option<Uuid>],
        &column(&|used| used.node.subject.agent.map(types::AgentId::uuid)) as &[Option<Uuid>],
        &column(&|used| used.task) as &[Option<Uuid>],
        &column(&|used| used.run) as &[Option<Uuid>],
    )
    .fetch_all(tx)
    .await?;
    let mut counted = vec![Counted::default(); used.len()];
    for row in rows {
        if let Some(place) = usize::try_from(row.at).ok().and_then(|at| counted.get_mut(at)) {
            *place = Counted { micros: row.micros, tokens: row.tokens, either: (row.either_micros, row.either_tokens) };
        }
    }
    let differences = used.iter().zip(counted).flat_map(|(used, counted)| {
        let place = place(tree, used.node.id, &used.bucket);
        [
            within(format!("money spent in {place}"), counted.micros, counted.either.0, used.spent),
            within(format!("tokens spent in {place}"), counted.tokens, counted.either.1, used.tokens),
        ]
    });
    Ok(differences.collect())
}

/// What usage comes to for a counter; `either`: what it may have left out, in money and tokens.
#[derive(Clone, Copy, Default)]
struct Counted {
    micros: i64,
    tokens: i64,
    either: (i64, i64),
}

fn within(what: String, certain: i64, either: i64, booked: i64) -> Difference {
    let counted = if (certain..=certain + either).contains(&booked) { booked } else { certain };
    Difference::new(what, counted, booked)
}

/// A counter that is kept up, with what it counts.
struct Used<'a> {
    node: &'a Node,
    bucket: String,
    window: Window,
    task: Option<Uuid>,
    run: Option<Uuid>,
    spent: i64,
    tokens: i64,
}

/// All counters that are kept up. Those of a cap that was taken away are not: they begin anew when it comes back.
async fn counters_in_use<'a>(tx: &mut PgConnection, team: TeamId, tree: &'a Tree) -> Result<Vec<Used<'a>>> {
    let rows = sqlx::query!(
        r#"SELECT budget_id AS "budget: BudgetId", bucket, spent, tokens_spent FROM budget_counters WHERE team_id = $1
           ORDER BY budget_id, bucket"#,
        team as TeamId
    )
    .fetch_all(tx)
    .await?;
    let used = rows.into_iter().filter_map(|row| {
        let node = tree.node(row.budget)?;
        let of = |kind: &str| row.bucket.strip_prefix(kind)?.parse::<Uuid>().ok();
        let task = of("task:").filter(|_| node.per_task.is_some());
        let run = of("run:").filter(|_| node.per_run.is_some());
        let window = if task.or(run).is_some() { Window::ALWAYS } else { period(tree, node, &row.bucket)? };
        Some(Used { node, bucket: row.bucket, window, task, run, spent: row.spent, tokens: row.tokens_spent })
    });
    Ok(used.collect())
}

/// The period that a counter of a node is of; `None` for one that its calendar does not have.
fn period(tree: &Tree, node: &Node, name: &str) -> Option<Window> {
    let start = match name.strip_prefix("from:") {
        Some(seconds) => OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok()?,
        None => OffsetDateTime::UNIX_EPOCH,
    };
    let window = tree.calendar(node).window(start);
    (bucket(window) == name).then_some(window)
}

fn place(tree: &Tree, budget: BudgetId, bucket: &str) -> String {
    let name = tree.node(budget).map_or("a budget that is gone", |node| node.name.as_str());
    format!("{name} ({budget}), {bucket}")
}
