//! Asking for more, and the answer.

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{BudgetId, BudgetRequestId, MicroUsd, Permission, TeamId, UserId};

use super::{
    book::Measure,
    edit::BudgetSettings,
    load,
    tree::{Limit, Node, Tree},
};
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    grants::{ManageBudgets, ReadBudgets},
    mail::{self, Mail},
    teams::holders_of,
};

/// Somebody asked for a higher limit.
#[derive(Clone, Debug)]
pub struct BudgetRequest {
    pub id: BudgetRequestId,
    pub budget: BudgetId,
    /// The part that the limit is about.
    pub name: String,
    /// What it should be.
    pub amount: MicroUsd,
    /// What it is now.
    pub now: Option<MicroUsd>,
    pub reason: String,
    pub by: String,
    pub at: OffsetDateTime,
    /// Whether it was granted, by whom and when; None while nobody decided.
    pub decided: Option<(bool, String, OffsetDateTime)>,
    /// Why it was declined.
    pub answer: Option<String>,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetDecision {
    Granted,
    /// With the reason, which whoever asked gets by mail.
    Declined(String),
}

impl Orchestrator {
    /// Asks those who may manage budgets for a higher limit.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign limit, [`Error::Invalid`] for an amount that is no more than now, or no reason.
    pub async fn ask_for_budget(
        &self,
        scope: &Can<ReadBudgets>,
        budget: BudgetId,
        amount: MicroUsd,
        reason: &str,
    ) -> Result<BudgetRequestId> {
        let reason = reason.trim();
        let (id, now) = (BudgetRequestId::new(), self.clock().now());
        let mut tx = self.db().team(scope).await?;
        let tree = load::lock(&mut tx, self.desk(), scope.team(), now).await?;
        let node = tree.node(budget).ok_or(Error::NotFound)?;
        check(node, amount, reason)?;
        sqlx::query!(
            "INSERT INTO budget_requests (team_id, id, budget_id, amount_micro_usd, reason, asked_by, asked_at, state)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'OPEN')",
            scope.team() as TeamId,
            id as BudgetRequestId,
            budget as BudgetId,
            amount.micros(),
            reason,
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        for person in holders_of(&mut tx, scope.team(), Permission::ManageBudgets).await? {
            mail::enqueue(&mut tx, now, &letter(&node.name, amount, reason, &person.email)).await?;
        }
        let details = serde_json::json!({ "budget": budget, "micro_usd": amount, "reason": reason });
        let what =
            Happening { action: "budget.asked", target_kind: "budget_request", target_id: id.to_string(), details };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Grants or declines what was asked, and mails that to whoever asked. Granting sets the limit in the same transaction, by
    /// the same rules as [`Orchestrator::set_budget`].
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign request, [`Error::Refused`] when it is decided or no longer fits, [`Error::Invalid`]
    /// for no reason to decline.
    pub async fn decide_budget_request(
        &self,
        scope: &Can<ManageBudgets>,
        id: BudgetRequestId,
        decision: &BudgetDecision,
    ) -> Result<()> {
        let (granted, answer) = match decision {
            BudgetDecision::Granted => (true, None),
            BudgetDecision::Declined(reason) => (false, Some(reason.trim())),
        };
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let tree = load::lock(&mut tx, self.desk(), scope.team(), now).await?;
        let asked = sqlx::query!(
            r#"SELECT q.budget_id AS "budget: BudgetId", q.amount_micro_usd, q.state, u.email AS "email?"
               FROM budget_requests q
                    LEFT JOIN memberships m ON m.team_id = q.team_id AND m.user_id = q.asked_by LEFT JOIN users u ON u.id = m.user_id
               WHERE q.team_id = $1 AND q.id = $2"#,
            scope.team() as TeamId,
            id as BudgetRequestId
        )
        .fetch_one(&mut *tx)
        .await?;
        if asked.state != "OPEN" {
            return Err(Error::Refused("Somebody has decided this already.".into()));
        }
        if answer.is_some_and(|reason| !(1..=500).contains(&reason.chars().count())) {
            return Err(Error::field("answer", "Say why, in at most 500 characters."));
        }
        let amount = MicroUsd::from_micros(asked.amount_micro_usd);
        let node = tree.node(asked.budget).ok_or(Error::NotFound)?;
        if granted {
            self.raise(&mut tx, scope, &tree, node, amount).await?;
        }
        sqlx::query!(
            "UPDATE budget_requests SET state = $3, decided_by = $4, decided_at = $5, answer = $6 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            id as BudgetRequestId,
            if granted { "GRANTED" } else { "DECLINED" },
            scope.user()? as UserId,
            now,
            answer,
        )
        .execute(&mut *tx)
        .await?;
        // Whoever has left the team since is told nothing of it.
        if let Some(to) = asked.email {
            mail::enqueue(&mut tx, now, &decided(&node.name, amount, answer, to)).await?;
        }
        let action = if granted { "budget.granted" } else { "budget.declined" };
        let details = serde_json::json!({ "budget": asked.budget, "micro_usd": amount, "answer": answer });
        let what = Happening { action, target_kind: "budget_request", target_id: id.to_string(), details };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(())
    }

    async fn raise(
        &self,
        tx: &mut PgConnection,
        scope: &Can<ManageBudgets>,
        tree: &Tree,
        node: &Node,
        amount: MicroUsd,
    ) -> Result<()> {
        let settings = BudgetSettings { limit: Limit::Amount(amount), ..BudgetSettings::of(node) };
        match self.apply_budget(tx, scope, tree, node.subject, &settings).await {
            // There is no field to mend here: the rule is told as it is.
            Err(Error::Invalid(fields)) => {
                let why = fields.into_iter().map(|field| field.message).collect::<Vec<_>>().join(" ");
                Err(Error::Refused(why))
            }
            other => other.map(|_| ()),
        }
    }

    /// What was asked for, the open ones first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn budget_requests(&self, scope: &Can<ReadBudgets>) -> Result<Vec<BudgetRequest>> {
        let mut tx = self.db().team(scope).await?;
        let tree = load::look(&mut tx, self.desk(), scope.team()).await?;
        let rows = sqlx::query!(
            r#"SELECT q.id AS "id: BudgetRequestId", q.budget_id AS "budget: BudgetId", q.amount_micro_usd, q.reason, u.name AS by,
                      q.asked_at, q.state, d.name AS "decider?", q.decided_at, q.answer
               FROM budget_requests q JOIN users u ON u.id = q.asked_by LEFT JOIN users d ON d.id = q.decided_by
               WHERE q.team_id = $1 ORDER BY q.state <> 'OPEN', q.asked_at DESC LIMIT 50"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let requests = rows.into_iter().map(|row| {
            let node = tree.node(row.budget);
            BudgetRequest {
                id: row.id,
                budget: row.budget,
                name: node.map(|node| node.name.clone()).unwrap_or_default(),
                amount: MicroUsd::from_micros(row.amount_micro_usd),
                now: node.and_then(|node| tree.limit(node)),
                reason: row.reason,
                by: row.by,
                at: row.asked_at,
                decided: row.decider.zip(row.decided_at).map(|(who, at)| (row.state == "GRANTED", who, at)),
                answer: row.answer,
            }
        });
        Ok(requests.collect())
    }
}

fn check(node: &Node, amount: MicroUsd, reason: &str) -> Result<()> {
    let Limit::Amount(now) = node.limit else {
        let sentence = match node.limit {
            Limit::Share(_) => "This limit is a share of the one above it. Ask for more of that one.",
            _ => "This part has no limit of its own, so there is nothing to raise.",
        };
        return Err(Error::field("amount", sentence));
    };
    if amount <= now {
        return Err(Error::field(
            "amount",
            format!("Ask for more than the {} that it allows now.", Measure::Money.amount(now.micros())),
        ));
    }
    if !(1..=500).contains(&reason.chars().count()) {
        return Err(Error::field("reason", "Say what it is for, in at most 500 characters."));
    }
    Ok(())
}

fn letter(name: &str, amount: MicroUsd, reason: &str, to: &str) -> Mail {
    let amount = Measure::Money.amount(amount.micros());
    Mail {
        to: to.to_owned(),
        subject: format!("Somebody asks for a budget of {amount} for {name}"),
        body: format!(
            "The reason given:\n\n{reason}\n\nYou get this mail because you may decide it, under Budgets. Nothing changes until then.\n"
        ),
    }
}

fn decided(name: &str, amount: MicroUsd, declined: Option<&str>, to: String) -> Mail {
    let amount = Measure::Money.amount(amount.micros());
    let (subject, body) = match declined {
        None => (
            format!("The budget of {name} is {amount} now"),
            "Your request was granted. Runs that waited go on by themselves.\n".to_owned(),
        ),
        Some(reason) => (
            format!("Your request for a budget of {amount} for {name} was declined"),
            format!("The reason given:\n\n{reason}\n\nThe limit stays as it was. You may ask again, under Budgets.\n"),
        ),
    };
    Mail { to, subject, body }
}
