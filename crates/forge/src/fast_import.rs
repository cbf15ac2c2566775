use std::{
    io::{BufWriter, Write},
    path::Path,
    process::{Child, ChildStdin},
};

use crate::{GitError, Result, tree::Listing};

/// A running `git fast-import`: takes objects and at the end one commit, and moves the ref only when all of it arrived.
pub(crate) struct Import {
    child: Child,
    stdin: Option<BufWriter<ChildStdin>>,
}

impl Import {
    pub(crate) fn start(repository: &Path) -> Result<Self> {
        let git = crate::git::Git::within("fast-import", repository);
        let git = git.args(["--quiet", "--force", "--done", "--date-format=raw"]).input(Vec::new());
        let mut child = git.command().spawn().map_err(|error| GitError::io("starting git", error))?;
        let stdin = child.stdin.take().map(|stdin| BufWriter::with_capacity(1 << 18, stdin));
        Ok(Self { child, stdin })
    }

    fn write(&mut self, parts: &[&[u8]]) -> Result<()> {
        let Some(stdin) = &mut self.stdin else { return Ok(()) };
        let written = parts.iter().try_for_each(|part| stdin.write_all(part));
        // The reason stands in what git printed.
        written.map_err(|error| self.failure().unwrap_or_else(|| GitError::io("writing objects", error)))
    }

    pub(crate) fn blob(&mut self, bytes: &[u8]) -> Result<()> {
        self.write(&[format!("blob\ndata {}\n", bytes.len()).as_bytes(), bytes, b"\n"])
    }

    pub(crate) fn finish(mut self, commit: &[u8], parent: &Listing, files: &Listing) -> Result<()> {
        self.write(&[commit])?;
        // Removals first: a file may take the place of a folder and the other way round.
        for path in parent.keys().filter(|path| !files.contains_key(*path)) {
            self.write(&[b"D ", &quoted(path), b"\n"])?;
        }
        for (path, blob) in files.iter().filter(|(path, blob)| parent.get(*path) != Some(blob)) {
            let order = format!("M {} {} ", blob.mode.as_str(), blob.oid);
            self.write(&[order.as_bytes(), &quoted(path), b"\n"])?;
        }
        self.write(&[b"\ndone\n"])?;
        if let Some(mut stdin) = self.stdin.take() {
            stdin.flush().map_err(|error| self.failure().unwrap_or_else(|| GitError::io("writing objects", error)))?;
        }
        self.failure().map_or(Ok(()), Err)
    }

    /// Waits for the end; `None` when it went well.
    fn failure(&mut self) -> Option<GitError> {
        self.stdin = None;
        let mut stderr = Vec::new();
        if let Some(pipe) = &mut self.child.stderr
            && let Err(error) = std::io::Read::read_to_end(pipe, &mut stderr)
        {
            return Some(GitError::io("reading what git says", error));
        }
        match self.child.wait() {
            Ok(status) if status.success() => None,
            Ok(_) => Some(GitError::from_stderr("fast-import", &stderr)),
            Err(error) => Some(GitError::io("waiting for git", error)),
        }
    }
}

impl Drop for Import {
    /// Without the word `done` it changes no ref.
    fn drop(&mut self) {
        if let Some(stdin) = self.stdin.take() {
            // Not flushed: what is buffered must not arrive.
            drop(stdin.into_parts());
            if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
                tracing::debug!(%error, "git fast-import was gone already");
            }
        }
    }
}

/// A path between quotes, with everything escaped that has a meaning there.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for byte in path {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', *byte]),
            0x20..=0x7e => text.push(*byte),
            _ => text.extend(format!("\\{byte:03o}").as_bytes()),
        }
    }
    text.push(b'"');
    text
}
