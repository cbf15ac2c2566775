//! What a run changed, and the files it left.

use forge::{GitError, Oid, Repository};
use sqlx::PgConnection;
use types::{ArtifactId, ProjectId, RunId, TeamId};

use crate::{Can, Error, Orchestrator, Result, Scope, grants::ReadFiles};

/// A file of a run, in the object store.
#[derive(Clone, Debug)]
pub struct KeptFile {
    pub object: String,
    /// The name it is downloaded as.
    pub name: String,
}

struct Span {
    project: ProjectId,
    base: Option<String>,
    head: Option<String>,
}

impl Orchestrator {
    /// The files that a run changed so far, against where it began. Empty before the code is there.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign run; [`Error::Refused`] when the repository is not on this machine.
    pub async fn run_changes(&self, scope: &Can<ReadFiles>, run: RunId) -> Result<Vec<forge::FileChange>> {
        let mut tx = self.db().team(scope).await?;
        let span = span(&mut tx, scope, run).await?;
        tx.commit().await?;
        let (Some(base), Some(head)) = (span.base, span.head) else { return Ok(Vec::new()) };
        let folder = self.repository_folder(scope.team(), span.project);
        let repository = Repository::open(folder).map_err(|error| match error {
            GitError::NotFound(_) => Error::Refused(
                "The code of this project is not on this machine, so its changes cannot be shown here.".into(),
            ),
            other => Error::internal(other),
        })?;
        repository.diff(oid(&base)?, oid(&head)?).await.map_err(Error::internal)
    }

    /// Where a file of a run is kept.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign file.
    pub async fn kept_file(&self, scope: &Can<ReadFiles>, file: ArtifactId) -> Result<KeptFile> {
        let mut tx = self.db().team(scope).await?;
        let kept = sqlx::query_as!(
            KeptFile,
            "SELECT object_key AS object, name FROM artifacts WHERE team_id = $1 AND id = $2",
            scope.team() as TeamId,
            file as ArtifactId
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(kept)
    }
}

async fn span(tx: &mut PgConnection, scope: &Scope, run: RunId) -> Result<Span> {
    Ok(sqlx::query_as!(
        Span,
        r#"SELECT project_id AS "project: ProjectId", base_oid AS base, head_oid AS head FROM runs WHERE team_id = $1 AND id = $2"#,
        scope.team() as TeamId,
        run as RunId
    )
    .fetch_one(tx)
    .await?)
}

fn oid(text: &str) -> Result<Oid> {
    text.parse().map_err(|error: GitError| Error::internal(error))
}
