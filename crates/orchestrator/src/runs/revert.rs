use forge::{Expect, GitError, Merge, Oid, Repository, Signature};
use types::{ProjectId, RunId, Situation, TaskId, TaskState, TeamId, UserId};

use super::{
    journal::{self, Line, RunEvent},
    start::exists,
};
use crate::{
    Can, Error, Orchestrator, Result,
    audit::{self, Happening},
    grants::ExecuteRuns,
};

/// A merge that can be taken back.
struct Merged {
    project: ProjectId,
    task: TaskId,
    number: i32,
    title: String,
    commit: String,
    into: String,
    person: String,
    email: String,
}

impl Orchestrator {
    /// Takes a run's merge back by a commit on the branch it went to, here and where the code comes from. The task is open
    /// again afterwards; the run's own branch stays. Returns the commit.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a foreign run; [`Error::Refused`] when there is no merge to take back, when it was taken back
    /// before, and with the files when later changes stand in the way.
    pub async fn revert(&self, scope: &Can<ExecuteRuns>, run: RunId) -> Result<String> {
        let merged = self.merged_run(scope, run).await?;
        let repository = Repository::open(self.repository_folder(scope.team(), merged.project)).map_err(refused)?;
        let into = merged.into.parse().map_err(refused)?;
        let remote = self.remote(scope.team(), merged.project).await?.transpose().map_err(refused)?;
        if let Some(remote) = &remote {
            repository.fetch(remote).await.map_err(refused)?;
        }
        let before = repository.branch(&into).await.map_err(refused)?;
        let undo = self.undo(&repository, &into, &merged, run).await?;
        if let Some(remote) = &remote
            && let Err(error) = repository.push(remote, undo, &into, Expect::Ancestor).await
        {
            // Our copy must not be ahead of the remote.
            if let Some(before) = before.filter(|before| *before != undo) {
                repository.set_branch(&into, before, Some(undo)).await.map_err(refused)?;
            }
            return Err(refused(error));
        }
        self.reverted(scope, run, &merged, &undo.to_string()).await?;
        Ok(undo.to_string())
    }

    async fn undo(
        &self,
        repository: &Repository,
        into: &forge::BranchName,
        merged: &Merged,
        run: RunId,
    ) -> Result<Oid> {
        let author = Signature::new(&merged.person, &merged.email, self.clock().now());
        let message = format!(
            "Revert: {}\n\nThis takes back {}.\n\nTask: {}\nRun: {run}",
            merged.title, merged.commit, merged.number
        );
        let commit = merged.commit.parse().map_err(refused)?;
        match repository.revert(commit, into, &author, &message).await.map_err(refused)? {
            // Somebody took it back by hand, or we did and could not write it down.
            Merge::Merged(undo) | Merge::UpToDate(undo) => Ok(undo),
            Merge::Conflicts(conflicts) => {
                let paths: Vec<String> = conflicts.into_iter().map(|conflict| conflict.path).collect();
                Err(Error::Refused(format!(
                    "Not taken back: {into} has changed since in the same places of {}. Take it back by hand with git revert -m 1 {}.",
                    paths.join(", "),
                    merged.commit.get(..9).unwrap_or(&merged.commit),
                )))
            }
        }
    }

    async fn merged_run(&self, scope: &Can<ExecuteRuns>, run: RunId) -> Result<Merged> {
        let mut tx = self.db().team(scope).await?;
        exists(&mut tx, scope, run).await?;
        let row = sqlx::query!(
            r#"SELECT r.project_id AS "project: ProjectId", r.task_id AS "task: TaskId", t.number, t.title, r.merge_oid, r.reverted_at,
                      coalesce((SELECT body ->> 'into' FROM run_events WHERE team_id = $1 AND run_id = $2 AND body ->> 'run' = 'merged'
                                ORDER BY seq DESC LIMIT 1), p.default_branch) AS "into!"
               FROM runs r JOIN tasks t ON t.team_id = r.team_id AND t.id = r.task_id
                    JOIN projects p ON p.team_id = r.team_id AND p.id = r.project_id
               WHERE r.team_id = $1 AND r.id = $2 AND t.deleted_at IS NULL"#,
            scope.team() as TeamId,
            run as RunId,
        )
        .fetch_one(&mut *tx)
        .await?;
        let person = sqlx::query!("SELECT name, email FROM users WHERE id = $1", scope.user()? as UserId)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        let commit = row
            .merge_oid
            .ok_or_else(|| Error::Refused("This run was not merged, so there is nothing to take back.".into()))?;
        if row.reverted_at.is_some() {
            return Err(again());
        }
        Ok(Merged {
            project: row.project,
            task: row.task,
            number: row.number,
            title: row.title,
            commit,
            into: row.into,
            person: person.name,
            email: person.email,
        })
    }

    /// Writes down what git has done. The branch is where it should be already: whoever comes second is told so.
    async fn reverted(&self, scope: &Can<ExecuteRuns>, run: RunId, merged: &Merged, undo: &str) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.db().team(scope).await?;
        let first = sqlx::query!(
            "UPDATE runs SET reverted_at = $3, reverted_by = $4, revert_oid = $5
             WHERE team_id = $1 AND id = $2 AND reverted_at IS NULL",
            scope.team() as TeamId,
            run as RunId,
            now,
            scope.user()? as UserId,
            undo,
        )
        .execute(&mut *tx)
        .await?;
        if first.rows_affected() == 0 {
            return Err(again());
        }
        // A later attempt may be at work already; the task is its.
        if !super::start::alive(&mut tx, scope, merged.task).await? {
            journal::move_task(&mut tx, scope, merged.task, TaskState::Todo, now).await?;
        }
        let told = RunEvent::Reverted { oid: undo.to_owned(), by: merged.person.clone() };
        journal::tell(&mut tx, scope, run, now, vec![Line::of_run("reverted", told)]).await?;
        let what = Happening {
            action: "run.reverted",
            target_kind: "run",
            target_id: run.to_string(),
            details: serde_json::json!({ "title": merged.title, "merge": merged.commit, "commit": undo, "branch": merged.into }),
        };
        audit::append(&mut tx, scope, now, what).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn again() -> Error {
    Error::Refused("This merge was taken back already.".into())
}

/// What a person can act on is said; the rest is ours.
fn refused(error: GitError) -> Error {
    if matches!(error, GitError::NotFound(_)) {
        return Error::Refused(
            "The code of this project is not on this machine, so nothing can be taken back here.".into(),
        );
    }
    let told = error.for_user();
    if told.situation == Situation::Internal {
        return Error::internal(error);
    }
    let way_out = told.way_out.map(|way| format!(" {way}")).unwrap_or_default();
    Error::Refused(format!("{}{way_out}", told.message))
}
