use std::io::{Cursor, Write as _};

use forge::{ArchiveKind, ArchiveLimits, GitError, Repository, Snapshot};
use tempfile::TempDir;

use crate::world::{ada, main_branch};

async fn import(
    kind: ArchiveKind,
    bytes: Vec<u8>,
    limits: ArchiveLimits,
) -> forge::Result<(TempDir, Repository, Snapshot)> {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("r.git");
    let (repository, made) =
        Repository::import_archive(&place, &main_branch(), (kind, Cursor::new(bytes)), limits, (&ada(), "Begin"))
            .await
            .inspect_err(|_| assert!(!place.exists()))?;
    Ok((home, repository, made))
}

#[derive(Clone, Copy)]
enum Part<'a> {
    File(&'a str, &'a [u8], u32),
    Link(&'a str, &'a str),
    Hard(&'a str, &'a str),
    Folder(&'a str),
}

fn tar_gz(parts: &[Part<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for part in parts {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        let (name, kind, to, bytes): (_, _, _, &[u8]) = match part {
            Part::File(name, bytes, mode) => {
                header.set_mode(*mode);
                (*name, tar::EntryType::Regular, None, *bytes)
            }
            Part::Link(name, to) => (*name, tar::EntryType::Symlink, Some(*to), &[]),
            Part::Hard(name, to) => (*name, tar::EntryType::Link, Some(*to), &[]),
            Part::Folder(name) => (*name, tar::EntryType::Directory, None, &[]),
        };
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        if let Some(to) = to {
            header.set_link_name_literal(to).unwrap();
        }
        // Written raw: the library refuses the names that matter here.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

fn zipped(files: &[(&str, &[u8], u32)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes, mode) in files {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

async fn names(repository: &Repository) -> Vec<String> {
    repository
        .all_files("main")
        .await
        .unwrap()
        .into_iter()
        .map(|entry| format!("{:?} {}", entry.kind, entry.name))
        .collect()
}

#[tokio::test]
async fn the_folder_of_an_archive_is_the_project() {
    let bytes = tar_gz(&[
        Part::Folder("project-1.0/"),
        Part::File("project-1.0/run.sh", b"echo", 0o755),
        Part::File("project-1.0/src/a.rs", b"1", 0o644),
        Part::File("project-1.0/.git/config", b"[core]", 0o644),
        Part::Link("project-1.0/link", "src/../run.sh"),
        Part::File("project-1.0/.gitignore", b"*.log\n", 0o644),
        Part::File("project-1.0/x.log", b"", 0o644),
        Part::File("project-1.0/node_modules/b.js", b"1", 0o644),
    ]);
    let (_home, repository, made) = import(ArchiveKind::TarGz, bytes, ArchiveLimits::default()).await.unwrap();
    assert_eq!(
        names(&repository).await,
        ["File .gitignore", "Link link", "File node_modules/b.js", "Executable run.sh", "File src/a.rs"]
    );
    assert_eq!(repository.branch(&main_branch()).await.unwrap(), Some(made.commit));
}

#[tokio::test]
async fn a_zip_is_taken_as_it_is() {
    let bytes = zipped(&[("a.txt", b"1", 0o644), ("bin/tool", b"x", 0o755), ("größe/b", b"2", 0o644)]);
    let (_home, repository, _) = import(ArchiveKind::Zip, bytes, ArchiveLimits::default()).await.unwrap();
    assert_eq!(names(&repository).await, ["File a.txt", "Executable bin/tool", "File größe/b"]);
}

#[tokio::test]
async fn archives_that_reach_outside_are_refused() {
    let bad = [
        vec![Part::File("../evil", b"x", 0o644)],
        vec![Part::File("/etc/evil", b"x", 0o644)],
        vec![Part::File("a/../../evil", b"x", 0o644)],
        vec![Part::Link("link", "/etc"), Part::File("link/evil", b"x", 0o644)],
        vec![Part::Link("link", "../..")],
        vec![Part::Link("a/link", "b/../../../x")],
        vec![Part::Hard("hard", "/etc/passwd")],
        vec![Part::File("a", b"x", 0o644), Part::File("a", b"y", 0o644)],
        vec![Part::File("a", b"x", 0o644), Part::File("a/b", b"y", 0o644)],
    ];
    for (at, parts) in bad.iter().enumerate() {
        let refused = import(ArchiveKind::TarGz, tar_gz(parts), ArchiveLimits::default()).await;
        assert!(matches!(refused, Err(GitError::Invalid(_))), "{at}: {:?}", refused.map(|made| made.2));
    }
    let inside = [Part::Link("link", "d"), Part::File("link/file", b"x", 0o644)];
    let refused = import(ArchiveKind::TarGz, tar_gz(&inside), ArchiveLimits::default()).await;
    assert!(matches!(refused, Err(GitError::Invalid(_))), "links are made last, so nothing is written through one");
    let slip = import(ArchiveKind::Zip, zipped(&[("../evil", b"x", 0o644)]), ArchiveLimits::default()).await;
    assert!(matches!(slip, Err(GitError::Invalid(_))));
    for kind in [ArchiveKind::Zip, ArchiveKind::TarGz, ArchiveKind::Tar] {
        let refused = import(kind, b"not an archive, not at all".repeat(40), ArchiveLimits::default()).await;
        assert!(matches!(refused, Err(GitError::Invalid(_))), "{kind:?}: {:?}", refused.map(|made| made.2));
    }
}

#[tokio::test]
async fn archives_that_grow_too_much_are_refused() {
    let limits = ArchiveLimits { packed: 100_000, unpacked: 1 << 20, entries: 10 };
    let zeros = vec![0; 4 << 20];
    let bomb = zipped(&[("zeros", &zeros, 0o644)]);
    assert!(bomb.len() < 100_000);
    assert!(matches!(import(ArchiveKind::Zip, bomb, limits).await, Err(GitError::TooLarge { .. })));
    let bomb = tar_gz(&[Part::File("zeros", &zeros, 0o644)]);
    assert!(matches!(import(ArchiveKind::TarGz, bomb, limits).await, Err(GitError::TooLarge { .. })));
    let long = vec![Part::Folder("d"); 11];
    assert!(matches!(import(ArchiveKind::TarGz, tar_gz(&long), limits).await, Err(GitError::Invalid(_))));
    let large = vec![b'x'; 100_001];
    assert!(matches!(import(ArchiveKind::Tar, large, limits).await, Err(GitError::TooLarge { .. })));
}
