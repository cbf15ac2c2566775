use std::fs;

use forge::{FileStatus, GitError, LineKind, Oid};

use crate::world::{World, executable, git, write_all};

#[tokio::test]
async fn a_diff_tells_what_happened_to_each_file() {
    let long: String = (1..=30).map(|n| format!("line {n}\n")).collect();
    let (world, base) = World::with(&[
        ("changed", long.as_str()),
        ("gone", "x\n"),
        ("moved", &long.replace("line", "row")),
        ("mode", "m\n"),
        ("kind", "k\n"),
        ("Cargo.lock", "1\n"),
    ])
    .await;
    let folder = world.checkout(base, "work").await;
    fs::write(folder.join("changed"), long.replace("line 3\n", "LINE 3\n").replace("line 25\n", "")).unwrap();
    fs::remove_file(folder.join("gone")).unwrap();
    fs::rename(folder.join("moved"), folder.join("größer \"q\"")).unwrap();
    executable(&folder.join("mode"));
    fs::remove_file(folder.join("kind")).unwrap();
    std::os::unix::fs::symlink("mode", folder.join("kind")).unwrap();
    write_all(&folder, &[("new", "no end"), ("Cargo.lock", "2\n"), ("empty", "")]);
    fs::write(folder.join("image"), [0_u8, 1, 2, 255]).unwrap();
    let head = world.snapshot(&folder, Some(base)).await.commit;
    let changes = world.repository.diff(base, head).await.unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.path.as_str(), change.status, change.additions, change.deletions))
        .collect();
    assert_eq!(
        told,
        [
            ("Cargo.lock", FileStatus::Modified, 1, 1),
            ("changed", FileStatus::Modified, 1, 2),
            ("empty", FileStatus::Added, 0, 0),
            ("gone", FileStatus::Deleted, 0, 1),
            ("größer \"q\"", FileStatus::Renamed, 0, 0),
            ("image", FileStatus::Added, 0, 0),
            ("kind", FileStatus::TypeChanged, 1, 1),
            ("mode", FileStatus::Modified, 0, 0),
            ("new", FileStatus::Added, 1, 0),
        ]
    );
    let of = |name: &str| changes.iter().find(|change| change.path == name).unwrap();
    assert!(of("Cargo.lock").generated && !of("changed").generated);
    assert!(of("image").binary && of("image").hunks.is_empty());
    assert_eq!(of("größer \"q\"").old_path.as_deref(), Some("moved"));
    assert_eq!(of("mode").modes, Some(("100644".into(), "100755".into())));
    assert_eq!(of("kind").hunks.len(), 2);
    let hunks = &of("changed").hunks;
    assert_eq!(
        hunks.iter().map(|h| (h.old_start, h.old_lines, h.new_start, h.new_lines)).collect::<Vec<_>>(),
        [(1, 6, 1, 6), (22, 7, 22, 6)]
    );
    let added = hunks[0].lines.iter().find(|line| line.kind == LineKind::Added).unwrap();
    assert_eq!((added.new_no, added.text.as_str()), (Some(3), "LINE 3"));
    assert!(of("new").hunks[0].lines[0].no_newline);
    assert_eq!(world.repository.diff(head, head).await.unwrap(), []);
    assert_eq!(world.repository.diff(Oid::EMPTY_TREE, base).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_file_with_very_many_lines_comes_without_them() {
    let (world, base) = World::with(&[("a", "1\n")]).await;
    let many: String = (0..9000).map(|n| format!("{n}\n")).collect();
    let head = world.change(base, &[("many", Some(&many)), ("z", Some("1\n"))]).await;
    let changes = world.repository.diff(base, head).await.unwrap();
    assert_eq!((changes[0].too_large, changes[0].additions, changes[0].hunks.len()), (true, 9000, 0));
    assert_eq!((changes[1].too_large, changes[1].hunks.len()), (false, 1));
}

#[tokio::test]
async fn a_patch_can_be_applied() {
    let (world, base) = World::with(&[("a", "1\n"), ("b", "1\n")]).await;
    let folder = world.checkout(base, "work").await;
    fs::write(folder.join("image"), [0_u8, 1, 2, 255]).unwrap();
    fs::write(folder.join("a"), "2\n").unwrap();
    let tree = world.snapshot(&folder, Some(base)).await.tree;
    let head = world.commit(tree, &[base], "Change both").await;
    let patch = world.repository.patch(base, head, 1 << 20).await.unwrap();
    let other = world.checkout(base, "other").await;
    fs::write(world.path("p"), patch).unwrap();
    git(&other, &["apply", "--index", world.path("p").to_str().unwrap()]);
    assert_eq!(git(&other, &["write-tree"]), tree.to_string());
    assert!(matches!(world.repository.patch(base, head, 10).await, Err(GitError::TooLarge { .. })));
    let mails = world.repository.format_patch(base, head, 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&mails).contains("Subject: [PATCH] Change both"));
    assert!(matches!(world.repository.diff(base, Oid::ZERO).await, Err(GitError::NotFound(_))));
}
