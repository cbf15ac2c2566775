use time::OffsetDateTime;

use crate::{GitError, Oid, Repository, Result, git::Git, names::revision};

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    name: String,
    email: String,
    at: OffsetDateTime,
}

impl Signature {
    /// Characters that git's format cannot hold are taken out; an empty name becomes the part of the address before the `@`.
    #[must_use]
    pub fn new(name: &str, email: &str, at: OffsetDateTime) -> Self {
        let clean = |text: &str| -> String {
            let text: String = text.chars().filter(|c| !c.is_control() && !"<>".contains(*c)).take(200).collect();
            text.trim().trim_matches(['.', ',', ':', ';', '"', '\\', '\'']).to_owned()
        };
        let (name, email) = (clean(name), clean(email));
        let name = if name.is_empty() { email.split('@').next().unwrap_or_default().to_owned() } else { name };
        let name = if name.is_empty() { "unknown".to_owned() } else { name };
        Self { name, email, at }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// To the second, which is what git keeps.
    #[must_use]
    pub fn at(&self) -> OffsetDateTime {
        self.at
    }

    /// `Name <address>`, as trailers have it.
    pub(crate) fn person(&self) -> String {
        format!("{} <{}>", self.name, self.email)
    }

    /// The form of git's objects and of fast-import.
    pub(crate) fn raw(&self) -> String {
        format!("{} {} +0000", self.person(), self.at.unix_timestamp())
    }
}

/// A commit to be written.
#[derive(Clone, Debug)]
pub struct NewCommit<'a> {
    /// A tree, or a commit (such as a snapshot) whose tree is taken.
    pub tree: Oid,
    pub parents: &'a [Oid],
    pub author: &'a Signature,
    pub committer: &'a Signature,
    /// Named in `Co-authored-by` trailers.
    pub co_authors: &'a [Signature],
    pub message: &'a str,
}

/// A commit as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub commit: Oid,
    pub parents: Vec<Oid>,
    pub author: Signature,
    pub committer: Signature,
    pub subject: String,
    pub body: String,
}

impl Repository {
    /// Writes a commit. No branch moves.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when the tree or a parent does not exist.
    pub async fn commit(&self, new: &NewCommit<'_>) -> Result<Oid> {
        let tree = self.tree_of(new.tree).await?;
        let mut git = self.git("commit-tree").arg(tree.to_string());
        for parent in new.parents {
            git = git.args(["-p", &parent.to_string()]);
        }
        let git = signed(git, new.author, new.committer).args(["-F", "-"]).input(message(new.message, new.co_authors));
        git.text().await?.parse()
    }

    /// Commits of a range, newest first, at most `limit`. `range` is a revision or `base..head`.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when an end of the range does not exist.
    pub async fn log(&self, range: &str, limit: usize) -> Result<Vec<LogEntry>> {
        let range = revision(range)?;
        for end in range.split("..").filter(|end| !end.is_empty()) {
            self.resolve(end.trim_start_matches('.')).await?;
        }
        let format = "--format=%H%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%s%x00%b";
        let git = self
            .git("log")
            .args(["-z", "--no-show-signature", "--no-mailmap", format])
            .arg(format!("--max-count={limit}"));
        let listed = git.args(["--end-of-options", range, "--"]).bytes().await?;
        let fields: Vec<&[u8]> = listed.split(|byte| *byte == 0).collect();
        Ok(fields.chunks_exact(10).filter_map(log_entry).collect())
    }

    /// Whether `ancestor` is in the history of `commit`, or is it.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when one of them does not exist.
    pub async fn is_ancestor(&self, ancestor: Oid, commit: Oid) -> Result<bool> {
        let git = self.git("merge-base").args(["--is-ancestor", &ancestor.to_string(), &commit.to_string()]);
        let output = git.accept(&[0, 1, 128]).run().await?;
        match output.code {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(GitError::NotFound("such commit".into())),
        }
    }

    /// The newest commit that both have in their history.
    ///
    /// # Errors
    /// Any [`GitError`].
    pub async fn merge_base(&self, one: Oid, other: Oid) -> Result<Option<Oid>> {
        let output = self.git("merge-base").args([one.to_string(), other.to_string()]).accept(&[0, 1]).run().await?;
        Ok(Oid::parse(&output.stdout))
    }
}

pub(crate) fn signed(git: Git, author: &Signature, committer: &Signature) -> Git {
    let at = |signature: &Signature| format!("{} +0000", signature.at.unix_timestamp());
    git.env("GIT_AUTHOR_NAME", author.name())
        .env("GIT_AUTHOR_EMAIL", author.email())
        .env("GIT_AUTHOR_DATE", at(author))
        .env("GIT_COMMITTER_NAME", committer.name())
        .env("GIT_COMMITTER_EMAIL", committer.email())
        .env("GIT_COMMITTER_DATE", at(committer))
}

fn message(text: &str, co_authors: &[Signature]) -> String {
    let mut message = text.replace('\0', "").trim_end().to_owned();
    if !co_authors.is_empty() {
        message.push_str("\n\n");
        for author in co_authors {
            message.push_str(&format!("Co-authored-by: {}\n", author.person()));
        }
    }
    message
}

fn log_entry(fields: &[&[u8]]) -> Option<LogEntry> {
    let text = |at: usize| String::from_utf8_lossy(fields[at]).into_owned();
    let signature = |at: usize| {
        let seconds: i64 = text(at + 2).parse().ok()?;
        let at_time = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        Some(Signature { name: text(at), email: text(at + 1), at: at_time })
    };
    Some(LogEntry {
        // Entries are separated by one more NUL, or a line break from older versions.
        commit: Oid::parse(fields[0])?,
        parents: fields[1].split(|byte| *byte == b' ').filter_map(Oid::parse).collect(),
        author: signature(2)?,
        committer: signature(5)?,
        subject: text(8),
        body: text(9).trim_end().to_owned(),
    })
}
