use std::collections::BTreeMap;

use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use types::{AgentKind, AgentTypeId, TeamId};

use super::{AgentType, AgentTypeSettings};
use crate::{Error, Result, error::OnConstraint};

/// The built-in type of a team, made where a team of an older version has none.
pub(in crate::squads) async fn built_in(
    connection: &mut PgConnection,
    team: TeamId,
    now: OffsetDateTime,
) -> Result<AgentTypeId> {
    let found = sqlx::query_scalar!(
        r#"SELECT id AS "id: AgentTypeId" FROM agent_types WHERE team_id = $1 AND kind = 'builtin'"#,
        team as TeamId
    )
    .fetch_optional(&mut *connection)
    .await?;
    match found {
        Some(id) => Ok(id),
        None => insert_built_in(connection, team, now).await,
    }
}

/// Gives a new team the built-in type.
pub(crate) async fn insert_built_in(
    connection: &mut PgConnection,
    team: TeamId,
    now: OffsetDateTime,
) -> Result<AgentTypeId> {
    insert(connection, team, &AgentTypeSettings::built_in(), now).await
}

pub(super) async fn insert(
    connection: &mut PgConnection,
    team: TeamId,
    settings: &AgentTypeSettings,
    now: OffsetDateTime,
) -> Result<AgentTypeId> {
    let id = AgentTypeId::new();
    sqlx::query!(
        "INSERT INTO agent_types (team_id, id, name, display_name, description, kind, image, tag, command, cpu_millis, memory_mb,
                                  disk_mb, environment, capabilities, docs_url, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)",
        team as TeamId,
        id as AgentTypeId,
        settings.name,
        settings.display_name,
        settings.description,
        settings.kind.as_str(),
        settings.image,
        settings.tag,
        settings.command,
        settings.cpu_millis,
        settings.memory_mb,
        settings.disk_mb,
        Json(&settings.environment) as _,
        &settings.capabilities,
        settings.docs_url,
        now,
    )
    .execute(connection)
    .await
    .on_constraint("agent_types_name_is_unique", || name_taken(&settings.name))?;
    Ok(id)
}

pub(super) async fn update(
    connection: &mut PgConnection,
    team: TeamId,
    id: AgentTypeId,
    settings: &AgentTypeSettings,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "UPDATE agent_types SET name = $3, display_name = $4, description = $5, kind = $6, image = $7, tag = $8, command = $9,
                                cpu_millis = $10, memory_mb = $11, disk_mb = $12, environment = $13, capabilities = $14,
                                docs_url = $15, updated_at = $16
         WHERE team_id = $1 AND id = $2",
        team as TeamId,
        id as AgentTypeId,
        settings.name,
        settings.display_name,
        settings.description,
        settings.kind.as_str(),
        settings.image,
        settings.tag,
        settings.command,
        settings.cpu_millis,
        settings.memory_mb,
        settings.disk_mb,
        Json(&settings.environment) as _,
        &settings.capabilities,
        settings.docs_url,
        now,
    )
    .execute(connection)
    .await
    .on_constraint("agent_types_name_is_unique", || name_taken(&settings.name))?;
    Ok(())
}

fn name_taken(name: &str) -> Error {
    Error::field("name", format!("The team has an agent type called {name} already."))
}

/// Refuses a type that an agent cannot newly take: unknown, or switched off.
pub(in crate::squads) async fn check_usable(
    connection: &mut PgConnection,
    team: TeamId,
    id: AgentTypeId,
) -> Result<()> {
    let off = sqlx::query_scalar!(
        r#"SELECT disabled_at IS NOT NULL AS "off!" FROM agent_types WHERE team_id = $1 AND id = $2"#,
        team as TeamId,
        id as AgentTypeId
    )
    .fetch_optional(connection)
    .await?;
    match off {
        Some(false) => Ok(()),
        Some(true) => Err(Error::field("agent_type", "This agent type is switched off. Choose another one.")),
        None => Err(Error::field("agent_type", "Choose one of the agent types in the list.")),
    }
}

/// Locks the row, so that before and after in the log are neighbours.
pub(super) async fn find_for_update(connection: &mut PgConnection, team: TeamId, id: AgentTypeId) -> Result<AgentType> {
    sqlx::query!(
        "SELECT id FROM agent_types WHERE team_id = $1 AND id = $2 FOR UPDATE",
        team as TeamId,
        id as AgentTypeId
    )
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(Error::NotFound)?;
    all(connection, team).await?.into_iter().find(|found| found.id == id).ok_or(Error::NotFound)
}

pub(in crate::squads) async fn all(connection: &mut PgConnection, team: TeamId) -> Result<Vec<AgentType>> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: AgentTypeId", name, display_name, description, kind, image, tag, command, cpu_millis, memory_mb,
                  disk_mb, environment AS "environment: Json<BTreeMap<String, String>>", capabilities, docs_url, disabled_at
           FROM agent_types WHERE team_id = $1 ORDER BY kind <> 'builtin', lower(display_name), id"#,
        team as TeamId
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let kind = AgentKind::parse(&row.kind).ok_or_else(|| Error::internal("an agent type without a kind"))?;
            let settings = AgentTypeSettings {
                name: row.name,
                display_name: row.display_name,
                description: row.description,
                kind,
                image: row.image,
                tag: row.tag,
                command: row.command,
                cpu_millis: row.cpu_millis,
                memory_mb: row.memory_mb,
                disk_mb: row.disk_mb,
                environment: row.environment.0,
                capabilities: row.capabilities,
                docs_url: row.docs_url,
            };
            Ok(AgentType { id: row.id, settings, enabled: row.disabled_at.is_none() })
        })
        .collect()
}
