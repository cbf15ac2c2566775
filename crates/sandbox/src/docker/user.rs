//! Who a container runs as, and who owns what it writes.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, lchown},
    path::Path,
};

use nix::unistd::{getgid, getuid};

const USER: u32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl User {
    /// Under a daemon of root: this process's own user, so that it can remove what a container wrote; but root's programs
    /// run as an ordinary user, and root can remove that one's files anyway. A daemon without root maps its user to root
    /// inside, which is powerless outside.
    pub(super) fn choose(rootless: bool) -> Self {
        if rootless {
            Self { uid: 0, gid: 0 }
        } else if getuid().is_root() {
            Self { uid: USER, gid: USER }
        } else {
            Self { uid: getuid().as_raw(), gid: getgid().as_raw() }
        }
    }

    /// Gives a folder and all in it to this user, where that is another one than this process's. Follows no link.
    pub(super) fn own(self, folder: &Path) -> io::Result<()> {
        if !getuid().is_root() || self.uid == 0 {
            return Ok(());
        }
        let mut open = vec![folder.to_owned()];
        while let Some(path) = open.pop() {
            let metadata = fs::symlink_metadata(&path)?;
            if (metadata.uid(), metadata.gid()) != (self.uid, self.gid) {
                lchown(&path, Some(self.uid), Some(self.gid))?;
            }
            if metadata.is_dir() {
                for entry in fs::read_dir(&path)? {
                    open.push(entry?.path());
                }
            }
        }
        Ok(())
    }
}
