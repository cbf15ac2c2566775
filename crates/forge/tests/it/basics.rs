use forge::{EntryKind, GitError, NewCommit, Oid, Repository, Signature};
use time::OffsetDateTime;

use crate::world::{World, ada, git, main_branch};

#[tokio::test]
async fn an_empty_repository_has_a_branch_without_commits() {
    let world = World::empty().await;
    assert_eq!(world.repository.default_branch().await.unwrap(), main_branch());
    assert_eq!(world.repository.branches().await.unwrap(), []);
    assert_eq!(world.repository.branch(&main_branch()).await.unwrap(), None);
    assert!(matches!(world.repository.resolve("main").await, Err(GitError::NotFound(_))));
    assert!(matches!(world.repository.files("main", "").await, Err(GitError::NotFound(_))));
    let again = Repository::create_empty(world.repository.path(), &main_branch()).await;
    assert!(matches!(again, Err(GitError::Exists(_))));
    assert!(Repository::open(world.repository.path()).is_ok());
    assert!(matches!(Repository::open(world.path("none")), Err(GitError::NotFound(_))));
    let left: Vec<_> = std::fs::read_dir(world.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["r.git"], "nothing temporary stays");
    world.repository.clone().remove().await.unwrap();
    assert!(!world.repository.path().exists());
}

#[tokio::test]
async fn files_are_listed_and_read() {
    let (world, commit) = World::with(&[("a.txt", "one\n"), ("src/größe.rs", "fn f() {}\n"), ("src/-x", "")]).await;
    let top = world.repository.files("main", "").await.unwrap();
    let told: Vec<_> = top.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.size)).collect();
    assert_eq!(told, [("src", EntryKind::Folder, None), ("a.txt", EntryKind::File, Some(4))]);
    let inner = world.repository.files(&commit.to_string(), "src/").await.unwrap();
    assert_eq!(inner.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["-x", "größe.rs"]);
    assert_eq!(world.read("main", "src/größe.rs").await, "fn f() {}\n");
    assert!(matches!(world.repository.read("main", "src", 10).await, Err(GitError::NotFound(_))));
    assert!(matches!(world.repository.read("main", "../x", 10).await, Err(GitError::NotFound(_))));
    assert!(matches!(world.repository.files("main", "a.txt").await, Err(GitError::NotFound(_))));
    assert!(matches!(world.repository.read("main", "a.txt", 3).await, Err(GitError::TooLarge { .. })));
    assert_eq!(world.repository.read("main", "a.txt", 4).await.unwrap(), b"one\n");
}

#[tokio::test]
async fn revisions_are_never_options() {
    let (world, commit) = World::with(&[("a", "1")]).await;
    for bad in ["--all", "-h", "main:a", "nothing", "", "main\n", "@{upstream}"] {
        assert!(matches!(world.repository.resolve(bad).await, Err(GitError::NotFound(_))), "{bad}");
    }
    assert_eq!(world.repository.resolve("refs/heads/main").await.unwrap(), commit);
    assert_eq!(world.repository.resolve(&commit.to_string()[..8]).await.unwrap(), commit);
}

#[tokio::test]
async fn a_commit_says_who_made_it() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let at = OffsetDateTime::from_unix_timestamp(1_750_000_000).unwrap();
    let author = Signature::new("Agent <Coder>\n", "agent@example.org", at);
    let person = Signature::new("", "bo@example.org", at);
    let co_authors = [person.clone(), Signature::new("Cy", "cy@example.org", at)];
    let new = NewCommit {
        tree: base,
        parents: &[base],
        author: &author,
        committer: &person,
        co_authors: &co_authors,
        message: "Fix the sum\n\nIt was off by one.",
    };
    let commit = world.repository.commit(&new).await.unwrap();
    let log = world.repository.log(&commit.to_string(), 10).await.unwrap();
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].commit, commit);
    assert_eq!(log[0].parents, [base]);
    assert_eq!((log[0].author.name(), log[0].author.email()), ("Agent Coder", "agent@example.org"));
    assert_eq!((log[0].committer.name(), log[0].committer.at()), ("bo", at));
    assert_eq!(log[0].subject, "Fix the sum");
    assert_eq!(
        log[0].body,
        "It was off by one.\n\nCo-authored-by: bo <bo@example.org>\nCo-authored-by: Cy <cy@example.org>"
    );
    let range = world.repository.log(&format!("{base}..{commit}"), 10).await.unwrap();
    assert_eq!(range.len(), 1);
    assert!(matches!(world.repository.log("main..nothing", 10).await, Err(GitError::NotFound(_))));
}

#[tokio::test]
async fn a_branch_moves_only_from_where_it_was() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let next = world.change(base, &[("a", Some("2"))]).await;
    let (repository, main) = (&world.repository, main_branch());
    assert!(
        matches!(repository.set_branch(&main, next, Some(next)).await, Err(GitError::Moved(name)) if name == "main")
    );
    assert!(matches!(repository.set_branch(&main, next, None).await, Err(GitError::Moved(_))));
    repository.set_branch(&main, next, Some(base)).await.unwrap();
    assert_eq!(repository.branch(&main).await.unwrap(), Some(next));
    let topic = "topic/größe".parse().unwrap();
    assert!(matches!(repository.set_branch(&topic, base, Some(base)).await, Err(GitError::Moved(_))));
    repository.set_branch(&topic, base, None).await.unwrap();
    assert_eq!(repository.branches().await.unwrap().len(), 2);
    assert!(matches!(repository.delete_branch(&topic, next).await, Err(GitError::Moved(_))));
    repository.delete_branch(&topic, base).await.unwrap();
    assert_eq!(repository.branch(&topic).await.unwrap(), None);
    assert!(repository.set_branch(&main, Oid::EMPTY_TREE, Some(next)).await.is_err(), "a branch holds commits");
}

#[tokio::test]
async fn the_folder_of_a_checkout_is_a_repository_of_its_own() {
    let (world, first) = World::with(&[("a", "1\n")]).await;
    let commit = world.change(first, &[("b/run.sh", Some("echo\n"))]).await;
    let folder = world.checkout(commit, "work").await;
    assert_eq!(git(&folder, &["status", "--porcelain"]), "");
    assert_eq!(git(&folder, &["log", "--format=%H"]), commit.to_string());
    assert_eq!(git(&folder, &["branch", "--show-current"]), "main");
    std::fs::write(folder.join("a"), "2\n").unwrap();
    assert!(git(&folder, &["diff"]).contains("+2"));
    git(&folder, &["commit", "-qam", "inside"]);
    assert!(git(&folder, &["fsck", "--strict"]).is_empty());
    assert!(matches!(world.repository.checkout(commit, &folder).await, Err(GitError::Exists(_))));
    let snapshot = world.snapshot(&folder, Some(commit)).await;
    assert_eq!(world.names(snapshot.commit).await, ["a", "b/run.sh"], "the inner repository is no part of it");
    assert_eq!(world.repository.log(&snapshot.commit.to_string(), 10).await.unwrap()[0].author, ada());
}
