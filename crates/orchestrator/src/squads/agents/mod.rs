mod rows;

use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use time::OffsetDateTime;
use types::{AgentId, AgentRole, AgentTypeId, FieldError, ModelProviderId, SquadId, TeamId};

use rows::{find, keep_version, update};
pub(super) use rows::{insert, of_squad, remove};

use super::{
    agent_types, lock,
    shape::{AgentLimits, Wrong},
    template::{default_instructions, default_limits},
};
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    budgets::catalogue_changed,
    grants::{ManageSquads, ReadSquads},
    models::checked_models,
    runs,
};

/// A program that is a member of a squad.
#[derive(Clone, Debug)]
pub struct Agent {
    pub id: AgentId,
    pub squad: SquadId,
    /// Counts up with every save.
    pub version: i32,
    pub settings: AgentSettings,
    /// The display name of its type.
    pub type_name: String,
    pub updated_at: OffsetDateTime,
}

/// What can be set of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentSettings {
    /// Lower-case letters, digits and hyphens; unique in the squad.
    pub name: String,
    pub role: AgentRole,
    pub agent_type: AgentTypeId,
    /// Where its model calls go; `None`: where the model's name leads.
    pub provider: Option<ModelProviderId>,
    /// The model's name at the provider; without a provider also a name of the team's own, or `provider/model`. `None` for
    /// the default.
    pub model: Option<String>,
    /// `provider/model`, `provider/*`, or names of the team's own; empty for all.
    #[serde(default)]
    pub allowed_models: Vec<String>,
    /// Told to the model after what the role says.
    pub instructions: String,
    pub limits: AgentLimits,
}

/// An agent's settings as they once were saved.
#[derive(Clone, Debug)]
pub struct AgentVersion {
    pub version: i32,
    pub settings: AgentSettings,
    pub saved_by: String,
    pub saved_at: OffsetDateTime,
}

impl AgentSettings {
    /// What a new agent of a role starts with.
    #[must_use]
    pub fn of_role(role: AgentRole, name: String, agent_type: AgentTypeId) -> Self {
        Self {
            name,
            role,
            agent_type,
            provider: None,
            model: None,
            allowed_models: Vec::new(),
            instructions: default_instructions(role).to_owned(),
            limits: default_limits(role),
        }
    }

    fn checked(&self) -> Result<Self> {
        let model = self.model.as_deref().map(str::trim).filter(|model| !model.is_empty());
        let settings = Self {
            name: self.name.trim().to_owned(),
            model: model.map(str::to_owned),
            instructions: self.instructions.trim().to_owned(),
            ..self.clone()
        };
        let mut wrong = Wrong::default();
        wrong.handle("name", &settings.name, 40);
        if let Some(model) = &settings.model {
            wrong.longest("model", model, 200);
        }
        wrong.longest("instructions", &settings.instructions, 20_000);
        settings.limits.note(&mut wrong);
        wrong.done().map(|()| settings)
    }
}

impl Orchestrator {
    /// Adds an agent to the end of the hand-off order.
    ///
    /// # Errors
    /// [`Error::Invalid`] field by field; [`Error::Refused`] when the squad is full or archived.
    pub async fn add_agent(
        &self,
        scope: &Can<ManageSquads>,
        squad: SquadId,
        settings: &AgentSettings,
    ) -> Result<AgentId> {
        let mut settings = settings.checked()?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        settings.allowed_models = checked_models(&mut tx, scope.team(), &settings.allowed_models).await?;
        lock(&mut tx, scope.team(), squad).await?;
        agent_types::check_usable(&mut tx, scope.team(), settings.agent_type).await?;
        let id = insert(&mut tx, scope, squad, &settings, now).await?;
        let details = serde_json::json!({ "squad": squad, "settings": settings });
        audit::append(&mut tx, scope, now, happening("agent.added", id, details)).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// One agent of a squad.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that is not in this squad, or is no longer.
    pub async fn agent(&self, scope: &Can<ReadSquads>, squad: SquadId, id: AgentId) -> Result<Agent> {
        let mut tx = self.db().team(scope).await?;
        let agent = find(&mut tx, scope.team(), squad, id).await?;
        tx.commit().await?;
        Ok(agent)
    }

    /// Changes an agent. Holds for runs started afterwards; its limits and its list of allowed models hold at once, and a run
    /// whose model is gone goes on with the agent's new one. Runs that wait for one of these go on.
    ///
    /// `seen` is the version that the change was made on; the new one is answered.
    ///
    /// # Errors
    /// [`Error::Invalid`] field by field, with the field `version` when somebody else saved in the meantime.
    pub async fn edit_agent(
        &self,
        scope: &Can<ManageSquads>,
        (squad, id): (SquadId, AgentId),
        seen: i32,
        settings: &AgentSettings,
    ) -> Result<i32> {
        let mut after = settings.checked()?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        lock(&mut tx, scope.team(), squad).await?;
        let before = find(&mut tx, scope.team(), squad, id).await?;
        if before.version != seen {
            return Err(saved_meanwhile(before.version));
        }
        after.allowed_models = checked_models(&mut tx, scope.team(), &after.allowed_models).await?;
        if before.settings.agent_type != after.agent_type {
            agent_types::check_usable(&mut tx, scope.team(), after.agent_type).await?;
        }
        if before.settings == after {
            return Ok(seen);
        }
        let version = seen + 1;
        update(&mut tx, scope.team(), id, version, &after, now).await?;
        keep_version(&mut tx, scope, id, version, &after, now).await?;
        if before.settings.allowed_models != after.allowed_models {
            catalogue_changed(&mut tx, scope.team()).await?;
        }
        runs::let_go_on_with_models(&mut tx, scope.team(), now).await?;
        let details = serde_json::json!({ "version": version, "before": before.settings, "after": after });
        audit::append(&mut tx, scope, now, happening("agent.edited", id, details)).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// The saved versions of an agent, newest first. At most 50.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that is not in this squad.
    pub async fn agent_versions(
        &self,
        scope: &Can<ReadSquads>,
        squad: SquadId,
        id: AgentId,
    ) -> Result<Vec<AgentVersion>> {
        let mut tx = self.db().team(scope).await?;
        find(&mut tx, scope.team(), squad, id).await?;
        let rows = sqlx::query!(
            r#"SELECT v.version, v.settings AS "settings: Json<AgentSettings>", u.name AS saved_by, v.saved_at
               FROM agent_versions v JOIN users u ON u.id = v.saved_by
               WHERE v.team_id = $1 AND v.agent_id = $2 ORDER BY v.version DESC LIMIT 50"#,
            scope.team() as TeamId,
            id as AgentId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        let versions = rows.into_iter().map(|row| AgentVersion {
            version: row.version,
            settings: row.settings.0,
            saved_by: row.saved_by,
            saved_at: row.saved_at,
        });
        Ok(versions.collect())
    }
}

fn happening(action: &'static str, agent: AgentId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "agent", target_id: agent.to_string(), details }
}

fn saved_meanwhile(version: i32) -> Error {
    Error::Invalid(vec![FieldError {
        field: "version".into(),
        message: format!("Somebody saved version {version} while you were editing. Load the page again to see it."),
    }])
}
