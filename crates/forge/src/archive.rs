use std::{
    fs::{self, File},
    io::{self, Read, Seek as _, Write as _},
    os::unix::fs::{OpenOptionsExt as _, symlink},
    path::{Component, Path, PathBuf},
};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::{GitError, Result, lock::blocking, names::reserved};

/// The format of an uploaded archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveKind {
    Tar,
    TarGz,
    Zip,
}

impl ArchiveKind {
    /// By the end of a file's name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        if ends(&[".tar.gz", ".tgz", ".crate"]) {
            Some(Self::TarGz)
        } else if ends(&[".tar"]) {
            Some(Self::Tar)
        } else if ends(&[".zip", ".whl"]) {
            Some(Self::Zip)
        } else {
            None
        }
    }
}

/// How much an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Of the archive itself, in bytes.
    pub packed: u64,
    /// Of all files together once unpacked, in bytes.
    pub unpacked: u64,
    pub entries: usize,
}

impl Default for ArchiveLimits {
    fn default() -> Self {
        Self { packed: 200 << 20, unpacked: 1 << 30, entries: 100_000 }
    }
}

/// Writes the upload into a file without a name, since reading a zip starts at its end.
pub(crate) async fn receive(bytes: impl AsyncRead + Unpin, limits: ArchiveLimits) -> Result<File> {
    let failed = |error| GitError::io("receiving the archive", error);
    let file =
        blocking(|| tempfile::tempfile().map_err(|error| GitError::io("making a temporary file", error))).await?;
    let mut file = tokio::fs::File::from_std(file);
    let received = tokio::io::copy(&mut bytes.take(limits.packed + 1), &mut file).await.map_err(failed)?;
    if received > limits.packed {
        return Err(GitError::too_large("The archive", limits.packed));
    }
    file.sync_data().await.map_err(failed)?;
    let mut file = file.into_std().await;
    file.rewind().map_err(failed)?;
    Ok(file)
}

pub(crate) fn unpack(kind: ArchiveKind, file: File, limits: ArchiveLimits) -> Result<TempDir> {
    let root = tempfile::tempdir().map_err(|error| GitError::io("making a temporary folder", error))?;
    let mut target = Target { root: root.path(), limits, bytes: 0, entries: 0, links: Vec::new() };
    match kind {
        ArchiveKind::Tar => tar(&mut target, io::BufReader::new(file))?,
        ArchiveKind::TarGz => tar(&mut target, flate2::read::MultiGzDecoder::new(io::BufReader::new(file)))?,
        ArchiveKind::Zip => zip(&mut target, file)?,
    }
    target.make_links()?;
    Ok(root)
}

/// The one folder of an archive that holds nothing else, or the archive itself.
pub(crate) fn inside(root: &Path) -> Result<PathBuf> {
    let failed = |error| GitError::io("reading a temporary folder", error);
    let entries = fs::read_dir(root).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
    match &entries[..] {
        [one] if one.file_type().map_err(failed)?.is_dir() => Ok(one.path()),
        _ => Ok(root.to_path_buf()),
    }
}

fn tar(target: &mut Target<'_>, from: impl Read) -> Result<()> {
    let mut archive = tar::Archive::new(from);
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let path = entry.path_bytes().into_owned();
        let Some(place) = target.place(&path)? else { continue };
        let header = entry.header();
        let executable = header.mode().map_err(unreadable)? & 0o100 != 0;
        match header.entry_type() {
            tar::EntryType::Directory => target.folder(&place)?,
            tar::EntryType::Regular | tar::EntryType::Continuous => target.file(&place, executable, &mut entry)?,
            tar::EntryType::Symlink => {
                let to = entry.link_name_bytes().ok_or_else(|| invalid(&path, "is a link to nothing"))?;
                target.link(place, &to)?;
            }
            // A header that says something about the archive as a whole.
            tar::EntryType::XGlobalHeader => {}
            _ => return Err(invalid(&path, "is neither a file, nor a folder, nor a symbolic link")),
        }
    }
    Ok(())
}

fn zip(target: &mut Target<'_>, file: File) -> Result<()> {
    let mut archive = zip::ZipArchive::new(io::BufReader::new(file)).map_err(unreadable)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(unreadable)?;
        let path = entry.name_raw().to_vec();
        let Some(place) = target.place(&path)? else { continue };
        let mode = entry.unix_mode().unwrap_or(0o644);
        if entry.is_dir() {
            target.folder(&place)?;
        } else if mode & 0o170_000 == 0o120_000 {
            let mut to = Vec::new();
            entry.by_ref().take(4096).read_to_end(&mut to).map_err(unreadable)?;
            target.link(place, &to)?;
        } else {
            target.file(&place, mode & 0o100 != 0, &mut entry)?;
        }
    }
    Ok(())
}

struct Target<'a> {
    root: &'a Path,
    limits: ArchiveLimits,
    bytes: u64,
    entries: usize,
    /// Made at the very end, so that no file is ever written through one.
    links: Vec<(PathBuf, PathBuf)>,
}

impl Target<'_> {
    /// Where an entry goes, relative to the root; `None` for those that are passed over.
    fn place(&mut self, path: &[u8]) -> Result<Option<PathBuf>> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(GitError::Invalid(format!("The archive holds more than {} entries.", self.limits.entries)));
        }
        let mut place = PathBuf::new();
        for component in Path::new(crate::git::raw(path)).components() {
            match component {
                Component::CurDir => {}
                Component::Normal(name) if reserved(name.as_encoded_bytes()) => return Ok(None),
                Component::Normal(name) => place.push(name),
                _ => return Err(invalid(path, "reaches outside the archive")),
            }
        }
        Ok((!place.as_os_str().is_empty()).then_some(place))
    }

    fn folder(&self, place: &Path) -> Result<()> {
        fs::create_dir_all(self.root.join(place)).map_err(|error| self.refused(place, error))
    }

    fn file(&mut self, place: &Path, executable: bool, from: &mut impl Read) -> Result<()> {
        if let Some(parent) = place.parent() {
            self.folder(parent)?;
        }
        let mode = if executable { 0o755 } else { 0o644 };
        let file = File::options().write(true).create_new(true).mode(mode).open(self.root.join(place));
        let mut file = file.map_err(|error| self.refused(place, error))?;
        let mut chunk = vec![0; 64 << 10];
        loop {
            let count = from.read(&mut chunk).map_err(unreadable)?;
            if count == 0 {
                return Ok(());
            }
            self.bytes += count as u64;
            if self.bytes > self.limits.unpacked {
                return Err(GitError::too_large("What the archive unpacks to", self.limits.unpacked));
            }
            file.write_all(&chunk[..count]).map_err(|error| GitError::io("unpacking the archive", error))?;
        }
    }

    /// Only links that stay inside are taken.
    fn link(&mut self, place: PathBuf, to: &[u8]) -> Result<()> {
        let to_path = PathBuf::from(crate::git::raw(to));
        let mut depth = place.components().count().saturating_sub(1);
        for component in to_path.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(_) => depth += 1,
                Component::ParentDir if depth > 0 => depth -= 1,
                _ => {
                    return Err(invalid(
                        place.as_os_str().as_encoded_bytes(),
                        "is a link that leads outside the archive",
                    ));
                }
            }
        }
        self.links.push((place, to_path));
        Ok(())
    }

    fn make_links(&self) -> Result<()> {
        for (place, to) in &self.links {
            if let Some(parent) = place.parent() {
                self.folder(parent)?;
            }
            symlink(to, self.root.join(place)).map_err(|error| self.refused(place, error))?;
        }
        Ok(())
    }

    fn refused(&self, place: &Path, error: io::Error) -> GitError {
        match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                invalid(place.as_os_str().as_encoded_bytes(), "is in the archive more than once")
            }
            io::ErrorKind::InvalidFilename | io::ErrorKind::InvalidInput => {
                invalid(place.as_os_str().as_encoded_bytes(), "has a name that cannot be written")
            }
            _ => GitError::io("unpacking the archive", error),
        }
    }
}

fn invalid(path: &[u8], why: &str) -> GitError {
    GitError::Invalid(format!("“{}” {why}.", String::from_utf8_lossy(path).escape_debug()))
}

fn unreadable(error: impl std::fmt::Display) -> GitError {
    GitError::Invalid(format!("The archive cannot be read: {error}."))
}
