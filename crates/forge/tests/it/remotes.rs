use std::{fs, path::Path};

use forge::{Expect, GitError, HiddenRef, Reach, Remote, Repository};

use crate::world::{World, git, main_branch, write_all};

fn open() -> Reach {
    Reach { file: true, loopback: true, private: false }
}

fn at(path: &Path) -> Remote {
    Remote::new(&format!("file://{}", path.display()), None, open()).unwrap()
}

#[tokio::test]
async fn a_copy_follows_its_remote() {
    let (upstream, base) = World::with(&[("a", "1")]).await;
    let branch = "develop".parse().unwrap();
    upstream.repository.set_branch(&branch, base, None).await.unwrap();
    upstream.repository.set_default_branch(&branch).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let remote = at(upstream.repository.path());
    let copy = Repository::clone_from(home.path().join("c.git"), &remote).await.unwrap();
    assert_eq!(copy.default_branch().await.unwrap(), branch);
    assert_eq!(copy.branches().await.unwrap().len(), 2);

    let ours = "muster/task-1".parse().unwrap();
    copy.set_branch(&ours, base, None).await.unwrap();
    copy.set_hidden(&HiddenRef::new("runs/1").unwrap(), base).await.unwrap();
    let next = upstream.change(base, &[("a", Some("2"))]).await;
    upstream.repository.set_branch(&main_branch(), next, Some(base)).await.unwrap();
    upstream.repository.set_default_branch(&main_branch()).await.unwrap();
    upstream.repository.delete_branch(&branch, base).await.unwrap();
    copy.fetch(&remote).await.unwrap();
    let names: Vec<_> = copy.branches().await.unwrap().into_iter().map(|branch| branch.name.to_string()).collect();
    assert_eq!(names, ["main", "muster/task-1"]);
    assert_eq!(copy.branch(&main_branch()).await.unwrap(), Some(next));
    assert_eq!(copy.hidden("runs").await.unwrap().len(), 1);
    let (one, other) = tokio::join!(copy.fetch(&remote), copy.fetch(&remote));
    one.and(other).unwrap();
}

#[tokio::test]
async fn pushes_say_what_they_expect() {
    let (upstream, base) = World::with(&[("a", "1")]).await;
    let home = tempfile::tempdir().unwrap();
    let remote = at(upstream.repository.path());
    let copy = Repository::clone_from(home.path().join("c.git"), &remote).await.unwrap();
    let local = World { home, repository: copy };
    let next = local.change(base, &[("b", Some("2"))]).await;
    let topic = "topic".parse().unwrap();
    local.repository.push(&remote, next, &topic, Expect::Absent).await.unwrap();
    assert_eq!(upstream.repository.branch(&topic).await.unwrap(), Some(next));
    let refused = local.repository.push(&remote, base, &topic, Expect::Absent).await;
    assert!(matches!(refused, Err(GitError::Moved(_))), "{refused:?}");
    local.repository.push(&remote, base, &topic, Expect::At(next)).await.unwrap();
    let refused = local.repository.push(&remote, next, &topic, Expect::At(next)).await;
    assert!(matches!(refused, Err(GitError::Moved(_))), "{refused:?}");
    local.repository.push(&remote, next, &main_branch(), Expect::Ancestor).await.unwrap();
    let stray = local.change(base, &[("c", Some("3"))]).await;
    let refused = local.repository.push(&remote, stray, &main_branch(), Expect::Ancestor).await;
    assert!(matches!(refused, Err(GitError::Moved(_))), "{refused:?}");
}

#[tokio::test]
async fn a_rule_of_the_other_side_is_told() {
    let (upstream, base) = World::with(&[("a", "1")]).await;
    let home = tempfile::tempdir().unwrap();
    let remote = at(upstream.repository.path());
    let copy = Repository::clone_from(home.path().join("c.git"), &remote).await.unwrap();
    git(upstream.repository.path(), &["config", "receive.denyDeletes", "true"]);
    git(upstream.repository.path(), &["config", "receive.hideRefs", "refs/heads/protected"]);
    let refused = copy.push(&remote, base, &"protected".parse().unwrap(), Expect::Ancestor).await;
    assert!(matches!(&refused, Err(GitError::Refused(why)) if why.contains("hidden ref")), "{refused:?}");
}

#[tokio::test]
async fn what_is_not_there_is_told_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("c.git");
    let missing = Repository::clone_from(&place, &at(&home.path().join("none"))).await;
    assert!(matches!(missing, Err(GitError::NotFound(_))), "{missing:?}");
    // Bound and dropped at once: nothing listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let remote = Remote::new(&format!("http://127.0.0.1:{port}/a.git"), None, open()).unwrap();
    let unreachable = Repository::clone_from(&place, &remote).await;
    assert!(matches!(unreachable, Err(GitError::Unreachable(_))), "{unreachable:?}");
    let inner = Remote::new("https://169.254.169.254/a.git", None, Reach::default()).unwrap();
    assert!(matches!(Repository::clone_from(&place, &inner).await, Err(GitError::Invalid(_))));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_empty_remote_can_be_copied() {
    let upstream = World::empty().await;
    let home = tempfile::tempdir().unwrap();
    let copy = Repository::clone_from(home.path().join("c.git"), &at(upstream.repository.path())).await.unwrap();
    assert_eq!(copy.default_branch().await.unwrap(), main_branch());
    let work = home.path().join("work");
    write_all(&work, &[("a", "1")]);
}
