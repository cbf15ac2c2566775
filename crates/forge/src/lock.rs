use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{GitError, Result};

/// How old a lock file of git must be before it counts as left behind. Children of a killed process end within moments.
const STALE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(20);

/// Held while something works on a repository: shared by ordinary work, alone by the one who clears up.
///
/// An advisory lock of the system on a file, so it counts between processes and ends with its holder.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

fn file(repository: &Path) -> Result<File> {
    let path = repository.join("muster.lock");
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| GitError::io(format!("opening {}", path.display()), error))
}

/// For work that git itself makes safe beside other work.
pub(crate) fn shared_blocking(repository: &Path) -> Result<Held> {
    let file = file(repository)?;
    file.lock_shared().map_err(|error| GitError::io("locking the repository", error))?;
    Ok(Held { _file: file })
}

pub(crate) async fn shared(repository: &Path) -> Result<Held> {
    let repository = repository.to_path_buf();
    blocking(move || shared_blocking(&repository)).await
}

/// For work that nothing else may see half done. Gives up when others hold it all the time.
pub(crate) async fn alone(repository: &Path) -> Result<Held> {
    let file = file(repository)?;
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Held { _file: file }),
            Err(TryLockError::Error(error)) => return Err(GitError::io("locking the repository", error)),
            Err(TryLockError::WouldBlock) if tokio::time::Instant::now() > give_up => {
                return Err(GitError::Timeout {
                    what: "Waiting for other work on the repository".into(),
                    limit: PATIENCE,
                });
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Waits for one's turn at something, by a lock file of its own.
pub(crate) async fn turn(path: &Path) -> Result<Held> {
    let path = path.to_path_buf();
    blocking(move || {
        let failed = |error| GitError::io(format!("locking {}", path.display()), error);
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.lock().map_err(failed)?;
        Ok(Held { _file: file })
    })
    .await
}

/// Runs what blocks away from the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| GitError::io("a worker thread ended", io::Error::other(error)))?
}

/// Removes lock files that a killed git left behind, and waits for those that may still be in use.
///
/// Nothing of ours runs meanwhile. Git processes that outlive a killed server finish or fail by themselves; their locks are
/// young, so they are waited for.
pub(crate) async fn clear_stale(repository: &Path) -> Result<()> {
    let _alone = alone(repository).await?;
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        let path = repository.to_path_buf();
        let waiting = blocking(move || sweep(&path).map_err(|error| GitError::io("clearing old locks", error))).await?;
        if !waiting || tokio::time::Instant::now() > give_up {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// [`clear_stale`] where there is any lock file at all: for programs that we cannot run a second time.
pub(crate) async fn clear_if_any(repository: &Path) -> Result<()> {
    let path = repository.to_path_buf();
    let found =
        blocking(move || lock_files(&path).map_err(|error| GitError::io("looking for old locks", error))).await?;
    if found.is_empty() { Ok(()) } else { clear_stale(repository).await }
}

/// Whether some lock file is too young to be removed.
fn sweep(repository: &Path) -> io::Result<bool> {
    // The clock of the file system, which is the one that the lock files carry.
    let now = tempfile::tempfile_in(repository)?.metadata()?.modified()?;
    let mut waiting = false;
    for lock in lock_files(repository)? {
        let modified = match fs::symlink_metadata(&lock).and_then(|meta| meta.modified()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        };
        if now.duration_since(modified).is_ok_and(|age| age >= STALE) {
            tracing::warn!(lock = %lock.display(), "removing a lock file that git left behind");
            match fs::remove_file(&lock) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        } else {
            waiting = true;
        }
    }
    Ok(waiting)
}

fn lock_files(repository: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![repository.join("refs")];
    let top = fs::read_dir(repository)?.collect::<io::Result<Vec<_>>>()?;
    found.extend(top.into_iter().map(|entry| entry.path()).filter(|path| is_lock(path)));
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if is_lock(&entry.path()) {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

fn is_lock(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "lock") && path.file_name().is_some_and(|name| name != "muster.lock")
}
