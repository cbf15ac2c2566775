//! Telling people that a limit comes near.

use sqlx::PgConnection;
use types::{BudgetAlertId, BudgetId, MicroUsd, Permission, TeamId};

use super::{
    book::Measure,
    rows::{AlertRow, Stood},
    till::REACHED,
    tree::Tree,
};
use crate::{
    Result,
    mail::{self, Mail},
    teams::holders_of,
};

/// Writes an alert down and mails it to whoever may raise the limit, once for each step, period and limit.
pub(crate) async fn tell(connection: &mut PgConnection, tree: &Tree, alert: &AlertRow) -> Result<()> {
    let written = sqlx::query!(
        "INSERT INTO budget_alerts (team_id, id, budget_id, bucket, step, spent, most, at, measure)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (team_id, budget_id, bucket, measure, step, most) DO NOTHING",
        alert.team as TeamId,
        alert.id as BudgetAlertId,
        alert.leg.budget as BudgetId,
        alert.leg.bucket,
        alert.stood.step,
        alert.stood.spent,
        alert.stood.most,
        alert.at,
        alert.stood.measure.as_str(),
    )
    .execute(&mut *connection)
    .await?;
    if written.rows_affected() == 0 {
        return Ok(());
    }
    let name = tree.node(alert.leg.budget).map_or("your team", |node| &node.name);
    for person in holders_of(connection, alert.team, Permission::ManageBudgets).await? {
        mail::enqueue(connection, alert.at, &letter(name, &alert.stood, &person)).await?;
    }
    Ok(())
}

fn letter(name: &str, stood: &Stood, to: &str) -> Mail {
    let (what, stands) = match stood.measure {
        Measure::Money => {
            let dollars = |micros| MicroUsd::from_micros(micros).dollars(2);
            ("budget", format!("{} of {} USD are spent.", dollars(stood.spent), dollars(stood.most)))
        }
        Measure::Tokens => ("token budget", format!("{} of {} tokens are spent.", stood.spent, stood.most)),
    };
    let (subject, happened) = if stood.step >= REACHED {
        let happened = "A model call was refused because it could have taken more than what is left. Runs under this budget wait; \
                        nothing is lost, and they go on by themselves when the budget is raised or begins anew.";
        (format!("The {what} of {name} is used up"), happened)
    } else {
        (
            format!("{} % of the {what} of {name} is spent", stood.step),
            "Nothing has stopped. This is told once in this period.",
        )
    };
    let body =
        format!("{stands}\n\n{happened}\n\nYou get this mail because you may raise the budget, under Budgets.\n");
    Mail { to: to.to_owned(), subject, body }
}
