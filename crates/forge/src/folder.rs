//! Files of a folder that somebody else may be changing: every step goes through an open descriptor and follows no link.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, CWD, Dir, FileType, Mode as Bits, OFlags, Stat},
    io::Errno,
};

use crate::tree::Mode;

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

pub(crate) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(CWD, path, FOLDER, Bits::empty())?)
}

pub(crate) fn open_folder(at: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    Ok(rustix::fs::openat(at, name, FOLDER, Bits::empty())?)
}

/// All names but `.` and `..`, sorted.
pub(crate) fn names(folder: impl AsFd) -> io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What is there under a name; `None` when nothing is.
pub(crate) fn look(at: impl AsFd, name: &[u8]) -> io::Result<Option<Stat>> {
    match rustix::fs::statat(at, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// A regular file's bytes and its state when it was opened; `None` when it is longer than `limit`, or no regular file.
///
/// Opened without waiting: a named pipe in its place would otherwise hold us forever.
pub(crate) fn read(at: impl AsFd, name: &[u8], limit: u64) -> io::Result<Option<(Vec<u8>, Stat)>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = rustix::fs::openat(at, name, flags, Bits::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if kind(&stat) != FileType::RegularFile {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(stat.st_size).unwrap_or(0).min(1 << 20));
    File::from(file).take(limit + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= limit).then_some((bytes, stat)))
}

pub(crate) fn read_link(at: impl AsFd, name: &[u8]) -> io::Result<Vec<u8>> {
    Ok(rustix::fs::readlinkat(at, name, Vec::new())?.into_bytes())
}

/// The folder under a name, made when it is missing; anything else in its place is removed.
pub(crate) fn make_folder(at: impl AsFd, name: &[u8]) -> io::Result<OwnedFd> {
    let at = at.as_fd();
    // More than one round only when somebody puts things there at the same time.
    for _ in 0..8 {
        match rustix::fs::openat(at, name, FOLDER, Bits::empty()) {
            Ok(folder) => return Ok(folder),
            Err(Errno::NOENT) => match rustix::fs::mkdirat(at, name, Bits::from_bits_truncate(0o755)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            },
            Err(Errno::NOTDIR | Errno::LOOP) => remove(at, name)?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other("the folder is being changed too quickly"))
}

/// Writes a file or a link, in place of whatever is there.
pub(crate) fn write(at: impl AsFd, name: &[u8], mode: Mode, bytes: &[u8]) -> io::Result<()> {
    let at = at.as_fd();
    remove(at, name)?;
    let bits = match mode {
        Mode::Link => return Ok(rustix::fs::symlinkat(bytes, at, name)?),
        Mode::Submodule => return make_folder(at, name).map(drop),
        Mode::Executable => 0o755,
        Mode::File => 0o644,
    };
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(at, name, flags, Bits::from_bits_truncate(bits))?;
    File::from(file).write_all(bytes)
}

/// Removes whatever is under a name, a folder with everything in it; fine when nothing is.
pub(crate) fn remove(at: impl AsFd, name: &[u8]) -> io::Result<()> {
    let at = at.as_fd();
    match rustix::fs::unlinkat(at, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let folder = open_folder(at, name)?;
    for inner in names(&folder)? {
        remove(&folder, &inner)?;
    }
    drop(folder);
    match rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Removes a folder if nothing is in it; tells whether it did.
pub(crate) fn remove_if_empty(at: impl AsFd, name: &[u8]) -> io::Result<bool> {
    match rustix::fs::unlinkat(at, name, AtFlags::REMOVEDIR) {
        Ok(()) => Ok(true),
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::NOTDIR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
