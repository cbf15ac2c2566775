//! Who goes by a provider's name.

use sqlx::PgConnection;
use types::{ModelProviderId, TeamId};

use super::catalogue::Catalogue;
use crate::{Error, Result};

/// Names in the sentence.
const SHOWN: usize = 5;

/// Agents that name the provider or write it before a model, and lists of allowed models that do: without it their calls would
/// go nowhere. Of squads and projects that are archived only what names it by itself counts.
///
/// # Errors
/// [`Error::Refused`] with who it is.
pub(super) async fn refuse_if_used(connection: &mut PgConnection, team: TeamId, id: ModelProviderId) -> Result<()> {
    let catalogue = Catalogue::read(connection, team).await?;
    // Of two providers whose names come to the same, only the first is reached by it.
    let slug = catalogue.slug(id).filter(|slug| catalogue.provider(slug) == Some(id));
    let mut users = sqlx::query_scalar!(
        r#"SELECT 'the agent ' || a.name || ' of ' || s.name AS "user!"
           FROM agents a JOIN squads s ON s.team_id = a.team_id AND s.id = a.squad_id
           WHERE a.team_id = $1 AND a.removed_at IS NULL
             AND (a.provider_id = $2
                  OR s.archived_at IS NULL
                     AND (a.provider_id IS NULL AND starts_with(lower(a.model), $3 || '/')
                          OR EXISTS (SELECT FROM unnest(a.allowed_models) AS m WHERE starts_with(lower(m), $3 || '/'))))
           UNION ALL
           SELECT 'the project ' || name FROM projects
           WHERE team_id = $1 AND archived_at IS NULL
             AND EXISTS (SELECT FROM unnest(allowed_models) AS m WHERE starts_with(lower(m), $3 || '/'))
           ORDER BY 1"#,
        team as TeamId,
        id as ModelProviderId,
        slug,
    )
    .fetch_all(connection)
    .await?;
    if users.is_empty() {
        return Ok(());
    }
    let more = users.len().saturating_sub(SHOWN);
    users.truncate(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let users = users.join(", ");
    Err(Error::Refused(format!(
        "This provider is used by {users}{more}. Give them other models first, then remove it."
    )))
}
