//! What a person needs to set a limit.

use sqlx::PgConnection;
use types::{AgentId, BudgetId, MicroUsd, ProjectId, SquadId, TeamId};

use super::{
    edit::{self, BudgetSettings},
    fit, load,
    tree::{Node, Subject},
};
use crate::{
    Can, Orchestrator, Result,
    audit::{self, Happening},
    grants::{ManageBudgets, ReadBudgets},
};

/// A limit as it stands, or as a new one begins.
#[derive(Clone, Debug)]
pub struct BudgetDraft {
    /// None: there is none yet.
    pub id: Option<BudgetId>,
    /// An agent with its squad filled in.
    pub subject: Subject,
    /// As people know the part: the names of project, squad and agent.
    pub name: String,
    pub settings: BudgetSettings,
    /// The limit above it, by name, and what it allows.
    pub parent: Option<(String, Option<MicroUsd>)>,
}

/// A part of the team that can have a limit.
#[derive(Clone, Debug)]
pub struct BudgetPart {
    pub subject: Subject,
    /// With the squad in front, for an agent.
    pub name: String,
}

impl Orchestrator {
    /// The limit of a part, to be edited.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`] for a foreign part.
    pub async fn budget_draft(&self, scope: &Can<ManageBudgets>, subject: Subject) -> Result<BudgetDraft> {
        let mut tx = self.db().team(scope).await?;
        let subject = edit::whole(&mut tx, scope.team(), subject).await?;
        let tree = load::lock(&mut tx, self.desk(), scope.team(), self.clock().now()).await?;
        let name = sqlx::query_scalar!(
            r#"SELECT coalesce(nullif(concat_ws(' in ', (SELECT name FROM agents WHERE team_id = $1 AND id = $4),
                      (SELECT name FROM squads WHERE team_id = $1 AND id = $3), (SELECT name FROM projects WHERE team_id = $1 AND id = $2)), ''),
                      name) AS "name!" FROM teams WHERE id = $1"#,
            scope.team() as TeamId,
            subject.project as Option<ProjectId>,
            subject.squad as Option<SquadId>,
            subject.agent as Option<AgentId>,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        let known = tree.nodes().iter().find(|node| node.subject == subject);
        let parent = match known {
            Some(node) => node.parent.and_then(|id| tree.node(id)),
            None => fit::above(tree.nodes(), subject),
        };
        Ok(BudgetDraft {
            id: known.map(|node| node.id),
            subject,
            name,
            settings: known.map_or_else(|| beginning(parent), BudgetSettings::of),
            parent: parent.map(|node| (node.name.clone(), tree.limit(node))),
        })
    }

    /// The projects, squads and agents of the team, for choosing one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn budget_parts(&self, scope: &Can<ManageBudgets>) -> Result<Vec<BudgetPart>> {
        let mut tx = self.db().team(scope).await?;
        let parts = parts(&mut tx, scope.team(), false).await?;
        tx.commit().await?;
        Ok(parts)
    }

    /// The parts of the team that the ledger may name, with those that are archived.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ledger_parts(&self, scope: &Can<ReadBudgets>) -> Result<Vec<BudgetPart>> {
        let mut tx = self.db().team(scope).await?;
        let parts = parts(&mut tx, scope.team(), true).await?;
        tx.commit().await?;
        Ok(parts)
    }

    /// What a million tokens count as where no price is known.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn unknown_rate(&self, scope: &Can<ReadBudgets>) -> Result<MicroUsd> {
        let mut tx = self.db().team(scope).await?;
        let tree = load::lock(&mut tx, self.desk(), scope.team(), self.clock().now()).await?;
        tx.commit().await?;
        Ok(MicroUsd::from_micros(tree.unknown_rate))
    }

    /// Sets what a million tokens count as where no price is known. Calls that are held keep the older rate.
    ///
    /// # Errors
    /// [`crate::Error::Invalid`] for nothing, and for more than a million dollars.
    pub async fn set_unknown_rate(&self, scope: &Can<ManageBudgets>, rate: MicroUsd) -> Result<()> {
        if !(1..=1_000_000_000_000).contains(&rate.micros()) {
            // At nothing, no limit would ever stop such calls.
            let message = "Use more than 0 and at most 1,000,000 USD: what has no known price never counts as free.";
            return Err(crate::Error::field("unknown_rate", message));
        }
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let before = load::lock(&mut tx, self.desk(), scope.team(), now).await?.unknown_rate;
        sqlx::query!(
            "UPDATE budget_heads SET unknown_rate_micro_usd = $2 WHERE team_id = $1",
            scope.team() as TeamId,
            rate.micros()
        )
        .execute(&mut *tx)
        .await?;
        load::changed(&mut tx, scope.team()).await?;
        crate::runs::let_go_on(&mut tx, scope.team(), now).await?;
        let what = Happening {
            action: "budget.rate_set",
            target_kind: "team",
            target_id: scope.team().to_string(),
            details: serde_json::json!({ "before": before, "after": rate }),
        };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn parts(connection: &mut PgConnection, team: TeamId, archived: bool) -> Result<Vec<BudgetPart>> {
    let rows = sqlx::query!(
        r#"SELECT project AS "project: ProjectId", squad AS "squad: SquadId", agent AS "agent: AgentId",
                  name || CASE WHEN archived_at IS NULL THEN '' ELSE ' (archived)' END AS "name!"
           FROM (SELECT id AS project, NULL::uuid AS squad, NULL::uuid AS agent, name, archived_at, 0 AS rank
                 FROM projects WHERE team_id = $1
                 UNION ALL SELECT NULL, id, NULL, name, archived_at, 1 FROM squads WHERE team_id = $1
                 UNION ALL SELECT NULL, s.id, a.id, s.name || ' / ' || a.name, s.archived_at, 2
                           FROM agents a JOIN squads s ON s.team_id = a.team_id AND s.id = a.squad_id WHERE a.team_id = $1) p
           WHERE $2 OR archived_at IS NULL
           ORDER BY rank, archived_at IS NOT NULL, name LIMIT 1000"#,
        team as TeamId,
        archived
    )
    .fetch_all(connection)
    .await?;
    let part = |subject, name| BudgetPart { subject, name };
    Ok(rows
        .into_iter()
        .map(|row| part(Subject { project: row.project, squad: row.squad, agent: row.agent }, row.name))
        .collect())
}

/// A new limit counts in the periods of the one above it, so that the two can be compared.
fn beginning(parent: Option<&Node>) -> BudgetSettings {
    let settings = BudgetSettings::default();
    let calendar = parent.map_or_else(|| settings.calendar.clone(), |node| node.calendar.clone());
    BudgetSettings { calendar, ..settings }
}
