use std::path::Path;

use crate::{GitError, Oid, Repository, Restored, Result, git::Git, lock::blocking};

impl Repository {
    /// Puts the files of a commit into an empty folder, which is made when it is missing, with a small repository of its own
    /// beside them: one shallow commit, so that `git status`, `git diff` and `git log` work there.
    ///
    /// That inner repository belongs to whoever works in the folder. Nothing of ours ever reads it again.
    ///
    /// # Errors
    /// [`GitError::Exists`] when something is in the folder.
    pub async fn checkout(&self, commit: Oid, folder: &Path) -> Result<Restored> {
        let place = folder.to_path_buf();
        blocking(move || make_empty(&place)).await?;
        let done = self.restore(folder, commit).await?;
        self.inner_repository(commit, folder).await?;
        Ok(done)
    }

    async fn inner_repository(&self, commit: Oid, folder: &Path) -> Result<()> {
        let inner = folder.join(".git");
        let branch = self.default_branch().await?;
        Git::new("init")
            .args(["--quiet", "--template=", "--object-format=sha1"])
            .arg(format!("--initial-branch={branch}"))
            .arg("--")
            .arg(folder)
            .run()
            .await?;
        // The commit and its files, cut off from its history, as a shallow fetch would send them.
        let wanted = format!("--shallow {commit}\n{commit}\n");
        let pack = self.git("pack-objects").args(["--revs", "--stdout", "--quiet"]).input(wanted).bytes().await?;
        Git::within("index-pack", &inner).args(["--stdin"]).input(pack).run().await?;
        let place = inner.clone();
        blocking(move || prepare(&place, commit)).await?;
        let set = |git: Git| git.env("GIT_WORK_TREE", folder);
        Git::within("update-ref", &inner).args(["HEAD", &commit.to_string()]).run().await?;
        set(Git::within("read-tree", &inner)).args(["HEAD"]).run().await?;
        set(Git::within("update-index", &inner)).args(["-q", "--refresh"]).accept(&[0, 1]).run().await?;
        let lock = inner.join("muster.lock");
        blocking(move || std::fs::remove_file(&lock).map_err(|error| GitError::io("finishing the folder", error))).await
    }
}

fn make_empty(folder: &Path) -> Result<()> {
    let failed = |error| GitError::io(format!("making {}", folder.display()), error);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut entries = std::fs::read_dir(folder).map_err(failed)?;
    if entries.next().is_some() { Err(GitError::Exists(folder.to_path_buf())) } else { Ok(()) }
}

fn prepare(inner: &Path, commit: Oid) -> Result<()> {
    let write = |name: &str, text: &str| {
        let file = inner.join(name);
        std::fs::create_dir_all(file.parent().unwrap_or(inner))
            .and_then(|()| std::fs::write(&file, text))
            .map_err(|error| GitError::io(format!("writing {}", file.display()), error))
    };
    write("shallow", &format!("{commit}\n"))?;
    // Commits made inside need a name; whose work it is, is recorded outside.
    let config = inner.join("config");
    let mut text = std::fs::read_to_string(&config).map_err(|error| GitError::io("reading the settings", error))?;
    text.push_str("[user]\n\tname = Workspace\n\temail = workspace@localhost\n");
    write("config", &text)
}
