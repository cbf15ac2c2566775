use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use types::{
    AgentId, AgentRole, AgentTypeId, FieldError, MicroUsd, ModelProviderId, SquadId, SquadMemberId, TeamId, UserId,
};

use super::{
    agent_types, lock, members, read_role,
    shape::{AgentLimits, Wrong},
    template::{default_instructions, default_limits},
};
use crate::{
    Can, Error, Orchestrator, Result, Scope,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ManageSquads, ReadSquads},
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
    /// Where its model calls go; `None` for the team's default.
    pub provider: Option<ModelProviderId>,
    /// The model's name at the provider; `None` for the team's default.
    pub model: Option<String>,
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
        let settings = settings.checked()?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
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

    /// Changes an agent. Holds for runs started afterwards.
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
        let after = settings.checked()?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        lock(&mut tx, scope.team(), squad).await?;
        let before = find(&mut tx, scope.team(), squad, id).await?;
        if before.version != seen {
            return Err(saved_meanwhile(before.version));
        }
        if before.settings.agent_type != after.agent_type {
            agent_types::check_usable(&mut tx, scope.team(), after.agent_type).await?;
        }
        if before.settings == after {
            return Ok(seen);
        }
        let version = seen + 1;
        update(&mut tx, scope.team(), id, version, &after, now).await?;
        keep_version(&mut tx, scope, id, version, &after, now).await?;
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

fn name_taken(name: &str) -> Error {
    Error::field("name", format!("The squad has an agent called {name} already."))
}

/// Writes a new agent at the end of a squad. The caller has checked the settings.
pub(super) async fn insert(
    connection: &mut PgConnection,
    scope: &Scope,
    squad: SquadId,
    settings: &AgentSettings,
    now: OffsetDateTime,
) -> Result<AgentId> {
    let id = AgentId::new();
    let position = members::next_position(&mut *connection, scope.team(), squad).await?;
    sqlx::query!(
        "INSERT INTO agents (team_id, id, squad_id, role, name, agent_type_id, provider_id, model, instructions, max_model_calls,
                             max_tokens, max_micro_usd, wall_minutes, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14)",
        scope.team() as TeamId,
        id as AgentId,
        squad as SquadId,
        settings.role.as_str(),
        settings.name,
        settings.agent_type as AgentTypeId,
        settings.provider as Option<ModelProviderId>,
        settings.model,
        settings.instructions,
        settings.limits.max_model_calls,
        settings.limits.max_tokens,
        settings.limits.max_cost.micros(),
        settings.limits.wall_minutes,
        now,
    )
    .execute(&mut *connection)
    .await
    .on_constraint("agents_name_is_unique", || name_taken(&settings.name))?;
    sqlx::query!(
        "INSERT INTO squad_members (team_id, id, squad_id, position, agent_id) VALUES ($1, $2, $3, $4, $5)",
        scope.team() as TeamId,
        SquadMemberId::new() as SquadMemberId,
        squad as SquadId,
        position,
        id as AgentId,
    )
    .execute(&mut *connection)
    .await?;
    keep_version(connection, scope, id, 1, settings, now).await?;
    Ok(id)
}

async fn keep_version(
    connection: &mut PgConnection,
    scope: &Scope,
    agent: AgentId,
    version: i32,
    settings: &AgentSettings,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO agent_versions (team_id, agent_id, version, settings, saved_by, saved_at) VALUES ($1, $2, $3, $4, $5, $6)",
        scope.team() as TeamId,
        agent as AgentId,
        version,
        Json(settings) as _,
        scope.user()? as UserId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn update(
    connection: &mut PgConnection,
    team: TeamId,
    id: AgentId,
    version: i32,
    settings: &AgentSettings,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "UPDATE agents SET role = $3, name = $4, agent_type_id = $5, provider_id = $6, model = $7, instructions = $8,
                           max_model_calls = $9, max_tokens = $10, max_micro_usd = $11, wall_minutes = $12,
                           version = $13, updated_at = $14
         WHERE team_id = $1 AND id = $2",
        team as TeamId,
        id as AgentId,
        settings.role.as_str(),
        settings.name,
        settings.agent_type as AgentTypeId,
        settings.provider as Option<ModelProviderId>,
        settings.model,
        settings.instructions,
        settings.limits.max_model_calls,
        settings.limits.max_tokens,
        settings.limits.max_cost.micros(),
        settings.limits.wall_minutes,
        version,
        now,
    )
    .execute(connection)
    .await
    .on_constraint("agents_name_is_unique", || name_taken(&settings.name))?;
    Ok(())
}

/// Marks an agent as gone, and answers its name. The row stays: runs name it.
pub(super) async fn remove(
    connection: &mut PgConnection,
    team: TeamId,
    id: AgentId,
    now: OffsetDateTime,
) -> Result<String> {
    Ok(sqlx::query_scalar!(
        "UPDATE agents SET removed_at = $3, updated_at = $3 WHERE team_id = $1 AND id = $2 RETURNING name",
        team as TeamId,
        id as AgentId,
        now,
    )
    .fetch_one(connection)
    .await?)
}

async fn find(connection: &mut PgConnection, team: TeamId, squad: SquadId, id: AgentId) -> Result<Agent> {
    let agents = of_squad(connection, team, squad).await?;
    agents.into_iter().find(|agent| agent.id == id).ok_or(Error::NotFound)
}

/// The agents of a squad, in hand-off order.
pub(super) async fn of_squad(connection: &mut PgConnection, team: TeamId, squad: SquadId) -> Result<Vec<Agent>> {
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: AgentId", a.version, a.role, a.name, a.agent_type_id AS "agent_type: AgentTypeId",
                  a.provider_id AS "provider: ModelProviderId", a.model, a.instructions, a.max_model_calls, a.max_tokens,
                  a.max_micro_usd AS "max_cost: MicroUsd", a.wall_minutes, a.updated_at, t.display_name AS type_name
           FROM squad_members m
           JOIN agents a ON a.team_id = m.team_id AND a.squad_id = m.squad_id AND a.id = m.agent_id
           JOIN agent_types t ON t.team_id = a.team_id AND t.id = a.agent_type_id
           WHERE m.team_id = $1 AND m.squad_id = $2 ORDER BY m.position"#,
        team as TeamId,
        squad as SquadId
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let limits = AgentLimits {
                max_model_calls: row.max_model_calls,
                max_tokens: row.max_tokens,
                max_cost: row.max_cost,
                wall_minutes: row.wall_minutes,
            };
            let settings = AgentSettings {
                name: row.name,
                role: read_role(&row.role)?,
                agent_type: row.agent_type,
                provider: row.provider,
                model: row.model,
                instructions: row.instructions,
                limits,
            };
            let type_name = row.type_name;
            Ok(Agent { id: row.id, squad, version: row.version, settings, type_name, updated_at: row.updated_at })
        })
        .collect()
}
