mod commands;
mod credential;
mod settings;
mod source;
mod state;

use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ProjectId, TeamId, UserId};

pub use commands::{Commands, detect};
pub use credential::{CredentialHint, RepositoryCredential};
pub use settings::{Limits, ProjectSettings};
pub use source::{Archive, MAX_ARCHIVE, Source, SourceKind};
pub use state::RepositoryState;

use super::check_name;
use crate::{
    Can, Error, Orchestrator, Result, Scope,
    audit::{self, Happening},
    error::OnConstraint,
    grants::{ReadProjects, WriteProjects},
};

/// A project with all its settings.
#[derive(Clone, Debug)]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    pub description: String,
    pub source: SourceKind,
    /// Of a git source alone.
    pub repository_url: Option<String>,
    pub default_branch: String,
    pub commands: Commands,
    /// When a person last set the commands; until then detection does.
    pub commands_edited_at: Option<OffsetDateTime>,
    /// Hosts a sandbox may reach: `host`, `host:port` or `*.domain`.
    pub egress_allow: Vec<String>,
    /// Whether commands in a sandbox get a key for model calls.
    pub models_inside: bool,
    /// `provider/model`, `provider/*`, or names of the team's own; empty for all.
    pub allowed_models: Vec<String>,
    pub limits: Limits,
    /// How Muster is let into the repository.
    pub credential: Option<CredentialHint>,
    pub repository: RepositoryState,
    pub created_at: OffsetDateTime,
    pub archived_at: Option<OffsetDateTime>,
    pub counts: ProjectCounts,
}

/// How a project's tasks stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectCounts {
    pub total: i64,
    /// Neither completed, failed nor cancelled.
    pub open: i64,
    pub in_progress: i64,
    pub in_review: i64,
    /// When a task was last changed.
    pub last_change: Option<OffsetDateTime>,
}

/// The projects of the team that `id` and `archived` allow; `None` allows all.
async fn select(
    tx: &mut PgConnection,
    scope: &Scope,
    id: Option<ProjectId>,
    archived: Option<bool>,
) -> Result<Vec<Project>> {
    let rows =
        sqlx::query_file!("src/work/projects/select.sql", scope.team() as TeamId, id as Option<ProjectId>, archived,)
            .fetch_all(tx)
            .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Project {
                id: row.id,
                name: row.name,
                description: row.description,
                source: SourceKind::parse(&row.source).ok_or_else(|| Error::internal("a project without a source"))?,
                repository_url: row.repository_url,
                default_branch: row.default_branch,
                commands: Commands { setup: row.setup_command, build: row.build_command, test: row.test_command },
                commands_edited_at: row.commands_edited_at,
                egress_allow: row.egress_allow,
                models_inside: row.models_inside,
                allowed_models: row.allowed_models,
                limits: Limits {
                    cpu_millis: row.cpu_millis,
                    memory_mb: row.memory_mb,
                    pids: row.pids,
                    disk_mb: row.disk_mb,
                    wall_minutes: row.wall_minutes,
                },
                credential: row
                    .credential_hint
                    .map(|hint| CredentialHint { user: row.credential_user.unwrap_or_default(), hint }),
                repository: RepositoryState::from_columns(&row.repository_state, row.repository_problem)?,
                created_at: row.created_at,
                archived_at: row.archived_at,
                counts: ProjectCounts {
                    total: row.total,
                    open: row.open,
                    in_progress: row.in_progress,
                    in_review: row.in_review,
                    last_change: row.last_change,
                },
            })
        })
        .collect()
}

/// The projects that are not archived, newest first. At most 200.
pub(super) async fn current(connection: &mut PgConnection, scope: &Can<ReadProjects>) -> Result<Vec<Project>> {
    select(connection, scope, None, Some(false)).await
}

/// The name of a project of the team; also proves that it is one.
async fn name_of(tx: &mut PgConnection, scope: &Scope, project: ProjectId) -> Result<String> {
    let name = sqlx::query_scalar!(
        "SELECT name FROM projects WHERE team_id = $1 AND id = $2 FOR NO KEY UPDATE",
        scope.team() as TeamId,
        project as ProjectId
    );
    name.fetch_optional(tx).await?.ok_or(Error::NotFound)
}

fn happening(action: &str, project: ProjectId, details: serde_json::Value) -> Happening<'_> {
    Happening { action, target_kind: "project", target_id: project.to_string(), details }
}

impl Orchestrator {
    /// The team's projects that are not archived, newest first. At most 200.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn projects(&self, scope: &Can<ReadProjects>) -> Result<Vec<Project>> {
        let mut tx = self.db().team(scope).await?;
        let projects = current(&mut tx, scope).await?;
        tx.commit().await?;
        Ok(projects)
    }

    /// The team's archived projects, newest first. At most 200.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn archived_projects(&self, scope: &Can<ReadProjects>) -> Result<Vec<Project>> {
        let mut tx = self.db().team(scope).await?;
        let projects = select(&mut tx, scope, None, Some(true)).await?;
        tx.commit().await?;
        Ok(projects)
    }

    /// One project, archived or not.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a project that is not the team's.
    pub async fn project(&self, scope: &Can<ReadProjects>, project: ProjectId) -> Result<Project> {
        let mut tx = self.db().team(scope).await?;
        let found = select(&mut tx, scope, Some(project), None).await?.pop().ok_or(Error::NotFound)?;
        tx.commit().await?;
        Ok(found)
    }

    /// Adds a project. Its repository is pending until somebody prepares it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty or taken, [`Error::Refused`] for a folder of the server where those
    /// are not allowed.
    pub async fn create_project(&self, scope: &Can<WriteProjects>, name: &str, source: &Source) -> Result<ProjectId> {
        self.create_project_with(scope, name, source, None).await
    }

    /// Adds a project of a git source with what Muster is let in by.
    ///
    /// # Errors
    /// As for [`create_project`](Self::create_project).
    pub async fn create_project_with(
        &self,
        scope: &Can<WriteProjects>,
        name: &str,
        source: &Source,
        credential: Option<&RepositoryCredential>,
    ) -> Result<ProjectId> {
        let name = check_name("name", name)?;
        let local = source.url().is_some_and(|url| url.starts_with("file://"));
        if local && !self.settings().allow_local_repositories {
            return Err(Error::Refused("This Muster does not read folders of its server.".into()));
        }
        let id = ProjectId::new();
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        sqlx::query!(
            "INSERT INTO projects (team_id, id, name, source, repository_url, created_by, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            scope.team() as TeamId,
            id as ProjectId,
            name,
            source.kind().as_str(),
            source.url(),
            scope.user()? as UserId,
            now,
        )
        .execute(&mut *tx)
        .await
        .on_constraint("projects_name_is_unique", || taken(&name))?;
        if let Source::Archive(archive) = source {
            state::keep_archive(&mut tx, scope, id, archive, now).await?;
        }
        if let Some(credential) = credential {
            self.put_credential(&mut tx, scope, id, credential).await?;
        }
        let details = serde_json::json!({ "name": name, "source": source.kind().as_str(), "url": source.url() });
        audit::append(&mut tx, scope, now, happening("project.created", id, details)).await?;
        tx.commit().await?;
        Ok(id)
    }
}

fn taken(name: &str) -> Error {
    Error::field("name", format!("The team has a project called {name} already."))
}
