//! The team's lock, and the tree as it stands in rows.

use std::sync::Arc;

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{AgentId, BudgetId, MicroUsd, PauseId, ProjectId, RunId, SquadId, StepId, TeamId};

use super::{
    desk::Desk,
    period::{Calendar, Period},
    rows::UsageRow,
    tree::{Limit, Node, Pause, Subject, Tree},
};
use crate::{Error, Result, db::HeadRow};

/// Takes the team's lock until the transaction ends, and returns the tree that holds now.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    desk: &Desk,
    team: TeamId,
    now: OffsetDateTime,
) -> Result<Arc<Tree>> {
    let head = sqlx::query_as!(
        HeadRow,
        "SELECT version, catalogue_version AS catalogue, last_move FROM budget_heads WHERE team_id = $1 FOR UPDATE",
        team as TeamId
    )
    .fetch_optional(&mut *connection)
    .await?;
    let head = match head {
        Some(head) => head,
        None => begin(connection, team, now).await?,
    };
    tree(connection, desk, team, head.version).await
}

/// The tree of a version, as remembered or as it stands. The caller holds the team's lock.
pub(crate) async fn tree(connection: &mut PgConnection, desk: &Desk, team: TeamId, version: i64) -> Result<Arc<Tree>> {
    if let Some(tree) = desk.known(team, version) {
        return Ok(tree);
    }
    let tree = Arc::new(read(connection, team).await?);
    desk.learn(team, version, &tree);
    Ok(tree)
}

/// The tree as it was when asked, without waiting for anybody; empty before the team's first call or limit.
pub(crate) async fn look(connection: &mut PgConnection, desk: &Desk, team: TeamId) -> Result<Arc<Tree>> {
    match version(connection, team).await? {
        Some(version) => at(connection, desk, team, version).await,
        None => Ok(Arc::new(Tree::new(Vec::new(), Vec::new(), 0))),
    }
}

/// The tree of a version that was just read, without waiting for anybody.
pub(crate) async fn at(connection: &mut PgConnection, desk: &Desk, team: TeamId, seen: i64) -> Result<Arc<Tree>> {
    if let Some(tree) = desk.known(team, seen) {
        return Ok(tree);
    }
    let tree = Arc::new(read(connection, team).await?);
    // Learned only where no change was committed between the reads: each change raises the version.
    if version(connection, team).await? == Some(seen) {
        desk.learn(team, seen, &tree);
    }
    Ok(tree)
}

async fn version(connection: &mut PgConnection, team: TeamId) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!("SELECT version FROM budget_heads WHERE team_id = $1", team as TeamId)
        .fetch_optional(connection)
        .await?)
}

/// Says that the tree is another now. The caller holds the lock.
pub(crate) async fn changed(connection: &mut PgConnection, team: TeamId) -> Result<()> {
    sqlx::query!("UPDATE budget_heads SET version = version + 1 WHERE team_id = $1", team as TeamId)
        .execute(connection)
        .await?;
    Ok(())
}

/// Says that a gateway key may do something else now, or that calls go elsewhere, just before its entry in the audit log. What
/// any process remembers of the team's keys and providers is refused from the next call on.
pub(crate) async fn catalogue_changed(connection: &mut PgConnection, team: TeamId) -> Result<()> {
    // Without a row nothing was remembered that holds: calls begin one, with a version that nobody knows.
    sqlx::query!(
        "UPDATE budget_heads SET catalogue_version = catalogue_version + 1 WHERE team_id = $1",
        team as TeamId
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A team's first call: its books begin, with a limit that only counts.
pub(crate) async fn begin(connection: &mut PgConnection, team: TeamId, now: OffsetDateTime) -> Result<HeadRow> {
    sqlx::query!("INSERT INTO budget_heads (team_id) VALUES ($1) ON CONFLICT (team_id) DO NOTHING", team as TeamId)
        .execute(&mut *connection)
        .await?;
    let head = sqlx::query_as!(
        HeadRow,
        "SELECT version, catalogue_version AS catalogue, last_move FROM budget_heads WHERE team_id = $1 FOR UPDATE",
        team as TeamId
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO budgets (team_id, id, period, reset_day, time_zone, warn_at, created_at, updated_at)
         VALUES ($1, $2, 'month', 1, 'UTC', '{80}', $3, $3) ON CONFLICT DO NOTHING",
        team as TeamId,
        BudgetId::new() as BudgetId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(head)
}

/// The tree as it stands, the team's own node first and parents before children.
pub(crate) async fn read(connection: &mut PgConnection, team: TeamId) -> Result<Tree> {
    let rows = sqlx::query!(
        r#"SELECT b.id AS "id: BudgetId", b.parent_id AS "parent: BudgetId", b.project_id AS "project: ProjectId",
                  b.squad_id AS "squad: SquadId", b.agent_id AS "agent: AgentId", b.amount_micro_usd, b.share_bp, b.token_limit,
                  b.period, b.reset_day, b.time_zone, b.task_micro_usd, b.run_micro_usd, b.concurrent_runs, b.warn_at,
                  coalesce(a.name, s.name, p.name, t.name) AS "name!"
           FROM budgets b JOIN teams t ON t.id = b.team_id
                LEFT JOIN projects p ON p.team_id = b.team_id AND p.id = b.project_id
                LEFT JOIN squads s ON s.team_id = b.team_id AND s.id = b.squad_id
                LEFT JOIN agents a ON a.team_id = b.team_id AND a.id = b.agent_id
           WHERE b.team_id = $1
           ORDER BY num_nonnulls(b.project_id, b.squad_id, b.agent_id), b.created_at, b.id"#,
        team as TeamId
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut nodes = Vec::with_capacity(rows.len());
    for row in rows {
        let limit = match (row.amount_micro_usd, row.share_bp) {
            (Some(amount), _) => Limit::Amount(MicroUsd::from_micros(amount)),
            (None, Some(share)) => Limit::Share(u16::try_from(share).map_err(Error::internal)?),
            (None, None) => Limit::None,
        };
        let period = Period::parse(&row.period).ok_or_else(|| Error::internal("a budget of no known period"))?;
        nodes.push(Node {
            id: row.id,
            parent: row.parent,
            subject: Subject { project: row.project, squad: row.squad, agent: row.agent },
            name: row.name,
            limit,
            tokens: row.token_limit,
            calendar: Calendar { period, reset_day: row.reset_day, time_zone: row.time_zone },
            per_task: row.task_micro_usd.map(MicroUsd::from_micros),
            per_run: row.run_micro_usd.map(MicroUsd::from_micros),
            concurrent_runs: row.concurrent_runs,
            warn_at: row.warn_at,
        });
    }
    let pauses = sqlx::query!(
        r#"SELECT id AS "id: PauseId", project_id AS "project: ProjectId", squad_id AS "squad: SquadId", agent_id AS "agent: AgentId", reason
           FROM pauses WHERE team_id = $1 AND resumed_at IS NULL ORDER BY paused_at"#,
        team as TeamId
    )
    .fetch_all(&mut *connection)
    .await?
    .into_iter()
    .map(|row| Pause {
        id: row.id,
        subject: Subject { project: row.project, squad: row.squad, agent: row.agent },
        reason: row.reason,
    })
    .collect();
    let head =
        sqlx::query!("SELECT version, unknown_rate_micro_usd FROM budget_heads WHERE team_id = $1", team as TeamId)
            .fetch_optional(connection)
            .await?;
    let (version, rate) = head.map_or((0, 0), |head| (head.version, head.unknown_rate_micro_usd));
    let mut tree = Tree::new(nodes, pauses, rate);
    tree.version = version;
    Ok(tree)
}

/// Adds what calls cost to the runs and steps that made them.
pub(crate) async fn add_to_runs(connection: &mut PgConnection, team: TeamId, usage: &[UsageRow]) -> Result<()> {
    for row in usage {
        let Some(run) = row.run_id else { continue };
        let micros = row.cost_micro_usd.unwrap_or(0);
        sqlx::query!(
            "UPDATE runs SET cost_micro_usd = cost_micro_usd + $3, tokens = tokens + $4 WHERE team_id = $1 AND id = $2",
            team as TeamId,
            run as RunId,
            micros,
            row.tokens(),
        )
        .execute(&mut *connection)
        .await?;
        let Some(step) = row.step_id else { continue };
        sqlx::query!(
            "UPDATE run_steps SET cost_micro_usd = cost_micro_usd + $3, tokens = tokens + $4 WHERE team_id = $1 AND id = $2",
            team as TeamId,
            step as StepId,
            micros,
            row.tokens(),
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
