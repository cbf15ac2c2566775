//! Which models the calls of a project or an agent may go to.

use sqlx::PgConnection;
use types::{AgentId, ProjectId, TeamId};

use super::catalogue::{Catalogue, Target};
use crate::{Error, Result, budgets::Spender};

/// The field of both forms that hold a list.
const FIELD: &str = "allowed_models";
const MOST: usize = 50;

/// A call that stands against a list of allowed models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAllowed {
    /// As it was asked for.
    pub model: String,
    /// Whose list it is.
    pub by: RestrictedBy,
    pub name: String,
    /// What the list says.
    pub allowed: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestrictedBy {
    Project,
    Agent,
}

impl NotAllowed {
    #[must_use]
    pub fn sentence(&self) -> String {
        let kind = match self.by {
            RestrictedBy::Project => "project",
            RestrictedBy::Agent => "agent",
        };
        format!("The {kind} {} may not use the model {}.", self.name, self.model)
    }

    #[must_use]
    pub fn way_out(&self) -> String {
        let who = match self.by {
            RestrictedBy::Project => "Whoever may change projects can add it in the project's settings",
            RestrictedBy::Agent => "Whoever may manage squads can add it on the agent's page",
        };
        let shown = self.allowed.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if self.allowed.len() > 5 { ", …" } else { "" };
        format!("Allowed are: {shown}{more}. {who}, under Allowed models.")
    }
}

/// The lists that a call falls under.
#[derive(Debug, Default)]
pub(super) struct Restrictions(Vec<Restriction>);

#[derive(Debug)]
struct Restriction {
    by: RestrictedBy,
    name: String,
    patterns: Vec<String>,
}

impl Restrictions {
    pub(super) async fn of(connection: &mut PgConnection, team: TeamId, spender: &Spender) -> Result<Self> {
        if spender.project.is_none() && spender.agent.is_none() {
            return Ok(Self::default());
        }
        let rows = sqlx::query!(
            r#"SELECT 0 AS "kind!", name AS "name!", allowed_models AS "patterns!" FROM projects
               WHERE team_id = $1 AND id = $2 AND allowed_models <> '{}'
               UNION ALL
               SELECT 1, name, allowed_models FROM agents
               WHERE team_id = $1 AND id = $3 AND allowed_models <> '{}'
               ORDER BY 1"#,
            team as TeamId,
            spender.project as Option<ProjectId>,
            spender.agent as Option<AgentId>,
        )
        .fetch_all(connection)
        .await?;
        let restriction = |kind, name, patterns| {
            let by = if kind == 0 { RestrictedBy::Project } else { RestrictedBy::Agent };
            Restriction { by, name, patterns }
        };
        Ok(Self(rows.into_iter().map(|row| restriction(row.kind, row.name, row.patterns)).collect()))
    }

    /// Those of `targets` that every list allows; refused in the name of the list that leaves none.
    pub(super) fn keep(&self, catalogue: &Catalogue, asked: &str, mut targets: Vec<Target>) -> Result<Vec<Target>> {
        for list in &self.0 {
            targets.retain(|target| list.patterns.iter().any(|pattern| catalogue.matches(pattern, target)));
            if targets.is_empty() {
                return Err(Error::NotAllowed(Box::new(NotAllowed {
                    model: asked.to_owned(),
                    by: list.by,
                    name: list.name.clone(),
                    allowed: list.patterns.clone(),
                })));
            }
        }
        Ok(targets)
    }

    pub(super) fn allow(&self, catalogue: &Catalogue, target: &Target) -> bool {
        let allows = |list: &Restriction| list.patterns.iter().any(|pattern| catalogue.matches(pattern, target));
        self.0.iter().all(allows)
    }
}

/// A list as a person typed it, without what is empty or said twice.
///
/// # Errors
/// [`Error::Invalid`] for a provider or a name that the team does not have.
pub(crate) async fn checked(connection: &mut PgConnection, team: TeamId, typed: &[String]) -> Result<Vec<String>> {
    let mut list: Vec<String> = Vec::new();
    for pattern in typed.iter().map(|pattern| pattern.trim()).filter(|pattern| !pattern.is_empty()) {
        if !list.iter().any(|known| known == pattern) {
            list.push(pattern.to_owned());
        }
    }
    if list.is_empty() {
        return Ok(list);
    }
    if list.len() > MOST {
        return Err(Error::field(
            FIELD,
            format!("Use at most {MOST} lines. provider/* stands for all of a provider's."),
        ));
    }
    let catalogue = Catalogue::read(connection, team).await?;
    match list.iter().find_map(|pattern| problem(&catalogue, pattern)) {
        Some(sentence) => Err(Error::field(FIELD, sentence)),
        None => Ok(list),
    }
}

fn problem(catalogue: &Catalogue, pattern: &str) -> Option<String> {
    if pattern.chars().count() > 260 {
        return Some("Use at most 260 characters in a line.".to_owned());
    }
    match pattern.split_once('/') {
        Some((slug, model)) if catalogue.provider(slug).is_some() && !model.is_empty() => None,
        Some((slug, _)) => {
            let slugs = catalogue.slugs().collect::<Vec<_>>().join(", ");
            Some(format!("“{slug}” is no provider of the team. Write provider/model or provider/*, of: {slugs}."))
        }
        None if catalogue.alias(pattern).is_some() => None,
        None => Some(format!(
            "The team has no name “{pattern}” for models. Write provider/model, provider/* or such a name."
        )),
    }
}
