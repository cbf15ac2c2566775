use std::collections::HashSet;

use crate::{BranchName, GitError, NewCommit, Oid, Repository, Result, Signature};

/// A path that two sides changed in ways that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub path: String,
    /// Git's short name of the kind: `contents`, `modify/delete`, `add/add`, `rename/delete`, `binary`, …
    pub kind: String,
}

/// What came of a merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merge {
    /// The branch is here now; or this is the commit, where there is no branch.
    Merged(Oid),
    /// The branch has it already, by this commit.
    UpToDate(Oid),
    /// Nothing was changed.
    Conflicts(Vec<Conflict>),
}

/// What came of bringing a change onto another commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    pub commit: Oid,
    /// What both sides changed. Text holds both versions between conflict markers; of the rest, the one that git keeps stands there.
    pub conflicts: Vec<Conflict>,
}

enum Tried {
    Clean(Oid),
    /// The tree has both versions between markers.
    Conflicts(Oid, Vec<Conflict>),
}

impl Repository {
    /// Merges a commit into a branch by a merge commit. A branch without commits simply becomes `head`.
    ///
    /// # Errors
    /// [`GitError::Moved`] when the branch moved meanwhile; [`GitError::NotFound`] when `head` does not exist.
    pub async fn merge(&self, into: &BranchName, head: Oid, author: &Signature, message: &str) -> Result<Merge> {
        let Some(tip) = self.branch(into).await? else {
            self.set_branch(into, head, None).await?;
            return Ok(Merge::Merged(head));
        };
        if self.is_ancestor(head, tip).await? {
            return Ok(Merge::UpToDate(self.brought_in(head, tip).await?));
        }
        match self.try_merge(tip, head).await? {
            Tried::Conflicts(_, conflicts) => Ok(Merge::Conflicts(conflicts)),
            Tried::Clean(tree) => self.advance(into, tree, (&[tip, head], tip), author, message).await,
        }
    }

    /// By which commit a branch came to have `head`: by `head` itself where it simply moved on to it.
    async fn brought_in(&self, head: Oid, tip: Oid) -> Result<Oid> {
        let since = format!("{head}..{tip}");
        let mainline = self.git("rev-list").args(["--first-parent", &since]).text().await?;
        let after = self.git("rev-list").args(["--ancestry-path", &since]).text().await?;
        let after: HashSet<&str> = after.lines().collect();
        let Some(oldest) = mainline.lines().rev().find(|commit| after.contains(commit)) else { return Ok(head) };
        let oldest = oldest.parse()?;
        Ok(if self.parse_parent(oldest).await? == Some(head) { head } else { oldest })
    }

    /// Merges two commits into one. No branch moves.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when one of them does not exist.
    pub async fn combine(&self, ours: Oid, theirs: Oid, author: &Signature, message: &str) -> Result<Merge> {
        if self.is_ancestor(theirs, ours).await? {
            return Ok(Merge::UpToDate(ours));
        }
        match self.try_merge(ours, theirs).await? {
            Tried::Conflicts(_, conflicts) => Ok(Merge::Conflicts(conflicts)),
            Tried::Clean(tree) => {
                let parents = &[ours, theirs];
                let new = NewCommit { tree, parents, author, committer: author, co_authors: &[], message };
                Ok(Merge::Merged(self.commit(&new).await?))
            }
        }
    }

    /// Makes one commit on top of `onto` of all that `work` changed since the two were one. No branch moves.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when one of them does not exist.
    pub async fn replay(&self, work: Oid, onto: Oid, author: &Signature, message: &str) -> Result<Replayed> {
        let (tree, conflicts) = match self.try_merge(onto, work).await? {
            Tried::Clean(tree) => (tree, Vec::new()),
            Tried::Conflicts(tree, conflicts) => (tree, conflicts),
        };
        let new = NewCommit { tree, parents: &[onto], author, committer: author, co_authors: &[], message };
        Ok(Replayed { commit: self.commit(&new).await?, conflicts })
    }

    /// The conflicts that merging `head` into `tip` would have; empty when there are none. Changes nothing.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn conflicts(&self, tip: Oid, head: Oid) -> Result<Vec<Conflict>> {
        match self.try_merge(tip, head).await? {
            Tried::Clean(_) => Ok(Vec::new()),
            Tried::Conflicts(_, conflicts) => Ok(conflicts),
        }
    }

    /// Takes back on a branch what a commit of its history changed; of a merge, what it brought in.
    ///
    /// # Errors
    /// [`GitError::Invalid`] when the branch does not have the commit; [`GitError::Moved`] when it moved meanwhile.
    pub async fn revert(&self, commit: Oid, branch: &BranchName, author: &Signature, message: &str) -> Result<Merge> {
        let tip = self.branch(branch).await?.ok_or_else(|| GitError::NotFound(format!("branch {branch}")))?;
        if !self.is_ancestor(commit, tip).await? {
            return Err(GitError::Invalid(format!("{branch} does not have this commit.")));
        }
        // Merging a commit that undoes `commit`, made on top of it, has `commit` as its base: what a revert is.
        let before = match self.parse_parent(commit).await? {
            Some(parent) => self.tree_of(parent).await?,
            None => self.empty_tree().await?,
        };
        let undo = NewCommit { tree: before, parents: &[commit], author, committer: author, co_authors: &[], message };
        let undone = self.commit(&undo).await?;
        match self.try_merge(tip, undone).await? {
            Tried::Conflicts(_, conflicts) => Ok(Merge::Conflicts(conflicts)),
            Tried::Clean(tree) if tree == self.tree_of(tip).await? => Ok(Merge::UpToDate(tip)),
            Tried::Clean(tree) => self.advance(branch, tree, (&[tip], tip), author, message).await,
        }
    }

    async fn advance(
        &self,
        branch: &BranchName,
        tree: Oid,
        (parents, tip): (&[Oid], Oid),
        author: &Signature,
        message: &str,
    ) -> Result<Merge> {
        let new = NewCommit { tree, parents, author, committer: author, co_authors: &[], message };
        let commit = self.commit(&new).await?;
        self.set_branch(branch, commit, Some(tip)).await?;
        Ok(Merge::Merged(commit))
    }

    async fn parse_parent(&self, commit: Oid) -> Result<Option<Oid>> {
        match self.resolve(&format!("{commit}^1")).await {
            Ok(parent) => Ok(Some(parent)),
            Err(GitError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The tree without files, which a repository has once somebody asks.
    ///
    /// # Errors
    /// Any [`crate::GitError`].
    pub async fn empty_tree(&self) -> Result<Oid> {
        self.git("mktree").input(Vec::new()).text().await?.parse()
    }

    /// Merges in the object store alone: no folder, no index (git-merge-tree(1)).
    async fn try_merge(&self, ours: Oid, theirs: Oid) -> Result<Tried> {
        let git = self.git("merge-tree").args(["--write-tree", "-z", "--messages", "--allow-unrelated-histories"]);
        let output = git.args([ours.to_string(), theirs.to_string()]).accept(&[0, 1]).run().await?;
        let mut parts = output.stdout.split(|byte| *byte == 0);
        let tree = parts.next().and_then(Oid::parse);
        match (output.code, tree) {
            (0, Some(tree)) => Ok(Tried::Clean(tree)),
            (1, Some(tree)) => Ok(Tried::Conflicts(tree, conflicts(&output.stdout))),
            _ => Err(GitError::from_stderr("merge-tree", &output.stderr)),
        }
    }
}

/// After the tree: conflicted entries until an empty field, then messages of `count path… kind text`.
fn conflicts(output: &[u8]) -> Vec<Conflict> {
    let fields: Vec<String> =
        output.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned()).collect();
    let entries = fields.iter().skip(1).take_while(|field| !field.is_empty()).count();
    let mut rest = fields.iter().skip(entries + 2);
    let mut found: Vec<Conflict> = Vec::new();
    while let Some(count) = rest.next().and_then(|count| count.trim().parse::<usize>().ok()) {
        let paths: Vec<&String> = rest.by_ref().take(count).collect();
        let (Some(kind), Some(_text)) = (rest.next(), rest.next()) else { break };
        let Some(kind) = kind.strip_prefix("CONFLICT (").and_then(|kind| kind.strip_suffix(')')) else { continue };
        if let Some(path) = paths.first() {
            found.push(Conflict { path: (*path).clone(), kind: kind.to_owned() });
        }
    }
    // Entries without a message of their own are conflicts all the same.
    for entry in fields.iter().skip(1).take(entries) {
        if let Some((_, path)) = entry.split_once('\t')
            && !found.iter().any(|conflict| conflict.path == path)
        {
            found.push(Conflict { path: path.to_owned(), kind: "contents".into() });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.dedup();
    found
}
