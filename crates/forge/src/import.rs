use std::path::Path;

use tokio::io::AsyncRead;

use crate::{
    ArchiveKind, ArchiveLimits, BranchName, Limits, NewSnapshot, Repository, Result, Signature, Snapshot, archive,
    lock::blocking, names::HiddenRef, repository::Making,
};

impl Repository {
    /// Makes a repository whose first commit, on `branch`, holds the files of a folder that are not ignored.
    ///
    /// # Errors
    /// [`crate::GitError::Exists`] when there is something at `path`; the limits of snapshots.
    pub async fn import_files(
        path: impl Into<std::path::PathBuf>,
        branch: &BranchName,
        folder: &Path,
        author: &Signature,
        message: &str,
    ) -> Result<(Self, Snapshot)> {
        let path = path.into();
        let making = Making::begin(&path).await?;
        let repository = Self::init(making.path(), branch).await?;
        let reference = HiddenRef::new("import")?;
        let limits = Limits::default();
        let new = NewSnapshot { folder, parent: None, reference: &reference, author, message, limits };
        let snapshot = repository.keep(&new, &branch.full(), false).await?;
        Ok((making.finish().await?, snapshot))
    }

    /// Makes a repository from an archive, as [`Repository::import_files`] from a folder. Where the archive holds one folder and
    /// nothing else, its inside is taken. Folders called `.git` in it are left out.
    ///
    /// # Errors
    /// [`crate::GitError::Invalid`] for an archive that cannot be read or reaches outside itself; [`crate::GitError::TooLarge`].
    pub async fn import_archive(
        path: impl Into<std::path::PathBuf>,
        branch: &BranchName,
        (kind, bytes): (ArchiveKind, impl AsyncRead + Unpin),
        limits: ArchiveLimits,
        (author, message): (&Signature, &str),
    ) -> Result<(Self, Snapshot)> {
        let file = archive::receive(bytes, limits).await?;
        let unpacked = blocking(move || archive::unpack(kind, file, limits)).await?;
        let folder = archive::inside(unpacked.path())?;
        Self::import_files(path, branch, &folder, author, message).await
    }
}
