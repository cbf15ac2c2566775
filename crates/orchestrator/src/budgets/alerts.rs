//! Telling people that a limit comes near.

use sqlx::PgConnection;
use types::{BudgetAlertId, BudgetId, MicroUsd, Permission, RunId, TaskId, TeamId};
use uuid::Uuid;

use super::{
    book::{Measure, decimals},
    rows::{AlertRow, Stood},
    till::REACHED,
    tree::{BoundKind, Tree},
};
use crate::{
    Result,
    mail::{self, Mail},
    teams::holders_of,
};

/// Writes an alert down and mails it to whoever may raise the limit, once for each step, period, task or run, and limit.
pub(crate) async fn tell(connection: &mut PgConnection, tree: &Tree, alert: &AlertRow) -> Result<()> {
    let people = holders_of(connection, alert.team, Permission::ManageBudgets).await?;
    let told: Vec<Uuid> = people.iter().map(|person| person.id.uuid()).collect();
    let written = sqlx::query!(
        "INSERT INTO budget_alerts (team_id, id, budget_id, bucket, step, spent, most, at, measure, told)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (team_id, budget_id, bucket, measure, step, most) DO NOTHING",
        alert.team as TeamId,
        alert.id as BudgetAlertId,
        alert.leg.budget as BudgetId,
        alert.leg.bucket,
        alert.stood.step,
        alert.stood.spent,
        alert.stood.most,
        alert.at,
        alert.stood.measure.as_str(),
        &told,
    )
    .execute(&mut *connection)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(());
    }
    let name = tree.node(alert.leg.budget).map_or("your team", |node| &node.name);
    let capped = capped(connection, alert.team, BoundKind::of_bucket(&alert.leg.bucket)).await?;
    for person in people {
        mail::enqueue(connection, alert.at, &letter(name, capped.as_ref(), &alert.stood, &person.email)).await?;
    }
    Ok(())
}

/// One task or run, whose limit is not that of a period.
struct Capped {
    /// As a sentence begins with it: "Task #7 (Weights)".
    who: String,
    /// What the limit is for: "one task".
    of: &'static str,
}

async fn capped(connection: &mut PgConnection, team: TeamId, kind: BoundKind) -> Result<Option<Capped>> {
    let (task, run) = match kind {
        BoundKind::Period => return Ok(None),
        BoundKind::Task(task) => (Some(task), None),
        BoundKind::Run(run) => (None, Some(run)),
    };
    let found = sqlx::query!(
        "SELECT t.number, t.title FROM tasks t WHERE t.team_id = $1
           AND t.id = coalesce($2, (SELECT r.task_id FROM runs r WHERE r.team_id = $1 AND r.id = $3))",
        team as TeamId,
        task as Option<TaskId>,
        run as Option<RunId>,
    )
    .fetch_optional(connection)
    .await?;
    let task = found.map(|row| format!("#{} ({})", row.number, row.title));
    Ok(Some(match (run.is_some(), task) {
        (false, task) => {
            Capped { who: task.map_or("A task".to_owned(), |task| format!("Task {task}")), of: "one task" }
        }
        (true, task) => {
            Capped { who: task.map_or("A run".to_owned(), |task| format!("A run of task {task}")), of: "one run" }
        }
    }))
}

fn letter(name: &str, capped: Option<&Capped>, stood: &Stood, to: &str) -> Mail {
    let (what, stands) = match stood.measure {
        Measure::Money => {
            let digits = decimals(stood.spent).max(decimals(stood.most));
            let dollars = |micros| MicroUsd::from_micros(micros).dollars(digits);
            ("budget", format!("{} of {} USD are spent.", dollars(stood.spent), dollars(stood.most)))
        }
        Measure::Tokens => ("token budget", format!("{} of {} tokens are spent.", stood.spent, stood.most)),
    };
    let reached = stood.step >= REACHED;
    let subject = match capped {
        None if reached => format!("The {what} of {name} is used up"),
        None => format!("{} % of the {what} of {name} is spent", stood.step),
        Some(Capped { who, of }) if reached => format!("{who} has reached the limit for {of} of {name}"),
        Some(Capped { who, of }) => format!("{who} has spent {} % of the limit for {of} of {name}", stood.step),
    };
    let happened = match capped {
        None if reached => {
            "A model call was refused because it could have taken more than what is left. Runs under this budget wait; \
             nothing is lost, and they go on by themselves when the budget is raised or begins anew."
        }
        None => "Nothing has stopped. This is told once in this period.",
        Some(_) if reached => {
            "A model call was refused because it could have taken more than what is left. This task waits; others go on. \
             Nothing is lost, and it goes on by itself when the limit is raised."
        }
        Some(_) => "Nothing has stopped. This is told once.",
    };
    let body =
        format!("{stands}\n\n{happened}\n\nYou get this mail because you may raise the budget, under Budgets.\n");
    Mail { to: to.to_owned(), subject, body }
}
