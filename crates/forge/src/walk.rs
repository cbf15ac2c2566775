use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rustix::fs::{FileType, Stat};

use crate::{
    GitError, LeftOut, LeftOutReason, Limits, Result, folder,
    git::raw,
    names::{reserved, reserved_link},
    tree::{Blob, Listing, Mode, has_below},
};

const MAX_IGNORE_FILE: u64 = 1 << 20;
/// What tools leave in a folder, in case its own rules do not speak of it: people whose own machine ignores these everywhere
/// never write them down. Without it a change would hold thousands of installed or generated files.
const LITTER: &[&str] =
    &["__pycache__/", "*.py[cod]", "node_modules/", ".venv/", ".tox/", ".pytest_cache/", ".mypy_cache/", ".DS_Store"];
/// One descriptor is open per level.
const MAX_DEPTH: usize = 128;

/// What the walk found at a path.
pub(crate) enum Found<'a> {
    /// A file or a link to be read through the folder it is in.
    Item { folder: &'a OwnedFd, name: &'a [u8], stat: &'a Stat, mode: Mode },
    /// The same as in the listing that is known.
    Known(Blob),
}

/// Goes through a folder as `git add --all` would: files that are not ignored, and ignored ones that `tracked` has.
///
/// Folders called `.git` are passed over at every depth, so a repository inside the folder counts as its files. Submodules
/// of `tracked` stay what they are while their folder exists. What tools leave counts as ignored where no `.gitignore` says
/// otherwise.
pub(crate) struct Walk<'a, V> {
    tracked: &'a Listing,
    limits: Limits,
    visit: V,
    rules: Vec<(usize, Gitignore)>,
    seen: usize,
    pub(crate) left_out: Vec<LeftOut>,
}

impl<'a, V: FnMut(&[u8], &Found<'_>) -> Result<Option<LeftOutReason>>> Walk<'a, V> {
    pub(crate) fn new(tracked: &'a Listing, limits: Limits, visit: V) -> Self {
        let rules = parse(LITTER.iter().copied()).map(|rules| (0, rules)).into_iter().collect();
        Self { tracked, limits, visit, rules, seen: 0, left_out: Vec::new() }
    }

    /// Takes what tools leave as any other file: somebody packed it on purpose.
    pub(crate) fn with_litter(mut self) -> Self {
        self.rules.clear();
        self
    }

    pub(crate) fn run(&mut self, root: &Path) -> Result<()> {
        let top = folder::open_root(root).map_err(|error| GitError::io("opening the folder", error))?;
        self.folder(&top, &mut Vec::new(), false, 0)
    }

    fn folder(&mut self, at: &OwnedFd, path: &mut Vec<u8>, ignored: bool, depth: usize) -> Result<()> {
        let names = match folder::names(at) {
            Ok(names) => names,
            Err(_) => return self.leave_out(path, LeftOutReason::Unreadable),
        };
        let rules = self.rules.len();
        if !ignored && names.iter().any(|name| name == b".gitignore") {
            self.read_rules(at, path.len());
        }
        for name in names {
            let length = path.len();
            path.extend(&name);
            let done = self.entry(at, &name, path, ignored, depth);
            path.truncate(length);
            done?;
        }
        self.rules.truncate(rules);
        Ok(())
    }

    fn entry(&mut self, at: &OwnedFd, name: &[u8], path: &mut Vec<u8>, ignored: bool, depth: usize) -> Result<()> {
        if name == b".git" {
            return Ok(());
        }
        let stat = match folder::look(at, name) {
            Ok(Some(stat)) => stat,
            // Gone since the folder was listed.
            Ok(None) => return Ok(()),
            Err(_) => return self.leave_out(path, LeftOutReason::Unreadable),
        };
        let kind = folder::kind(&stat);
        let tracked = self.tracked.get(path.as_slice()).copied();
        let ignored = ignored || self.is_ignored(path, kind == FileType::Directory);
        let wanted = match kind {
            FileType::Directory => !ignored || tracked.is_some() || has_below(self.tracked, path),
            _ => !ignored || tracked.is_some(),
        };
        if !wanted {
            return Ok(());
        }
        if reserved(name) || kind == FileType::Symlink && reserved_link(name) {
            return self.leave_out(path, LeftOutReason::Reserved);
        }
        let mode = match kind {
            FileType::Directory => return self.inner(at, name, path, ignored, depth),
            FileType::RegularFile if stat.st_mode & 0o100 != 0 => Mode::Executable,
            FileType::RegularFile => Mode::File,
            FileType::Symlink => Mode::Link,
            _ => return self.leave_out(path, LeftOutReason::Special),
        };
        self.visited(path, &Found::Item { folder: at, name, stat: &stat, mode })
    }

    fn inner(&mut self, at: &OwnedFd, name: &[u8], path: &mut Vec<u8>, ignored: bool, depth: usize) -> Result<()> {
        match self.tracked.get(path.as_slice()) {
            Some(blob) if blob.mode == Mode::Submodule => return self.visited(path, &Found::Known(*blob)),
            _ => {}
        }
        if depth >= MAX_DEPTH {
            return self.leave_out(path, LeftOutReason::TooDeep);
        }
        let inner = match folder::open_folder(at.as_fd(), name) {
            Ok(inner) => inner,
            // It became something else just now; the next pass sees it.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(_) => return self.leave_out(path, LeftOutReason::Unreadable),
        };
        path.push(b'/');
        self.folder(&inner, path, ignored, depth + 1)
    }

    fn visited(&mut self, path: &[u8], found: &Found<'_>) -> Result<()> {
        self.seen += 1;
        if self.seen > self.limits.files {
            return Err(GitError::Invalid(format!("The folder holds more than {} files.", self.limits.files)));
        }
        match (self.visit)(path, found)? {
            Some(reason) => self.leave_out(path, reason),
            None => Ok(()),
        }
    }

    fn leave_out(&mut self, path: &[u8], reason: LeftOutReason) -> Result<()> {
        let path = path.strip_suffix(b"/").unwrap_or(path);
        self.left_out.push(LeftOut { path: String::from_utf8_lossy(path).into_owned(), raw: path.to_vec(), reason });
        Ok(())
    }

    fn read_rules(&mut self, at: &OwnedFd, prefix: usize) {
        // A `.gitignore` that is a link or too large has no effect, as with git.
        let Ok(Some((bytes, _))) = folder::read(at, b".gitignore", MAX_IGNORE_FILE) else { return };
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes));
        self.rules.extend(parse(text.lines()).map(|rules| (prefix, rules)));
    }

    /// The innermost file that says something about a path decides.
    fn is_ignored(&self, path: &[u8], is_folder: bool) -> bool {
        let decision = self.rules.iter().rev().find_map(|(prefix, rules)| {
            let found = rules.matched(Path::new(raw(&path[*prefix..])), is_folder);
            (!found.is_none()).then(|| found.is_ignore())
        });
        decision.unwrap_or(false)
    }
}

fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Gitignore> {
    let mut builder = GitignoreBuilder::new(".");
    for line in lines {
        // A line that is no pattern matches nothing, as with git.
        if let Err(error) = builder.add_line(None, line) {
            tracing::debug!(%error, "a line of .gitignore is not understood");
        }
    }
    builder.build().inspect_err(|error| tracing::debug!(%error, "a .gitignore is not understood")).ok()
}
