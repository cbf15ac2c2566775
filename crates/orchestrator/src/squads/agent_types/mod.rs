mod check;
mod rows;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use types::{AgentKind, AgentTypeId, TeamId};

pub(crate) use rows::insert_built_in;
pub(super) use rows::{all, built_in, check_usable};
use rows::{find_for_update, insert, update};

use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
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
