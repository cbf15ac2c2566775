use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use forge::{BranchName, HiddenRef, Limits, NewCommit, NewSnapshot, Oid, Repository, Signature, Snapshot};
use tempfile::TempDir;
use time::OffsetDateTime;

/// A folder for one test with a repository in it.
pub(crate) struct World {
    pub(crate) home: TempDir,
    pub(crate) repository: Repository,
}

pub(crate) fn main_branch() -> BranchName {
    "main".parse().unwrap()
}

pub(crate) fn ada() -> Signature {
    Signature::new("Ada Lovelace", "ada@example.org", OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap())
}

pub(crate) fn hidden() -> HiddenRef {
    HiddenRef::new("runs/1/coder").unwrap()
}

impl World {
    pub(crate) async fn empty() -> Self {
        let home = tempfile::tempdir().unwrap();
        let repository = Repository::create_empty(home.path().join("r.git"), &main_branch()).await.unwrap();
        Self { home, repository }
    }

    /// With one commit on `main` that holds these files.
    pub(crate) async fn with(files: &[(&str, &str)]) -> (Self, Oid) {
        let home = tempfile::tempdir().unwrap();
        let source = home.path().join("source");
        write_all(&source, files);
        let place = home.path().join("r.git");
        let (repository, made) =
            Repository::import_files(place, &main_branch(), &source, &ada(), "Begin").await.unwrap();
        (Self { home, repository }, made.commit)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) async fn checkout(&self, commit: Oid, name: &str) -> PathBuf {
        let folder = self.path(name);
        self.repository.checkout(commit, &folder).await.unwrap();
        folder
    }

    pub(crate) async fn snapshot(&self, folder: &Path, parent: Option<Oid>) -> Snapshot {
        self.snapshot_within(folder, parent, Limits::default()).await.unwrap()
    }

    pub(crate) async fn snapshot_within(
        &self,
        folder: &Path,
        parent: Option<Oid>,
        limits: Limits,
    ) -> forge::Result<Snapshot> {
        let (reference, author) = (hidden(), ada());
        let new = NewSnapshot { folder, parent, reference: &reference, author: &author, message: "Step 1", limits };
        self.repository.snapshot(&new).await
    }

    /// A commit on top of `parent` with some files changed (`None` removes one).
    pub(crate) async fn change(&self, parent: Oid, files: &[(&str, Option<&str>)]) -> Oid {
        let work = tempfile::tempdir_in(self.home.path()).unwrap();
        let folder = work.path().join("w");
        self.repository.checkout(parent, &folder).await.unwrap();
        for (name, text) in files {
            match text {
                Some(text) => write_all(&folder, &[(*name, *text)]),
                None => fs::remove_file(folder.join(name)).unwrap(),
            }
        }
        let tree = self.snapshot(&folder, Some(parent)).await.tree;
        self.commit(tree, &[parent], "Change").await
    }

    pub(crate) async fn commit(&self, tree: Oid, parents: &[Oid], message: &str) -> Oid {
        let author = ada();
        let new = NewCommit { tree, parents, author: &author, committer: &author, co_authors: &[], message };
        self.repository.commit(&new).await.unwrap()
    }

    pub(crate) async fn names(&self, rev: impl ToString) -> Vec<String> {
        self.repository.all_files(&rev.to_string()).await.unwrap().into_iter().map(|entry| entry.name).collect()
    }

    pub(crate) async fn read(&self, rev: impl ToString, path: &str) -> String {
        String::from_utf8(self.repository.read(&rev.to_string(), path, 1 << 20).await.unwrap()).unwrap()
    }
}

pub(crate) fn write_all(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

pub(crate) fn executable(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Git as a person runs it in a folder.
pub(crate) fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=T",
            "-c",
            "user.email=t@example.org",
            "-c",
            "safe.directory=*",
            "-c",
            "protocol.file.allow=always",
        ])
        .args(args)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
