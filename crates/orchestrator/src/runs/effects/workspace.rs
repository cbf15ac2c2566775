//! The run's folder, also where another node had it before: then it is made again from the last snapshot.

use std::path::PathBuf;

use forge::{GitError, HiddenRef, NewSnapshot, Oid, Repository};
use sandbox::{Command, Sandbox};
use types::{RunId, TeamId};

use super::{
    prepare::{oid, unprepared, unwritten},
    turn::agent_signature,
    verify::{gather, unreached},
};
use crate::{
    runs::{
        job::Job,
        journal::{Line, RunEvent},
        machine::{Effect, Failure},
        shop::{Shop, remove},
        workflow::{Stumble, Stumbled},
    },
    squads::PlannedAgent,
};

/// How long a command may take when a workspace is made again.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(30 * 60);

impl Shop {
    /// Makes the workspace again where it is missing, as it was `at` a commit or at the run's last snapshot. Says whether what
    /// the set-up leaves is still missing.
    pub(in crate::runs) async fn bring_back(&self, job: &Job, at: Option<&str>) -> Stumbled<bool> {
        let (folder, mark) = (self.workspace(job.run(), job.lane), self.unready(job));
        if tokio::fs::try_exists(&folder).await.map_err(unwritten)? {
            return tokio::fs::try_exists(&mark).await.map_err(unwritten);
        }
        let commit = match at {
            Some(commit) => oid(commit)?,
            None => self.span(job).await?.1,
        };
        let repository = self.repository(job)?;
        let draft = folder.with_extension("draft");
        remove(draft.clone()).await?;
        repository.checkout(commit, &draft).await.map_err(unprepared)?;
        self.needs_set_up(job).await?;
        // Renamed when it is whole: half a workspace would be taken for one with deleted files.
        tokio::fs::rename(&draft, &folder).await.map_err(unwritten)?;
        let short: String = commit.to_string().chars().take(9).collect();
        let (key, text) = match job.lane {
            0 => ("workspace".to_owned(), format!("The workspace was made again at {short}.")),
            beside => (
                format!("workspace {}", job.point()),
                format!("Workspace {} beside it was made at {short}.", beside + 1),
            ),
        };
        let line = Line::of_run(format!("{key} of {}", job.node.executor()), RunEvent::Note { text });
        self.tell(job, vec![line]).await?;
        Ok(true)
    }

    /// Runs the project's set-up in a workspace that was made again: what it leaves is in no snapshot.
    pub(in crate::runs) async fn set_up_again(&self, job: &Job, sandbox: &Sandbox) -> Stumbled<()> {
        let commands = &job.project.commands;
        // The first time, it is a step of its own.
        if let Some(setup) = commands.setup.as_ref().filter(|_| job.position.doing != Effect::Prepare) {
            let outcome = self.again(job, sandbox, "set-up", setup).await?;
            if let Err(outcome) = outcome {
                let place =
                    if job.lane == 0 { "in the workspace as it was made again" } else { "in a coder's own workspace" };
                let sentence = format!("The set-up command failed {place}: {outcome}.");
                return Err(Stumble::last(Failure::Preparation, sentence));
            }
        }
        // Tests may need what the build left. How it came out then stands in the journal.
        if let Some(build) = commands.build.as_ref().filter(|_| job.position.doing == Effect::Verify)
            && let Err(outcome) = self.again(job, sandbox, "build", build).await?
        {
            tracing::info!(outcome, run = %job.run(), "the build failed when the workspace was made again");
        }
        match tokio::fs::remove_file(self.unready(job)).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unwritten(error)),
            _ => Ok(()),
        }
    }

    /// How a command of the project came out; an error is in words.
    async fn again(&self, job: &Job, sandbox: &Sandbox, name: &str, line: &str) -> Stumbled<Result<(), String>> {
        let key = format!("{name}-of-{}", job.node.epoch);
        let mut command = Command::new(key, ["/bin/sh", "-c", line]);
        command.timeout = LONGEST;
        command.env = self.environment(job, None).await?;
        let came = gather(self.begin_command(job, None, sandbox, &command).await?).await?;
        Ok(if came.code == Some(0) { Ok(()) } else { Err(came.outcome) })
    }

    /// Lets the next sandbox over this workspace run the set-up again: what it leaves belongs to other files.
    pub(super) async fn needs_set_up(&self, job: &Job) -> Stumbled<()> {
        tokio::fs::write(self.unready(job), []).await.map_err(unwritten)
    }

    /// Says that the set-up has not been run over this workspace yet.
    fn unready(&self, job: &Job) -> PathBuf {
        self.workspace(job.run(), job.lane).with_extension("unready")
    }

    /// Keeps the files as they are after a tool, so that another node could go on in the middle of a turn. None: they are too
    /// large just now; the turn's end says so if they stay that way.
    pub(super) async fn keep_files(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        at: Option<&str>,
    ) -> Stumbled<Option<String>> {
        let parent = match at {
            Some(commit) => oid(commit)?,
            None => self.span(job).await?.1,
        };
        let name = format!("{}.turn", job.point());
        match self.snapshot(job, agent, parent, (&name, "In the middle of a turn")).await? {
            Ok(commit) => Ok(Some(commit.to_string())),
            Err(error @ (GitError::TooLarge { .. } | GitError::Invalid(_))) => {
                tracing::warn!(%error, run = %job.run(), "the files cannot be kept in the middle of a turn");
                Ok(None)
            }
            Err(error) => Err(unprepared(error)),
        }
    }

    /// The files of the job's workspace as a commit on `parent`.
    async fn snapshot(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        parent: Oid,
        (name, message): (&str, &str),
    ) -> Stumbled<forge::Result<Oid>> {
        let reference = HiddenRef::new(&format!("runs/{}/{name}", job.run())).map_err(unprepared)?;
        let new = NewSnapshot {
            folder: &self.workspace(job.run(), job.lane),
            parent: Some(parent),
            reference: &reference,
            author: &agent_signature(self, agent),
            message,
            limits: forge::Limits::default(),
        };
        Ok(self.repository(job)?.snapshot(&new).await.map(|snapshot| snapshot.commit))
    }

    /// Keeps what one of several coders left at the end of its share. The run itself is where it was.
    pub(super) async fn settle_share(&self, job: &Job, agent: &PlannedAgent, at: &str) -> Stumbled<String> {
        self.bring_back(job, Some(at)).await?;
        let message = format!("implement by {}", agent.name);
        let kept = self.snapshot(job, agent, oid(at)?, (&job.point(), &message)).await?;
        Ok(kept.map_err(unprepared)?.to_string())
    }

    /// Keeps what a writer left, and takes back what a reader's commands did. Returns the commit the workspace is at.
    pub(super) async fn settle_workspace(
        &self,
        job: &Job,
        agent: &PlannedAgent,
        purpose: &str,
        at: Option<&str>,
    ) -> Stumbled<String> {
        self.bring_back(job, at).await?;
        let repository = self.repository(job)?;
        let head = self.span(job).await?.1;
        if !super::agent::writes(agent.role) {
            self.put_right(job, &repository, head).await?;
            return Ok(head.to_string());
        }
        let message = format!("{purpose} by {}", agent.name);
        let commit = self.snapshot(job, agent, head, (&job.point(), &message)).await?.map_err(unprepared)?;
        self.stand_at(job, commit).await?;
        Ok(commit.to_string())
    }

    /// Makes the workspace hold the files of a commit, and nothing else that a snapshot would take.
    pub(super) async fn put_right(&self, job: &Job, repository: &Repository, commit: Oid) -> Stumbled<()> {
        let folder = self.workspace(job.run(), job.lane);
        repository.restore(&folder, commit).await.map_err(unprepared)?;
        self.sandboxes.hand_over(&folder).await.map_err(unreached)
    }

    /// The run has come to this commit.
    pub(super) async fn stand_at(&self, job: &Job, commit: Oid) -> Stumbled<()> {
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "UPDATE runs SET head_oid = $3 WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            job.run() as RunId,
            commit.to_string()
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}
