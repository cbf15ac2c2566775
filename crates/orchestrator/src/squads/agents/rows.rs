use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use types::{AgentId, AgentTypeId, MicroUsd, ModelProviderId, SquadId, SquadMemberId, TeamId, UserId};

use super::{Agent, AgentSettings};
use crate::{
    Error, Result, Scope,
    squads::{AgentLimits, members, read_role},
};

/// What the breach of a constraint says about the settings.
fn meaning(error: sqlx::Error, settings: &AgentSettings) -> Error {
    let constraint = match &error {
        sqlx::Error::Database(database) => database.constraint(),
        _ => None,
    };
    match constraint {
        Some("agents_name_is_unique") => {
            Error::field("name", format!("The squad has an agent called {} already.", settings.name))
        }
        Some("agents_provider_is_known") => Error::field("provider", "Choose one of the providers in the list."),
        _ => error.into(),
    }
}

/// Writes a new agent at the end of a squad. The caller has checked the settings.
pub(in crate::squads) async fn insert(
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
                             max_tokens, max_micro_usd, wall_minutes, version, created_at, updated_at, allowed_models)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $14, $15)",
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
        &settings.allowed_models,
    )
    .execute(&mut *connection)
    .await
    .map_err(|error| meaning(error, settings))?;
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

pub(super) async fn keep_version(
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

pub(super) async fn update(
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
                           version = $13, updated_at = $14, allowed_models = $15
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
        &settings.allowed_models,
    )
    .execute(connection)
    .await
    .map_err(|error| meaning(error, settings))?;
    Ok(())
}

/// Marks an agent as gone, and answers its name. The row stays: runs name it.
pub(in crate::squads) async fn remove(
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

pub(super) async fn find(connection: &mut PgConnection, team: TeamId, squad: SquadId, id: AgentId) -> Result<Agent> {
    let agents = of_squad(connection, team, squad).await?;
    agents.into_iter().find(|agent| agent.id == id).ok_or(Error::NotFound)
}

/// The agents of a squad, in hand-off order.
pub(in crate::squads) async fn of_squad(
    connection: &mut PgConnection,
    team: TeamId,
    squad: SquadId,
) -> Result<Vec<Agent>> {
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: AgentId", a.version, a.role, a.name, a.agent_type_id AS "agent_type: AgentTypeId",
                  a.provider_id AS "provider: ModelProviderId", a.model, a.allowed_models, a.instructions, a.max_model_calls, a.max_tokens,
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
                allowed_models: row.allowed_models,
                instructions: row.instructions,
                limits,
            };
            let type_name = row.type_name;
            Ok(Agent { id: row.id, squad, version: row.version, settings, type_name, updated_at: row.updated_at })
        })
        .collect()
}
