use std::{
    collections::VecDeque,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
};

use rustix::fs::FileType;

use crate::{GitError, Result, folder, lock::blocking};

/// How far a search for files goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// Levels of folders below the first.
    pub depth: usize,
    /// Names that are looked at.
    pub names: usize,
    /// Files that are taken.
    pub files: usize,
    /// Larger files are left, in bytes.
    pub file: u64,
    /// A file that would pass this sum is left, in bytes.
    pub total: u64,
}

/// A file of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Relative to the folder.
    pub path: String,
    pub bytes: Vec<u8>,
}

/// The regular files of a folder whose names are `wanted`, those nearest to its top first, without the folders that are
/// `passed_over`; as far as the limits go.
///
/// The folder may be changing and may be hostile: no link in it is followed. What cannot be read, or whose path is not UTF-8,
/// is not there.
///
/// # Errors
/// When the folder itself cannot be opened.
pub async fn find_files(
    folder: &Path,
    wanted: fn(&str) -> bool,
    passed_over: fn(&str) -> bool,
    limits: SearchLimits,
) -> Result<Vec<FoundFile>> {
    let root = folder.to_path_buf();
    blocking(move || {
        let top = folder::open_root(&root).map_err(|error| GitError::io("opening the folder", error))?;
        Ok(search(&top, wanted, passed_over, limits))
    })
    .await
}

fn search(
    top: &OwnedFd,
    wanted: fn(&str) -> bool,
    passed_over: fn(&str) -> bool,
    limits: SearchLimits,
) -> Vec<FoundFile> {
    let (mut looked, mut total, mut found) = (0, 0, Vec::new());
    // Level by level, so that what lies near the top is found however much lies below.
    let mut folders: VecDeque<Vec<String>> = VecDeque::from([Vec::new()]);
    while let Some(path) = folders.pop_front() {
        let Some((at, names)) = open(top, &path) else { continue };
        for name in names {
            looked += 1;
            if looked > limits.names || found.len() >= limits.files {
                return found;
            }
            let Ok(Some(stat)) = folder::look(&at, &name) else { continue };
            let Ok(name) = String::from_utf8(name) else { continue };
            match folder::kind(&stat) {
                FileType::Directory if path.len() < limits.depth && !passed_over(&name) => {
                    folders.push_back(below(&path, name));
                }
                FileType::RegularFile if wanted(&name) => {
                    let Ok(Some((bytes, _))) = folder::read(&at, name.as_bytes(), limits.file) else { continue };
                    let sum = total + bytes.len() as u64;
                    if sum <= limits.total {
                        total = sum;
                        found.push(FoundFile { path: below(&path, name).join("/"), bytes });
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// A folder below the top, one name after the other; `None` when it is gone or became something else.
fn open(top: &OwnedFd, path: &[String]) -> Option<(OwnedFd, Vec<Vec<u8>>)> {
    let mut at = top.as_fd().try_clone_to_owned().ok()?;
    for name in path {
        at = folder::open_folder(&at, name.as_bytes()).ok()?;
    }
    let names = folder::names(&at).ok()?;
    Some((at, names))
}

fn below(path: &[String], name: String) -> Vec<String> {
    path.iter().cloned().chain([name]).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    const LIMITS: SearchLimits = SearchLimits { depth: 2, names: 100, files: 3, file: 10, total: 16 };

    async fn found(folder: &Path, limits: SearchLimits) -> Vec<String> {
        let found = find_files(folder, |name| name.ends_with(".xml"), |name| name == "node_modules", limits).await;
        found.unwrap().into_iter().map(|file| file.path).collect()
    }

    #[tokio::test]
    async fn files_are_found_by_name_within_the_limits_and_never_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["a/b/c", "node_modules", "z"] {
            fs::create_dir_all(root.join(path)).unwrap();
        }
        for path in ["a/b/two.xml", "a/b/c/deep.xml", "node_modules/no.xml", "top.xml", "z/one.xml", "z/other.txt"] {
            fs::write(root.join(path), "12345").unwrap();
        }
        fs::write(root.join("large.xml"), "12345678901").unwrap();
        symlink("/etc/hostname", root.join("link.xml")).unwrap();
        symlink(root.join("a"), root.join("linked")).unwrap();
        assert_eq!(found(root, LIMITS).await, ["top.xml", "z/one.xml", "a/b/two.xml"]);
        assert_eq!(found(root, SearchLimits { files: 1, ..LIMITS }).await, ["top.xml"]);
        assert_eq!(found(root, SearchLimits { total: 12, ..LIMITS }).await, ["top.xml", "z/one.xml"]);
        assert_eq!(found(root, SearchLimits { names: 7, ..LIMITS }).await, ["top.xml"]);
        assert!(find_files(&root.join("linked"), |_| true, |_| false, LIMITS).await.is_err());
    }
}
