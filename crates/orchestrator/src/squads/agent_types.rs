use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};
use time::OffsetDateTime;
use types::{AgentKind, AgentTypeId, TeamId};

use super::shape::Wrong;
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ManageSquads, ReadSquads},
};

/// Agent types of one team.
const MAX_TYPES: i64 = 50;

/// A kind of agent: what it runs as and what it may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentType {
    pub id: AgentTypeId,
    pub settings: AgentTypeSettings,
    pub enabled: bool,
}

/// What can be set of an agent type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentTypeSettings {
    /// How files and commands name it: lower-case letters, digits and hyphens.
    pub name: String,
    pub display_name: String,
    pub description: String,
    pub kind: AgentKind,
    /// The container image; `None` for the built-in agent, which works in the project's sandbox.
    pub image: Option<String>,
    pub tag: Option<String>,
    /// What starts the agent inside the image; empty for the image's own command.
    pub command: String,
    /// Thousandths of a processor.
    pub cpu_millis: i32,
    /// Mebibytes.
    pub memory_mb: i32,
    /// Mebibytes.
    pub disk_mb: i32,
    pub environment: BTreeMap<String, String>,
    pub capabilities: Vec<String>,
    pub docs_url: Option<String>,
}

impl AgentTypeSettings {
    fn built_in() -> Self {
        Self {
            name: "muster".into(),
            display_name: "Muster agent".into(),
            description: "Reads, searches, patches and runs in the sandbox. Works with every model provider.".into(),
            kind: AgentKind::Builtin,
            image: None,
            tag: None,
            command: String::new(),
            cpu_millis: 2000,
            memory_mb: 2048,
            disk_mb: 10_240,
            environment: BTreeMap::new(),
            capabilities: ["read", "search", "patch", "run", "ask"].map(str::to_owned).to_vec(),
            docs_url: None,
        }
    }

    fn checked(&self) -> Result<Self> {
        let trimmed =
            |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let settings = Self {
            name: self.name.trim().to_owned(),
            display_name: self.display_name.trim().to_owned(),
            description: self.description.trim().to_owned(),
            image: trimmed(&self.image),
            // What a container registry takes for an image without a tag.
            tag: Some(trimmed(&self.tag).unwrap_or_else(|| "latest".into())),
            command: self.command.trim().to_owned(),
            docs_url: trimmed(&self.docs_url),
            ..self.clone()
        };
        let mut wrong = Wrong::default();
        settings.note(&mut wrong);
        wrong.done().map(|()| settings)
    }

    fn note(&self, wrong: &mut Wrong) {
        wrong.handle("name", &self.name, 100);
        if self.display_name.is_empty() {
            wrong.add("display_name", "Enter a name for people.");
        }
        wrong.longest("display_name", &self.display_name, 80);
        wrong.longest("description", &self.description, 1000);
        if self.kind == AgentKind::Builtin {
            wrong.add("kind", "There is one built-in agent. Choose another protocol.");
        }
        note_image(self, wrong);
        wrong.longest("command", &self.command, 500);
        wrong.within("cpu_millis", self.cpu_millis, 100, 64_000);
        wrong.within("memory_mb", self.memory_mb, 64, 262_144);
        wrong.within("disk_mb", self.disk_mb, 64, 1_048_576);
        note_environment(&self.environment, wrong);
        if self.capabilities.len() > 20 || self.capabilities.iter().any(|word| word.chars().count() > 60) {
            wrong.add("capabilities", "Use at most 20 capabilities of at most 60 characters.");
        }
        if let Some(url) = &self.docs_url
            && (!url.starts_with("https://") || url.len() > 500 || url.contains(char::is_whitespace))
        {
            wrong.add("docs_url", "Use an address that starts with https://.");
        }
    }
}

/// The grammar of image references: a path of lower-case parts, perhaps with a host and a port; the tag on its own.
fn note_image(settings: &AgentTypeSettings, wrong: &mut Wrong) {
    let image = settings.image.as_deref().unwrap_or_default();
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/:".contains(&byte);
    let last = image.rsplit('/').next().unwrap_or_default();
    if image.is_empty() {
        wrong.add("image", "Enter the container image, for example example/agent.");
    } else if image.len() > 255
        || !image.bytes().all(known)
        || image.split('/').any(str::is_empty)
        || last.contains(':')
    {
        wrong.add("image", "Use an image name in lower case, without the tag.");
    }
    let tag = settings.tag.as_deref().unwrap_or_default();
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if tag.len() > 128 || !tag.bytes().all(word) || tag.starts_with(['.', '-']) {
        wrong.add("tag", "Use letters, digits, dots, hyphens and underscores.");
    }
}

fn note_environment(environment: &BTreeMap<String, String>, wrong: &mut Wrong) {
    let named = |name: &str| {
        !name.starts_with(|first: char| first.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if let Some(name) = environment.keys().find(|name| !named(name)) {
        wrong.add("environment", format!("{name} is no name of a variable. Use letters, digits and underscores."));
    } else if environment.len() > 50 || environment.values().any(|value| value.len() > 2000 || value.contains('\0')) {
        wrong.add("environment", "Use at most 50 variables of at most 2000 characters.");
    }
}

impl Orchestrator {
    /// The team's agent types, the built-in one first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn agent_types(&self, scope: &Can<ReadSquads>) -> Result<Vec<AgentType>> {
        let mut tx = self.db().team(scope).await?;
        let types = all(&mut tx, scope.team()).await?;
        tx.commit().await?;
        Ok(types)
    }

    /// Adds an agent type, switched on.
    ///
    /// # Errors
    /// [`Error::Invalid`] field by field.
    pub async fn create_agent_type(
        &self,
        scope: &Can<ManageSquads>,
        settings: &AgentTypeSettings,
    ) -> Result<AgentTypeId> {
        let settings = settings.checked()?;
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM agent_types WHERE team_id = $1"#,
            scope.team() as TeamId
        )
        .fetch_one(&mut *tx)
        .await?;
        if count >= MAX_TYPES {
            return Err(Error::field("name", format!("A team has at most {MAX_TYPES} agent types.")));
        }
        let id = insert(&mut tx, scope.team(), &settings, now).await?;
        let details = serde_json::json!({ "settings": shown(&settings) });
        audit::append(&mut tx, scope, now, happening("agent_type.created", id, details)).await?;
        tx.commit().await?;
        Ok(id)
    }

    /// Changes an agent type. Holds for runs started afterwards.
    ///
    /// # Errors
    /// [`Error::Invalid`] field by field; [`Error::Refused`] for the built-in one.
    pub async fn edit_agent_type(
        &self,
        scope: &Can<ManageSquads>,
        id: AgentTypeId,
        settings: &AgentTypeSettings,
    ) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let before = find_for_update(&mut tx, scope.team(), id).await?;
        if before.settings.kind == AgentKind::Builtin {
            return Err(Error::Refused("The built-in agent type stays as it is. Add one of your own instead.".into()));
        }
        let after = settings.checked()?;
        update(&mut tx, scope.team(), id, &after, now).await?;
        let details = serde_json::json!({ "before": shown(&before.settings), "after": shown(&after) });
        audit::append(&mut tx, scope, now, happening("agent_type.edited", id, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Switches an agent type on or off. Runs under way go on; agents of a type that is off start no new ones.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one the team does not have; [`Error::Refused`] for the built-in one.
    pub async fn switch_agent_type(&self, scope: &Can<ManageSquads>, id: AgentTypeId, on: bool) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let before = find_for_update(&mut tx, scope.team(), id).await?;
        if before.settings.kind == AgentKind::Builtin {
            return Err(Error::Refused("The built-in agent type is always on.".into()));
        }
        if before.enabled == on {
            return Ok(());
        }
        sqlx::query!(
            "UPDATE agent_types SET disabled_at = $3, updated_at = $4 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            id as AgentTypeId,
            (!on).then_some(now),
            now,
        )
        .execute(&mut *tx)
        .await?;
        let action = if on { "agent_type.switched_on" } else { "agent_type.switched_off" };
        let details = serde_json::json!({ "name": before.settings.name });
        audit::append(&mut tx, scope, now, happening(action, id, details)).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn happening(action: &'static str, id: AgentTypeId, details: serde_json::Value) -> Happening<'static> {
    Happening { action, target_kind: "agent_type", target_id: id.to_string(), details }
}

/// The settings for the log: of the environment only the names, since people put secrets there all the same.
fn shown(settings: &AgentTypeSettings) -> serde_json::Value {
    serde_json::json!({
        "name": settings.name, "display_name": settings.display_name, "kind": settings.kind, "image": settings.image,
        "tag": settings.tag, "command": settings.command, "cpu_millis": settings.cpu_millis,
        "memory_mb": settings.memory_mb, "disk_mb": settings.disk_mb, "capabilities": settings.capabilities,
        "environment": settings.environment.keys().collect::<Vec<_>>(),
    })
}

/// The built-in type of a team, made where a team of an older version has none.
pub(super) async fn built_in(connection: &mut PgConnection, team: TeamId, now: OffsetDateTime) -> Result<AgentTypeId> {
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

async fn insert(
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

async fn update(
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
pub(super) async fn check_usable(connection: &mut PgConnection, team: TeamId, id: AgentTypeId) -> Result<()> {
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
async fn find_for_update(connection: &mut PgConnection, team: TeamId, id: AgentTypeId) -> Result<AgentType> {
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

pub(super) async fn all(connection: &mut PgConnection, team: TeamId) -> Result<Vec<AgentType>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(change: impl FnOnce(&mut AgentTypeSettings)) -> Result<AgentTypeSettings> {
        let mut settings = AgentTypeSettings {
            kind: AgentKind::Acp,
            image: Some("example/agent".into()),
            ..AgentTypeSettings::built_in()
        };
        change(&mut settings);
        settings.checked()
    }

    #[test]
    fn a_type_of_ones_own_is_checked_field_by_field() {
        assert_eq!(checked(|_| {}).ok().and_then(|settings| settings.tag), Some("latest".to_owned()));
        assert!(checked(|settings| settings.image = Some("registry.example:5000/team/agent".into())).is_ok());
        let bad: [fn(&mut AgentTypeSettings); 8] = [
            |settings| settings.image = None,
            |settings| settings.image = Some("example/agent:1".into()),
            |settings| settings.image = Some("Example/agent".into()),
            |settings| settings.tag = Some("-x".into()),
            |settings| settings.kind = AgentKind::Builtin,
            |settings| settings.docs_url = Some("http://example.com".into()),
            |settings| settings.cpu_millis = 0,
            |settings| drop(settings.environment.insert("1X".into(), String::new())),
        ];
        for (at, change) in bad.into_iter().enumerate() {
            assert!(matches!(checked(change), Err(Error::Invalid(_))), "{at}");
        }
    }
}
