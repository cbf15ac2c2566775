use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use forge::{ArchiveKind, ArchiveLimits, BranchName, GitError, HiddenRef, Oid, Remote, Repository, Signature};
use types::{ProjectId, RunId, TeamId};

use crate::{
    runs::{
        job::{Job, JobCommands},
        journal::{Line, RunEvent},
        machine::{Failure, Outcome},
        shop::Shop,
        workflow::{Stumble, Stumbled, step},
    },
    work::{self, Commands},
};

/// A manifest longer than this is not read.
const MANIFEST_BYTES: u64 = 256 * 1024;

/// Brings the code: the project's repository up to date, and a workspace of its own for the run.
pub(in crate::runs) async fn prepare(shop: &Shop, job: &mut Job) -> dbos::Result<Outcome, Stumble> {
    let begun: &Job = job;
    let row = step("prepare: begin", || shop.begin_step(begun, "prepare", None, Vec::new())).await?;
    let (base, commands) = step("prepare: repository", || shop.bring_repository(begun)).await?;
    // A project whose code has just arrived learns its commands from the files.
    job.project.commands = commands;
    let job: &Job = job;
    step("prepare: workspace", || async { shop.bring_workspace(job).await }).await?;
    step("prepare: sandbox", || async { shop.sandbox(job, None).await.map(drop) }).await?;
    if let Some(setup) = &job.project.commands.setup {
        let came = super::verify::command(shop, job, row, "prepare: set-up", "setup", setup).await?;
        if !came.passed {
            let log = super::verify::log_name(job, "setup");
            let sentence = format!(
                "The set-up command failed: {}. What it wrote is kept as {log}. The command can be changed in the project's settings.",
                came.outcome
            );
            step("prepare: failed", || shop.end_step(job, row, false, &sentence, None, Vec::new())).await?;
            return Err(Stumble::last(Failure::Preparation, sentence))?;
        }
    }
    let summary = format!("Checked out {} at {}.", job.project.default_branch, &base[..base.len().min(9)]);
    step("prepare: end", || shop.end_step(job, row, true, &summary, Some(&base), Vec::new())).await?;
    Ok(Outcome::Done)
}

impl Shop {
    /// Makes or refreshes the project's repository and returns the commit that the run starts from.
    async fn bring_repository(&self, job: &Job) -> Stumbled<(String, JobCommands)> {
        let folder = self.repository_folder(job);
        let branch = branch(&job.project.default_branch)?;
        let repository = match Repository::open(&folder) {
            Ok(repository) => {
                if let Some(remote) = self.remote(job).await? {
                    repository.fetch(&remote).await.map_err(unprepared)?;
                }
                repository
            }
            Err(GitError::NotFound(_)) => self.make_repository(job, &folder, &branch).await?,
            Err(error) => return Err(unprepared(error)),
        };
        let tip = match repository.branch(&branch).await.map_err(unprepared)? {
            Some(tip) => tip,
            None if job.project.source == "empty" => first_commit(self, job, &repository, &branch).await?,
            None => {
                let default = repository.default_branch().await.map_err(unprepared)?;
                let sentence =
                    format!("The repository has no branch {}. Its default branch is {default}.", branch.as_str());
                return Err(Stumble::last(Failure::Preparation, sentence));
            }
        };
        let (base, head) = match self.left_off(job, &repository).await? {
            Some(span) => span,
            None => (tip.to_string(), tip.to_string()),
        };
        self.set_span(job, &base, &head).await?;
        let commands = self.learn_commands(job, &repository, &base).await?;
        Ok((base, commands))
    }

    /// What the run changes is what differs between these two commits.
    pub(super) async fn set_span(&self, job: &Job, base: &str, head: &str) -> Stumbled<()> {
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "UPDATE runs SET base_oid = $3, head_oid = $4 WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            job.run() as RunId,
            base,
            head,
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Where the attempt began that this run goes on from, and its last snapshot. Its base stays the base, so that the change
    /// is all that was written, and nothing that others merged since.
    async fn left_off(&self, job: &Job, repository: &Repository) -> Stumbled<Option<(String, String)>> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let row = sqlx::query!(
            r#"SELECT b.base_oid AS "base!", b.head_oid AS "head!" FROM runs r
               JOIN runs b ON b.team_id = r.team_id AND b.id = r.resumes WHERE r.team_id = $1 AND r.id = $2"#,
            job.team() as TeamId,
            job.run() as RunId
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(None) };
        match repository.resolve(&row.head).await {
            Ok(_) => Ok(Some((row.base, row.head))),
            Err(GitError::NotFound(_)) => Err(Stumble::last(
                Failure::Preparation,
                "The last snapshot is not on this machine any more. Try again from the default branch.",
            )),
            Err(error) => Err(unprepared(error)),
        }
    }

    /// The project's commands; those that its files suggest, where its code has just arrived.
    async fn learn_commands(&self, job: &Job, repository: &Repository, base: &str) -> Stumbled<JobCommands> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let known = sqlx::query_as!(
            JobCommands,
            "SELECT setup_command AS setup, build_command AS build, test_command AS test FROM projects
             WHERE team_id = $1 AND id = $2 AND (repository_state = 'ready' OR commands_edited_at IS NOT NULL)",
            job.team() as TeamId,
            job.project.id as ProjectId,
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let ready = known.is_some();
        let detected = detect(repository, base).await?;
        let commands = known.unwrap_or_else(|| JobCommands {
            setup: detected.setup.clone(),
            build: detected.build.clone(),
            test: detected.test.clone(),
        });
        if !ready {
            let may = job.scope().can()?;
            self.muster.repository_ready(&may, job.project.id, &job.project.default_branch, &detected).await?;
        }
        Ok(commands)
    }

    async fn make_repository(&self, job: &Job, folder: &Path, branch: &BranchName) -> Stumbled<Repository> {
        let author = self.muster_signature();
        match job.project.source.as_str() {
            "sample" => {
                let files = self.unpack_sample(job).await?;
                let made = Repository::import_files(folder, branch, &files, &author, "The sample project").await;
                tokio::fs::remove_dir_all(&files).await.map_err(unwritten)?;
                made.map(|(repository, _)| repository).map_err(unmade)
            }
            "git" => {
                let remote = self
                    .remote(job)
                    .await?
                    .ok_or_else(|| Stumble::last(Failure::Preparation, "The project has no repository address."))?;
                Repository::clone_from(folder, &remote).await.map_err(unmade)
            }
            "archive" => self.import_archive(job, folder, branch).await,
            _ => Repository::create_empty(folder, branch).await.map_err(unmade),
        }
    }

    async fn import_archive(&self, job: &Job, folder: &Path, branch: &BranchName) -> Stumbled<Repository> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let row = sqlx::query!(
            "SELECT file_name, content FROM project_archives WHERE team_id = $1 AND project_id = $2",
            job.team() as TeamId,
            job.project.id as ProjectId
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        let missing = || Stumble::last(Failure::Preparation, "The project's archive is gone. Upload it again.");
        let row = row.ok_or_else(missing)?;
        let kind = ArchiveKind::of_name(&row.file_name).ok_or_else(missing)?;
        let author = Signature::new(&job.person.name, &job.person.email, self.muster.clock().now());
        let packed = (kind, row.content.as_slice());
        let said = (&author, "Import the archive");
        let made = Repository::import_archive(folder, branch, packed, ArchiveLimits::default(), said).await;
        made.map(|(repository, _)| repository).map_err(unmade)
    }

    /// Where the project's code comes from and changes go to; None for code that lives here alone.
    pub(super) async fn remote(&self, job: &Job) -> Stumbled<Option<Remote>> {
        self.muster.remote(job.team(), job.project.id).await?.transpose().map_err(unprepared)
    }

    async fn unpack_sample(&self, job: &Job) -> Stumbled<PathBuf> {
        let folder = self.workspace(job.run(), job.lane).with_extension("sample");
        for source in agents::sample::FILES {
            let file = folder.join(source.path);
            if let Some(parent) = file.parent() {
                tokio::fs::create_dir_all(parent).await.map_err(unwritten)?;
            }
            tokio::fs::write(&file, source.text).await.map_err(unwritten)?;
        }
        Ok(folder)
    }

    /// Fills the run's folder with the files it starts from, or leaves it as a crash left it.
    async fn bring_workspace(&self, job: &Job) -> Stumbled<()> {
        let repository = self.repository(job)?;
        let (_, commit) = self.span(job).await?;
        let folder = self.workspace(job.run(), job.lane);
        match repository.checkout(commit, &folder).await {
            Ok(_) => {}
            // Half of a checkout, or all of it: no agent has worked yet, so the files can simply be put right.
            Err(GitError::Exists(_)) => {
                repository.restore(&folder, commit).await.map_err(unprepared)?;
            }
            Err(error) => return Err(unprepared(error)),
        }
        let name = HiddenRef::new(&format!("runs/{}/0", job.run())).map_err(unprepared)?;
        repository.set_hidden(&name, commit).await.map_err(unprepared)?;
        let short: String = commit.to_string().chars().take(9).collect();
        let note = RunEvent::Note { text: format!("The workspace is ready at {short}.") };
        self.tell(job, vec![Line::of_run("workspace", note)]).await
    }

    /// Muster itself, as an author.
    pub(super) fn muster_signature(&self) -> Signature {
        Signature::new("Muster", "muster@localhost", self.muster.clock().now())
    }
}

/// What the files at `base` suggest. Only a few of them are read.
async fn detect(repository: &Repository, base: &str) -> Stumbled<Commands> {
    let files = repository.all_files(base).await.map_err(unprepared)?;
    let mut texts = HashMap::new();
    for name in ["package.json", "pyproject.toml", "setup.cfg", "tox.ini", "Makefile"] {
        // A file that is missing, too large or not text tells nothing.
        if let Ok(bytes) = repository.read(base, name, MANIFEST_BYTES).await
            && let Ok(text) = String::from_utf8(bytes)
        {
            texts.insert(name, text);
        }
    }
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    Ok(work::detect(&names, |name| texts.get(name).cloned()))
}

async fn first_commit(shop: &Shop, job: &Job, repository: &Repository, branch: &BranchName) -> Stumbled<Oid> {
    let author = Signature::new(&job.person.name, &job.person.email, shop.muster.clock().now());
    let commit = forge::NewCommit {
        tree: repository.empty_tree().await.map_err(unprepared)?,
        parents: &[],
        author: &author,
        committer: &shop.muster_signature(),
        co_authors: &[],
        message: "Begin",
    };
    let first = repository.commit(&commit).await.map_err(unprepared)?;
    repository.set_branch(branch, first, None).await.map_err(unmade)?;
    Ok(first)
}

pub(super) fn branch(name: &str) -> Stumbled<BranchName> {
    name.parse().map_err(unprepared)
}

pub(super) fn oid(text: &str) -> Stumbled<Oid> {
    text.parse().map_err(unprepared)
}

#[expect(clippy::needless_pass_by_value, reason = "its shape is that of map_err")]
pub(super) fn unprepared(error: GitError) -> Stumble {
    let failure = if matches!(error, GitError::AuthRefused) { Failure::Access } else { Failure::Preparation };
    Stumble::last(failure, error.for_user().message)
}

/// Where a server elsewhere cannot be reached, it may be in a moment.
pub(super) fn unfetched(error: GitError) -> Stumble {
    match error {
        GitError::Unreachable(_) | GitError::Timeout { .. } => Stumble::Passing(error.for_user().message),
        error => unprepared(error),
    }
}

/// Two runs may begin in a new project at the same time: whoever comes second goes on with what the first has made.
fn unmade(error: GitError) -> Stumble {
    match error {
        GitError::Exists(_) | GitError::Moved(_) => {
            Stumble::Passing("Another run makes the project's repository.".into())
        }
        error => unprepared(error),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "its shape is that of map_err")]
pub(super) fn unwritten(error: std::io::Error) -> Stumble {
    tracing::error!(%error, "a workspace cannot be written");
    Stumble::last(Failure::Preparation, "The workspace cannot be written: the disk is full or not ours.")
}
