//! Work that does not fit the target branch any more is brought onto the branch as it is now, before a coder goes on with it.

use agents::builtin::ReviewNote;
use forge::{GitError, HiddenRef};
use serde::{Deserialize, Serialize};
use types::StepId;

use super::{
    prepare::{branch, oid, unfetched, unprepared},
    verify::Came,
};
use crate::runs::{
    job::Job,
    journal::{Line, RunEvent},
    machine::{Failure, Outcome, Purpose},
    shop::Shop,
    workflow::{Stumble, Stumbled, step},
};

/// Of a file in which conflict markers are looked for.
const FILE_BYTES: u64 = 16 << 20;
/// Markers of a file that are told, and letters of each.
const SHOWN: usize = 100;

/// The work on top of the target branch.
#[derive(Debug, Serialize, Deserialize)]
struct Updated {
    /// The tip of the target branch.
    base: String,
    /// All that the run changed, in one commit on top of it.
    head: String,
    /// Files that both changed: both versions stand in them.
    unsolved: Vec<String>,
}

/// Brings the work onto the newest target branch. What both changed holds both versions, between conflict markers.
pub(in crate::runs) async fn update(shop: &Shop, job: &mut Job) -> dbos::Result<Outcome, Stumble> {
    let begun: &Job = job;
    let name = format!("update {}", begun.position.merges);
    let row = step(&format!("{name}: begin"), || shop.begin_step(begun, "update", None, Vec::new())).await?;
    let updated: Updated = step(&name, || async { shop.replay(begun).await }).await?;
    step(&format!("{name}: workspace"), || async { shop.stand_on(begun, &updated).await }).await?;
    let text = updated.sentence(&begun.project.default_branch);
    step(&format!("{name}: end"), || async {
        let note = RunEvent::Note { text: text.clone() };
        let line = Line { step: Some(row), ..Line::of_run(begun.key("updated"), note) };
        shop.end_step(begun, row, true, &text, Some(&updated.head), vec![line]).await
    })
    .await?;
    job.position.unsolved = updated.unsolved;
    Ok(Outcome::Done)
}

impl Updated {
    fn sentence(&self, target: &str) -> String {
        let begin = format!("Brought the change onto {target} at {}.", self.base.get(..9).unwrap_or(&self.base));
        match self.unsolved.as_slice() {
            [] => begin,
            files => format!(
                "{begin} Both changed {}, so both versions stand there until the coder has put them together.",
                files.join(", ")
            ),
        }
    }
}

impl Job {
    /// What whoever works on the change again is told of the files that both sides changed.
    pub(super) fn unsolved(&self, purpose: Purpose) -> Vec<ReviewNote> {
        if purpose != Purpose::Rework {
            return Vec::new();
        }
        let target = &self.project.default_branch;
        let text = format!(
            "{target} has changed this file in the same place since you began. Where it is text, both versions stand in it between \
             conflict markers, that of {target} first. Keep what both are for, and leave no marker."
        );
        let note = |path: &String| ReviewNote { path: path.clone(), line: None, text: text.clone() };
        self.position.unsolved.iter().map(note).collect()
    }
}

impl Shop {
    /// Only makes a commit: whoever is cut off here makes another.
    async fn replay(&self, job: &Job) -> Stumbled<Updated> {
        let repository = self.repository(job)?;
        if let Some(remote) = self.remote(job).await? {
            repository.fetch(&remote).await.map_err(unfetched)?;
        }
        let target = branch(&job.project.default_branch)?;
        let gone = || {
            Stumble::last(Failure::Preparation, format!("The repository has no branch {} any more.", target.as_str()))
        };
        let base = repository.branch(&target).await.map_err(unprepared)?.ok_or_else(gone)?;
        let head = self.span(job).await?.1;
        let message = format!("The work on top of {}", target.as_str());
        let replayed = repository.replay(head, base, &self.muster_signature(), &message).await.map_err(unprepared)?;
        let name = HiddenRef::new(&format!("runs/{}/{}.update", job.run(), job.point())).map_err(unprepared)?;
        repository.set_hidden(&name, replayed.commit).await.map_err(unprepared)?;
        let mut unsolved: Vec<String> = replayed.conflicts.into_iter().map(|conflict| conflict.path).collect();
        unsolved.dedup();
        Ok(Updated { base: base.to_string(), head: replayed.commit.to_string(), unsolved })
    }

    /// The run stands there, and its workspace holds these files. What set-up and sandbox left is of other ones.
    async fn stand_on(&self, job: &Job, updated: &Updated) -> Stumbled<()> {
        self.release_sandboxes(job.run()).await?;
        self.set_span(job, &updated.base, &updated.head).await?;
        self.bring_back(job, Some(&updated.head)).await?;
        self.put_right(job, &self.repository(job)?, oid(&updated.head)?).await?;
        self.needs_set_up(job).await
    }

    /// Looks whether both versions still stand in what was to be put together. Returns the files in which they do.
    pub(super) async fn check_markers(&self, job: &Job, row: StepId, name: &str) -> Stumbled<Vec<String>> {
        let (repository, head) = (self.repository(job)?, self.span(job).await?.1.to_string());
        let (mut files, mut output) = (Vec::new(), String::new());
        for path in &job.position.unsolved {
            let bytes = match repository.read(&head, path, FILE_BYTES).await {
                Ok(bytes) => bytes,
                // Removed, which is an answer too; or longer than what git puts markers into.
                Err(GitError::NotFound(_) | GitError::TooLarge { .. }) => continue,
                Err(error) => return Err(unprepared(error)),
            };
            let text = String::from_utf8_lossy(&bytes);
            let found: String = (1..)
                .zip(text.lines())
                .filter(|(_, line)| is_marker(line))
                .take(SHOWN)
                .map(|(number, line)| format!("{path}:{number}: {}\n", line.chars().take(SHOWN).collect::<String>()))
                .collect();
            if !found.is_empty() {
                output.push_str(&found);
                files.push(path.clone());
            }
        }
        let passed = files.is_empty();
        let outcome = if passed { "none is left".to_owned() } else { format!("left in {}", files.join(", ")) };
        let command = format!("look for conflict markers in {}", job.position.unsolved.join(", "));
        let came = Came { passed, outcome, output };
        self.keep_check(job, row, name, "conflict markers", &command, &came, 0).await?;
        Ok(files)
    }
}

/// As git writes them (git-merge(1), "how conflicts are presented"). A line of equals signs alone may be a heading.
fn is_marker(line: &str) -> bool {
    line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")
}

#[cfg(test)]
mod tests {
    use super::is_marker;

    #[test]
    fn markers_are_told_from_headings_and_shifts() {
        for line in ["<<<<<<< main", ">>>>>>> 3f2a"] {
            assert!(is_marker(line), "{line}");
        }
        for line in ["=======", "x << 7", ">>>>>>>", "<<<<<<<< main", " <<<<<<< main", ""] {
            assert!(!is_marker(line), "{line}");
        }
    }
}
