use forge::{BranchName, Expect, GitError, Merge, Oid, Remote, Repository, Signature};
use serde::{Deserialize, Serialize};
use types::{RunId, TeamId};

use super::prepare::{branch, oid, unfetched, unprepared};
use crate::runs::{
    job::Job,
    journal::{Line, RunEvent},
    machine::{Failure, Outcome},
    shop::Shop,
    workflow::{Stumble, Stumbled, step},
};

#[derive(Debug, Serialize, Deserialize)]
enum Came {
    Merged(String),
    Conflicted(Vec<String>),
}

/// Brings the delivered commit into the project's default branch.
pub(in crate::runs) async fn merge(shop: &Shop, job: &Job) -> dbos::Result<Outcome, Stumble> {
    let name = format!("merge {}", job.position.merges + 1);
    let row = step(&format!("{name}: begin"), || shop.begin_step(job, "merge", None, Vec::new())).await?;
    let came = step(&name, || async { shop.merge(job).await }).await.map_err(given_up)?;
    let (done, summary, outcome) = match &came {
        Came::Merged(commit) => {
            let short = commit.get(..9).unwrap_or(commit);
            (true, format!("Merged into {} as {short}.", job.project.default_branch), Outcome::Merged)
        }
        Came::Conflicted(paths) => (false, format!("Conflicts in {}.", paths.join(", ")), Outcome::Conflicted),
    };
    step(&format!("{name}: end"), || shop.end_step(job, row, done, &summary, None, Vec::new())).await?;
    Ok(outcome)
}

impl Shop {
    async fn merge(&self, job: &Job) -> Stumbled<Came> {
        let repository = self.repository(job)?;
        let into = branch(&job.project.default_branch)?;
        let remote = self.remote(job).await?;
        if let Some(remote) = &remote {
            repository.fetch(remote).await.map_err(unfetched)?;
        }
        let mut tx = self.muster.db().team(&job.scope()).await?;
        let delivered = sqlx::query_scalar!(
            r#"SELECT delivered_oid AS "oid!" FROM runs WHERE team_id = $1 AND id = $2"#,
            job.team() as TeamId,
            job.run() as RunId
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        let person = Signature::new(&job.person.name, &job.person.email, self.muster.clock().now());
        let before = repository.branch(&into).await.map_err(unprepared)?;
        let message = format!("Merge {}: {}", job.branch(), job.task.title);
        let merged = repository.merge(&into, oid(&delivered)?, &person, &message).await.map_err(unmerged)?;
        let (commit, tip) = match merged {
            Merge::Merged(commit) => (commit, commit),
            Merge::UpToDate(commit) => (commit, before.unwrap_or(commit)),
            Merge::Conflicts(conflicts) => {
                let paths: Vec<String> = conflicts.into_iter().map(|conflict| conflict.path).collect();
                let told = RunEvent::Conflicted { paths: paths.clone() };
                self.tell(job, vec![Line::of_run(job.key("conflicted"), told)]).await?;
                return Ok(Came::Conflicted(paths));
            }
        };
        if let Some(remote) = &remote {
            push(&repository, remote, (&into, before), tip).await?;
        }
        self.merged(job, commit).await?;
        Ok(Came::Merged(commit.to_string()))
    }

    async fn merged(&self, job: &Job, commit: Oid) -> Stumbled<()> {
        let mut tx = self.begin(job).await?;
        sqlx::query!(
            "UPDATE runs SET merge_oid = $3 WHERE team_id = $1 AND id = $2",
            job.team() as TeamId,
            job.run() as RunId,
            commit.to_string()
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        let told = RunEvent::Merged { into: job.project.default_branch.clone(), oid: commit.to_string() };
        self.tell(job, vec![Line::of_run(job.key("merged"), told)]).await
    }
}

/// What did not pass with the last try is the remote's or the target branch's, and people can do something about it.
fn given_up(error: dbos::Error<Stumble>) -> dbos::Error<Stumble> {
    match error {
        dbos::Error::Application(Stumble::Passing(sentence)) => Stumble::last(Failure::Preparation, sentence).into(),
        other => other,
    }
}

/// Pushes the merge. Where that fails, our branch is put back: it must not be ahead of the remote, or the next fetch would lose
/// the merge.
async fn push(
    repository: &Repository,
    remote: &Remote,
    (into, before): (&BranchName, Option<Oid>),
    tip: Oid,
) -> Stumbled<()> {
    let Err(error) = repository.push(remote, tip, into, Expect::Ancestor).await else { return Ok(()) };
    if let Some(before) = before.filter(|before| *before != tip) {
        repository.set_branch(into, before, Some(tip)).await.map_err(unmerged)?;
    }
    match error {
        GitError::Moved(_) => Err(unmerged(error)),
        error => {
            let sentence = format!("The merge could not be pushed: {}", error.for_user().message);
            // Where the remote has it all the same, the next try finds it there.
            if matches!(error, GitError::Unreachable(_) | GitError::Timeout { .. }) {
                return Err(Stumble::Passing(sentence));
            }
            let failure = if matches!(error, GitError::AuthRefused) { Failure::Access } else { Failure::Preparation };
            Err(Stumble::last(failure, sentence))
        }
    }
}

/// Somebody else was first, another run or a person: the next try merges on top of that.
fn unmerged(error: GitError) -> Stumble {
    match error {
        GitError::Moved(name) => {
            Stumble::Passing(format!("{name} was changed by others each time that this was to be merged."))
        }
        error => unprepared(error),
    }
}
