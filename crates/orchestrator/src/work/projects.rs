use time::OffsetDateTime;
use types::{ProjectId, TeamId, UserId};

use super::check_name;
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ReadProjects, WriteProjects},
};

/// Where a project's code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The small program that comes with Muster.
    Sample,
    /// A git repository by its https address.
    Git { url: String },
}

#[derive(Clone, Debug)]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    pub source: Source,
    pub created_at: OffsetDateTime,
}

impl Source {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Git { .. } => "git",
        }
    }

    fn url(&self) -> Option<&str> {
        match self {
            Self::Sample => None,
            Self::Git { url } => Some(url),
        }
    }

    /// Reads a git address a person typed.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything but an https address without a user name or password in it.
    pub fn git(url: &str) -> Result<Self> {
        let url = url.trim();
        let wrong = |sentence: &str| Err(Error::field("url", sentence));
        let Some(rest) = url.strip_prefix("https://") else {
            return wrong("Use an address that starts with https://.");
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if url.len() > 500 || url.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return wrong("Use at most 500 characters, without spaces.");
        }
        if host.contains('@') {
            return wrong("Leave user name and password out of the address.");
        }
        if host.is_empty() || path.trim_matches('/').is_empty() || path.contains(['?', '#']) {
            return wrong("Use the address you would clone, for example https://git.example/team/service.git.");
        }
        Ok(Self::Git { url: url.to_owned() })
    }

    /// The name a project gets when nobody chose one.
    #[must_use]
    pub fn default_name(&self) -> String {
        match self {
            Self::Sample => "Sample".into(),
            Self::Git { url } => {
                let last = url.trim_end_matches('/').rsplit('/').next().unwrap_or(url);
                last.strip_suffix(".git").unwrap_or(last).chars().take(80).collect()
            }
        }
    }
}

impl Orchestrator {
    /// The team's projects, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn projects(&self, scope: &Can<ReadProjects>) -> Result<Vec<Project>> {
        let mut tx = self.db().team(scope).await?;
        let rows = sqlx::query!(
            r#"SELECT id AS "id: ProjectId", name, repository_url, created_at FROM projects
               WHERE team_id = $1 ORDER BY created_at DESC, id DESC LIMIT 100"#,
            scope.team() as TeamId
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(rows
            .into_iter()
            .map(|row| Project {
                id: row.id,
                name: row.name,
                source: row.repository_url.map_or(Source::Sample, |url| Source::Git { url }),
                created_at: row.created_at,
            })
            .collect())
    }

    /// Adds a project.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty or taken.
    pub async fn create_project(&self, scope: &Can<WriteProjects>, name: &str, source: &Source) -> Result<ProjectId> {
        let name = check_name("name", name)?;
        let id = ProjectId::new();
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        sqlx::query!(
            "INSERT INTO projects (team_id, id, name, source, repository_url, created_by, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            scope.team() as TeamId,
            id as ProjectId,
            name,
            source.kind(),
            source.url(),
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("projects_name_is_unique", || {
            Error::field("url", format!("The team has a project called {name} already."))
        })?;
        let what = Happening {
            action: "project.created",
            target_kind: "project",
            target_id: id.to_string(),
            details: serde_json::json!({ "name": name, "source": source.kind(), "url": source.url() }),
        };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_addresses_are_checked() {
        assert_eq!(Source::git(" https://git.example/a/b.git ").map(|s| s.default_name()).ok(), Some("b".into()));
        for bad in [
            "",
            "http://git.example/a/b",
            "git@git.example:a/b",
            "file:///etc",
            "https://",
            "https://git.example",
            "https://user:secret@git.example/a/b",
            "https://git.example/a b",
            "https://git.example/a?x=1",
        ] {
            assert!(Source::git(bad).is_err(), "{bad}");
        }
    }
}
