use crate::{BranchName, GitError, HiddenRef, Oid, Repository, Result};

/// A branch and its newest commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    pub name: BranchName,
    pub commit: Oid,
}

impl Repository {
    /// All branches by name.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn branches(&self) -> Result<Vec<Branch>> {
        let listed =
            self.git("for-each-ref").args(["--format=%(objectname) %(refname:lstrip=2)", "refs/heads/"]).text().await?;
        let branch = |line: &str| {
            let (oid, name) = line.split_once(' ')?;
            // Names that came with a push may be stranger than those we make; they are left out of lists.
            Some(Branch { name: name.parse().ok()?, commit: oid.parse().ok()? })
        };
        Ok(listed.lines().filter_map(branch).collect())
    }

    /// Points a branch at a commit, if it still is where `expected` says; `None` when it must not exist yet.
    ///
    /// # Errors
    /// [`GitError::Moved`] when it is somewhere else.
    pub async fn set_branch(&self, name: &BranchName, new: Oid, expected: Option<Oid>) -> Result<()> {
        self.update_ref(&name.full(), new, expected).await
    }

    /// Removes a branch, if it still is where `expected` says.
    ///
    /// # Errors
    /// [`GitError::Moved`] when it is somewhere else or gone.
    pub async fn delete_branch(&self, name: &BranchName, expected: Oid) -> Result<()> {
        let git = self.git("update-ref").args(["-d", &name.full(), &expected.to_string()]);
        moved(git.run().await, name.as_str())
    }

    /// Points a hidden ref at a commit, wherever it was.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn set_hidden(&self, name: &HiddenRef, new: Oid) -> Result<()> {
        self.git("update-ref").args([name.as_str(), &new.to_string()]).run().await.map(drop)
    }

    /// Removes hidden refs; those that do not exist are passed over.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn delete_hidden(&self, names: &[HiddenRef]) -> Result<()> {
        let orders: String = names.iter().map(|name| format!("delete {}\0\0", name.as_str())).collect();
        self.git("update-ref").args(["-z", "--stdin"]).input(orders).run().await.map(drop)
    }

    /// The hidden refs whose name starts with `prefix` (a whole part, such as `runs/1`).
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn hidden(&self, prefix: &str) -> Result<Vec<(HiddenRef, Oid)>> {
        let below = HiddenRef::new(prefix)?;
        let listed =
            self.git("for-each-ref").args(["--format=%(objectname) %(refname)", below.as_str()]).text().await?;
        let one = |line: &str| {
            let (oid, name) = line.split_once(' ')?;
            Some((HiddenRef::new(name.strip_prefix(HiddenRef::PREFIX)?).ok()?, oid.parse().ok()?))
        };
        Ok(listed.lines().filter_map(one).collect())
    }

    pub(crate) async fn update_ref(&self, full: &str, new: Oid, expected: Option<Oid>) -> Result<()> {
        let old = expected.unwrap_or(Oid::ZERO);
        let git = self.git("update-ref").args([full, &new.to_string(), &old.to_string()]);
        moved(git.run().await, full.strip_prefix("refs/heads/").unwrap_or(full))
    }
}

/// Git's two ways to say that a ref was not what it should have been.
fn moved(result: Result<crate::git::Output>, name: &str) -> Result<()> {
    match result {
        Err(GitError::Failed { message, .. })
            if ["but expected", "reference already exists", "unable to resolve reference"]
                .iter()
                .any(|s| message.contains(s)) =>
        {
            Err(GitError::Moved(name.into()))
        }
        other => other.map(drop),
    }
}
