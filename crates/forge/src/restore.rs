use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::{
    GitError, LeftOut, Limits, Oid, Repository, Result,
    cache::Cache,
    folder,
    git::Git,
    lock::{self, blocking},
    names::{reserved, reserved_link},
    snapshot::Reader,
    tree::{Blob, Listing, Mode},
    walk::Walk,
};

/// What restoring a folder did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    pub written: usize,
    pub removed: usize,
    /// Files of the folder that no snapshot would take, and which therefore stayed.
    pub kept: Vec<LeftOut>,
}

impl Repository {
    /// Makes a folder hold the files of a commit again. Files that are the same are not touched, ignored ones stay.
    ///
    /// As hostile as the folder may be, only its own inside changes. What a snapshot would have taken and the commit does not
    /// have is removed: take a snapshot first.
    ///
    /// # Errors
    /// [`GitError::NotFound`] when there is no such commit.
    pub async fn restore(&self, folder: &Path, commit: Oid) -> Result<Restored> {
        let target = self.listing(commit).await?;
        let job = Job { repository: self.path().to_path_buf(), folder: folder.to_path_buf(), target };
        blocking(move || job.run()).await
    }
}

struct Job {
    repository: PathBuf,
    folder: PathBuf,
    target: Listing,
}

impl Job {
    fn run(self) -> Result<Restored> {
        let _held = lock::shared_blocking(&self.repository)?;
        if let Some(path) = self.target.iter().find_map(|(path, blob)| (!acceptable(path, *blob)).then_some(path)) {
            let path = String::from_utf8_lossy(path).escape_debug().to_string();
            return Err(GitError::Invalid(format!("The commit holds a file that must not be written: “{path}”.")));
        }
        let root = folder::open_root(&self.folder).map_err(|error| GitError::io("opening the folder", error))?;
        let mut done = Restored::default();
        // What is ignored can change with a restored `.gitignore`; then one more pass sees the folder by the new rules.
        while self.pass(&root, &mut done)? {}
        Ok(done)
    }

    /// One comparison and repair; whether the rules of what is ignored changed by it.
    fn pass(&self, root: &OwnedFd, done: &mut Restored) -> Result<bool> {
        let (present, kept) = self.present()?;
        done.kept = kept;
        let mut rules = false;
        for path in present.keys().filter(|path| !self.target.contains_key(*path)) {
            remove(root, path).map_err(|error| at(path, error))?;
            done.removed += 1;
            rules |= path.ends_with(b".gitignore");
        }
        let mut objects = Objects::start(&self.repository)?;
        for (path, blob) in self.target.iter().filter(|(path, blob)| present.get(*path) != Some(blob)) {
            let bytes = if blob.mode == Mode::Submodule { Vec::new() } else { objects.read(blob.oid)? };
            write(root, path, blob.mode, &bytes).map_err(|error| at(path, error))?;
            done.written += 1;
            rules |= path.ends_with(b".gitignore") && !present.is_empty();
        }
        Ok(rules)
    }

    /// What the folder holds now, as a snapshot would see it.
    fn present(&self) -> Result<(Listing, Vec<LeftOut>)> {
        let limits = Limits { total: u64::MAX, ..Limits::default() };
        let mut reader = Reader {
            cache: Cache::open(&self.repository, &self.folder, true)?,
            known: HashSet::new(),
            import: None,
            limits,
            total: 0,
            files: BTreeMap::new(),
        };
        let mut walk = Walk::new(&self.target, limits, |path, found| reader.take(path, found));
        walk.run(&self.folder)?;
        let kept = walk.left_out.into_iter().filter(|out| !self.target.contains_key(&out.raw)).collect();
        Ok((reader.files, kept))
    }
}

fn at(path: &[u8], error: std::io::Error) -> GitError {
    GitError::io(format!("restoring {}", String::from_utf8_lossy(path).escape_debug()), error)
}

/// Trees can be forged to hold any name.
fn acceptable(path: &[u8], blob: Blob) -> bool {
    let mut parts = path.split(|byte| *byte == b'/');
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    !(parts.any(reserved) || blob.mode == Mode::Link && reserved_link(last))
}

/// The folder of a path, made where it is missing, and the last name.
fn parent<'p>(root: &OwnedFd, path: &'p [u8]) -> std::io::Result<(OwnedFd, &'p [u8])> {
    let mut at = root.try_clone()?;
    let mut rest = path;
    while let Some(slash) = rest.iter().position(|byte| *byte == b'/') {
        at = folder::make_folder(&at, &rest[..slash])?;
        rest = &rest[slash + 1..];
    }
    Ok((at, rest))
}

fn write(root: &OwnedFd, path: &[u8], mode: Mode, bytes: &[u8]) -> std::io::Result<()> {
    let (at, name) = parent(root, path)?;
    folder::write(&at, name, mode, bytes)
}

/// Removes a file, and then the folders above it that it leaves empty.
fn remove(root: &OwnedFd, path: &[u8]) -> std::io::Result<()> {
    let mut chain = vec![root.try_clone()?];
    let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    let (name, folders) = parts.split_last().ok_or(std::io::ErrorKind::InvalidInput)?;
    for part in folders {
        let Some(last) = chain.last() else { break };
        match folder::open_folder(last, part) {
            Ok(inner) => chain.push(inner),
            // Somebody else removed or replaced it meanwhile.
            Err(_) => return Ok(()),
        }
    }
    for (level, at) in chain.iter().enumerate().rev() {
        if level == folders.len() {
            folder::remove(at, name)?;
        } else if !folder::remove_if_empty(at, folders[level])? {
            break;
        }
    }
    Ok(())
}

/// A running `git cat-file --batch`.
struct Objects {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Objects {
    fn start(repository: &Path) -> Result<Self> {
        let mut command = Git::within("cat-file", repository).args(["--batch"]).input(Vec::new()).command();
        let failed = |error| GitError::io("starting git", error);
        let mut child = command.stderr(std::process::Stdio::null()).spawn().map_err(failed)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Self { child, stdin, stdout: BufReader::new(stdout) }),
            _ => Err(failed(std::io::Error::other("no pipes"))),
        }
    }

    fn read(&mut self, oid: Oid) -> Result<Vec<u8>> {
        self.answer(oid).map_err(|error| GitError::io(format!("reading object {oid}"), error))
    }

    /// `<oid> blob <size>`, a line break, the bytes, a line break.
    fn answer(&mut self, oid: Oid) -> std::io::Result<Vec<u8>> {
        writeln!(self.stdin, "{oid}")?;
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        let size = line.strip_prefix(&format!("{oid} blob ")).and_then(|size| size.trim().parse::<usize>().ok());
        let size =
            size.ok_or_else(|| std::io::Error::other(format!("git answered “{}”", line.trim().escape_debug())))?;
        let mut bytes = vec![0; size + 1];
        self.stdout.read_exact(&mut bytes)?;
        bytes.pop();
        Ok(bytes)
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            tracing::debug!(%error, "git cat-file was gone already");
        }
    }
}
