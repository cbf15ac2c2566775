use std::{
    fs,
    process::Command,
    time::{Duration, SystemTime},
};

use crate::world::{World, main_branch, write_all};

/// A lock file as a killed git leaves it, `age` old.
fn left_behind(path: &std::path::Path, age: Duration) {
    let file = fs::File::create(path).unwrap();
    #[expect(clippy::disallowed_methods, reason = "the file system's clock is the system's")]
    file.set_modified(SystemTime::now() - age).unwrap();
}

#[tokio::test]
async fn locks_of_the_dead_are_cleared() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let next = world.change(base, &[("a", Some("2"))]).await;
    let lock = world.repository.path().join("refs/heads/main.lock");
    left_behind(&lock, Duration::from_secs(60));
    world.repository.set_branch(&main_branch(), next, Some(base)).await.unwrap();
    assert!(!lock.exists());
    assert_eq!(world.repository.branch(&main_branch()).await.unwrap(), Some(next));
    left_behind(&world.repository.path().join("HEAD.lock"), Duration::from_secs(60));
    world.repository.set_default_branch(&"other".parse().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_young_lock_is_waited_for() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let next = world.change(base, &[("a", Some("2"))]).await;
    let lock = world.repository.path().join("refs/heads/main.lock");
    left_behind(&lock, Duration::ZERO);
    let holder = tokio::spawn({
        let lock = lock.clone();
        async move {
            tokio::task::yield_now().await;
            fs::remove_file(lock).unwrap();
        }
    });
    world.repository.set_branch(&main_branch(), next, Some(base)).await.unwrap();
    holder.await.unwrap();
}

#[tokio::test]
async fn a_killed_import_leaves_the_repository_as_it_was() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let path = world.repository.path().to_path_buf();
    // Half of what a snapshot sends, then kill -9.
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet", "--force", "--done"])
        .current_dir(&path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = import.stdin.take().unwrap();
    let head = "commit refs/muster/runs/1/coder\ncommitter A <a@b> 1 +0000\ndata 1\nx\n";
    std::io::Write::write_all(&mut stdin, format!("blob\ndata 3\nabc\n{head}").as_bytes()).unwrap();
    import.kill().unwrap();
    import.wait().unwrap();
    assert_eq!(world.repository.hidden("runs").await.unwrap(), []);
    let folder = world.checkout(base, "work").await;
    write_all(&folder, &[("b", "2")]);
    let snapshot = world.snapshot(&folder, Some(base)).await;
    assert_eq!(world.names(snapshot.commit).await, ["a", "b"]);
    world.repository.tidy().await.unwrap();
    assert_eq!(world.read(snapshot.commit, "b").await, "2");
    assert!(world.repository.size().await.unwrap() > 1000);
}

#[tokio::test]
async fn a_dropped_operation_ends_its_processes() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let folder = world.checkout(base, "work").await;
    {
        let snapshot = world.snapshot(&folder, Some(base));
        futures::pin_mut!(snapshot);
        assert!(futures::poll!(snapshot.as_mut()).is_pending());
    }
    // Whatever was begun holds the lock no longer, so that the whole repository can be removed.
    world.repository.clone().remove().await.unwrap();
    assert!(!world.repository.path().exists());
}
