use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::world::{World, executable, git, write_all};

/// Fills a `.git` with everything that makes git run programs, each leaving a mark.
fn poison(git_folder: &Path, mark: &Path) {
    let run = format!("touch {}", mark.display());
    let script = format!("#!/bin/sh\n{run}\n");
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = {run}\n\thooksPath = hooks\n\teditor = {run}\n\tsshCommand = {run}\n\tpager = {run}\n\
         [filter \"evil\"]\n\tclean = {run}\n\tsmudge = {run}\n\tprocess = {run}\n\
         [diff \"evil\"]\n\ttextconv = {run}\n\tcommand = {run}\n[diff]\n\texternal = {run}\n[merge \"evil\"]\n\tdriver = {run}\n\
         [gpg]\n\tprogram = {run}\n[commit]\n\tgpgsign = true\n[alias]\n\tstatus = !{run}\n"
    );
    fs::create_dir_all(git_folder.join("hooks")).unwrap();
    fs::write(git_folder.join("config"), config).unwrap();
    for hook in [
        "pre-commit",
        "post-commit",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-push",
        "update",
    ] {
        fs::write(git_folder.join("hooks").join(hook), &script).unwrap();
        executable(&git_folder.join("hooks").join(hook));
    }
}

#[tokio::test]
async fn nothing_of_a_poisoned_folder_runs() {
    let (world, base) = World::with(&[("a", "1\n"), ("b", "1\n")]).await;
    let folder = world.checkout(base, "work").await;
    let mark = world.path("mark");
    poison(&folder.join(".git"), &mark);
    write_all(
        &folder,
        &[
            (".gitattributes", "* filter=evil diff=evil merge=evil\n"),
            (".gitmodules", "[submodule \"s\"]\n\tpath = s\n\turl = ext::sh -c touch% mark\n\tupdate = !touch mark\n"),
            ("a", "2\n"),
        ],
    );
    // A repository in the folder, with a commit, so that git would take it for a submodule.
    git(world.home.path(), &["init", "-q", "work/s"]);
    git(&folder.join("s"), &["commit", "-q", "--allow-empty", "-m", "x"]);
    poison(&folder.join("s/.git"), &mark);
    write_all(&folder.join("s"), &[("inner", "1\n")]);

    let snapshot = world.snapshot(&folder, Some(base)).await;
    assert_eq!(world.names(snapshot.commit).await, [".gitattributes", ".gitmodules", "a", "b", "s/inner"]);
    let other = world.change(base, &[("b", Some("2\n"))]).await;
    world.repository.diff(base, snapshot.commit).await.unwrap();
    world.repository.patch(base, snapshot.commit, 1 << 20).await.unwrap();
    let commit = world.commit(snapshot.tree, &[base], "x").await;
    world.repository.set_branch(&crate::world::main_branch(), commit, Some(base)).await.unwrap();
    world.repository.merge(&crate::world::main_branch(), other, &crate::world::ada(), "m").await.unwrap();
    world.repository.restore(&folder, base).await.unwrap();
    world.repository.checkout(snapshot.commit, &world.path("second")).await.unwrap();
    assert!(!mark.exists(), "something ran");
    // The poison itself works: a person's git in that folder leaves the mark.
    let careless = Command::new("git").args(["add", "-A"]).current_dir(&folder).output().unwrap();
    drop(careless);
    assert!(mark.exists(), "the test would not notice");
}

#[tokio::test]
async fn a_link_in_place_of_a_folder_is_not_followed() {
    let (world, base) = World::with(&[("d/file", "1\n"), ("d/e/deep", "1\n"), ("a", "1\n")]).await;
    let folder = world.checkout(base, "work").await;
    let outside = world.path("outside");
    write_all(&outside, &[("file", "precious"), ("e/deep", "precious"), ("secret", "precious")]);
    fs::remove_dir_all(folder.join("d")).unwrap();
    symlink(&outside, folder.join("d")).unwrap();
    let snapshot = world.snapshot(&folder, Some(base)).await;
    assert_eq!(world.names(snapshot.commit).await, ["a", "d"]);
    world.repository.restore(&folder, base).await.unwrap();
    assert_eq!(fs::read_to_string(folder.join("d/file")).unwrap(), "1\n");
    for (name, _) in [("file", ()), ("e/deep", ()), ("secret", ())] {
        assert_eq!(fs::read_to_string(outside.join(name)).unwrap(), "precious", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_swapped_for_a_link_all_the_time_reaches_nothing() {
    let (world, base) = World::with(&[("d/file", "1\n"), ("d/other", "1\n"), ("a", "1\n")]).await;
    let folder = world.checkout(base, "work").await;
    let outside = world.path("outside");
    write_all(&outside, &[("file", "precious"), ("other", "precious")]);
    let stop = Arc::new(AtomicBool::new(false));
    let swapping = std::thread::spawn({
        let (stop, folder, outside) = (stop.clone(), folder.clone(), outside.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                swap(&folder, &outside);
            }
        }
    });
    for _ in 0..60 {
        let snapshot = world.snapshot(&folder, Some(base)).await;
        for entry in world.repository.all_files(&snapshot.commit.to_string()).await.unwrap() {
            let text = world.read(snapshot.commit, &entry.name).await;
            assert_ne!(text, "precious", "{} was read through a link", entry.name);
        }
        // It may fail while somebody plays with the folder; it may not reach outside.
        drop(world.repository.restore(&folder, base).await);
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "precious");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 2);
    }
    stop.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
}

fn swap(folder: &Path, outside: &PathBuf) {
    let (d, away) = (folder.join("d"), folder.join(".gone"));
    let done = fs::rename(&d, &away).and_then(|()| symlink(outside, &d)).and_then(|()| fs::remove_file(&d));
    drop(done.and_then(|()| fs::rename(&away, &d)));
    drop(fs::create_dir_all(&d));
}

#[tokio::test]
async fn a_forged_tree_is_not_written() {
    let (world, base) = World::with(&[("a", "1\n")]).await;
    let blob = git(world.repository.path(), &["rev-parse", "main:a"]);
    for name in [".git", "..", ".GIT"] {
        // Git's own commands refuse to make such a tree, so the object is written raw.
        let mut tree = format!("100644 {name}\0").into_bytes();
        tree.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap()));
        fs::write(world.path("tree"), tree).unwrap();
        let file = world.path("tree");
        let oid =
            git(world.repository.path(), &["hash-object", "-t", "tree", "--literally", "-w", file.to_str().unwrap()]);
        let commit = git(world.repository.path(), &["commit-tree", &oid, "-m", "x"]).parse().unwrap();
        let folder = world.path(&format!("forged{}", name.len()));
        let refused = world.repository.checkout(commit, &folder).await;
        assert!(matches!(refused, Err(forge::GitError::Invalid(_))), "{name}: {refused:?}");
        fs::remove_dir_all(folder).unwrap();
    }
    assert!(world.repository.resolve(&base.to_string()).await.is_ok());
}
