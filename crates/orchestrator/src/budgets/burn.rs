//! How spending grew over the days of a period.

use time::{Date, OffsetDateTime};
use types::{AgentId, BudgetId, MicroUsd, ProjectId, SquadId, TeamId};

use super::{
    forecast::{self, Forecast},
    load,
    period::Window,
    tree::Node,
};
use crate::{Can, Error, Orchestrator, Result, grants::ReadBudgets};

/// Days shown of a limit that never begins anew.
const TOTAL_DAYS: i64 = 30;

/// The spending of a part of the team, day by day, up to now.
#[derive(Clone, Debug)]
pub struct Burn {
    pub node: Node,
    /// In money, shares worked out.
    pub limit: Option<MicroUsd>,
    /// What the days are of; without an end, the last thirty of them.
    pub window: Window,
    /// Spent before the first day; nothing where the window begins with it.
    pub before: MicroUsd,
    /// In the time zone of the limit, oldest first; the last one is today.
    pub days: Vec<BurnDay>,
    /// None where there are too few days to tell, or no end.
    pub forecast: Option<Forecast>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurnDay {
    pub date: Date,
    pub start: OffsetDateTime,
    pub spent: MicroUsd,
}

impl Burn {
    #[must_use]
    pub fn spent(&self) -> MicroUsd {
        let days: i64 = self.days.iter().map(|day| day.spent.micros()).sum();
        MicroUsd::from_micros(self.before.micros().saturating_add(days))
    }
}

impl Orchestrator {
    /// The spending under a limit, the team's own unless one is named.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign limit.
    pub async fn burn(&self, scope: &Can<ReadBudgets>, budget: Option<BudgetId>) -> Result<Burn> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let tree = load::lock(&mut tx, self.desk(), scope.team(), now).await?;
        let node = match budget {
            Some(id) => tree.node(id),
            None => tree.nodes().iter().find(|node| node.parent.is_none()),
        };
        let node = node.ok_or(Error::NotFound)?;
        let calendar = tree.calendar(node);
        let window = calendar.window(now);
        let today = now - time::Duration::days(TOTAL_DAYS - 1);
        let shown_from = window.end.map_or(today, |_| window.start);
        let paced_from = now - time::Duration::days(i64::try_from(forecast::PACE_DAYS).unwrap_or(0));
        let days = calendar.days(shown_from.min(paced_from), now);
        let starts: Vec<OffsetDateTime> = days.iter().map(|(_, start)| *start).collect();
        let from = if window.end.is_some() { starts.first().copied().unwrap_or(window.start) } else { window.start };
        let rows = sqlx::query!(
            r#"SELECT width_bucket(at, $4::timestamptz[]) AS "day!", sum(counted_micro_usd)::bigint AS "spent!"
               FROM usage WHERE team_id = $1 AND at >= $2 AND at <= $3 AND ($5::uuid IS NULL OR project_id = $5)
                 AND ($6::uuid IS NULL OR squad_id = $6) AND ($7::uuid IS NULL OR agent_id = $7)
               GROUP BY 1"#,
            scope.team() as TeamId,
            from,
            now,
            &starts,
            node.subject.project as Option<ProjectId>,
            node.subject.squad as Option<SquadId>,
            node.subject.agent as Option<AgentId>,
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let spent = |day: usize| {
            let row = rows.iter().find(|row| usize::try_from(row.day).is_ok_and(|found| found == day));
            MicroUsd::from_micros(row.map_or(0, |row| row.spent))
        };
        let all = days.into_iter().enumerate().map(|(at, (date, start))| BurnDay { date, start, spent: spent(at + 1) });
        let all: Vec<BurnDay> = all.collect();
        let first = all.iter().position(|day| day.start >= shown_from).unwrap_or(0);
        let before = if window.end.is_some() {
            0
        } else {
            spent(0).micros() + all[..first].iter().map(|day| day.spent.micros()).sum::<i64>()
        };
        let mut burn = Burn {
            node: node.clone(),
            limit: tree.limit(node),
            window,
            before: MicroUsd::from_micros(before),
            days: all[first..].to_vec(),
            forecast: None,
        };
        burn.forecast = window.end.and_then(|end| {
            let full: Vec<i64> = all[..all.len().saturating_sub(1)].iter().map(|day| day.spent.micros()).collect();
            forecast::forecast(&full, burn.spent().micros(), (end - now).whole_seconds())
        });
        Ok(burn)
    }
}
