//! Unix sockets in folders with names of any length: the kernel takes at most 107 bytes of path.

use std::{
    fs::File,
    io,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
};

use tokio::net::{UnixListener, UnixStream};

/// A short path to the folder, good while the file is open.
fn short(folder: &Path) -> io::Result<(File, PathBuf)> {
    let opened = File::open(folder)?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd()));
    Ok((opened, path))
}

pub(crate) async fn connect(folder: &Path, name: &str) -> io::Result<UnixStream> {
    let (opened, path) = short(folder)?;
    let stream = UnixStream::connect(path.join(name)).await;
    drop(opened);
    stream
}

/// Listens in place of whoever did before. Every user may connect; the folder says who gets there.
pub(crate) fn listen(folder: &Path, name: &str) -> io::Result<UnixListener> {
    match std::fs::remove_file(folder.join(name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (opened, path) = short(folder)?;
    let listener = UnixListener::bind(path.join(name))?;
    std::fs::set_permissions(path.join(name), std::fs::Permissions::from_mode(0o666))?;
    drop(opened);
    Ok(listener)
}
