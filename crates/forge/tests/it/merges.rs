use forge::{Conflict, GitError, Merge};

use crate::world::{World, ada, main_branch};

fn kinds(merge: Merge) -> Vec<(String, String)> {
    let Merge::Conflicts(conflicts) = merge else { panic!("{merge:?}") };
    conflicts.into_iter().map(|Conflict { path, kind }| (path, kind)).collect()
}

#[tokio::test]
async fn what_goes_together_is_merged() {
    let (world, base) = World::with(&[("a", "1\n"), ("b", "1\n")]).await;
    let (ours, theirs) =
        (world.change(base, &[("a", Some("2\n"))]).await, world.change(base, &[("b", Some("2\n"))]).await);
    let (repository, main) = (&world.repository, main_branch());
    repository.set_branch(&main, ours, Some(base)).await.unwrap();
    assert_eq!(repository.conflicts(ours, theirs).await.unwrap(), []);
    let Merge::Merged(merged) = repository.merge(&main, theirs, &ada(), "Merge").await.unwrap() else { panic!() };
    assert_eq!(repository.branch(&main).await.unwrap(), Some(merged));
    assert_eq!(repository.log("main", 1).await.unwrap()[0].parents, [ours, theirs]);
    assert_eq!((world.read("main", "a").await, world.read("main", "b").await), ("2\n".into(), "2\n".into()));
    assert_eq!(repository.merge(&main, theirs, &ada(), "Merge").await.unwrap(), Merge::UpToDate(merged));
    assert_eq!(repository.merge_base(ours, theirs).await.unwrap(), Some(base));

    let Merge::Merged(reverted) = repository.revert(merged, &main, &ada(), "Revert").await.unwrap() else { panic!() };
    assert_eq!(repository.tree_of(reverted).await.unwrap(), repository.tree_of(ours).await.unwrap());
    assert_eq!(repository.revert(merged, &main, &ada(), "Again").await.unwrap(), Merge::UpToDate(reverted));
    // What came later did not bring it in.
    assert_eq!(repository.merge(&main, theirs, &ada(), "Late").await.unwrap(), Merge::UpToDate(merged));
    assert_eq!(repository.merge(&main, ours, &ada(), "Late").await.unwrap(), Merge::UpToDate(ours));
}

#[tokio::test]
async fn conflicts_are_told_and_change_nothing() {
    let (world, base) = World::with(&[("both", "1\n"), ("gone", "1\n"), ("a", "1\n")]).await;
    let ours = world.change(base, &[("both", Some("2\n")), ("gone", None), ("new", Some("ours\n"))]).await;
    let theirs = world.change(base, &[("both", Some("3\n")), ("gone", Some("2\n")), ("new", Some("theirs\n"))]).await;
    let (repository, main) = (&world.repository, main_branch());
    repository.set_branch(&main, ours, Some(base)).await.unwrap();
    let told = kinds(repository.merge(&main, theirs, &ada(), "Merge").await.unwrap());
    let told: Vec<_> = told.iter().map(|(path, kind)| (path.as_str(), kind.as_str())).collect();
    assert_eq!(told, [("both", "contents"), ("gone", "modify/delete"), ("new", "contents")]);
    assert_eq!(repository.branch(&main).await.unwrap(), Some(ours));
}

#[tokio::test]
async fn commits_are_combined_and_no_branch_moves() {
    let (world, base) = World::with(&[("a", "1\n"), ("b", "1\n")]).await;
    let (one, two) = (world.change(base, &[("a", Some("2\n"))]).await, world.change(base, &[("b", Some("2\n"))]).await);
    let repository = &world.repository;
    let before = repository.branch(&main_branch()).await.unwrap();
    let Merge::Merged(both) = repository.combine(one, two, &ada(), "Both").await.unwrap() else { panic!() };
    assert_eq!((world.read(both, "a").await, world.read(both, "b").await), ("2\n".into(), "2\n".into()));
    assert_eq!(repository.combine(both, two, &ada(), "Again").await.unwrap(), Merge::UpToDate(both));
    let other = world.change(base, &[("a", Some("3\n"))]).await;
    let told = kinds(repository.combine(both, other, &ada(), "No").await.unwrap());
    assert_eq!(told, [("a".into(), "contents".into())]);
    assert_eq!(repository.branch(&main_branch()).await.unwrap(), before);
}

#[tokio::test]
async fn a_change_is_brought_onto_another_commit_with_both_versions_of_what_both_changed() {
    let (world, base) = World::with(&[("both", "1\n"), ("a", "1\n"), ("gone", "1\n")]).await;
    let main = world.change(base, &[("both", Some("2\n")), ("new", Some("main\n"))]).await;
    let step = world.change(base, &[("both", Some("3\n"))]).await;
    let work = world.change(step, &[("a", Some("2\n")), ("gone", None)]).await;
    let repository = &world.repository;
    let replayed = repository.replay(work, main, &ada(), "On top").await.unwrap();
    let paths: Vec<_> = replayed.conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
    assert_eq!(paths, ["both"]);
    assert_eq!(repository.log(&replayed.commit.to_string(), 1).await.unwrap()[0].parents, [main]);
    assert_eq!(world.read(replayed.commit, "both").await, format!("<<<<<<< {main}\n2\n=======\n3\n>>>>>>> {work}\n"));
    assert_eq!(world.names(replayed.commit).await, ["a", "both", "new"]);
    assert_eq!(world.read(replayed.commit, "a").await, "2\n");

    let apart = world.change(base, &[("a", Some("3\n"))]).await;
    let replayed = repository.replay(apart, main, &ada(), "On top").await.unwrap();
    assert!(replayed.conflicts.is_empty() && world.read(replayed.commit, "both").await == "2\n");
    // What the target has already is no change any more.
    let there = repository.replay(step, step, &ada(), "On top").await.unwrap();
    assert_eq!(repository.diff(step, there.commit).await.unwrap(), []);
}

#[tokio::test]
async fn a_commit_is_taken_back_while_others_stay() {
    let (world, base) = World::with(&[("a", "1\n"), ("b", "1\n")]).await;
    let bad = world.change(base, &[("a", Some("bad\n")), ("c", Some("new\n"))]).await;
    let later = world.change(bad, &[("b", Some("2\n"))]).await;
    let (repository, main) = (&world.repository, main_branch());
    repository.set_branch(&main, later, Some(base)).await.unwrap();
    let Merge::Merged(_) = repository.revert(bad, &main, &ada(), "Revert").await.unwrap() else { panic!() };
    assert_eq!(world.names("main").await, ["a", "b"]);
    assert_eq!((world.read("main", "a").await, world.read("main", "b").await), ("1\n".into(), "2\n".into()));

    let over = world.change(later, &[("a", Some("built on it\n"))]).await;
    let topic = "topic".parse().unwrap();
    repository.set_branch(&topic, over, None).await.unwrap();
    assert_eq!(
        kinds(repository.revert(bad, &topic, &ada(), "Revert").await.unwrap()),
        [("a".into(), "contents".into())]
    );
    let stray = world.change(base, &[("z", Some("1"))]).await;
    assert!(matches!(repository.revert(stray, &main, &ada(), "Revert").await, Err(GitError::Invalid(_))));
    let Merge::Merged(_) = repository.revert(base, &"topic".parse().unwrap(), &ada(), "x").await.map_or_else(
        |error| panic!("{error}"),
        |merge| if matches!(merge, Merge::Conflicts(_)) { Merge::Merged(base) } else { merge },
    ) else {
        panic!()
    };
}

#[tokio::test]
async fn a_branch_without_commits_becomes_what_is_merged() {
    let (world, base) = World::with(&[("a", "1\n")]).await;
    let release = "release".parse().unwrap();
    assert_eq!(world.repository.merge(&release, base, &ada(), "Merge").await.unwrap(), Merge::Merged(base));
    assert_eq!(world.repository.branch(&release).await.unwrap(), Some(base));
}
