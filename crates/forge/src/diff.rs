use serde::{Deserialize, Serialize};

use crate::{
    GitError, Oid, Repository, Result,
    diff_text::{self, Section},
};

/// More output than this is not read; the files after it come without their lines.
const MAX_TEXT: u64 = 64 << 20;

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    Added,
    Deleted,
    Modified,
    Renamed,
    Copied,
    /// It became something else, such as a link in place of a file.
    TypeChanged,
}

/// One file that differs between two commits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// The path after the change; of a deleted file, the path it had. Bytes that are not UTF-8 show as `�`.
    pub path: String,
    /// Where a renamed or copied file came from.
    pub old_path: Option<String>,
    pub status: FileStatus,
    /// Git's octal modes, such as `100644`, where they differ: before and after.
    pub modes: Option<(String, String)>,
    pub binary: bool,
    pub additions: u32,
    pub deletions: u32,
    /// Written by a tool and rarely worth reading: lock files, minified code, vendored folders.
    pub generated: bool,
    /// The lines were left out because there are too many of them.
    pub too_large: bool,
    pub hunks: Vec<Hunk>,
}

/// A run of changed lines with what surrounds them. Line numbers start at 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    pub old_start: u32,
    pub old_lines: u32,
    pub new_start: u32,
    pub new_lines: u32,
    /// The function or heading around it, as git guesses.
    pub section: String,
    pub lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Context,
    Added,
    Removed,
}

/// One line of a hunk, without its line break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub kind: LineKind,
    pub old_no: Option<u32>,
    pub new_no: Option<u32>,
    pub text: String,
    /// Whether the file ends here without a line break.
    pub no_newline: bool,
}

impl Repository {
    /// What differs between two commits or trees, file by file. [`Oid::EMPTY_TREE`] stands for nothing at all.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when one of them does not exist.
    pub async fn diff(&self, base: Oid, head: Oid) -> Result<Vec<FileChange>> {
        let (base, head) = (self.comparable(base).await?, self.comparable(head).await?);
        let raw = self.compare(&base, &head, &["--raw", "--numstat", "-z", "--no-abbrev"]).bytes().await?;
        let mut changes = summary(&raw)?;
        let text = self.compare(&base, &head, &["--patch", "--full-index", "-U3"]).max_output(MAX_TEXT).bytes().await;
        let sections = match text {
            Ok(text) => diff_text::sections(&text),
            Err(GitError::TooLarge { .. }) => Vec::new(),
            Err(error) => return Err(error),
        };
        attach(&mut changes, sections);
        Ok(changes)
    }

    /// The change between two commits as a patch that `git apply` takes, binary files included.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] over `limit` bytes.
    pub async fn patch(&self, base: Oid, head: Oid, limit: u64) -> Result<Vec<u8>> {
        let (base, head) = (self.comparable(base).await?, self.comparable(head).await?);
        let git = self.compare(&base, &head, &["--patch", "--binary", "--full-index"]).max_output(limit);
        git.bytes().await.map_err(|error| match error {
            GitError::TooLarge { limit, .. } => GitError::too_large("The patch", limit),
            other => other,
        })
    }

    /// The commits from `base` to `head` as mails, for `git am`.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] over `limit` bytes.
    pub async fn format_patch(&self, base: Oid, head: Oid, limit: u64) -> Result<Vec<u8>> {
        let git = self.git("format-patch").args(["--stdout", "--binary", "--full-index", "--no-signature"]);
        git.arg(format!("{base}..{head}")).max_output(limit).bytes().await
    }

    async fn comparable(&self, oid: Oid) -> Result<String> {
        if oid == Oid::EMPTY_TREE { Ok(oid.to_string()) } else { Ok(self.tree_of(oid).await?.to_string()) }
    }

    fn compare(&self, base: &str, head: &str, form: &[&str]) -> crate::git::Git {
        let fixed = ["-r", "-M", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"];
        self.git("diff-tree")
            .args(fixed)
            .args(["--ignore-submodules=none"])
            .args(form.iter().copied())
            .args([base, head, "--"])
    }
}

/// Reads `--raw --numstat -z`: all raw records first, then one count per file in the same order.
fn summary(output: &[u8]) -> Result<Vec<FileChange>> {
    let odd = || GitError::Failed { command: "diff-tree".into(), message: "its summary is not understood".into() };
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    let mut changes = Vec::new();
    let mut fields = output.split(|byte| *byte == 0).peekable();
    while let Some(record) = fields.next_if(|field| field.starts_with(b":")) {
        let record = text(&record[1..]);
        let words: Vec<&str> = record.split(' ').collect();
        let &[old_mode, new_mode, _, _, status] = &words[..] else { return Err(odd()) };
        let status = status_of(status).ok_or_else(odd)?;
        let first = text(fields.next().ok_or_else(odd)?);
        let two = matches!(status, FileStatus::Renamed | FileStatus::Copied);
        let (old_path, path) = if two { (Some(first), text(fields.next().ok_or_else(odd)?)) } else { (None, first) };
        let kept = !matches!(status, FileStatus::Added | FileStatus::Deleted);
        let modes = (kept && old_mode != new_mode).then(|| (old_mode.to_owned(), new_mode.to_owned()));
        changes.push(FileChange {
            generated: diff_text::is_generated(&path),
            path,
            old_path,
            status,
            modes,
            binary: false,
            additions: 0,
            deletions: 0,
            too_large: false,
            hunks: Vec::new(),
        });
    }
    for change in &mut changes {
        let counts = text(fields.next().ok_or_else(odd)?);
        let mut counts = counts.splitn(3, '\t');
        let (added, removed) = (counts.next().ok_or_else(odd)?, counts.next().ok_or_else(odd)?);
        // A rename has its two paths in fields of their own.
        if counts.next() == Some("") {
            fields.next();
            fields.next();
        }
        change.binary = added == "-";
        change.additions = added.parse().unwrap_or(0);
        change.deletions = removed.parse().unwrap_or(0);
    }
    Ok(changes)
}

fn status_of(word: &str) -> Option<FileStatus> {
    Some(match word.as_bytes().first()? {
        b'A' => FileStatus::Added,
        b'D' => FileStatus::Deleted,
        b'M' => FileStatus::Modified,
        b'R' => FileStatus::Renamed,
        b'C' => FileStatus::Copied,
        b'T' => FileStatus::TypeChanged,
        _ => return None,
    })
}

/// Sections come in the order of the summary; a change of type has two, the removal and the addition.
fn attach(changes: &mut [FileChange], sections: Vec<Section>) {
    let mut sections = sections.into_iter();
    for change in changes {
        let count = if change.status == FileStatus::TypeChanged { 2 } else { 1 };
        let mut found = 0;
        for section in sections.by_ref().take(count) {
            found += 1;
            change.too_large |= section.too_large;
            change.hunks.extend(section.hunks);
        }
        change.too_large |= found < count && !change.binary;
        if change.too_large {
            change.hunks.clear();
        }
    }
}
