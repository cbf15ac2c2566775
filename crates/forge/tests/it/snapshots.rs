use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::symlink, net::UnixListener},
    path::Path,
};

use forge::{EntryKind, GitError, LeftOutReason, Limits};
use proptest::{prelude::*, sample::select};

use crate::world::{World, executable, git, hidden, write_all};

#[tokio::test]
async fn everything_not_ignored_is_kept() {
    let (world, base) =
        World::with(&[(".gitignore", "target/\n*.log\n!keep.log\n/only-top\n"), ("src/a.rs", "1"), ("kept.bin", "x")])
            .await;
    let folder = world.checkout(base, "work").await;
    write_all(
        &folder,
        &[
            ("target/big.o", ""),
            ("x.log", ""),
            ("keep.log", "k"),
            ("only-top", ""),
            ("src/only-top", ""),
            ("src/.gitignore", "!y.log\n"),
            ("src/y.log", ""),
            ("src/new.rs", "2"),
            ("sub/.gitignore", "*\n"),
            ("sub/hidden", ""),
            ("größe/日本 \"q\"\n", "weird"),
            ("-dash", ""),
        ],
    );
    fs::write(folder.join(OsStr::from_bytes(b"latin\xe9")), "bytes").unwrap();
    fs::write(folder.join("kept.bin"), [0, 255, 13, 10, 13]).unwrap();
    executable(&folder.join("src/a.rs"));
    symlink("src/a.rs", folder.join("link")).unwrap();
    symlink("/etc/passwd", folder.join("out")).unwrap();
    let snapshot = world.snapshot(&folder, Some(base)).await;
    assert!(snapshot.changed);
    assert_eq!(snapshot.left_out, []);
    // What git itself would add, asked in a copy of the folder.
    let expected = world.path("expected");
    git(world.home.path(), &["init", "-q", "expected"]);
    git(world.home.path(), &["--git-dir=expected/.git", "--work-tree=work", "add", "--all"]);
    let tree = git(&expected, &["write-tree"]);
    assert_eq!(snapshot.tree.to_string(), tree);
    let entries = world.repository.all_files(hidden().as_str()).await.unwrap();
    let kind = |name: &str| entries.iter().find(|entry| entry.name == name).map(|entry| entry.kind);
    assert_eq!(kind("src/a.rs"), Some(EntryKind::Executable));
    assert_eq!(kind("out"), Some(EntryKind::Link));
    assert_eq!(world.repository.read(hidden().as_str(), "out", 100).await.unwrap(), b"/etc/passwd");
    let again = world.snapshot(&folder, Some(snapshot.commit)).await;
    assert!(!again.changed);
    assert_eq!(again.tree, snapshot.tree);
}

#[tokio::test]
async fn a_tracked_file_stays_though_it_is_ignored() {
    let (world, base) = World::with(&[("dist/app.js", "1"), ("a", "1")]).await;
    let base = world.change(base, &[(".gitignore", Some("dist/\n"))]).await;
    let folder = world.checkout(base, "work").await;
    write_all(&folder, &[("dist/app.js", "2"), ("dist/new.js", "3")]);
    let snapshot = world.snapshot(&folder, Some(base)).await;
    assert_eq!(world.names(snapshot.commit).await, [".gitignore", "a", "dist/app.js"]);
    assert_eq!(world.read(snapshot.commit, "dist/app.js").await, "2");
}

#[tokio::test]
async fn what_tools_leave_is_no_change_unless_the_repository_wants_it() {
    let (world, base) = World::with(&[("a.py", "1"), ("vendored/node_modules/b.js", "1")]).await;
    let folder = world.checkout(base, "work").await;
    let left = [("__pycache__/a.cpython-311.pyc", "x"), ("node_modules/c/index.js", "x"), ("d/.DS_Store", "x")];
    write_all(&folder, &left);
    write_all(&folder, &[("vendored/node_modules/b.js", "2"), ("vendored/node_modules/new.js", "1")]);
    let snapshot = world.snapshot(&folder, Some(base)).await;
    assert_eq!(world.names(snapshot.commit).await, ["a.py", "vendored/node_modules/b.js"]);
    assert_eq!(world.read(snapshot.commit, "vendored/node_modules/b.js").await, "2");
    world.repository.restore(&folder, base).await.unwrap();
    assert!(folder.join("node_modules/c/index.js").exists(), "what was installed for the tests stays for them");

    write_all(&folder, &[("vendored/.gitignore", "!node_modules/\n")]);
    let wanted = world.snapshot(&folder, Some(base)).await;
    let names = ["a.py", "vendored/.gitignore", "vendored/node_modules/b.js", "vendored/node_modules/new.js"];
    assert_eq!(world.names(wanted.commit).await, names);
}

#[tokio::test]
async fn what_is_left_out_is_told() {
    let (world, base) = World::with(&[("grows", "small"), ("a", "1")]).await;
    let folder = world.checkout(base, "work").await;
    fs::write(folder.join("grows"), vec![b'x'; 2000]).unwrap();
    fs::write(folder.join("huge"), vec![b'x'; 2000]).unwrap();
    write_all(&folder, &[(".GIT/config", ""), ("d/git~1", ""), ("nested/.git/HEAD", "x"), ("nested/file", "1")]);
    let _socket = UnixListener::bind(folder.join("socket")).unwrap();
    symlink("a", folder.join(".gitmodules")).unwrap();
    let limits = Limits { file: 1000, ..Limits::default() };
    let snapshot = world.snapshot_within(&folder, Some(base), limits).await.unwrap();
    let told: Vec<_> = snapshot.left_out.iter().map(|out| (out.path.as_str(), out.reason)).collect();
    assert_eq!(
        told,
        [
            (".GIT", LeftOutReason::Reserved),
            (".gitmodules", LeftOutReason::Reserved),
            ("d/git~1", LeftOutReason::Reserved),
            ("grows", LeftOutReason::TooLarge),
            ("huge", LeftOutReason::TooLarge),
            ("socket", LeftOutReason::Special),
        ]
    );
    assert_eq!(world.names(snapshot.commit).await, ["a", "grows", "nested/file"]);
    assert_eq!(world.read(snapshot.commit, "grows").await, "small", "too large is not deleted");
    let few = Limits { files: 1, ..limits };
    assert!(matches!(world.snapshot_within(&folder, Some(base), few).await, Err(GitError::Invalid(_))));
    let little = Limits { total: 500, ..limits };
    assert!(matches!(world.snapshot_within(&folder, Some(base), little).await, Err(GitError::TooLarge { .. })));
}

#[tokio::test]
async fn a_submodule_stays_a_submodule() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let entry = format!(
        "160000 commit {base}\tlib\n100644 blob {}\ta\n",
        git(world.repository.path(), &["rev-parse", "main:a"])
    );
    fs::write(world.path("entries"), entry).unwrap();
    let tree = std::process::Command::new("git")
        .arg("mktree")
        .args(["--missing"])
        .current_dir(world.repository.path())
        .stdin(fs::File::open(world.path("entries")).unwrap())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap().trim().parse().unwrap();
    let commit = world.commit(tree, &[base], "With a submodule").await;
    let folder = world.checkout(commit, "work").await;
    assert!(folder.join("lib").is_dir());
    write_all(&folder, &[("lib/.git", "gitdir: /etc"), ("lib/file", "")]);
    let snapshot = world.snapshot(&folder, Some(commit)).await;
    assert_eq!(snapshot.tree, tree);
    fs::remove_dir_all(folder.join("lib")).unwrap();
    let without = world.snapshot(&folder, Some(commit)).await;
    assert_eq!(world.names(without.commit).await, ["a"]);
}

#[tokio::test]
async fn a_folder_is_brought_back() {
    let (world, base) = World::with(&[(".gitignore", "out/\n"), ("a/b/c", "1"), ("d", "1"), ("run", "1")]).await;
    let folder = world.checkout(base, "work").await;
    let untouched = fs::metadata(folder.join("a/b/c")).unwrap().modified().unwrap();
    write_all(
        &folder,
        &[("out/cache", "kept"), ("new/deep/file", "x"), (".gitignore", "out/\nsecret\n"), ("secret", "s")],
    );
    fs::remove_file(folder.join("d")).unwrap();
    write_all(&folder, &[("d/file", "a folder now")]);
    executable(&folder.join("run"));
    let done = world.repository.restore(&folder, base).await.unwrap();
    assert_eq!(done.kept, []);
    assert!(!folder.join("new").exists());
    assert!(!folder.join("secret").exists(), "by the restored rules it is not ignored");
    assert_eq!(fs::read_to_string(folder.join("d")).unwrap(), "1");
    assert_eq!(fs::read_to_string(folder.join("out/cache")).unwrap(), "kept");
    assert_eq!(fs::metadata(folder.join("a/b/c")).unwrap().modified().unwrap(), untouched);
    assert_eq!(git(&folder, &["status", "--porcelain"]), "");
    assert_eq!(world.snapshot(&folder, Some(base)).await.tree, world.repository.tree_of(base).await.unwrap());
}

#[tokio::test]
async fn line_endings_are_bytes() {
    let (world, base) = World::with(&[
        (".gitattributes", "* text eol=crlf\n*.x ident filter=evil\n"),
        ("a", "1\n2\r\n"),
        ("b.x", "$Id$\n"),
    ])
    .await;
    let folder = world.checkout(base, "work").await;
    assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "1\n2\r\n");
    assert_eq!(fs::read_to_string(folder.join("b.x")).unwrap(), "$Id$\n");
    assert!(!world.snapshot(&folder, Some(base)).await.changed);
}

#[tokio::test]
async fn the_cache_never_hides_a_change() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let folder = world.checkout(base, "work").await;
    let mut parent = base;
    for round in 0..40 {
        // The same length each time, and often within one tick of the file system's clock.
        fs::write(folder.join("a"), format!("{round:04}")).unwrap();
        parent = world.snapshot(&folder, Some(parent)).await.commit;
        assert_eq!(world.read(parent, "a").await, format!("{round:04}"));
    }
}

#[tokio::test]
async fn a_cache_that_names_lost_objects_is_passed_over() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let folder = world.checkout(base, "work").await;
    write_all(&folder, &[("b", "only here")]);
    world.snapshot(&folder, Some(base)).await;
    world.snapshot(&folder, Some(base)).await;
    world.repository.delete_hidden(&[hidden()]).await.unwrap();
    git(world.repository.path(), &["prune", "--expire=now"]);
    let again = world.snapshot(&folder, Some(base)).await;
    assert_eq!(world.read(again.commit, "b").await, "only here");
}

#[tokio::test]
async fn snapshots_at_the_same_time_do_not_meet() {
    let (world, base) = World::with(&[("a", "1")]).await;
    let mut folders = Vec::new();
    for agent in 0..6 {
        let folder = world.checkout(base, &format!("work{agent}")).await;
        write_all(&folder, &[("mine", &agent.to_string())]);
        folders.push((forge::HiddenRef::new(&format!("runs/1/{agent}")).unwrap(), folder));
    }
    let author = crate::world::ada();
    let all = folders.iter().map(|(reference, folder)| {
        let new = forge::NewSnapshot {
            folder,
            parent: Some(base),
            reference,
            author: &author,
            message: "m",
            limits: Limits::default(),
        };
        let repository = &world.repository;
        async move { repository.snapshot(&new).await }
    });
    let done: Vec<_> = futures::future::join_all(all).await;
    for (agent, made) in done.into_iter().enumerate() {
        assert_eq!(world.read(made.unwrap().commit, "mine").await, agent.to_string());
    }
    assert_eq!(world.repository.hidden("runs/1").await.unwrap().len(), 6);
    assert!(git(world.repository.path(), &["fsck", "--strict"]).is_empty());
}

#[derive(Clone, Debug)]
enum Act {
    File(String, Vec<u8>),
    Run(String),
    Link(String, String),
    Remove(String),
}

fn act() -> impl Strategy<Value = Act> {
    let name = || {
        select(vec!["a", "b", "d/a", "d/e/f", "d", "x.log", "d/.gitignore", ".gitignore", "größe", "sp ace/\"q\""])
            .prop_map(String::from)
    };
    let text = select(vec!["", "1\n", "2", "*.log\n", "/a\nd/\n", "!x.log\n", "\u{0}\u{1}"])
        .prop_map(|text| text.as_bytes().to_vec());
    prop_oneof![
        (name(), text).prop_map(|(name, text)| Act::File(name, text)),
        name().prop_map(Act::Run),
        (name(), name()).prop_map(|(name, to)| Act::Link(name, to)),
        name().prop_map(Act::Remove),
    ]
}

/// Does what is possible; a name may be in the way of another.
fn perform(folder: &Path, act: &Act) {
    let clear = |path: &Path| {
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir_all(path).is_ok()
        } else {
            fs::remove_file(path).is_ok() || !path.exists()
        }
    };
    let ready = |name: &str| {
        let path = folder.join(name);
        let above = path.parent().unwrap();
        (!above.is_symlink() && fs::create_dir_all(above).is_ok() && clear(&path)).then_some(path)
    };
    let done = match act {
        Act::File(name, text) => ready(name).map(|path| fs::write(path, text)),
        Act::Link(name, to) => ready(name).map(|path| symlink(to, path)),
        Act::Run(name) => {
            let path = folder.join(name);
            (path.is_file() && !path.is_symlink()).then(|| {
                executable(&path);
                Ok(())
            })
        }
        Act::Remove(name) => clear(&folder.join(name)).then_some(Ok(())),
    };
    drop(done);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_restored_is_what_was_kept(before in prop::collection::vec(act(), 1..8), after in prop::collection::vec(act(), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (world, base) = World::with(&[("a", "1"), ("d/a", "2")]).await;
            let folder = world.checkout(base, "work").await;
            before.iter().for_each(|act| perform(&folder, act));
            let kept = world.snapshot(&folder, Some(base)).await;
            after.iter().for_each(|act| perform(&folder, act));
            world.snapshot(&folder, Some(kept.commit)).await;
            world.repository.restore(&folder, kept.commit).await.unwrap();
            let again = world.snapshot(&folder, Some(kept.commit)).await;
            assert_eq!(again.tree, kept.tree, "{before:?} then {after:?}");
        });
    }
}
