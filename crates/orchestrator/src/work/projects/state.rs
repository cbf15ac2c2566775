use sqlx::PgConnection;
use time::OffsetDateTime;
use types::{ProjectId, TeamId};

use super::{Archive, Commands, happening, name_of, settings::is_branch_name};
use crate::{
    Can, Error, Orchestrator, Result, Scope, audit,
    grants::{ReadProjects, WriteProjects},
};

/// Whether a project's code has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryState {
    /// Nobody has fetched or imported it yet.
    Pending,
    Ready,
    /// With the sentence people read.
    Failed(String),
}

impl RepositoryState {
    pub(super) fn from_columns(state: &str, problem: Option<String>) -> Result<Self> {
        match (state, problem) {
            ("pending", _) => Ok(Self::Pending),
            ("ready", _) => Ok(Self::Ready),
            ("failed", Some(problem)) => Ok(Self::Failed(problem)),
            _ => Err(Error::internal("a repository in no known state")),
        }
    }
}

pub(super) async fn keep_archive(
    tx: &mut PgConnection,
    scope: &Scope,
    project: ProjectId,
    archive: &Archive,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO project_archives (team_id, project_id, file_name, content, uploaded_at) VALUES ($1, $2, $3, $4, $5)",
        scope.team() as TeamId,
        project as ProjectId,
        archive.file_name,
        archive.content,
        now,
    )
    .execute(tx)
    .await?;
    Ok(())
}

impl Orchestrator {
    /// The uploaded archive of a project whose repository is not ready yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn project_archive(&self, scope: &Can<ReadProjects>, project: ProjectId) -> Result<Option<Archive>> {
        let mut tx = self.db().team(scope).await?;
        let archive = sqlx::query_as!(
            Archive,
            "SELECT file_name, content FROM project_archives WHERE team_id = $1 AND project_id = $2",
            scope.team() as TeamId,
            project as ProjectId,
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(archive)
    }

    /// Notes that a project's repository can be used: its default branch, and the commands that its files suggest,
    /// which are taken unless a person has set some. An uploaded archive is no longer needed and is dropped.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a project that is not the team's, [`Error::Invalid`] for a name no branch can have.
    pub async fn repository_ready(
        &self,
        scope: &Can<WriteProjects>,
        project: ProjectId,
        default_branch: &str,
        detected: &Commands,
    ) -> Result<()> {
        if !is_branch_name(default_branch) {
            return Err(Error::field("default_branch", "No branch can be called that."));
        }
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let name = name_of(&mut tx, scope, project).await?;
        sqlx::query!(
            "UPDATE projects SET repository_state = 'ready', repository_problem = NULL, default_branch = $3,
                    setup_command = CASE WHEN commands_edited_at IS NULL THEN $4 ELSE setup_command END,
                    build_command = CASE WHEN commands_edited_at IS NULL THEN $5 ELSE build_command END,
                    test_command = CASE WHEN commands_edited_at IS NULL THEN $6 ELSE test_command END
             WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            project as ProjectId,
            default_branch,
            detected.setup,
            detected.build,
            detected.test,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "DELETE FROM project_archives WHERE team_id = $1 AND project_id = $2",
            scope.team() as TeamId,
            project as ProjectId
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "name": name, "default_branch": default_branch, "test": detected.test });
        audit::append(&mut tx, scope, now, happening("project.repository_ready", project, details)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes why a project's repository cannot be used, in a sentence for people.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a project that is not the team's.
    pub async fn repository_failed(&self, scope: &Can<WriteProjects>, project: ProjectId, problem: &str) -> Result<()> {
        let problem: String = problem.chars().take(1_000).collect();
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let name = name_of(&mut tx, scope, project).await?;
        sqlx::query!(
            "UPDATE projects SET repository_state = 'failed', repository_problem = $3 WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            project as ProjectId,
            problem,
        )
        .execute(&mut *tx)
        .await?;
        let details = serde_json::json!({ "name": name, "problem": problem });
        audit::append(&mut tx, scope, now, happening("project.repository_failed", project, details)).await?;
        tx.commit().await?;
        Ok(())
    }
}
