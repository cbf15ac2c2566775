use std::path::{Path, PathBuf};

use crate::{
    BranchName, Entry, GitError, Oid, Result,
    git::Git,
    lock::blocking,
    names::revision,
    tree::{self, EntryKind},
};

/// A bare repository on disk: our own copy of a remote one, or one that lives only here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    path: PathBuf,
}

/// Written into a new repository. Everything else comes with each command, see `git.rs`.
///
/// The attributes say that files are bytes: `.gitattributes` of a project could otherwise change line endings and encodings on
/// the way in and out, and a snapshot of an untouched folder would differ from what was checked out.
const ATTRIBUTES: &str = "* -text -ident -filter -working-tree-encoding !eol\n";

impl Repository {
    /// Makes an empty repository whose default branch is `branch`. The branch exists once it has a commit.
    ///
    /// # Errors
    /// [`GitError::Exists`] when there is something at `path` already.
    pub async fn create_empty(path: impl Into<PathBuf>, branch: &BranchName) -> Result<Self> {
        let path = path.into();
        let making = Making::begin(&path).await?;
        Self::init(making.path(), branch).await?;
        making.finish().await
    }

    pub(crate) async fn init(path: &Path, branch: &BranchName) -> Result<Self> {
        Git::new("init")
            .args(["--quiet", "--bare", "--template=", "--object-format=sha1"])
            .arg(format!("--initial-branch={branch}"))
            .arg("--")
            .arg(path)
            .run()
            .await?;
        let made = path.to_path_buf();
        blocking(move || {
            let write = |name: &str, text: &str| {
                let file = made.join(name);
                std::fs::create_dir_all(file.parent().unwrap_or(&made))
                    .and_then(|()| std::fs::write(&file, text))
                    .map_err(|error| GitError::io(format!("writing {}", file.display()), error))
            };
            write("info/attributes", ATTRIBUTES)
        })
        .await?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// Takes the repository at `path`.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when there is none.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        if path.join("HEAD").is_file() && path.join("objects").is_dir() {
            Ok(Self { path })
        } else {
            Err(GitError::NotFound("repository".into()))
        }
    }

    /// Removes the repository and everything in it.
    ///
    /// # Errors
    /// [`GitError::Io`]; then part of it may be left.
    pub async fn remove(self) -> Result<()> {
        let _alone = crate::lock::alone(&self.path).await?;
        let path = self.path;
        blocking(move || {
            std::fs::remove_dir_all(&path).map_err(|error| GitError::io(format!("removing {}", path.display()), error))
        })
        .await
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn git(&self, command: &str) -> Git {
        Git::within(command, &self.path)
    }

    /// The branch that clones start on; it may not have a commit yet.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn default_branch(&self) -> Result<BranchName> {
        let name = self.git("symbolic-ref").args(["--quiet", "HEAD"]).text().await?;
        name.strip_prefix("refs/heads/").unwrap_or(&name).parse()
    }

    /// # Errors
    /// Any [`GitError`].
    pub async fn set_default_branch(&self, branch: &BranchName) -> Result<()> {
        self.git("symbolic-ref").args(["HEAD", &branch.full()]).run().await.map(drop)
    }

    /// The commit that a name stands for: a branch, a tag, a hidden ref, or an object.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when it stands for none.
    pub async fn resolve(&self, rev: &str) -> Result<Oid> {
        self.parse(&format!("{}^{{commit}}", revision(rev)?), rev).await
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when there is no such commit or tree.
    pub async fn tree_of(&self, oid: Oid) -> Result<Oid> {
        self.parse(&format!("{oid}^{{tree}}"), &oid.to_string()).await
    }

    async fn parse(&self, expression: &str, rev: &str) -> Result<Oid> {
        let git = self.git("rev-parse").args(["--verify", "--quiet", "--end-of-options", expression]);
        let output = git.accept(&[0, 1, 128]).run().await?;
        Oid::parse(&output.stdout).ok_or_else(|| GitError::NotFound(format!("revision “{}”", rev.escape_debug())))
    }

    /// The commit of a branch; `None` when there is no such branch.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn branch(&self, name: &BranchName) -> Result<Option<Oid>> {
        match self.resolve(&name.full()).await {
            Ok(oid) => Ok(Some(oid)),
            Err(GitError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What one folder of a revision holds, folders first. `path` is empty for the top.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when the revision or the folder does not exist.
    pub async fn files(&self, rev: &str, path: &str) -> Result<Vec<Entry>> {
        let tree = self.object(rev, path).await?;
        let listed = self.git("ls-tree").args(["-z", "--long", &tree]).accept(&[0, 128]).run().await?;
        if listed.code != 0 {
            return Err(GitError::NotFound(format!("folder “{}”", path.escape_debug())));
        }
        let mut entries: Vec<Entry> = tree::parse_long(&listed.stdout).collect();
        entries.sort_by(|a, b| (a.kind != EntryKind::Folder, &a.name).cmp(&(b.kind != EntryKind::Folder, &b.name)));
        Ok(entries)
    }

    /// Every file of a revision with its whole path.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when the revision does not exist.
    pub async fn all_files(&self, rev: &str) -> Result<Vec<Entry>> {
        let commit = self.object(rev, "").await?;
        let listed = self.git("ls-tree").args(["-r", "-z", "--long", "--full-tree", &commit]).bytes().await?;
        Ok(tree::parse_long(&listed).collect())
    }

    /// The bytes of a file; of a symbolic link, its target.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when there is no such file; [`GitError::TooLarge`] over `limit` bytes.
    pub async fn read(&self, rev: &str, path: &str, limit: u64) -> Result<Vec<u8>> {
        let blob = self.object(rev, path).await?;
        let git = self.git("cat-file").args(["blob", &blob]).max_output(limit).accept(&[0, 128]);
        match git.run().await {
            Ok(output) if output.code == 0 => Ok(output.stdout),
            Ok(_) => Err(GitError::NotFound(format!("file “{}”", path.escape_debug()))),
            Err(GitError::TooLarge { limit, .. }) => Err(GitError::too_large(path, limit)),
            Err(error) => Err(error),
        }
    }

    /// The name of the object at a path, resolved on its own, so that a path is never read as an option or a pattern.
    async fn object(&self, rev: &str, path: &str) -> Result<String> {
        let path = path.trim_matches('/');
        let rev = if rev.parse::<Oid>().is_ok() { rev.to_owned() } else { self.resolve(rev).await?.to_string() };
        if path.contains(['\0', '\n']) {
            return Err(GitError::NotFound(format!("file “{}”", path.escape_debug())));
        }
        let found = self.parse(&format!("{rev}:{path}"), path).await;
        found.map(|oid| oid.to_string()).map_err(|error| match error {
            GitError::NotFound(_) => GitError::NotFound(format!("file “{}”", path.escape_debug())),
            other => other,
        })
    }

    /// How many bytes the repository takes on disk.
    ///
    /// # Errors
    /// [`GitError::Io`].
    pub async fn size(&self) -> Result<u64> {
        let path = self.path.clone();
        blocking(move || size_of(&path).map_err(|error| GitError::io("measuring the repository", error))).await
    }

    /// Packs what has piled up, and drops what nothing has referred to for two weeks.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn tidy(&self) -> Result<()> {
        let limit = std::time::Duration::from_secs(1800);
        self.git("gc").args(["--quiet", "--prune=2.weeks.ago"]).limit(limit).run().await.map(drop)
    }
}

/// Sizes of a folder's files; those that vanish meanwhile count nothing.
pub(crate) fn size_of(folder: &Path) -> std::io::Result<u64> {
    let mut total = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(entry.path()),
                Ok(meta) => total += meta.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(total)
}

/// A repository in the making stands beside its final place, so that nobody ever opens half of one.
pub(crate) struct Making {
    folder: tempfile::TempDir,
    inner: PathBuf,
    place: PathBuf,
}

impl Making {
    pub(crate) async fn begin(place: &Path) -> Result<Self> {
        let place = place.to_path_buf();
        blocking(move || {
            if place.symlink_metadata().is_ok() {
                return Err(GitError::Exists(place));
            }
            let parent = place.parent().unwrap_or(Path::new("/"));
            let folder = std::fs::create_dir_all(parent)
                .and_then(|()| tempfile::Builder::new().prefix(".making-").tempdir_in(parent))
                .map_err(|error| GitError::io(format!("making a folder in {}", parent.display()), error))?;
            Ok(Self { inner: folder.path().join("repository.git"), folder, place })
        })
        .await
    }

    pub(crate) fn path(&self) -> &Path {
        &self.inner
    }

    pub(crate) async fn finish(self) -> Result<Repository> {
        blocking(move || {
            // Renaming a folder onto one that is not empty fails, so the first of two makers wins.
            std::fs::rename(&self.inner, &self.place).map_err(|error| match error.kind() {
                std::io::ErrorKind::DirectoryNotEmpty | std::io::ErrorKind::AlreadyExists => {
                    GitError::Exists(self.place.clone())
                }
                _ => GitError::io("putting the repository in its place", error),
            })?;
            self.folder.close().map_err(|error| GitError::io("removing a temporary folder", error))?;
            Ok(Repository { path: self.place })
        })
        .await
    }
}
