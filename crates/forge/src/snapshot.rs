use std::{
    collections::{BTreeMap, HashSet},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::Stat;
use sha1::{Digest as _, Sha1};

use crate::{
    GitError, HiddenRef, Oid, Repository, Result, Signature,
    cache::{Cache, State},
    fast_import::Import,
    folder,
    lock::{self, blocking},
    tree::{Blob, Listing, Mode},
    walk::{Found, Walk},
};

/// How much a snapshot takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Larger files are left out, in bytes.
    pub file: u64,
    /// Refused above this sum, in bytes.
    pub total: u64,
    /// Refused above this number.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 50 << 20, total: 2 << 30, files: 200_000 }
    }
}

/// Why a file is not in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOutReason {
    /// Larger than the limit for one file.
    TooLarge,
    /// A device, a socket, a named pipe.
    Special,
    /// Could not be opened.
    Unreadable,
    /// A name that could pass for git's own folder.
    Reserved,
    /// Below too many folders.
    TooDeep,
}

/// A file that was left out. If an earlier commit has it, the snapshot keeps it as it was there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    pub path: String,
    pub reason: LeftOutReason,
    pub(crate) raw: Vec<u8>,
}

/// What to keep of a folder, and under which name.
#[derive(Clone, Debug)]
pub struct NewSnapshot<'a> {
    pub folder: &'a Path,
    /// The commit that the folder came from, or the snapshot before. Ignored files that it has stay in.
    pub parent: Option<Oid>,
    /// Points at the snapshot afterwards.
    pub reference: &'a HiddenRef,
    pub author: &'a Signature,
    pub message: &'a str,
    pub limits: Limits,
}

/// A folder as it was, kept as a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub commit: Oid,
    pub tree: Oid,
    pub files: usize,
    /// Whether anything differs from the parent.
    pub changed: bool,
    pub left_out: Vec<LeftOut>,
}

impl Repository {
    /// Keeps all files of a folder that are not ignored, with their executable bits and links, as a commit under a hidden ref.
    /// Except in a first one, without a parent, what tools leave (`node_modules`, `__pycache__`) counts as ignored too, unless
    /// a `.gitignore` says otherwise.
    ///
    /// The folder may be changing and may be hostile: no link in it is followed, no repository in it is read, and nothing in
    /// it is executed.
    ///
    /// # Errors
    /// [`GitError::TooLarge`] over the limit for the sum; [`GitError::Invalid`] for too many files.
    pub async fn snapshot(&self, new: &NewSnapshot<'_>) -> Result<Snapshot> {
        let reference = new.reference.as_str();
        match self.keep(new, reference, true).await {
            // The cache can name objects that a clean-up removed. Without it everything is read again.
            Err(GitError::Failed { .. }) => self.keep(new, reference, false).await,
            other => other,
        }
    }

    pub(crate) async fn keep(&self, new: &NewSnapshot<'_>, reference: &str, trust: bool) -> Result<Snapshot> {
        let parent = match new.parent {
            Some(parent) => self.listing(parent).await?,
            None => Listing::new(),
        };
        let job = Job {
            repository: self.path().to_path_buf(),
            folder: new.folder.to_path_buf(),
            limits: new.limits,
            first: new.parent.is_none(),
            commit: header(new, reference),
            trust,
        };
        let (files, changed, left_out) = blocking(move || job.run(&parent)).await?;
        let commit = self.resolve(reference).await?;
        Ok(Snapshot { commit, tree: self.tree_of(commit).await?, files, changed, left_out })
    }
}

/// The head of the commit in the language of git-fast-import(1).
fn header(new: &NewSnapshot<'_>, reference: &str) -> Vec<u8> {
    let author = new.author.raw();
    let message = new.message.replace('\0', "");
    let from = new.parent.map(|parent| format!("from {parent}\n")).unwrap_or_default();
    // Without a parent the ref is emptied first, or the commit would continue what the ref points at.
    let reset = if new.parent.is_none() { format!("reset {reference}\n") } else { String::new() };
    format!("{reset}commit {reference}\nauthor {author}\ncommitter {author}\ndata {}\n{message}\n{from}", message.len())
        .into_bytes()
}

struct Job {
    repository: PathBuf,
    folder: PathBuf,
    limits: Limits,
    /// Nothing came before it.
    first: bool,
    commit: Vec<u8>,
    trust: bool,
}

impl Job {
    fn run(self, parent: &Listing) -> Result<(usize, bool, Vec<LeftOut>)> {
        let _held = lock::shared_blocking(&self.repository)?;
        let mut import = Import::start(&self.repository)?;
        let mut reader = Reader {
            cache: Cache::open(&self.repository, &self.folder, self.trust)?,
            known: parent.values().map(|blob| blob.oid).collect(),
            import: Some(&mut import),
            limits: self.limits,
            total: 0,
            files: BTreeMap::new(),
        };
        let mut walk = Walk::new(parent, self.limits, |path, found| reader.take(path, found));
        if self.first {
            walk = walk.with_litter();
        }
        walk.run(&self.folder)?;
        let left_out = walk.left_out;
        let Reader { cache, mut files, .. } = reader;
        keep_left_out(parent, &left_out, &mut files);
        let changed = files != *parent;
        import.finish(&self.commit, parent, &files)?;
        cache.save()?;
        Ok((files.len(), changed, left_out))
    }
}

/// What was left out stays as the parent has it: being too large is not being deleted.
fn keep_left_out(parent: &Listing, left_out: &[LeftOut], files: &mut Listing) {
    for out in left_out {
        let inside = parent.range(out.raw.clone()..).take_while(|(path, _)| path.starts_with(&out.raw));
        for (path, blob) in inside {
            if path.len() == out.raw.len() || path[out.raw.len()] == b'/' || out.raw.is_empty() {
                files.insert(path.clone(), *blob);
            }
        }
    }
}

/// Turns files into objects: by what is known about them, or by reading them.
pub(crate) struct Reader<'a> {
    pub(crate) cache: Cache,
    /// Objects that the repository has already.
    pub(crate) known: HashSet<Oid>,
    /// `None` when only names of objects are asked for.
    pub(crate) import: Option<&'a mut Import>,
    pub(crate) limits: Limits,
    pub(crate) total: u64,
    pub(crate) files: Listing,
}

impl Reader<'_> {
    pub(crate) fn take(&mut self, path: &[u8], found: &Found<'_>) -> Result<Option<LeftOutReason>> {
        let blob = match found {
            Found::Known(blob) => *blob,
            Found::Item { folder, name, stat, mode } => match self.item(path, folder, name, (stat, *mode))? {
                Ok(blob) => blob,
                Err(reason) => return Ok(Some(reason)),
            },
        };
        self.files.insert(path.to_vec(), blob);
        Ok(None)
    }

    fn item(
        &mut self,
        path: &[u8],
        at: &OwnedFd,
        name: &[u8],
        (stat, mode): (&Stat, Mode),
    ) -> Result<std::result::Result<Blob, LeftOutReason>> {
        self.total += u64::try_from(stat.st_size).unwrap_or(0).min(self.limits.file);
        if self.total > self.limits.total {
            return Err(GitError::too_large("The folder", self.limits.total));
        }
        let state = State::of(stat);
        if let Some(oid) = self.cache.get(path, state) {
            self.cache.put(path, state, oid);
            return Ok(Ok(Blob { mode, oid }));
        }
        let read = match mode {
            Mode::Link => folder::read_link(at, name).map(|target| Some((target, *stat))),
            _ => folder::read(at, name, self.limits.file),
        };
        let (bytes, opened) = match read {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(Err(LeftOutReason::TooLarge)),
            Err(_) => return Ok(Err(LeftOutReason::Unreadable)),
        };
        let oid = object_name(&bytes);
        if self.known.insert(oid)
            && let Some(import) = &mut self.import
        {
            import.blob(&bytes)?;
        }
        if State::of(&opened) == state {
            self.cache.put(path, state, oid);
        }
        Ok(Ok(Blob { mode, oid }))
    }
}

/// The name of a file's bytes as an object (gitformat-loose, gitglossary "object name").
pub(crate) fn object_name(bytes: &[u8]) -> Oid {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    Oid::from_bytes(hash.finalize().into())
}
