//! Who goes by the name of a provider, or by one of the team's own for models.

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
    match told(&mut users) {
        Some(users) => Err(Error::Refused(format!(
            "This provider is used by {users}. Give them other models first, then remove it."
        ))),
        None => Ok(()),
    }
}

/// Agents and lists of allowed models that go by one of the team's own names: what they named would lead elsewhere. What is
/// archived goes by none until it comes back.
///
/// # Errors
/// [`Error::Invalid`] with who it is.
pub(super) async fn refuse_if_named(connection: &mut PgConnection, team: TeamId, name: &str) -> Result<()> {
    let mut users = sqlx::query_scalar!(
        r#"SELECT 'the agent ' || a.name || ' of ' || s.name AS "user!"
           FROM agents a JOIN squads s ON s.team_id = a.team_id AND s.id = a.squad_id
           WHERE a.team_id = $1 AND a.removed_at IS NULL AND s.archived_at IS NULL
             AND (a.provider_id IS NULL AND a.model = $2 OR $2 = ANY (a.allowed_models))
           UNION ALL
           SELECT 'the project ' || name FROM projects
           WHERE team_id = $1 AND archived_at IS NULL AND $2 = ANY (allowed_models)
           ORDER BY 1"#,
        team as TeamId,
        name,
    )
    .fetch_all(connection)
    .await?;
    match told(&mut users) {
        Some(users) => Err(Error::field(
            "alias",
            format!("“{name}” is used by {users}. Give them other models first, then remove the name."),
        )),
        None => Ok(()),
    }
}

/// `a, b and 2 more`; None where there is nobody.
fn told(users: &mut Vec<String>) -> Option<String> {
    if users.is_empty() {
        return None;
    }
    let more = users.len().saturating_sub(SHOWN);
    users.truncate(SHOWN);
    let shown = users.join(", ");
    Some(if more > 0 { format!("{shown} and {more} more") } else { shown })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_are_named_and_the_rest_is_counted() {
        let many = |count: usize| (1..=count).map(|at| format!("agent {at}")).collect::<Vec<_>>();
        assert_eq!(told(&mut many(0)), None);
        assert_eq!(told(&mut many(1)).as_deref(), Some("agent 1"));
        let five = "agent 1, agent 2, agent 3, agent 4, agent 5";
        assert_eq!(told(&mut many(5)).as_deref(), Some(five));
        assert_eq!(told(&mut many(7)), Some(format!("{five} and 2 more")));
    }
}
