use forge::{Expect, GitError, NewCommit, Oid, Repository, Signature};
use serde::{Deserialize, Serialize};
use types::{RunId, TeamId};

use super::{
    agent::writes,
    keep::Keep,
    prepare::{branch, oid, unprepared},
    turn::agent_signature,
};
use crate::runs::{
    job::Job,
    journal::{Line, RunEvent},
    machine::Outcome,
    shop::Shop,
    workflow::{Stumble, Stumbled, step},
};

/// The largest patch that is kept as a file.
const PATCH_BYTES: u64 = 64 << 20;

/// Makes one commit of what the squad did, on a branch of its own, and keeps the patch.
pub(in crate::runs) async fn deliver(shop: &Shop, job: &Job) -> dbos::Result<Outcome, Stumble> {
    let row = step("deliver: begin", || shop.begin_step(job, "deliver", None, Vec::new())).await?;
    let delivered: Option<Delivered> = step("deliver: commit", || async { shop.commit(job).await }).await?;
    let Some(done) = delivered else {
        step("deliver: end", || shop.end_step(job, row, false, "Nothing was changed.", None, Vec::new())).await?;
        return Ok(Outcome::Delivered { changed: false });
    };
    step("deliver: patch", || async { shop.keep_patch(job, &done.commit).await }).await?;
    let pushed: Option<String> = step("deliver: push", || async { shop.push_branch(job, &done).await }).await?;
    let summary = pushed.unwrap_or_else(|| format!("The change is on {}.", job.branch()));
    step("deliver: end", || shop.end_step(job, row, true, &summary, Some(&done.commit), Vec::new())).await?;
    Ok(Outcome::Delivered { changed: true })
}

/// The commit, and what the branch pointed at before.
#[derive(Debug, Serialize, Deserialize)]
struct Delivered {
    commit: String,
    before: Option<String>,
}

impl Shop {
    /// Commits the last snapshot on top of where the run began. None when nothing differs.
    async fn commit(&self, job: &Job) -> Stumbled<Option<Delivered>> {
        let repository = self.repository(job)?;
        let (base, head) = self.span(job).await?;
        let changes = repository.diff(base, head).await.map_err(unprepared)?;
        if changes.is_empty() {
            return Ok(None);
        }
        let now = self.muster.clock().now();
        let authors: Vec<Signature> = job
            .plan
            .squad
            .agents
            .iter()
            .filter(|agent| writes(agent.role))
            .map(|agent| agent_signature(self, agent))
            .collect();
        let person = Signature::new(&job.person.name, &job.person.email, now);
        let muster = self.muster_signature();
        let (author, others) = authors.split_first().map_or((&muster, &[][..]), |(first, others)| (first, others));
        let co_authors: Vec<Signature> = others.iter().chain([&person]).cloned().collect();
        let commit = NewCommit {
            tree: head,
            parents: &[base],
            author,
            committer: &muster,
            co_authors: &co_authors,
            message: &format!("{}\n\nTask: {}\nRun: {}", job.task.title, job.task.number, job.run()),
        };
        let commit = repository.commit(&commit).await.map_err(unprepared)?;
        let name = branch(&job.branch())?;
        // The branch is the run's own: a rework replaces what it delivered before.
        let before = repository.branch(&name).await.map_err(unprepared)?;
        repository.set_branch(&name, commit, before).await.map_err(unprepared)?;
        let count = |of: fn(&forge::FileChange) -> u32| changes.iter().map(of).fold(0, u32::saturating_add);
        let told = RunEvent::Delivered {
            branch: job.branch(),
            oid: commit.to_string(),
            files: u32::try_from(changes.len()).unwrap_or(u32::MAX),
            additions: count(|change| change.additions),
            deletions: count(|change| change.deletions),
        };
        self.delivered(job, commit).await?;
        self.tell(job, vec![Line::of_run(job.key("delivered"), told)]).await?;
        Ok(Some(Delivered { commit: commit.to_string(), before: before.map(|before| before.to_string()) }))
    }

    async fn delivered(&self, job: &Job, commit: Oid) -> Stumbled<()> {
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "UPDATE runs SET branch = $3, delivered_oid = $4 WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            job.run() as RunId,
            job.branch(),
            commit.to_string()
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Where the run began, and its last snapshot.
    pub(super) async fn span(&self, job: &Job) -> Stumbled<(Oid, Oid)> {
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let row = sqlx::query!(
            r#"SELECT base_oid AS "base!", head_oid AS "head!" FROM runs WHERE team_id = $1 AND id = $2"#,
            job.team() as TeamId,
            job.run() as RunId
        )
        .fetch_one(&mut *tx)
        .await?;
        Ok((oid(&row.base)?, oid(&row.head)?))
    }

    async fn keep_patch(&self, job: &Job, commit: &str) -> Stumbled<()> {
        let repository = self.repository(job)?;
        let (base, _) = self.span(job).await?;
        let patch = match repository.format_patch(base, oid(commit)?, PATCH_BYTES).await {
            Ok(patch) => patch,
            Err(GitError::TooLarge { .. }) => return Ok(()),
            Err(error) => return Err(unprepared(error)),
        };
        let file = Keep {
            key: format!("patch {}.{}", job.segment.number, job.passed),
            name: format!("{}.patch", job.branch().replace('/', "-")),
            kind: "patch",
            content_type: "text/x-patch; charset=utf-8",
            bytes: patch,
        };
        self.keep(job, file).await
    }

    /// Pushes the branch to where the code came from. A remote that refuses does not undo the work: it is told, and the
    /// branch stays here. Returns the sentence.
    async fn push_branch(&self, job: &Job, done: &Delivered) -> Stumbled<Option<String>> {
        let Some(remote) = self.remote(job).await? else { return Ok(None) };
        let repository: Repository = self.repository(job)?;
        let name = branch(&job.branch())?;
        let mut pushed = repository.push(&remote, oid(&done.commit)?, &name, Expect::Absent).await;
        // A branch that is there already is ours if it is what we delivered before.
        if let (Err(GitError::Moved(_)), Some(before)) = (&pushed, &done.before) {
            pushed = repository.push(&remote, oid(&done.commit)?, &name, Expect::At(oid(before)?)).await;
        }
        let sentence = match pushed {
            Ok(()) => format!("The change is on {} of {}.", job.branch(), remote.url()),
            Err(error) => {
                let told = error.for_user().message;
                let text = format!("The branch could not be pushed to {}: {told} It is kept here.", remote.url());
                let line = Line::of_run(job.key("not pushed"), RunEvent::Note { text: text.clone() });
                self.tell(job, vec![line]).await?;
                text
            }
        };
        Ok(Some(sentence))
    }
}
