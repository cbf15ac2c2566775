use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use types::{SquadId, TeamId};

use super::{
    find, happening, limit_squads, lock,
    shape::{Rules, Wrong},
    taken,
};
use crate::{Can, Error, Orchestrator, Result, audit, error::OnConstraint, grants::ManageSquads};

/// What a squad is called, what it is for, and what all its agents are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SquadSettings {
    pub name: String,
    pub description: String,
    /// Told to every agent of the squad, before its own instructions.
    pub instructions: String,
}

impl SquadSettings {
    fn checked(&self) -> Result<Self> {
        let settings = Self {
            name: self.name.trim().to_owned(),
            description: self.description.trim().to_owned(),
            instructions: self.instructions.trim().to_owned(),
        };
        let mut wrong = Wrong::default();
        if settings.name.is_empty() {
            wrong.add("name", "Enter a name.");
        }
        wrong.longest("name", &settings.name, 80);
        wrong.longest("description", &settings.description, 1000);
        wrong.longest("instructions", &settings.instructions, 20_000);
        wrong.done().map(|()| settings)
    }
}

impl Orchestrator {
    /// Changes name, description and shared instructions. Holds for runs started afterwards.
    ///
    /// # Errors
    /// [`Error::Invalid`] field by field; [`Error::Refused`] for an archived squad.
    pub async fn edit_squad(&self, scope: &Can<ManageSquads>, id: SquadId, settings: &SquadSettings) -> Result<()> {
        let after = settings.checked()?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        lock(&mut tx, scope.team(), id).await?;
        let before = find(&mut tx, scope.team(), id).await?.settings;
        sqlx::query!(
            "UPDATE squads SET name = $3, description = $4, instructions = $5, updated_at = $6 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            id as SquadId,
            after.name,
            after.description,
            after.instructions,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("squads_name_is_unique", || taken(&after.name))?;
        let details = serde_json::json!({ "before": before, "after": after });
        audit::append(&mut tx, scope, now, happening("squad.edited", id, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Changes stages, gates and bounds. Holds for runs started afterwards.
    ///
    /// # Errors
    /// [`Error::Invalid`] field by field; [`Error::Refused`] for an archived squad.
    pub async fn set_rules(&self, scope: &Can<ManageSquads>, id: SquadId, rules: &Rules) -> Result<()> {
        rules.check()?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        lock(&mut tx, scope.team(), id).await?;
        let before = find(&mut tx, scope.team(), id).await?.rules;
        sqlx::query!(
            "UPDATE squads SET stages = $3, approve_plan = $4, approve_merge = $5, max_iterations = $6, max_reworks = $7,
                               max_concurrent_runs = $8, updated_at = $9
             WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            id as SquadId,
            Json(&rules.stages) as _,
            rules.gates.plan,
            rules.gates.merge,
            rules.bounds.max_iterations,
            rules.bounds.max_reworks,
            rules.bounds.max_concurrent_runs,
            now,
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "before": before, "after": rules });
        audit::append(&mut tx, scope, now, happening("squad.rules_changed", id, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a squad out of use. Runs under way go on; no new ones start. Its name becomes free.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a squad the team does not have; [`Error::Refused`] for an archived one.
    pub async fn archive_squad(&self, scope: &Can<ManageSquads>, id: SquadId) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let name = lock(&mut tx, scope.team(), id).await?;
        sqlx::query!(
            "UPDATE squads SET archived_at = $3, updated_at = $3 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            id as SquadId,
            now,
        )
        .execute(&mut *tx)
        .await?;
        audit::append(&mut tx, scope, now, happening("squad.archived", id, serde_json::json!({ "name": name })))
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Brings an archived squad back.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that is not archived; [`Error::Refused`] when its name is in use again.
    pub async fn restore_squad(&self, scope: &Can<ManageSquads>, id: SquadId) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        limit_squads(&mut tx, scope.team()).await?;
        let name = sqlx::query_scalar!(
            "UPDATE squads SET archived_at = NULL, updated_at = $3
             WHERE team_id = $1 AND id = $2 AND archived_at IS NOT NULL RETURNING name",
            scope.team() as TeamId,
            id as SquadId,
            now,
        )
        .fetch_optional(&mut *tx)
        .await
        .on_constraint("squads_name_is_unique", || {
            Error::Refused("Another squad has this name by now. Rename that one first.".into())
        })?
        .ok_or(Error::NotFound)?;
        audit::append(&mut tx, scope, now, happening("squad.restored", id, serde_json::json!({ "name": name })))
            .await?;
        tx.commit().await?;
        Ok(())
    }
}
