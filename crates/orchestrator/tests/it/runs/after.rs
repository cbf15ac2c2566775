//! What people do after a run: take the merge back, try again.

use forge::{NewCommit, Repository, Signature};
use orchestrator::{
    Error, PlanItemState,
    runs::{RunState, RunView, StartFrom},
    squads::Template,
    work::Place,
};
use time::macros::datetime;
use types::TaskState;

use super::yard::Yard;

/// Somebody else commits one file to the default branch.
pub(super) async fn somebody_writes(repository: &Repository, path: &str, text: &str) {
    let main = "main".parse().expect("a name");
    let tip = repository.branch(&main).await.expect("a repository").expect("a branch");
    let folder = tempfile::tempdir().expect("a folder");
    let files = folder.path().join("files");
    repository.checkout(tip, &files).await.expect("its files");
    std::fs::write(files.join(path), text).expect("written");
    let author = Signature::new("Tove", "tove@example.org", datetime!(2026-11-20 12:00 UTC));
    let snapshot = repository
        .snapshot(&forge::NewSnapshot {
            folder: &files,
            parent: Some(tip),
            reference: &forge::HiddenRef::new("tests/somebody").expect("a name"),
            author: &author,
            message: "By hand",
            limits: forge::Limits::default(),
        })
        .await
        .expect("a snapshot");
    let commit = NewCommit {
        tree: snapshot.commit,
        parents: &[tip],
        author: &author,
        committer: &author,
        co_authors: &[],
        message: "By hand",
    };
    let commit = repository.commit(&commit).await.expect("a commit");
    repository.set_branch(&main, commit, Some(tip)).await.expect("moved");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_is_taken_back_once_and_not_over_later_work() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (project, task) = yard.sample_task(Template::Full).await;
    let engine = yard.work().await;
    let waiting = yard.reviewable(task).await;
    let early = muster.revert(&yard.scope.can().expect("may"), waiting.id).await;
    assert!(matches!(&early, Err(Error::Refused(text)) if text.contains("not merged")), "{early:?}");

    let merged = yard.approve(task, &waiting).await;
    let merge = merged.merge.clone().unwrap_or_else(|| panic!("merged: {merged:#?}"));
    assert_eq!((merge.approved_by.as_deref(), merged.into.as_str()), (Some("Ada"), "main"));
    let repository = yard.repository(project);
    let main = "main".parse().expect("a name");
    let first = repository.resolve(&format!("{}^1", merge.commit)).await.expect("a commit");
    let before = repository.tree_of(first).await.expect("a tree");

    // Later work in the same place stands in the way, and nothing moves.
    let changed = repository.read("main", "parcels/insurance.py", 1 << 20).await.expect("a file");
    somebody_writes(&repository, "parcels/insurance.py", "# rewritten by hand\n").await;
    let tip = repository.branch(&main).await.expect("a repository");
    let refused = muster.revert(&yard.scope.can().expect("may"), merged.id).await;
    let named =
        matches!(&refused, Err(Error::Refused(text)) if text.contains("parcels/insurance.py") && text.contains("main"));
    assert!(named, "{refused:?}");
    assert_eq!(repository.branch(&main).await.expect("a repository"), tip);

    somebody_writes(&repository, "parcels/insurance.py", &String::from_utf8_lossy(&changed)).await;
    let undo = muster.revert(&yard.scope.can().expect("may"), merged.id).await.expect("taken back");
    let tip = repository.branch(&main).await.expect("a repository").expect("a branch");
    assert_eq!((tip.to_string(), repository.tree_of(tip).await.expect("a tree")), (undo.clone(), before));
    let log = repository.log("main", 1).await.expect("a log");
    assert_eq!(log[0].author.name(), "Ada");
    assert!(log[0].body.contains(&merge.commit), "{log:?}");

    let again = muster.revert(&yard.scope.can().expect("may"), merged.id).await;
    assert!(matches!(&again, Err(Error::Refused(text)) if text.contains("already")), "{again:?}");
    let run = muster.run(&yard.scope.can().expect("may"), merged.id).await.expect("a run");
    assert_eq!(run.merge.and_then(|merge| merge.reverted), Some((undo, "Ada".to_owned())));
    let task = muster.task(&yard.scope.can().expect("may"), 1).await.expect("a task");
    assert_eq!(task.state, TaskState::Todo);
    let log = muster.audit_log(&yard.scope.can().expect("may"), &Default::default()).await.expect("a log");
    assert_eq!(log.iter().filter(|entry| entry.action == "run.reverted").count(), 1);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_run_is_tried_again_from_its_last_snapshot_or_anew() {
    let yard = Yard::new().await;
    let muster = &yard.world.muster;
    let (_, task) = yard.sample_task(Template::Full).await;
    let nothing = muster.start_run_from(&yard.scope.can().expect("may"), task, None, StartFrom::Snapshot).await;
    assert!(matches!(&nothing, Err(Error::Refused(text)) if text.contains("go on from")), "{nothing:?}");
    let engine = yard.work().await;
    let first = yard.reviewable(task).await;
    assert!(first.resumable && first.head != first.base);

    let moved = muster.move_task(&yard.scope.can().expect("may"), task, TaskState::Cancelled, Place::Top).await;
    assert!(matches!(&moved, Err(Error::Refused(text)) if text.contains("Stop its run first")), "{moved:?}");
    let deleted = muster.delete_task(&yard.scope.can().expect("may"), task).await;
    assert!(matches!(&deleted, Err(Error::Refused(_))), "{deleted:?}");
    muster.stop_run(&yard.scope.can().expect("may"), first.id, "Wrong rounding.").await.expect("stopped");
    muster.move_task(&yard.scope.can().expect("may"), task, TaskState::Todo, Place::Top).await.expect("reopened");

    let can = yard.scope.can().expect("may");
    muster.start_run_from(&can, task, None, StartFrom::Snapshot).await.expect("a second attempt");
    let second = yard.until(task, |run| run.steps.len() > 1 || !run.state.alive()).await;
    let kinds: Vec<&str> = second.steps.iter().map(|step| step.kind.as_str()).collect();
    assert_eq!((second.attempt, kinds.as_slice()), (2, ["prepare", "implement"].as_slice()), "{second:#?}");
    assert_eq!((&second.base, &second.head), (&first.base, &first.head));
    let planned = |run: &RunView| -> Vec<String> { run.outline.iter().map(|item| item.title.clone()).collect() };
    assert_eq!(planned(&second), planned(&first));
    assert!(first.outline.iter().all(|item| item.state == PlanItemState::Done), "{:#?}", first.outline);
    muster.stop_run(&yard.scope.can().expect("may"), second.id, "Enough.").await.expect("stopped");

    muster.start_run(&yard.scope.can().expect("may"), task, None).await.expect("a third attempt");
    let third = yard.until(task, |run| run.steps.len() > 1 || !run.state.alive()).await;
    assert_eq!((third.steps[1].kind.as_str(), third.state), ("plan", RunState::Running), "{third:#?}");
    engine.shut_down().await;
}
