//! Setting limits.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{AgentId, BudgetId, MicroUsd, ProjectId, SquadId, TeamId, UserId};

use super::{
    anew::{begin_anew, forget_counters},
    fit::{check_fit, with},
    load,
    period::{Calendar, Period, knows_time_zone},
    tree::{Limit, Node, Subject, Tree},
};
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    grants::ManageBudgets,
    runs,
};

/// What a limit says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetSettings {
    pub limit: Limit,
    /// Tokens of any kind in a period.
    pub tokens: Option<i64>,
    pub calendar: Calendar,
    pub per_task: Option<MicroUsd>,
    pub per_run: Option<MicroUsd>,
    pub concurrent_runs: Option<i32>,
    /// Per cent of the limit at which people are told.
    pub warn_at: Vec<i16>,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self {
            limit: Limit::None,
            tokens: None,
            calendar: Calendar { period: Period::Month, reset_day: 1, time_zone: "UTC".into() },
            per_task: None,
            per_run: None,
            concurrent_runs: None,
            warn_at: vec![80],
        }
    }
}

impl BudgetSettings {
    /// What a limit says now.
    pub(super) fn of(node: &Node) -> Self {
        Self {
            limit: node.limit,
            tokens: node.tokens,
            calendar: node.calendar.clone(),
            per_task: node.per_task,
            per_run: node.per_run,
            concurrent_runs: node.concurrent_runs,
            warn_at: node.warn_at.clone(),
        }
    }

    /// In order and without doubles, or what is wrong.
    fn checked(&self) -> Result<Self> {
        let Calendar { period, reset_day, ref time_zone } = self.calendar;
        if !knows_time_zone(time_zone) {
            return Err(Error::field("time_zone", "Use a name such as Europe/Berlin or UTC."));
        }
        let days = if period == Period::Week { 1..=7 } else { 1..=31 };
        if !days.contains(&reset_day) {
            return Err(Error::field("reset_day", "Use 1 (Monday) to 7 for a week, 1 to 31 for a month."));
        }
        if matches!(self.limit, Limit::Share(share) if !(1..=10_000).contains(&share)) {
            return Err(Error::field("share", "Use more than 0 and at most 100 per cent."));
        }
        if self.warn_at.len() > 5 || self.warn_at.iter().any(|step| !(1..=99).contains(step)) {
            return Err(Error::field("warn_at", "Use at most five steps between 1 and 99 per cent."));
        }
        if self.concurrent_runs.is_some_and(|runs| !(1..=1000).contains(&runs)) {
            return Err(Error::field("concurrent_runs", "Use 1 to 1000, or nothing for no limit."));
        }
        let mut warn_at = self.warn_at.clone();
        warn_at.sort_unstable();
        warn_at.dedup();
        Ok(Self { warn_at, ..self.clone() })
    }
}

impl Orchestrator {
    /// Sets the limit of a team or of a part of it; runs that waited for room go on at once.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign part, [`Error::Invalid`] when the limit does not fit with the others.
    pub async fn set_budget(
        &self,
        scope: &Can<ManageBudgets>,
        subject: Subject,
        settings: &BudgetSettings,
    ) -> Result<BudgetId> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let subject = whole(&mut tx, scope.team(), subject).await?;
        let tree = load::lock(&mut tx, self.desk(), scope.team(), now).await?;
        let id = self.apply_budget(&mut tx, scope, &tree, subject, settings).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Sets a limit inside a transaction that holds the team's lock.
    pub(super) async fn apply_budget(
        &self,
        tx: &mut PgConnection,
        scope: &Can<ManageBudgets>,
        tree: &Tree,
        subject: Subject,
        settings: &BudgetSettings,
    ) -> Result<BudgetId> {
        let (settings, now) = (settings.checked()?, self.clock().now());
        if subject == Subject::TEAM && matches!(settings.limit, Limit::Share(_)) {
            return Err(Error::field("share", "A team is part of nothing. Give an amount."));
        }
        let before = tree.nodes().iter().find(|node| node.subject == subject);
        let id = before.map_or_else(BudgetId::new, |node| node.id);
        let after = with(tree, id, subject, &settings);
        check_fit(&after, id)?;
        self.keep_budget(tx, scope, &after, id, now).await?;
        forget_counters(tx, scope.team(), &begin_anew(tree, &after)).await?;
        sqlx::query!(
            "UPDATE budget_counters SET warned = 0, tokens_warned = 0 WHERE team_id = $1 AND budget_id = $2",
            scope.team() as TeamId,
            id as BudgetId
        )
        .execute(&mut *tx)
        .await?;
        load::changed(tx, scope.team()).await?;
        runs::let_go_on(tx, scope.team(), now).await?;
        let what = Happening {
            action: "budget.set",
            target_kind: "budget",
            target_id: id.to_string(),
            details: serde_json::json!({
                "subject": subject,
                "before": before.map(|node| told(node.limit, node.tokens)),
                "after": told(settings.limit, settings.tokens),
            }),
        };
        audit::append(tx, scope, now, what).await?;
        Ok(id)
    }

    /// Takes a limit away. What stood under it stands under the next one above; what was spent stays in the books.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign limit, [`Error::Refused`] for the team's own, which only counts when empty.
    pub async fn remove_budget(&self, scope: &Can<ManageBudgets>, id: BudgetId) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let tree = load::lock(&mut tx, self.desk(), scope.team(), now).await?;
        let node = tree.node(id).ok_or(Error::NotFound)?;
        let Some(parent) = node.parent else {
            return Err(Error::Refused("The team's own budget stays. Take its limit away instead.".into()));
        };
        if tree.nodes().iter().any(|child| child.parent == Some(id) && matches!(child.limit, Limit::Share(_))) {
            let sentence = "Parts of this budget are shares of it. Give them amounts, or remove them first.";
            return Err(Error::Refused(sentence.into()));
        }
        sqlx::query!(
            "UPDATE budgets SET parent_id = $3 WHERE team_id = $1 AND parent_id = $2",
            scope.team() as TeamId,
            id as BudgetId,
            parent as BudgetId
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!("DELETE FROM budgets WHERE team_id = $1 AND id = $2", scope.team() as TeamId, id as BudgetId)
            .execute(&mut *tx)
            .await?;
        load::changed(&mut tx, scope.team()).await?;
        runs::let_go_on(&mut tx, scope.team(), now).await?;
        let details = serde_json::json!({ "subject": node.subject, "before": told(node.limit, node.tokens) });
        let what = Happening { action: "budget.removed", target_kind: "budget", target_id: id.to_string(), details };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn keep_budget(
        &self,
        tx: &mut PgConnection,
        scope: &Can<ManageBudgets>,
        tree: &Tree,
        id: BudgetId,
        now: OffsetDateTime,
    ) -> Result<()> {
        let node = tree.node(id).ok_or(Error::NotFound)?;
        let (amount, share) = match node.limit {
            Limit::None => (None, None),
            Limit::Amount(amount) => (Some(amount.micros()), None),
            Limit::Share(share) => (None, Some(i32::from(share))),
        };
        sqlx::query!(
            "INSERT INTO budgets (team_id, id, parent_id, project_id, squad_id, agent_id, amount_micro_usd, share_bp, token_limit, period,
                 reset_day, time_zone, task_micro_usd, run_micro_usd, concurrent_runs, warn_at, created_by, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)
             ON CONFLICT (team_id, id) DO UPDATE SET amount_micro_usd = excluded.amount_micro_usd, share_bp = excluded.share_bp,
                 token_limit = excluded.token_limit, period = excluded.period, reset_day = excluded.reset_day, time_zone = excluded.time_zone,
                 task_micro_usd = excluded.task_micro_usd, run_micro_usd = excluded.run_micro_usd,
                 concurrent_runs = excluded.concurrent_runs, warn_at = excluded.warn_at, updated_at = excluded.updated_at",
            scope.team() as TeamId,
            id as BudgetId,
            node.parent as Option<BudgetId>,
            node.subject.project as Option<ProjectId>,
            node.subject.squad as Option<SquadId>,
            node.subject.agent as Option<AgentId>,
            amount,
            share,
            node.tokens,
            node.calendar.period.as_str(),
            node.calendar.reset_day,
            node.calendar.time_zone,
            node.per_task.map(MicroUsd::micros),
            node.per_run.map(MicroUsd::micros),
            node.concurrent_runs,
            &node.warn_at,
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        for child in tree.nodes().iter().filter(|child| child.parent == Some(id)) {
            sqlx::query!(
                "UPDATE budgets SET parent_id = $3 WHERE team_id = $1 AND id = $2",
                scope.team() as TeamId,
                child.id as BudgetId,
                id as BudgetId
            )
            .execute(&mut *tx)
            .await?;
        }
        Ok(())
    }
}

fn told(limit: Limit, tokens: Option<i64>) -> serde_json::Value {
    match limit {
        Limit::None => serde_json::json!({ "tokens": tokens }),
        Limit::Amount(amount) => serde_json::json!({ "micro_usd": amount, "tokens": tokens }),
        Limit::Share(share) => serde_json::json!({ "share_bp": share, "tokens": tokens }),
    }
}

/// An agent stands in its squad: the squad is filled in. What is not the team's is not found.
pub(super) async fn whole(connection: &mut PgConnection, team: TeamId, subject: Subject) -> Result<Subject> {
    let Subject { project, squad, agent } = subject;
    if let Some(project) = project {
        sqlx::query!("SELECT id FROM projects WHERE team_id = $1 AND id = $2", team as TeamId, project as ProjectId)
            .fetch_one(&mut *connection)
            .await?;
    }
    if let Some(squad) = squad {
        sqlx::query!("SELECT id FROM squads WHERE team_id = $1 AND id = $2", team as TeamId, squad as SquadId)
            .fetch_one(&mut *connection)
            .await?;
    }
    let Some(agent) = agent else { return Ok(subject) };
    let home = sqlx::query_scalar!(
        r#"SELECT squad_id AS "squad: SquadId" FROM agents WHERE team_id = $1 AND id = $2"#,
        team as TeamId,
        agent as AgentId
    )
    .fetch_one(connection)
    .await?;
    if squad.is_some_and(|squad| squad != home) {
        return Err(Error::NotFound);
    }
    Ok(Subject { squad: Some(home), ..subject })
}
