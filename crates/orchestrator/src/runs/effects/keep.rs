//! Files that stay when the run is over: logs, reports, the patch.

use sha2::{Digest, Sha256};
use types::{ArtifactId, RunId, TeamId};

use crate::runs::{
    job::Job,
    machine::Failure,
    shop::Shop,
    workflow::{Stumble, Stumbled},
};

/// Something to keep.
pub(super) struct Keep<'a> {
    /// Its stable name in the run.
    pub(super) key: String,
    /// The name it is downloaded as.
    pub(super) name: String,
    pub(super) kind: &'a str,
    pub(super) content_type: &'a str,
    pub(super) bytes: Vec<u8>,
}

/// The SHA-256 of a file, in hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Shop {
    /// Keeps a file: first the object, then its row, so that no row names an object that is not there.
    pub(super) async fn keep(&self, job: &Job, file: Keep<'_>) -> Stumbled<()> {
        let id = ArtifactId::new();
        // The team leads, and the rest cannot be guessed from outside.
        let object = format!("{}/runs/{}/{id}", job.team(), job.run());
        let size = i64::try_from(file.bytes.len()).unwrap_or(i64::MAX);
        let sha256 = digest(&file.bytes);
        self.store.put(&object, file.content_type, file.bytes).await.map_err(|error| {
            tracing::warn!(%error, "an artifact could not be stored");
            Stumble::Passing("The object store did not take a file.".into())
        })?;
        let now = self.muster.clock().now();
        let mut tx = self.begin(job).await?;
        let kept = sqlx::query!(
            "INSERT INTO artifacts (team_id, id, run_id, key, name, kind, content_type, size, sha256, object_key, at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (team_id, run_id, key) DO NOTHING",
            job.team() as TeamId,
            id as ArtifactId,
            job.run() as RunId,
            file.key,
            file.name,
            file.kind,
            file.content_type,
            size,
            sha256,
            object,
            now,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        if kept.rows_affected() == 0 {
            // Kept before a crash, under another name of the object.
            self.store.delete(&object).await.map_err(|error| Stumble::last(Failure::Internal, error.to_string()))?;
        }
        Ok(())
    }
}
